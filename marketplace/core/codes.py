"""Codes that people read, type and scan, and running numbers."""

import secrets
from datetime import datetime
from unicodedata import normalize

from sqlalchemy import String
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.core.clock import shanghai_date
from marketplace.core.db import Base

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No 0/O, 1/I/L, U: they get mixed up on paper and on the telephone."""


def random_code(length: int) -> str:
    """`length` characters of 4.9 bits each that nobody can guess from another code."""
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def dated_code(letter: str, moment: datetime) -> str:
    """A number for a receipt: letter, day, six random characters, e.g. D261121-7KQ4M2.

    Random instead of counted, so that buyers ordering at once do not queue for one counter row.
    """
    return f"{letter}{shanghai_date(moment):%y%m%d}-{random_code(6)}"


def read_code(typed: str) -> str:
    """The number or code in what was typed: full-width letters, blanks, or the whole address of a QR."""
    words = "".join(normalize("NFKC", typed).split()).upper()
    return words.rstrip("/").rsplit("/", 1)[-1][:40]


class Counter(Base):
    __tablename__ = "counter"
    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[int]


def next_number(session: Session, name: str) -> int:
    """The next of 1, 2, 3 … for rare things that people count (rounds). Locks the counter."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    number: int | None = session.scalar(
        dialect.insert(Counter)
        .values(name=name, value=1)
        .on_conflict_do_update(index_elements=["name"], set_={"value": Counter.value + 1})
        .returning(Counter.value)
    )
    assert number is not None
    return number
