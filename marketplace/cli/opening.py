"""The application for a command: outside any request, its connections closed at the end."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from marketplace.app import create_app
from marketplace.core.db import db
from marketplace.core.settings import Settings


@contextmanager
def opened(settings: Settings) -> Iterator[Flask]:
    """An application with its context for the time of the block, however that ends."""
    app = create_app(settings)
    try:
        with app.app_context():
            yield app
    finally:
        with app.app_context():
            db.engine.dispose()
