"""Writing many rows at once: a round has a hundred thousand.

PostgreSQL takes their columns as arrays in one statement. Its driver alone sends a statement for each
row, and one INSERT with thousands of placeholders is slower still. SQLite is quick row by row.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Table,
    Text,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.types import TypeEngine

from marketplace.core.db import Base

Rows = Sequence[Mapping[str, Any]]
"""Rows that all have the same keys."""
Given = Callable[[str], ColumnElement[Any]]
"""The value of that name in the row at hand."""


AT_ONCE = 10_000
"""A statement names so many ids; PostgreSQL takes 65 535."""


def in_batches(ids: Iterable[int]) -> Iterator[list[int]]:
    """For `column.in_(…)` over more than a database takes at once; in the order of the ids, none for none."""
    every = sorted(ids)
    for start in range(0, len(every), AT_ONCE):
        yield every[start : start + AT_ONCE]


def insert_many(session: Session, model: type[Base], rows: Rows) -> None:
    """Insert `rows` (column → value); the other columns take their defaults."""
    if not rows:
        return
    table = cast("Table", model.__table__)
    if session.get_bind().dialect.name != "postgresql":
        session.execute(insert(table), rows)
        return
    names = list(rows[0])
    given = _side_by_side({name: table.c[name].type for name in names})
    session.execute(insert(table).from_select(names, select(*given.c)), _turned(rows))


def change_many(
    session: Session, model: type[Base], rows: Rows, values: Callable[[Given], dict[str, Any]]
) -> None:
    """For each of `rows` set `values` in the row of `model` whose id is its `of`.

    The other names are integers or texts, and none is a column's. What the session holds of `model`
    is stale afterwards.
    """
    if not rows:
        return
    table = cast("Table", model.__table__)
    if session.get_bind().dialect.name != "postgresql":
        one = update(table).where(table.c.id == bindparam("of")).values(values(bindparam))
        session.connection().execute(one, rows)
        return
    types = {n: Text() if isinstance(v, str) else BigInteger() for n, v in rows[0].items()}
    given = _side_by_side(types)
    each = update(table).where(table.c.id == given.c.of)
    session.execute(each.values(values(given.c.__getitem__)), _turned(rows))


def _side_by_side(types: Mapping[str, TypeEngine[Any]]) -> TableValuedAlias:
    """One array for each column, seen by PostgreSQL as rows."""
    arrays = (bindparam(name, type_=ARRAY(kind)) for name, kind in types.items())
    return func.unnest(*arrays).table_valued(*types, name="given").render_derived()


def _turned(rows: Rows) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}
