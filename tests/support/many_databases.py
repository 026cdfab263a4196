"""As many migrated databases as a state machine asks for, of either product."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import make_url

NewDatabase = Callable[[str], str]


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewDatabase]:
    """`new_database("sqlite")` or `("postgresql")` copies a migrated one and returns its URL."""
    numbers = itertools.count(1)
    dropped = []

    def sqlite() -> str:
        path = tmp_path / f"{next(numbers)}.sqlite"
        migrated = make_url(request.getfixturevalue("sqlite_url")).database
        assert migrated
        shutil.copyfile(migrated, path)
        return f"sqlite:///{path}"

    def postgres() -> str:
        server = request.getfixturevalue("postgres")
        name = server.run.new_name()
        dropped.append((server, name))
        migrated = make_url(request.getfixturevalue("postgres_url")).database
        return str(server.create(name, migrated))

    yield lambda kind: sqlite() if kind == "sqlite" else postgres()
    for server, name in dropped:
        server.drop(name)
