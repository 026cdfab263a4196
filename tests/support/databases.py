"""Databases for tests: each test that asks gets a migrated one of its own, on both products.

`database_url` runs a test once on SQLite and once on PostgreSQL. Migrations run once per test run
and product, into a template; a test gets a copy of it, which is dropped afterwards.
"""

import hashlib
import itertools
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, make_url

from marketplace.core.schema import upgrade
from tests.support.postgres import NoServerError, server_url
from tests.support.runs import RUN, Run, locked, open_run

Migrate = Callable[[str], None]
_numbers = itertools.count(1)


class Postgres:
    """The run's server and a connection that may create databases."""

    def __init__(self, url: URL, run: Run) -> None:
        self.run = run
        self._url = url
        self._admin = psycopg.connect(_dsn(url), autocommit=True)

    def create(self, name: str, template: str = "template0") -> str:
        self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
        return self.url(name)

    def drop(self, name: str) -> None:
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def exists(self, name: str) -> bool:
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        return self._admin.execute(query, [name]).fetchone() is not None

    def url(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

    def new_name(self) -> str:
        return f"{self.run.name}_{os.getpid()}_{next(_numbers)}"

    def close(self) -> None:
        self._admin.close()

    def _run(self, statement: str, *names: str) -> None:
        query = sql.SQL(statement).format(*map(sql.Identifier, names))  # type: ignore[arg-type]
        self._admin.execute(query)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RUN] = open_run(config)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist where its run is."""
    run = node.config.stash[RUN]
    node.workerinput["run_folder"] = str(run.folder)
    node.workerinput["run_leader"] = run.leader


def pytest_unconfigure(config: pytest.Config) -> None:
    run = config.stash.get(RUN, None)
    if run is not None and run.leader == os.getpid():
        run.stop()


@pytest.fixture(scope="session")
def test_run(pytestconfig: pytest.Config) -> Run:
    return pytestconfig.stash[RUN]


@pytest.fixture(scope="session")
def migrate() -> Migrate:
    """Brings the empty database at a URL to the newest schema; override it to test another one."""
    return upgrade


@pytest.fixture(scope="session")
def postgres(test_run: Run) -> Iterator[Postgres]:
    """The PostgreSQL server of this run; without one every test that needs it fails, none skips."""
    try:
        server = Postgres(make_url(server_url(test_run)), test_run)
    except (NoServerError, psycopg.OperationalError) as error:
        pytest.fail(f"{error}", pytrace=False)
    yield server
    server.close()


@pytest.fixture(scope="session")
def sqlite_template(test_run: Run, migrate: Migrate) -> Path:
    """A migrated SQLite file that nobody has open."""
    path = test_run.folder / f"template_{_key(migrate)}.sqlite"
    with locked(path.with_suffix(".lock")):
        if not path.exists():
            draft = path.with_suffix(".draft")
            draft.unlink(missing_ok=True)
            migrate(f"sqlite:///{draft}")
            # The last connection to close folds the write-ahead log into the file.
            with closing(sqlite3.connect(draft)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            draft.rename(path)
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres, migrate: Migrate) -> str:
    """The name of a migrated PostgreSQL database that nobody is connected to."""
    name = f"{postgres.run.name}_template_{_key(migrate)}"
    done = postgres.run.folder / f"{name}.done"
    with locked(postgres.run.folder / f"{name}.lock"):
        if not done.exists():
            postgres.drop(name)
            migrate(postgres.create(name))
            done.touch()
    return name


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite database of this test's own."""
    path = tmp_path / "marketplace.sqlite"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_url(postgres: Postgres, postgres_template: str) -> Iterator[str]:
    """A migrated PostgreSQL database of this test's own."""
    name = postgres.new_name()
    yield postgres.create(name, postgres_template)
    postgres.drop(name)


@pytest.fixture
def empty_postgres_url(postgres: Postgres) -> Iterator[str]:
    """A PostgreSQL database without any table, for tests of the migrations themselves."""
    name = postgres.new_name()
    yield postgres.create(name)
    postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of this test's own; the test runs once on each product."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table; the test runs once on each product."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    return str(request.getfixturevalue("empty_postgres_url"))


def _key(migrate: Migrate) -> str:
    """Templates made by different ways of migrating must not be mistaken for each other."""
    way = f"{migrate.__module__}.{migrate.__qualname__}"
    return hashlib.sha256(way.encode()).hexdigest()[:8]


def _dsn(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
