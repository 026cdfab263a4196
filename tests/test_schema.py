"""The migrated database is the one that the models describe, on both products."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, text

from marketplace.core.db import configure_engine
from marketplace.core.schema import alembic_config
from marketplace.tables import metadata


@contextmanager
def _connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url, poolclass=NullPool)
    configure_engine(engine)
    with engine.connect().execution_options(write=True) as connection:
        yield connection
    engine.dispose()


def _checks(connection: Connection) -> set[str]:
    if connection.dialect.name == "sqlite":
        rows = connection.execute(
            text("SELECT sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql <> ''")
        )
        found = {
            (re.search(r"CREATE TABLE \"?(\w+)", sql) or [None, ""])[1]
            + ":"
            + name
            + ":"
            + re.sub(r"\s", "", body)
            for (sql,) in rows
            for name, body in re.findall(r"CONSTRAINT \"?(\w+)\"? CHECK \((.*)\)", sql)
        }
        return {check.rstrip(",") for check in found}
    rows = connection.execute(
        text(
            "SELECT conrelid::regclass || ':' || conname || ':' || pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE contype = 'c' AND connamespace = 'public'::regnamespace"
        )
    )
    return {row[0] for row in rows}


def _triggers(connection: Connection) -> set[str]:
    if connection.dialect.name == "sqlite":
        rows = connection.execute(
            text("SELECT name || ':' || sql FROM sqlite_master WHERE type = 'trigger'")
        )
    else:
        rows = connection.execute(
            text(
                "SELECT tgrelid::regclass || ':' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal"
            )
        )
    return {re.sub(r"\s+", " ", row[0]) for row in rows}


def test_migrations_make_the_tables_of_the_models(database_url):
    with _connected(database_url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrations_make_the_checks_and_triggers_of_the_models(database_url, tmp_path, request):
    if database_url.startswith("sqlite"):
        empty_url = f"sqlite:///{tmp_path / 'empty.sqlite'}"
    else:
        empty_url = request.getfixturevalue("empty_postgres_url")
    with _connected(database_url) as migrated, _connected(empty_url) as modelled:
        metadata.create_all(modelled)
        assert _checks(migrated) == _checks(modelled)
        assert len(_checks(migrated)) > 40
        assert _triggers(migrated) == _triggers(modelled)
        assert len(_triggers(migrated)) >= 4


def test_there_is_one_line_of_migrations():
    assert len(ScriptDirectory.from_config(alembic_config("sqlite://")).get_heads()) == 1
