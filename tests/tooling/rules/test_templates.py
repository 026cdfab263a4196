"""Templates compile, and name only pages, templates and files that exist."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import TemplateSyntaxError, meta, nodes

from marketplace.app import create_app
from marketplace.core.places import templates_folder
from marketplace.core.settings import from_environment
from tests.tooling.rules.repository import files


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    folder = tmp_path_factory.mktemp("var")
    return create_app(
        from_environment({"MARKETPLACE_MODE": "test", "MARKETPLACE_FOLDER": str(folder)})
    )


def _own(app: Flask) -> Iterator[tuple[str, nodes.Template]]:
    """Our templates that can be parsed, by name."""
    for path in sorted(templates_folder().rglob("*.*")):
        name = path.relative_to(templates_folder()).as_posix()
        try:
            yield name, app.jinja_env.parse(path.read_text(), name)
        except TemplateSyntaxError:
            continue  # the test of compiling tells


def _first_arguments(tree: nodes.Template, function: str) -> Iterator[str]:
    """The constant first arguments of the calls of one function in a template."""
    for call in tree.find_all(nodes.Call):
        named = isinstance(call.node, nodes.Name) and call.node.name == function
        if named and call.args and isinstance(call.args[0], nodes.Const):
            yield str(call.args[0].value)


def test_every_template_compiles(app: Flask) -> None:
    faults = []
    for path in sorted(templates_folder().rglob("*.*")):
        name = path.relative_to(templates_folder()).as_posix()
        try:
            app.jinja_env.get_template(name)
        except TemplateSyntaxError as error:
            faults.append(f"{name}:{error.lineno}: {error.message}")
    assert faults == []


def _links(app: Flask) -> Iterator[tuple[str, str]]:
    """Where from, and the endpoint: of all links that templates and modules write out."""
    for name, tree in _own(app):
        for endpoint in _first_arguments(tree, "url_for"):
            yield name, endpoint
    for path in files("marketplace/*.py"):
        for endpoint in re.findall(r"\burl_for\(\s*\"([^\"]+)\"", path.read_text()):
            yield path.name, endpoint


def test_every_link_leads_to_a_page(app: Flask) -> None:
    dead = [
        f"{name}: {endpoint}"
        for name, endpoint in _links(app)
        if not endpoint.startswith(".") and endpoint not in app.view_functions
    ]
    assert dead == []


def test_every_template_and_file_that_is_named_exists(app: Flask) -> None:
    templates = set(app.jinja_env.list_templates())
    static = Path(str(app.static_folder))
    missing = [
        f"{name}: {wanted}"
        for name, tree in _own(app)
        for wanted in meta.find_referenced_templates(tree)
        if wanted is not None and wanted not in templates
    ]
    missing += [
        f"{path.name}: {wanted}"
        for path in files("marketplace/*.py")
        for wanted in re.findall(r"\brender_template\(\s*\"([^\"]+)\"", path.read_text())
        if wanted not in templates
    ]
    missing += [
        f"{name}: static/{wanted}"
        for name, tree in _own(app)
        for wanted in _first_arguments(tree, "asset")
        if not wanted.startswith("vendor/") and not (static / wanted).is_file()
    ]
    assert missing == []
