"""Rules of the house that Python's own grammar shows."""

import ast
import configparser
import re
import sys
from functools import cache
from pathlib import Path

from sqlalchemy import Float, Numeric

from marketplace.core.db import Base
from marketplace.tables import metadata
from tests.tooling.rules.repository import ROOT, files


@cache
def _modules() -> list[tuple[str, ast.Module, str]]:
    """Path, tree and text of every module of the product."""
    found = []
    for path in files("marketplace/*.py"):
        text = path.read_text()
        found.append((path.relative_to(ROOT).as_posix(), ast.parse(text), text))
    return found


def _hidden_imports(tree: ast.Module) -> list[int]:
    """Lines of imports inside functions, but for heavy libraries of others loaded when needed."""
    lines = []
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = ["marketplace" if node.level else node.module or ""]
            else:
                continue
            tops = {name.partition(".")[0] for name in names}
            if tops & ({"marketplace"} | sys.stdlib_module_names):
                lines.append(node.lineno)
    return sorted(set(lines))


def test_no_import_hides_inside_a_function() -> None:
    found = [f"{path}:{line}" for path, tree, _ in _modules() for line in _hidden_imports(tree)]
    assert found == []


def test_a_hidden_import_is_recognised_and_a_lazy_library_is_allowed() -> None:
    assert _hidden_imports(ast.parse("def f():\n    from marketplace.core import db")) == [2]
    assert _hidden_imports(ast.parse("def f():\n    if 1:\n        from . import db")) == [3]
    assert _hidden_imports(ast.parse("def f():\n    import json")) == [2]
    assert _hidden_imports(ast.parse("import json\ndef f():\n    import openpyxl")) == []


_LONGEST_FILE = 350
_LONGEST_FUNCTION = 50


def test_a_file_has_one_subject_and_a_function_fits_a_screen() -> None:
    found = []
    for path, tree, text in _modules():
        if text.count("\n") > _LONGEST_FILE:
            found.append(f"{path} has {text.count(chr(10))} lines")
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                if length > _LONGEST_FUNCTION:
                    found.append(f"{path}:{node.lineno} {node.name} has {length} lines")
    assert found == []


def test_no_file_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
    assert [path for path, _, _ in _modules() if Path(path).stem in drawers] == []


def test_only_the_core_commits() -> None:
    found = [
        f"{path}:{node.lineno}"
        for path, tree, _ in _modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"commit", "begin_nested"}
        if path != "marketplace/core/db.py"
    ]
    assert found == []


def _state_changes(tree: ast.AST) -> list[int]:
    """Lines that set `.state` of a thing, or `state=` of rows, by hand."""
    lines = []
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if any(isinstance(target, ast.Attribute) and target.attr == "state" for target in targets):
            lines.append(node.lineno)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "values"
            and isinstance(node.func.value, ast.Call | ast.Name)
            and "update(" in ast.unparse(node.func)
            and any(keyword.arg == "state" for keyword in node.keywords)
        ):
            lines.append(node.lineno)
    return lines


def test_only_one_function_changes_the_state_of_a_thing() -> None:
    found = [
        f"{path}:{line}"
        for path, tree, _ in _modules()
        if path != "marketplace/core/states.py"
        for line in _state_changes(tree)
    ]
    assert found == [], "use `move` or `move_many`"


def test_a_state_set_by_hand_is_recognised() -> None:
    assert _state_changes(ast.parse("order.state = 'open'")) == [1]
    assert _state_changes(ast.parse("update(Order).where(x).values(state='open')")) == [1]
    assert _state_changes(ast.parse("insert(Order).values(state='open')")) == []


def test_no_column_holds_a_number_that_is_not_whole() -> None:
    found = [
        str(column)
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, Float | Numeric)
    ]
    assert found == []


def _ranks() -> dict[str, int]:
    """Rank of each package, 0 the lowest, as the import contract orders them."""
    contract = configparser.ConfigParser()
    contract.read(ROOT / ".importlinter")
    layers = contract["importlinter:contract:ranks"]["layers"].split("\n")
    return {
        name: rank
        for rank, layer in enumerate(reversed(layers))
        for name in re.findall(r"\w+", layer)
    }


def test_foreign_keys_point_downward_only() -> None:
    ranks = _ranks()
    homes = {
        mapper.local_table.fullname: mapper.class_.__module__.split(".")[1]
        for mapper in Base.registry.mappers
        if mapper.local_table is not None
    }
    upward = [
        f"{homes[table.fullname]}: {key}"
        for table in metadata.sorted_tables
        for key in table.foreign_keys
        if table.fullname in homes and key.column.table.fullname in homes
        if ranks[homes[table.fullname]] < ranks[homes[key.column.table.fullname]]
    ]
    assert upward == []
