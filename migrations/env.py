"""Alembic's entry: runs the migrations on the URL given by marketplace.core.schema."""

from alembic import context
from sqlalchemy import create_engine

from marketplace.core.db import configure_engine
from marketplace.tables import metadata


def main() -> None:
    engine = create_engine(context.config.attributes["url"])
    configure_engine(engine)
    with engine.connect().execution_options(write=True) as connection:
        context.configure(connection=connection, target_metadata=metadata, compare_type=True)
        with context.begin_transaction():
            context.run_migrations()
        connection.commit()
    engine.dispose()


main()
