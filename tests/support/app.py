"""The application for tests: real, on a migrated database of the test's own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient

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


def dispose(app: Flask) -> None:
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    made = create_app(settings_for(database_url, tmp_path))
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
