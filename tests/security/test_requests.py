"""S8, S18, S25: forged, oversized and misdirected requests."""

import re
import tracemalloc
from io import RawIOBase

import pytest

from marketplace.identity.access import public
from tests.security.doors import doors, filled
from tests.support.app import dispose, make_app, settings_for

JSON = {"Accept": "application/json"}
TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


@pytest.fixture
def guarded(app):
    """The application as it runs in earnest: no form without its token."""
    app.config["WTF_CSRF_ENABLED"] = True
    app.config["PROPAGATE_UNKNOWN"] = False
    return app


@pytest.fixture
def without_database(tmp_path):
    """The application in earnest where no database answers: what is refused must not ask it."""
    made = make_app(settings_for(f"sqlite:///{tmp_path}/none/at/all", tmp_path))
    made.config["PROPAGATE_UNKNOWN"] = False
    yield made
    dispose(made)


def writing(app, samples=None):
    return [door for door in doors(app, samples) if door.method != "GET"]


SIGNED_BY_OTHERS = {"alipay_notice.hear"}
"""No browser comes there: what Alipay sends it signs, and nothing else is taken (tests/payments)."""


def token_for(browser):
    return TOKEN.search(browser.get("/sign-in").text)[1]


@pytest.mark.parametrize("signed_in", [False, True])
def test_nothing_is_written_without_the_token_of_this_browser(guarded, world, signed_in):
    samples = filled(world)
    foreign = token_for(guarded.test_client())
    browser = world.sign_in(world.operator()) if signed_in else guarded.test_client()
    wrong = []
    for door in writing(guarded, samples):
        if door.endpoint in SIGNED_BY_OTHERS:
            continue
        for form in ({}, {"csrf_token": "made up"}, {"csrf_token": foreign}):
            answer = browser.open(door.path, method=door.method, data=form, headers=JSON)
            if answer.status_code != 400 or answer.json["error"] != "csrf":
                wrong.append(f"{door}: {answer.status_code}")
    assert wrong == []


def test_the_token_of_this_browser_is_taken(guarded, client):
    form = {"login_name": "nobody", "password": "wrong", "csrf_token": token_for(client)}
    answer = client.post("/sign-in", data=form)
    assert answer.status_code == 422
    assert answer.text.count("账号或密码不对") == 1


def test_an_old_form_says_what_to_do_instead_of_a_fault(guarded, client):
    answer = client.post("/sign-in", data={"csrf_token": "old"})
    assert answer.status_code == 400
    assert "刷新" in answer.text


class Endless(RawIOBase):
    """A body of any length that counts what was read of it."""

    taken = 0

    def readinto(self, buffer):
        buffer[:] = b"a" * len(buffer)
        self.taken += len(buffer)
        return len(buffer)

    def readable(self):
        return True


def test_a_body_of_50_megabytes_is_refused_unread(without_database):
    browser = without_database.test_client()
    tracemalloc.start()
    for door in writing(without_database):
        body = Endless()
        for kind in (PLAIN, PARTS):
            answer = browser.open(
                door.path,
                method=door.method,
                content_type=kind,
                environ_overrides={"wsgi.input": body, "CONTENT_LENGTH": "50000000"},
            )
            assert answer.status_code == 413, door
        assert body.taken == 0, door
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000_000


def _part(name, value):
    return f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'


LONG_FIELD = _part("name", "a" * 600_000) + "--x--\r\n"
MANY_PARTS = "".join(_part(f"field{number}", "a") for number in range(2000)) + "--x--\r\n"
PLAIN, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (LONG_FIELD, PARTS),
        (MANY_PARTS, PARTS),
        ("name=" + "a" * 600_000, PLAIN),
        ("a&" * 300_000, PLAIN),
    ],
    ids=["a field of 600 kB", "2000 parts", "a plain field of 600 kB", "300 000 plain fields"],
)
def test_oversized_forms_are_refused_with_a_cure(without_database, body, kind):
    browser = without_database.test_client()
    every = 10 if body is MANY_PARTS else 1  # reading so many parts takes its time at each door
    for door in writing(without_database)[::every]:
        answer = browser.open(door.path, method=door.method, data=body, content_type=kind)
        assert answer.status_code == 413, door
        assert "太大" in answer.text
        assert "data-back" in answer.text
        assert "填过的大多还在" in answer.text


def test_a_fault_of_the_program_shows_no_trace_of_its_inside(app):
    @public
    def broken():
        raise RuntimeError("secret inside")

    app.config["PROPAGATE_UNKNOWN"] = False
    app.add_url_rule("/broken", view_func=broken)
    answer = app.test_client().get("/broken")
    assert answer.status_code == 500
    for inside in ("secret inside", "Traceback", "RuntimeError", ".py"):
        assert inside not in answer.text
    assert answer.headers["X-Request-Id"] in answer.text


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost:80@evil.example", ""]
)
def test_a_foreign_host_is_refused_on_every_page(app, host):
    for door in doors(app):
        answer = app.test_client().open(door.path, method=door.method, headers={"Host": host})
        assert answer.status_code == 400, door


def test_addresses_on_paper_ignore_what_a_caller_says_about_the_host(world):
    user = world.user("staff", unit=world.unit())
    browser = world.sign_in(world.user("administrator"))
    slip = browser.post(
        f"/admin/accounts/{user.id}/slip",
        headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"},
    )
    assert "http://localhost/activate" in slip.text
    assert "evil.example" not in slip.text


def test_a_character_that_no_keyboard_makes_is_no_fault(guarded):
    browser = guarded.test_client()
    assert browser.get("/shop/?q=%00").status_code == 200
    form = {"csrf_token": token_for(browser), "login_name": "he\0qing", "password": "a\0b"}
    answer = browser.post("/sign-in", data=form)
    assert answer.status_code == 422
    assert 'value="heqing"' in answer.text
