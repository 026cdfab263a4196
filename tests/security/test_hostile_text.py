"""S16, S21: what people type comes back as text, on every page and in every exported cell."""

import io
import zipfile

from python_calamine import CalamineWorkbook

from tests.security.doors import doors
from tests.security.hostile import everything, poison
from tests.support.pages import forms_on

XSS = "\"'><xss>"
ESCAPED = b"&lt;xss&gt;"
FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r=1+1")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TABLES = {XLSX, "application/vnd.ms-excel", "text/csv", "text/tab-separated-values"}


def pages(app, world, samples, people):
    """Each page, read by the first of `people` who sees something there."""
    seen = set()
    for role, user in people:
        browser = world.sign_in(user)
        for door in doors(app, samples):
            if door.method != "GET" or not door.opens_to(role):
                continue
            if door.endpoint not in seen:
                answer = browser.get(door.path)
                if answer.status_code == 200:
                    seen.add(door.endpoint)
                yield browser, role, door, answer


def test_a_hostile_text_in_any_column_is_escaped_on_every_page(app, world):
    """Whatever got into the database, and however: every page shows it as text."""
    app.config["PROPAGATE_UNKNOWN"] = False
    samples, people = everything(world, XSS)
    assert poison(world, lambda _place: XSS) >= 40
    wrong, shown = [], set()
    for _, role, door, answer in pages(app, world, samples, people):
        if answer.status_code == 500 or b"<xss>" in answer.data:
            wrong.append(f"{role} {door}: {answer.status_code}")
        if answer.mimetype in TABLES and not door.path.endswith(".xlsx"):
            wrong.append(f"{role} {door}: a table that the test of cells does not know")
        if ESCAPED in answer.data:
            shown.add(door.endpoint)
    assert wrong == []
    assert len(shown) >= 80, sorted(shown)


def test_a_hostile_text_typed_into_any_form_comes_back_escaped(app, world, thin):
    """Each form that any page shows is sent with it in every field that takes text."""
    app.config["PROPAGATE_UNKNOWN"] = False
    samples, people = everything(world, XSS)
    found = {}
    for browser, role, door, answer in pages(app, world, samples, people):
        for form in forms_on(answer.text) if answer.mimetype == "text/html" else ():
            names = tuple(sorted({name for name, _, _ in form.fields}))
            kept = (form.method, form.action or door.path, names)
            if not kept[1].startswith("/sign-out"):
                found[kept] = (browser, role, form)
    wrong, shown = [], set()
    sent = thin(list(found.items()))
    for (method, action, _), (browser, role, form) in sent:
        answer = _send(browser, method, action, form)
        if answer.status_code == 500 or b"<xss>" in answer.data:
            wrong.append(f"{role} {method} {action}: {answer.status_code}")
        if ESCAPED in answer.data:
            shown.add(action)
    assert wrong == []
    assert len(found) >= 90, sorted(found)
    assert len(shown) >= 45 or len(sent) < len(found), sorted(shown)


TYPED = {"text", "search", "tel", "email", "number", "date", "datetime-local", "time", "password"}


def _send(browser, method, action, form):
    values = {}
    for name, kind, value in form.fields:
        values.setdefault(name, XSS if kind in TYPED else value)
    if method == "get":
        return browser.get(action, query_string=values, follow_redirects=True)
    return browser.post(action, data=values, follow_redirects=True)


def test_no_cell_of_any_exported_table_is_a_formula(app, world):
    """Every file that a page gives is opened: no formula, and no text that a program takes for one."""
    samples, people = everything(world, FORMULAS[0])
    poison(world, lambda place: FORMULAS[place % len(FORMULAS)])
    wrong, files, tamed = [], set(), 0
    for role, user in people:
        browser = world.sign_in(user)
        for door in doors(app, samples):
            if not door.path.endswith(".xlsx") or not door.opens_to(role):
                continue
            answer = browser.get(door.path)
            if answer.mimetype != XLSX:
                continue
            files.add(door.endpoint)
            cells = _cells(answer.data)
            wrong += [f"{door}: {cell!r}" for cell in cells if cell[:1] in set("=+-@\t\r")]
            wrong += [f"{door}: a formula"] * _has_formula(answer.data)
            tamed += sum(cell[:1] == "'" for cell in cells)
    assert wrong == []
    assert len(files) >= 4, files
    assert tamed >= 12


def _cells(content):
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    return [cell for row in sheet.to_python() for cell in row if isinstance(cell, str)]


def _has_formula(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return any(
            b"<f>" in archive.read(name) or b"<f " in archive.read(name)
            for name in archive.namelist()
            if name.startswith("xl/worksheets/")
        )
