"""Rules that hold for all files of the repository."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

# In pieces, so that this file does not match itself.
_REGISTRIES = (
    "pypi" + ".org",
    "python" + "hosted",
    "npm" + "js.org",
    "npm" + "mirror",
    "debian" + ".org",
)
_MIRRORS = ("tuna" + ".tsinghua", "mirrors" + ".aliyun", "yarn" + "pkg.com")
_MACHINE_PATHS = (
    "/wo" + "rk/main",
    "/wo" + "rk/shared",
    "/tm" + "p/wt",
    "/tm" + "p/venv",
    "/ro" + "ot/",
)
_BINARY = {".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".woff2", ".xlsx", ".pdf"}


def _tracked(pattern: str = "*") -> list[Path]:
    """Files that git knows or would take; without git, all but what set-up and tools make."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        paths = [ROOT / name for name in listed.split("\0") if name]
    except (FileNotFoundError, subprocess.CalledProcessError):
        made = {".venv", "node_modules", "var", "dist", "build", "__pycache__", "vendor"}
        hidden = {path.name for path in ROOT.glob(".*_cache")} | {".hypothesis", ".git"}
        paths = [path for path in ROOT.rglob("*") if not (made | hidden) & set(path.parts)]
    return [
        path for path in paths if path.is_file() and fnmatch(str(path.relative_to(ROOT)), pattern)
    ]


def _texts() -> Iterator[tuple[Path, str]]:
    for path in _tracked():
        if path.suffix not in _BINARY:
            yield path, path.read_text(errors="replace")


def test_no_file_names_a_package_registry_or_a_folder_of_one_machine() -> None:
    forbidden = re.compile("|".join(map(re.escape, _REGISTRIES + _MIRRORS + _MACHINE_PATHS)))
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path, text in _texts()
        for match in forbidden.finditer(text)
    ]
    assert found == []


_INLINE = {
    "a style attribute": re.compile(r"<[^>{]*\sstyle\s*=", re.IGNORECASE),
    "a handler attribute": re.compile(r"<[a-z][^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "a script with code": re.compile(
        r"<script\b(?![^>]*\ssrc\s*=)(?![^>]*application/json)", re.IGNORECASE
    ),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
    "a script address": re.compile(r"javascript:", re.IGNORECASE),
}


def test_no_template_holds_anything_that_the_content_security_policy_blocks() -> None:
    found = [
        f"{path.relative_to(ROOT)} has {what}: {match.group()[:60]}"
        for path in _tracked("templates/*")
        for what, pattern in _INLINE.items()
        for match in pattern.finditer(path.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    "bad",
    [
        '<p style="width: 3px">',
        "<div\n class='a' STYLE = 'x'>",
        '<a href="#" onclick="go()">',
        "<script>go()</script>",
        '<script type="module">go()</script>',
        "<style>p {}</style>",
        '<a href="javascript:go()">',
    ],
)
def test_what_the_policy_blocks_is_recognised(bad: str) -> None:
    assert any(pattern.search(bad) for pattern in _INLINE.values())


@pytest.mark.parametrize(
    "good",
    [
        '<script src="{{ url }}" defer></script>',
        '<script type="application/json" id="data">{}</script>',
        '<p data-style="x" class="on">{{ person = 1 }}',
        '<button name="only" value="on">',
    ],
)
def test_what_the_policy_allows_is_not_taken_for_a_fault(good: str) -> None:
    assert not any(pattern.search(good) for pattern in _INLINE.values())


def _hidden_imports(source: str) -> list[int]:
    """Lines of imports inside functions, but for heavy libraries of others loaded when needed."""
    lines = []
    for function in ast.walk(ast.parse(source)):
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
    found = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in _tracked("marketplace/*.py")
        for line in _hidden_imports(path.read_text())
    ]
    assert found == []


def test_a_hidden_import_is_recognised_and_a_lazy_library_is_allowed() -> None:
    assert _hidden_imports("def f():\n    from marketplace.core import db") == [2]
    assert _hidden_imports("def f():\n    if 1:\n        from . import db") == [3]
    assert _hidden_imports("def f():\n    import json") == [2]
    assert _hidden_imports("import json\ndef f():\n    import openpyxl") == []


_LONGEST_FILE = 350
_LONGEST_FUNCTION = 50


def test_a_file_has_one_subject_and_a_function_fits_a_screen() -> None:
    found = []
    for path in _tracked("marketplace/*.py"):
        text = path.read_text()
        if text.count("\n") > _LONGEST_FILE:
            found.append(f"{path.relative_to(ROOT)} has {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and node.end_lineno:
                length = node.end_lineno - node.lineno + 1
                if length > _LONGEST_FUNCTION:
                    found.append(
                        f"{path.relative_to(ROOT)}:{node.lineno} {node.name} {length} lines"
                    )
    assert found == []
