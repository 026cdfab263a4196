"""`marketplace demo`: the embedded database with the demo county, made once, then served."""

import contextlib
import shutil
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import event, make_url

from marketplace.cli.opening import opened
from marketplace.core.db import db
from marketplace.core.schema import upgrade
from marketplace.core.settings import BadConfiguration, Settings
from marketplace.demo.load import load_demo
from marketplace.demo.rounds import ensure_open_round


def prepare_demo(settings: Settings, *, reset: bool) -> None:
    """Make the demo county if it is not there yet (or anew), and see that a round is open.

    Raises BadConfiguration where the demo must not touch the database.
    """
    if not settings.demo or make_url(settings.database_url).get_backend_name() != "sqlite":
        raise BadConfiguration(
            "The demo runs on its own embedded database: unset MARKETPLACE_MODE and MARKETPLACE_DATABASE_URL."
        )
    database = Path(str(make_url(settings.database_url).database))
    if reset:
        _remove(settings.folder, database)
    if not database.exists():
        _make(settings, database)
    upgrade(settings.database_url)
    with opened(settings):
        ensure_open_round()


def _remove(folder: Path, database: Path) -> None:
    """Only what the demo made itself; the kept secrets stay."""
    for path in (*database.parent.glob(f"{database.name}*"), *folder.glob("queue*")):
        path.unlink(missing_ok=True)
    for photos in ("photos", "weighing", "evidence"):
        shutil.rmtree(folder / photos, ignore_errors=True)


def _make(settings: Settings, database: Path) -> None:
    """Load into a draft that becomes the database when it is whole: a kill leaves no half county."""
    draft = database.with_suffix(".draft")
    for path in draft.parent.glob(f"{draft.name}*"):
        path.unlink()
    drafting = replace(settings, database_url=f"sqlite:///{draft}")
    upgrade(drafting.database_url)
    with opened(drafting):
        _hurry()
        load_demo(say=lambda words: print(words, flush=True))
    with contextlib.closing(sqlite3.connect(draft)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    draft.rename(database)


def _hurry() -> None:
    """A draft needs no disk barrier after every step."""

    @event.listens_for(db.engine, "connect")
    def _connect(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.execute("PRAGMA synchronous=OFF")

    db.session.close()
    db.engine.dispose()
