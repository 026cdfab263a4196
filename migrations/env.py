"""Alembic's entry: runs the migrations on the URL given by marketplace.core.schema."""

from alembic import context
from sqlalchemy import create_engine

from marketplace.core.db import UtcDateTime, configure_engine
from marketplace.core.secret_text import SecretText
from marketplace.tables import metadata


def render_item(kind, item, _context):
    """Migrations name plain column types: they must not change when the product's types do."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, SecretText):
        return "sa.Text()"
    return False


def _rows_may_move(connection):
    """SQLite changes a table's CHECK by copying it: what points there must not object on the way."""
    if connection.dialect.name == "sqlite":
        connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=OFF")


def _nothing_points_nowhere(connection):
    if connection.dialect.name == "sqlite":
        lost = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
        if lost:
            raise RuntimeError(f"rows without what they point to: {lost[:5]}")


def main() -> None:
    engine = create_engine(context.config.attributes["url"])
    configure_engine(engine)
    with engine.connect().execution_options(write=True) as connection:
        _rows_may_move(connection)
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            render_item=render_item,
        )
        with context.begin_transaction():
            context.run_migrations()
        _nothing_points_nowhere(connection)
        connection.commit()
    engine.dispose()


main()
