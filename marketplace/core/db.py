"""The database: column types, the declarative base, and the only place that commits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import BigInteger, DateTime, Engine, Integer, MetaData, event
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from marketplace.core.errors import Conflict

BigId = BigInteger().with_variant(Integer, "sqlite")
"""64-bit key; SQLite only numbers rows by itself when the column says INTEGER."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC. A naive datetime is refused: it has no place on a timeline."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: attach a time zone first")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, int: BigInteger}  # noqa: RUF012


db = SQLAlchemy(session_options={"expire_on_commit": False})


def configure_engine(engine: Engine) -> None:
    """Make an engine behave as the rest of the code expects (see docs/decisions/0001).

    SQLite: the driver must not begin by itself; a reader begins deferred, a writer takes the
    write lock at once, so a transaction never fails half-way for want of the lock.
    """
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _connect(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None
        for pragma in (
            "foreign_keys=ON",
            "journal_mode=WAL",
            "synchronous=FULL",
            "busy_timeout=60000",
            "recursive_triggers=ON",
        ):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


Finish = Callable[[Session], None]
_finishing: list[Finish] = []
PENDING = "pending"


def finishing(finish: Finish) -> Finish:
    """Decorator: `finish` runs in every transaction just before it commits: what locks rows that many
    share does it there, once, after everything else is locked."""
    _finishing.append(finish)
    return finish


def pending(session: Session, name: str) -> list[Any]:
    """What this transaction has put aside for its end under a name; a savepoint that fails takes its own
    part back."""
    rows: list[Any] = session.info.setdefault(PENDING, {}).setdefault(name, [])
    return rows


@contextmanager
def transaction() -> Iterator[Session]:
    """One use case, one transaction. Whatever was read before is read again inside.

    Only this function commits. An exception rolls everything back and travels on; that somebody else
    stored the same in this moment, which no look beforehand can exclude, is a Conflict.
    """
    session = db.session
    session.rollback()
    session.info.pop(PENDING, None)
    session.connection(execution_options={"write": True})
    try:
        yield session
        for finish in _finishing:
            finish(session)
        session.commit()
    except IntegrityError as error:
        session.rollback()
        if not _stored_twice(error):
            raise
        raise Conflict("刚刚有人先存了一样的，请看一看再存。", code="stored_meanwhile") from error
    except BaseException:
        session.rollback()
        raise


def _stored_twice(error: IntegrityError) -> bool:
    """Whether a unique constraint refused it, rather than a check or a missing row."""
    original: Any = error.orig
    names = (getattr(original, "sqlstate", None), getattr(original, "sqlite_errorname", None))
    return not {"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}.isdisjoint(
        names
    )


@contextmanager
def savepoint(session: Session) -> Iterator[None]:
    """A part of a transaction that may fail alone: an exception undoes only this part and travels on."""
    before = {name: len(rows) for name, rows in session.info.get(PENDING, {}).items()}
    try:
        with session.begin_nested():
            yield
    except BaseException:
        for name, rows in session.info.get(PENDING, {}).items():
            del rows[before.get(name, 0) :]
        raise
