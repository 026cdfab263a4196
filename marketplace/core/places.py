"""Where the folders that are not Python lie.

`templates/` and `migrations/` stand beside the package in a checkout and inside it in a wheel.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def templates_folder() -> Path:
    """The folder of the Jinja templates."""
    return _place("templates")


def migrations_folder() -> Path:
    """Alembic's script location: the folder that holds `env.py` and `versions/`."""
    return _place("migrations")


def _place(name: str) -> Path:
    packaged = _PACKAGE / name
    return packaged if packaged.is_dir() else _PACKAGE.parent / name
