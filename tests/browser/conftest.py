"""Journeys run on the embedded database, with everything switched on that production has."""

import pytest
from flask import Flask

from tests.support.market_day import MarketDay, market_day
from tests.support.world import World


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    return sqlite_url


@pytest.fixture
def app(app: Flask) -> Flask:
    app.config["WTF_CSRF_ENABLED"] = True
    return app


@pytest.fixture
def day(world: World) -> MarketDay:
    return market_day(world)
