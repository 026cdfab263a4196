"""The application as a whole: alive, closed unless declared open, strict headers, strict hosts."""

import re


def test_it_is_alive_and_says_so_with_strict_headers(client):
    answer = client.get("/healthz")
    assert answer.status_code == 200
    assert "unsafe-inline" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_foreign_host_is_refused(client):
    assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 400


def test_every_page_says_who_may_open_it(app):
    undeclared = [
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if not hasattr(app.view_functions[rule.endpoint], "access")
        and rule.endpoint not in {"static", "bootstrap.static"}
    ]
    assert undeclared == []


def test_every_page_finds_its_stylesheets(client):
    page = client.get("/no-such-page").get_data(as_text=True)
    sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', page)
    assert len(sheets) == 2
    for address in sheets:
        with client.get(address) as answer:
            assert (answer.status_code, answer.mimetype) == (200, "text/css"), address
