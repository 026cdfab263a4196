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


def main() -> None:
    engine = create_engine(context.config.attributes["url"])
    configure_engine(engine)
    with engine.connect().execution_options(write=True) as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            compare_type=True,
            render_item=render_item,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    engine.dispose()


main()
