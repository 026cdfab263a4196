"""The application for tests: real, on a migrated database of the test's own."""

import base64
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
from sqlalchemy import Engine
from sqlalchemy.engine import Dialect
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from marketplace.app import create_app
from marketplace.core.db import db
from marketplace.core.settings import Settings
from tests.support.world import World

SEAL_KEY = base64.b64encode(b"a test's own key that signs seal").decode()
DATA_KEY = os.environ.get("TEST_DATA_KEY") or Fernet.generate_key().decode()


def settings_for(url: str, folder: Path, **changes: object) -> Settings:
    """Settings of a test; every process of one test shares the keys through its arguments."""
    values: dict[str, object] = {
        "mode": "test",
        "database_url": url,
        "secret_key": "a test's own secret, long enough to sign with",
        "data_keys": (DATA_KEY,),
        "lookup_key": "a test's own lookup key, long enough too",
        "seal_keys": (SEAL_KEY,),
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
RULES: dict[tuple[object, ...], dict[str, Any]] = {}
DIALECTS: dict[str, tuple[Dialect, LRUCache[Any, Any]]] = {}


class _KnownRule(Rule):
    """Werkzeug takes a route to pieces and compiles two functions of it, a third of what a short test
    costs; nothing of that belongs to an application, so the next one takes it over."""

    def compile(self) -> None:
        key = (self.rule, self.host, self.subdomain, repr(self.defaults), self.merge_slashes)
        if known := RULES.get(key):
            vars(self).update(known)
        else:
            before = dict(vars(self))
            super().compile()
            RULES[key] = {
                name: value
                for name, value in vars(self).items()
                if name == "arguments" or before.get(name) is not value
            }
        # A finished rule carries its two functions bound to itself.
        for name in ("_build", "_build_unknown"):
            setattr(self, name, getattr(self, name).__func__.__get__(self, None))


Flask.url_rule_class = _KnownRule


def make_app(settings: Settings) -> Flask:
    """An application for a test; `dispose` of it at the end."""
    made = create_app(settings)
    made.jinja_env.bytecode_cache = COMPILED
    with made.app_context():
        _share_statements(db.engine)
    return made


def _share_statements(engine: Engine) -> None:
    """An engine compiles every statement it meets, a seventh of what a test costs: all engines of one
    product share the dialect, and with it what they compiled."""
    dialect, compiled = DIALECTS.setdefault(engine.name, (engine.dialect, LRUCache(5000)))
    engine.dialect = engine.pool._dialect = dialect
    engine._compiled_cache = compiled


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
