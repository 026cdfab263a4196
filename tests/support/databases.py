"""Databases for tests: each test that asks gets a migrated one of its own, on both products.

`database_url` runs a test once on SQLite and once on PostgreSQL. Migrations run once per test run
and product, into a template; a test gets a copy of it, which is dropped afterwards.
"""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import URL, make_url

from marketplace.core.schema import upgrade
from tests.support.postgres import NoServerError, given_url, server_url
from tests.support.runs import RUN, Run, locked, open_run

Migrate = Callable[[str], None]


class Postgres:
    """The run's server and a connection that may create databases."""

    def __init__(self, url: URL, run: Run) -> None:
        self.run = run
        self._url = url
        self._admin = psycopg.connect(_dsn(url), autocommit=True)

    def create(self, name: str, template: str = "template0") -> str:
        """The quick way to copy writes no log, which suits a server nobody will recover."""
        how = " STRATEGY FILE_COPY" if self._admin.info.server_version >= 150000 else ""
        self._run("CREATE DATABASE {} TEMPLATE {}" + how, name, template)
        return self.url(name)

    def drop(self, name: str) -> None:
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def names(self) -> set[str]:
        """The databases that are there now."""
        return {name for (name,) in self._admin.execute("SELECT datname FROM pg_database")}

    def url(self, name: str) -> str:
        return self._url.set(database=name).render_as_string(hide_password=False)

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
        if given_url():
            _drop_templates(run)
        run.stop()


@pytest.fixture(scope="session")
def test_run(pytestconfig: pytest.Config) -> Run:
    return pytestconfig.stash[RUN]


@pytest.fixture
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


@pytest.fixture
def sqlite_url(test_run: Run, migrate: Migrate) -> Iterator[str]:
    """A migrated SQLite database of this test's own."""
    folder = test_run.folder / test_run.new_name()
    folder.mkdir()
    shutil.copyfile(_sqlite_template(test_run, migrate), folder / "marketplace.sqlite")
    yield f"sqlite:///{folder / 'marketplace.sqlite'}"
    shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres: Postgres, migrate: Migrate) -> Iterator[str]:
    """A migrated PostgreSQL database of this test's own."""
    name = postgres.run.new_name()
    yield postgres.create(name, _postgres_template(postgres, migrate))
    postgres.drop(name)


@pytest.fixture
def empty_postgres_url(postgres: Postgres) -> Iterator[str]:
    """A PostgreSQL database without any table, for tests of the migrations themselves."""
    name = postgres.run.new_name()
    yield postgres.create(name)
    postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of this test's own; the test runs once on each product."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_url"
    return str(request.getfixturevalue(name))


class Thin(Protocol):
    def __call__(self, everything: list[Any]) -> list[Any]: ...


@pytest.fixture
def thin(database_url: str) -> Thin:
    """For tests that go through hundreds of doors or pages, which the product of the database does not
    change: all of them on SQLite, every fourth on PostgreSQL."""
    step = 1 if database_url.startswith("sqlite") else 4
    return lambda everything: everything[::step]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table; the test runs once on each product."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.sqlite'}"
    return str(request.getfixturevalue("empty_postgres_url"))


def _sqlite_template(run: Run, migrate: Migrate) -> Path:
    """A migrated SQLite file that nobody has open."""
    path = run.folder / f"template_{_key(migrate)}.sqlite"
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


def _postgres_template(postgres: Postgres, migrate: Migrate) -> str:
    """The name of a migrated PostgreSQL database that nobody is connected to."""
    name = f"{postgres.run.name}_template_{_key(migrate)}"
    done = postgres.run.folder / f"{name}.done"
    with locked(postgres.run.folder / f"{name}.lock"):
        if not done.exists():
            postgres.drop(name)
            migrate(postgres.create(name))
            done.touch()
    return name


def _drop_templates(run: Run) -> None:
    """Leave nothing behind on a server that is not ours to throw away."""
    names = [path.stem for path in run.folder.glob("*.done")]
    if names:
        server = Postgres(make_url(server_url(run)), run)
        for name in names:
            server.drop(name)
        server.close()


def _key(migrate: Migrate) -> str:
    """Templates made by different ways of migrating must not be mistaken for each other."""
    way = f"{migrate.__module__}.{migrate.__qualname__}"
    return hashlib.sha256(way.encode()).hexdigest()[:8]


def _dsn(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
