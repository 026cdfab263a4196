"""Journeys run on the embedded database, with everything switched on that production has."""

import pytest
from flask import Flask


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def app(app: Flask) -> Flask:
    app.config["WTF_CSRF_ENABLED"] = True
    return app
