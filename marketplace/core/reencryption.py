"""Encrypting again what older keys encrypted, so that a key taken out of use can be thrown away."""

from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import Column, Table, Text, select, type_coerce, update
from sqlalchemy.orm import Session

from marketplace.core.db import Base
from marketplace.core.secret_text import SecretText, keyring

BATCH = 500


def secret_columns() -> list[Column[Any]]:
    """Every encrypted column of the product; `marketplace.tables` has been imported."""
    tables = Base.metadata.sorted_tables
    return [c for table in tables for c in table.columns if isinstance(c.type, SecretText)]


def reencrypt_some(
    session: Session, column: Column[Any], newest: Fernet, after: int
) -> tuple[int, int | None]:
    """One batch of a column's rows with an id above `after`: how many were old, and the last id seen;
    None at the end. A row that changed meanwhile has the newest key already and is left alone."""
    table: Table = column.table
    token = type_coerce(column, Text)
    rows = session.execute(
        select(table.c.id, token).where(table.c.id > after).order_by(table.c.id).limit(BATCH)
    ).all()
    old = [(row_id, held) for row_id, held in rows if held is not None and not _opens(newest, held)]
    for row_id, held in old:
        fresh = type_coerce(keyring.fernet.rotate(held.encode()).decode(), Text)
        session.execute(
            update(table).where(table.c.id == row_id, token == held).values({column: fresh})
        )
    return len(old), rows[-1].id if rows else None


def _opens(key: Fernet, token: str) -> bool:
    try:
        key.decrypt(token.encode())
    except InvalidToken:
        return False
    return True
