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


def test_who_is_signed_in_keeps_the_navigation_and_a_way_back_on_a_refusal(world):
    operator, cadre = world.sign_in(world.operator()), world.sign_in(world.user("cadre"))
    came = {"Referer": "http://localhost/rounds?page=2"}
    lost = operator.get("/no-such-page", headers=came).text
    assert 'href="/rounds?page=2">回上一页' in lost
    assert 'aria-label="主导航"' in lost
    assert "退出登录" in lost
    refused = cadre.get("/rounds", headers={"Referer": "http://localhost//evil.example/"}).text
    assert 'class="tabs"' in refused
    assert 'href="/field/sheets"' in refused
    assert "evil" not in refused
    shopper = world.sign_in(world.user("staff", unit=world.unit())).get("/field/reports/1").text
    assert 'href="/shop/basket"' in shopper
    assert 'href="/field/households"' not in shopper
    stranger = operator.get("/no-such-page", headers={"Referer": "http://evil.example/a"}).text
    assert "回上一页" not in stranger
