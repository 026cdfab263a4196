"""Bringing a database to the newest schema."""

from alembic import command
from alembic.config import Config

from marketplace.core.places import migrations_folder


def alembic_config(url: str) -> Config:
    """Configuration of Alembic for one database, given by its SQLAlchemy URL."""
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.attributes["url"] = url
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Bring the database at `url` to `revision`, creating it table by table if it is empty."""
    command.upgrade(alembic_config(url), revision)
