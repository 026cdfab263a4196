"""The `marketplace` command: it works from nothing, and every mendable fault is one sentence."""

import os
import re
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text

from marketplace.alipay_simulator.signing import Keys
from marketplace.cli import supervisor
from marketplace.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "MARKETPLACE_MODE": "production",
    "MARKETPLACE_SECRET_KEY": "x7!kQ-long-and-random-enough-for-this-4",
    "MARKETPLACE_LOOKUP_KEY": "pZ3?another-long-and-random-value-here-9",
    "MARKETPLACE_DATA_KEYS": Fernet.generate_key().decode(),
    "MARKETPLACE_SEAL_KEYS": "8J+MvvCfjL7wn4y+8J+MvvCfjL7wn4y+8J+MvvCfjL4=",
    "MARKETPLACE_HOSTS": "localhost",
}


@dataclass
class Answer:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """The command in this process: starting Python anew for each would be most of the time."""

    def command(*arguments, **environment):
        for name in [name for name in os.environ if name.startswith("MARKETPLACE_")]:
            monkeypatch.delenv(name)
        for name, value in {"MARKETPLACE_FOLDER": str(tmp_path / "var"), **environment}.items():
            monkeypatch.setenv(name, value)
        try:
            code = main(arguments)
        except SystemExit as end:
            code = end.code
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return command


def one_sentence(answer, code):
    """The fault without a stack trace, for somebody at a terminal."""
    assert answer.returncode == code, answer.stderr
    assert answer.stderr.count("\n") == 1
    assert "Traceback" not in answer.stderr
    return answer.stderr


def test_the_command_stands_alone(tmp_path):
    """As its own program: the exit code and the sentence reach the shell."""
    answer = subprocess.run(
        [sys.executable, "-m", "marketplace.cli.main", "worker"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MARKETPLACE_MODE": "prod"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "MARKETPLACE_MODE" in one_sentence(answer, 2)


def test_the_first_administrator_comes_from_the_command_line(run, database_url):
    database = {"MARKETPLACE_DATABASE_URL": database_url}
    assert run("db", "upgrade", **database).returncode == 0
    made = run("admin", "create", "--login", "Fang", "--name", "方敏", **database)
    assert made.returncode == 0, made.stderr
    assert re.search(
        r"Account fang, activation code [2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}", made.stdout
    )
    again = run("admin", "create", "--login", "fang", "--name", "方敏", **database)
    assert "已经有人用了" in one_sentence(again, 1)


def test_a_database_without_tables_is_named_before_anything_starts(run, empty_database_url):
    for command in (
        ["serve", "--port", "1"],
        ["worker"],
        ["admin", "create", "--login=a1", "--name=a"],
    ):
        answer = run(*command, MARKETPLACE_DATABASE_URL=empty_database_url)
        assert "marketplace db upgrade" in one_sentence(answer, 1)
    assert run("db", "upgrade", MARKETPLACE_DATABASE_URL=empty_database_url).returncode == 0


def test_a_database_that_cannot_be_reached_is_one_sentence(run):
    silent = "postgresql+psycopg://nobody@127.0.0.1:9/none"
    assert "does not answer" in one_sentence(run("worker", MARKETPLACE_DATABASE_URL=silent), 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"MARKETPLACE_SECRET_KEY": ""}, "MARKETPLACE_SECRET_KEY"),
        ({"MARKETPLACE_SECRET_KEY": "short"}, "too weak"),
        ({"MARKETPLACE_SECRET_KEY": "a" * 60}, "too weak"),
        ({"MARKETPLACE_SECRET_KEY": "changeme-changeme-changeme-1234567890"}, "too weak"),
        ({"MARKETPLACE_LOOKUP_KEY": PRODUCTION["MARKETPLACE_SECRET_KEY"]}, "must differ"),
        ({"MARKETPLACE_DATA_KEYS": "not a key"}, "no Fernet key"),
        ({"MARKETPLACE_SEAL_KEYS": ""}, "MARKETPLACE_SEAL_KEYS"),
        ({"MARKETPLACE_SEAL_KEYS": "c2hvcnQ="}, "32 bytes in base64"),
        ({"MARKETPLACE_SEAL_KEYS": "not base64!"}, "32 bytes in base64"),
        ({"MARKETPLACE_DATABASE_URL": ""}, "MARKETPLACE_DATABASE_URL"),
        ({"MARKETPLACE_HOSTS": ""}, "MARKETPLACE_HOSTS"),
        ({"FLASK_DEBUG": "1"}, "FLASK_DEBUG"),
        ({"MARKETPLACE_MODE": "prod"}, "MARKETPLACE_MODE"),
    ],
)
def test_production_refuses_a_dangerous_configuration(run, change, said):
    whole = PRODUCTION | {"MARKETPLACE_DATABASE_URL": "sqlite:///x.db"}
    assert said in one_sentence(run("worker", **(whole | change)), 2)


def test_production_does_not_serve_a_database_with_demo_accounts(run, world, database_url):
    user = world.user("staff", unit=world.unit())
    with world.transaction() as session:
        session.get_one(type(user), user.id).demo = True
    production = PRODUCTION | {"MARKETPLACE_DATABASE_URL": database_url}
    answer = run("serve", "--port", "1", **production)
    assert f"demo accounts ({user.login_name})" in one_sentence(answer, 1)


def test_verify_says_that_all_adds_up_or_names_the_first_wrong_row(run, world, database_url):
    world.shop(packs=5)
    given = {
        "MARKETPLACE_DATABASE_URL": database_url,
        "MARKETPLACE_LOOKUP_KEY": world.app.extensions["settings"].lookup_key,
    }
    answer = run("verify", **given)
    assert answer.returncode == 0
    with world.transaction() as session:
        session.execute(text("UPDATE listing SET capacity_packs = 6"))
    answer = run("verify", **given)
    assert answer.returncode == 1
    assert "上架份数与货源不符" in answer.stdout


def test_a_busy_port_is_one_sentence(run, database_url):
    with socket.socket() as other:
        other.bind((supervisor.HOST, 0))
        other.listen()
        port = str(other.getsockname()[1])
        answer = run("serve", "--port", port, MARKETPLACE_DATABASE_URL=database_url)
    assert port in one_sentence(answer, 1)


@pytest.mark.parametrize("arguments", [["serve", "--port", "x"], ["serve", "--workers", "0"], []])
def test_wrong_arguments_say_what_is_possible(run, arguments):
    answer = run(*arguments)
    assert answer.returncode == 2
    assert "usage: marketplace" in answer.stderr


KEYS = Keys.make()
ALIPAY = {
    "MARKETPLACE_ALIPAY_APP_ID": "2026000000000001",
    "MARKETPLACE_ALIPAY_SELLER_ID": "2088000000000001",
    "MARKETPLACE_ALIPAY_PRIVATE_KEY": KEYS.merchant_private,
    "MARKETPLACE_ALIPAY_PUBLIC_KEY": KEYS.own_public,
    "MARKETPLACE_SITE": "https://example.test",
}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"MARKETPLACE_ALIPAY_SELLER_ID": ""}, "MARKETPLACE_ALIPAY_SELLER_ID"),
        ({"MARKETPLACE_ALIPAY_GATEWAY": "http://127.0.0.1:8002/gateway.do"}, "GATEWAY must be"),
        ({"MARKETPLACE_SITE": "http://example.test"}, "MARKETPLACE_SITE"),
        ({"MARKETPLACE_ALIPAY_PRIVATE_KEY": "MIIE"}, "MARKETPLACE_ALIPAY_PRIVATE_KEY"),
        ({"MARKETPLACE_ALIPAY_PUBLIC_KEY": "MIIB"}, "MARKETPLACE_ALIPAY_PUBLIC_KEY"),
    ],
)
def test_production_pays_through_alipay_itself_and_nothing_else(run, tmp_path, changes, words):
    """Half a merchant, a simulator, a site without a lock and a key that is none stop the start."""
    place = {"MARKETPLACE_DATABASE_URL": f"sqlite:///{tmp_path / 'p.db'}"}
    answer = run("serve", **(PRODUCTION | place | ALIPAY | changes))
    assert answer.returncode == 2
    assert words in answer.stderr
