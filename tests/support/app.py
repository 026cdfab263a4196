"""The application for tests: real, on a migrated database of the test's own."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from marketplace.app import create_app
from marketplace.core.db import db
from marketplace.core.settings import Settings
from tests.support.world import World

DATA_KEY = os.environ.get("TEST_DATA_KEY") or Fernet.generate_key().decode()


def settings_for(url: str, folder: Path, **changes: object) -> Settings:
    """Settings of a test; every process of one test shares the keys through its arguments."""
    values: dict[str, object] = {
        "mode": "test",
        "database_url": url,
        "secret_key": "a test's own secret, long enough to sign with",
        "data_keys": (DATA_KEY,),
        "lookup_key": "a test's own lookup key, long enough too",
        "folder": folder,
        "hosts": ("localhost", "127.0.0.1"),
        "secure_cookies": False,
    }
    return Settings(**(values | changes))  # type: ignore[arg-type]


class _Compiled(BytecodeCache):
    """Templates are compiled once per test run; each application only loads them."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._codes[bucket.key, bucket.checksum] = bucket.code


COMPILED = _Compiled()
BUILDERS: dict[tuple[object, ...], Any] = {}


class _KnownRule(Rule):
    """Werkzeug compiles two functions a route, a third of what a short test costs; they carry
    nothing of their application, so the next one takes them over."""

    def _compile_builder(self, append_unknown: bool = True) -> Any:
        key = (self.rule, self.host, self.subdomain, repr(self.defaults), append_unknown)
        if key not in BUILDERS:
            BUILDERS[key] = super()._compile_builder(append_unknown)
        return BUILDERS[key]


Flask.url_rule_class = _KnownRule


def make_app(settings: Settings) -> Flask:
    """An application for a test; `dispose` of it at the end."""
    made = create_app(settings)
    made.jinja_env.bytecode_cache = COMPILED
    return made


def dispose(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    made = make_app(settings_for(database_url, tmp_path))
    made.config["WTF_CSRF_ENABLED"] = False  # test_csrf switches it on
    made.config["PROPAGATE_UNKNOWN"] = True
    yield made
    dispose(made)


@pytest.fixture
def world(app: Flask) -> World:
    """Builders of people and things, through the product's own services."""
    return World(app)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()
