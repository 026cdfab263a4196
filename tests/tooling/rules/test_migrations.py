"""The migrations lead to exactly the schema that the models describe."""

import re
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from marketplace.core.schema import alembic_config
from marketplace.tables import metadata

Shape = dict[str, Any]

# What inspection does not tell in full: indexes on expressions, triggers and their functions.
_BY_HAND = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger')"
    " AND sql IS NOT NULL",
    "postgresql": """
        SELECT indexname AS name, indexdef AS sql FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL
        SELECT tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
        FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL
        SELECT proname, prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    """,
}


def test_the_migrations_have_one_head() -> None:
    heads = ScriptDirectory.from_config(alembic_config("sqlite://")).get_heads()
    assert len(heads) == 1


@pytest.mark.parametrize("product", ["sqlite", "postgresql"])
def test_a_migrated_database_is_the_one_the_models_describe(
    product: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    if product == "sqlite":
        migrated, created = request.getfixturevalue("sqlite_url"), f"sqlite:///{tmp_path}/created"
    else:
        migrated, created = map(request.getfixturevalue, ("postgres_url", "empty_postgres_url"))
    described = _shape(created, create=True)
    found = _shape(migrated)
    assert found.pop("table alembic_version")
    found.pop("alembic_version_pkc", None)
    assert {name for name in found if name not in described} == set(), "not in the models"
    assert {name for name in described if name not in found} == set(), "not in the migrations"
    for name, what in described.items():
        assert found[name] == what, name
    checks = sum(len(what["checks"]) for what in found.values() if isinstance(what, dict))
    assert checks > 40, "the checks of the tables are seen"
    assert sum("TRIGGER" in str(what) for what in found.values()) >= 4


def _shape(url: str, *, create: bool = False) -> Shape:
    """What the database at that URL is made of, by name; first made from the models if asked."""
    engine = create_engine(url)
    if create:
        metadata.create_all(engine)
    with engine.connect() as connection:
        names = inspect(connection).get_table_names()
        shape = {f"table {name}": _table(connection, name) for name in names}
        for row in connection.execute(text(_BY_HAND[engine.dialect.name])):
            shape[row.name] = _plain(row.sql)
    engine.dispose()
    return shape


def _table(connection: Connection, name: str) -> Shape:
    inspector = inspect(connection)
    keys = [
        (tuple(key["constrained_columns"]), key["referred_table"], tuple(key["referred_columns"]))
        for key in inspector.get_foreign_keys(name)
    ]
    return {
        "columns": {
            column["name"]: (str(column["type"]), column["nullable"], str(column["default"]))
            for column in inspector.get_columns(name)
        },
        "primary key": inspector.get_pk_constraint(name)["constrained_columns"],
        "foreign keys": sorted(keys),
        "checks": {
            str(check["name"]): _plain(check["sqltext"])
            for check in inspector.get_check_constraints(name)
        },
        "unique": sorted(tuple(u["column_names"]) for u in inspector.get_unique_constraints(name)),
    }


def _plain(sql: str) -> str:
    return re.sub(r"\s+", " ", sql.replace('"', "")).strip()
