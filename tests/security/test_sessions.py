"""S9 to S13: the cookie, its end, guessing passwords, and what a password must be."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters

from marketplace.app import create_app
from marketplace.core.clock import now, use_clock
from marketplace.core.errors import InvalidInput
from marketplace.identity.models import User
from marketplace.identity.passwords import Passwords, check_new_password, passwords
from marketplace.identity.sessions import ABSOLUTE, ATTEMPT_WINDOW, IDLE
from tests.support.app import DATA_KEY, dispose, settings_for
from tests.support.world import PASSWORD

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def user(world):
    return world.user("staff", unit=world.unit())


def sign_in(app, login, password=PASSWORD, client=None):
    form = {"login_name": login, "password": password}
    return (client or app.test_client()).post("/sign-in", data=form)


@pytest.fixture
def browser(app, user):
    client = app.test_client()
    assert sign_in(app, user.login_name, client=client).status_code == 302
    return client


@pytest.fixture
def thief(app, browser):
    """A browser with a copy of the cookie."""
    copied = app.test_client()
    copied.set_cookie("session", browser.get_cookie("session").value)
    assert copied.get("/me").status_code == 200
    return copied


def test_over_tls_the_cookie_is_bound_to_this_host_and_new_at_login(database_url, tmp_path, user):
    secure = create_app(settings_for(database_url, tmp_path, secure_cookies=True))
    secure.config["WTF_CSRF_ENABLED"] = False
    client = secure.test_client()
    client.get("/sign-in", base_url="https://localhost")
    before = client.get_cookie("__Host-session")
    form = {"login_name": user.login_name, "password": PASSWORD}
    answer = client.post("/sign-in", data=form, base_url="https://localhost")
    cookies = answer.headers.getlist("Set-Cookie")
    assert len(cookies) == 1
    assert cookies[0].startswith("__Host-session=")
    parts = {part.strip() for part in cookies[0].split(";")[1:]}
    assert parts == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}
    after = client.get_cookie("__Host-session")
    assert before is None or before.value != after.value
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    dispose(secure)


def test_two_sign_ins_have_nothing_in_common(app, user):
    cookies = set()
    for _ in range(2):
        client = app.test_client()
        sign_in(app, user.login_name, client=client)
        with client.session_transaction() as kept:
            cookies.add(kept["_user_id"])
            assert str(user.id) not in kept.values()
    assert len(cookies) == 2


def test_a_cookie_planted_before_the_sign_in_is_worth_nothing_after_it(app, user, world):
    other = world.user("staff", unit=world.unit())
    client = world.sign_in(other)
    planted = client.get_cookie("session").value
    sign_in(app, user.login_name, client=client)
    assert client.get_cookie("session").value != planted


def test_a_copied_cookie_is_dead_after_logout(browser, thief):
    assert browser.post("/sign-out").status_code == 302
    assert thief.get("/me").status_code == 302


def test_a_copied_cookie_is_dead_after_the_password_changed_elsewhere(app, user, thief):
    elsewhere = app.test_client()
    sign_in(app, user.login_name, client=elsewhere)
    new = "tall grass behind barn"
    form = {"current": PASSWORD, "password": new, "again": new}
    assert elsewhere.post("/me/security", data=form).status_code == 302
    assert thief.get("/me").status_code == 302


def test_a_copied_cookie_is_dead_after_the_account_was_disabled(world, user, thief):
    admin = world.sign_in(world.user("administrator"))
    assert admin.post(f"/admin/accounts/{user.id}/disable").status_code == 302
    assert thief.get("/me").status_code == 302
    assert sign_in(world.app, user.login_name).status_code == 422


def test_a_copied_cookie_is_dead_after_a_day_without_use(thief):
    later = now() + IDLE + timedelta(minutes=1)
    with use_clock(lambda: later):
        assert thief.get("/me").status_code == 302


def test_a_session_in_steady_use_ends_after_a_week_all_the_same(thief):
    start = now()
    elapsed = timedelta()
    while elapsed < ABSOLUTE - timedelta(hours=1):
        with use_clock(lambda at=start + elapsed: at):
            assert thief.get("/me").status_code == 200
        elapsed += IDLE - timedelta(hours=1)
    with use_clock(lambda: start + ABSOLUTE + timedelta(minutes=1)):
        assert thief.get("/me").status_code == 302


def test_a_forged_cookie_is_a_stranger(app):
    client = app.test_client()
    with client.session_transaction() as kept:
        kept["_user_id"] = "1"
    assert client.get("/me").status_code == 302
    client.set_cookie("session", "eyJfdXNlcl9pZCI6IjEifQ.AAAA.BBBB")
    assert client.get("/me").status_code == 302


_GUESS = """
import sys
from pathlib import Path
from tests.support import app as support
url, folder, key, login, tries = sys.argv[1:]
support.DATA_KEY = key
app = support.create_app(support.settings_for(url, Path(folder)))
app.config["WTF_CSRF_ENABLED"] = False
for _ in range(int(tries)):
    form = {"login_name": login, "password": "a wrong guess"}
    print(app.test_client().post("/sign-in", data=form).status_code)
"""


def test_the_sixth_wrong_password_is_refused_whichever_process_is_asked(
    app, world, user, database_url, tmp_path
):
    command = [sys.executable, "-c", _GUESS, database_url, str(tmp_path), DATA_KEY]
    other = subprocess.run(
        [*command, user.login_name, "3"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert other.stdout.split() == ["422"] * 3
    here = [sign_in(app, user.login_name.upper(), "wrong").status_code for _ in range(3)]
    assert here == [422, 422, 429]
    refused = sign_in(app, user.login_name)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= ATTEMPT_WINDOW.total_seconds()
    colleague = world.user("staff", unit=world.unit())
    assert sign_in(app, colleague.login_name).status_code == 302
    later = now() + ATTEMPT_WINDOW + timedelta(minutes=1)
    with use_clock(lambda: later):
        assert sign_in(app, user.login_name).status_code == 302


def test_guesses_at_the_same_moment_do_not_outrun_the_count(app, user):
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda n: sign_in(app, user.login_name, f"{n}").status_code, range(16))
        )
    assert set(answers) <= {422, 429}
    assert answers.count(422) <= 5


def test_wrong_activation_codes_and_old_passwords_are_counted_too(app, user, browser):
    words = "tall grass behind barn"
    code = {"login_name": user.login_name, "code": "ABCD", "password": words, "again": words}
    for _ in range(3):
        assert app.test_client().post("/activate", data=code).status_code == 422
    change = {"current": "wrong", "password": words, "again": words}
    assert [browser.post("/me/security", data=change).status_code for _ in range(3)] == [
        422,
        422,
        429,
    ]


class Counting(PasswordHasher):
    """A real hasher that counts its work."""

    verified = 0

    def verify(self, *arguments, **options):
        self.verified += 1
        return super().verify(*arguments, **options)


def test_unknown_people_and_wrong_passwords_look_and_work_the_same(app, world, user):
    disabled, waiting = world.user("cadre"), world.user("cadre")
    with world.transaction() as session:
        session.get_one(User, disabled.id).active = False
        session.get_one(User, waiting.id).password_hash = None
    pages = set()
    for login, password in (
        (user.login_name, "wrong"),
        ("nobody", "wrong"),
        (disabled.login_name, PASSWORD),
        (waiting.login_name, "wrong"),
    ):
        counting = Counting(time_cost=1, memory_cost=64, parallelism=1)
        passwords.configure(counting)
        answer = sign_in(app, login, password)
        assert counting.verified == 1, login
        pages.add((answer.status_code, answer.text.replace(login, "…")))
    assert len(pages) == 1


def test_an_unknown_account_and_a_wrong_code_look_the_same(app, user):
    words = "tall grass behind barn"
    pages = set()
    for login in (user.login_name, "nobody"):
        form = {"login_name": login, "code": "ABCD", "password": words, "again": words}
        answer = app.test_client().post("/activate", data=form)
        pages.add((answer.status_code, answer.text.replace(login, "…")))
    assert len(pages) == 1


@pytest.mark.parametrize(
    "long",
    ["a passphrase of many words " * 4, "春种一粒粟，秋收万颗子", "x" * 40 + "tree ü 🌾 moss"],
)
def test_long_passphrases_work(app, user, browser, long):
    form = {"current": PASSWORD, "password": long, "again": long}
    assert browser.post("/me/security", data=form).status_code == 302
    assert sign_in(app, user.login_name, long).status_code == 302
    assert sign_in(app, user.login_name, long[:-1]).status_code == 422


@pytest.mark.parametrize(
    "common",
    [
        "123456", "1234567890", "password123", "Password123!", "qwertyuiop", "qwerty123456", "1q2w3e4r5t",
        "1qaz2wsx3edc", "abc1234567", "woaini1314520", "iloveyou520", "aaaaaaaaaaaa", "ababababab", "5201314520",
        "admin888888", "xiangbang123", "123456789a", "zhangsan2026", "１２３４５６７８９０", "short one",
    ],
)  # fmt: skip
def test_common_passwords_are_refused(common):
    with pytest.raises(InvalidInput) as refused:
        check_new_password(common, "zhangsan")
    assert refused.value.field == "password"


def test_a_refused_password_says_what_a_good_one_looks_like(browser):
    form = {"current": PASSWORD, "password": "password123", "again": "password123"}
    answer = browser.post("/me/security", data=form)
    assert answer.status_code == 422
    assert "四个不相干的词" in answer.text


def test_passwords_are_hashed_as_owasp_asks():
    found = extract_parameters(Passwords().hash("four unrelated words here"))
    assert found.type.name == "ID"
    assert found.memory_cost >= 19_456
    assert found.time_cost >= 2


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "\t//evil.example",
        "/\t/evil.example",
        "/\t/[evil.example",
        "/shop/basket\nX-Evil: 1",
    ],
)
def test_after_the_sign_in_nobody_is_led_to_another_site(app, user, wanted):
    form = {"login_name": user.login_name, "password": PASSWORD}
    answer = app.test_client().post("/sign-in", query_string={"next": wanted}, data=form)
    assert answer.status_code == 302
    assert re.match(r"^/($|[^/\\])", answer.location)


def test_demo_accounts_open_nothing_outside_a_demo(app, world, user):
    browser = world.sign_in(user)
    with world.transaction() as session:
        session.get_one(User, user.id).demo = True
    assert browser.get("/me").status_code == 302
    assert sign_in(app, user.login_name).status_code == 422
    app.config["DEMO"] = True
    assert user.login_name in app.test_client().get("/sign-in").text
    assert sign_in(app, user.login_name).status_code == 302
