"""Counting the SQL statements of a piece of work: budgets are tests, times are not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from sqlalchemy import event

from marketplace.core.db import db

Count = Callable[[Callable[[], object]], int]


@contextmanager
def counted(app: Flask) -> Iterator[list[str]]:
    """The statements sent to the database inside the block, as text."""
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def statements(app: Flask) -> Count:
    """How many statements a call costs: `statements(lambda: browser.get("/"))`."""

    def count(work: Callable[[], object]) -> int:
        with counted(app) as seen:
            work()
        return len([text for text in seen if not text.startswith("BEGIN")])

    return count
