"""State moves: one table of allowed moves per thing, one function that makes them."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from marketplace.core.db import Base
from marketplace.core.errors import Conflict

Moves = Mapping[str, frozenset[str]]
"""State → the states that may follow it."""


def moves(table: Mapping[str, Iterable[str]]) -> Moves:
    return {state: frozenset(following) for state, following in table.items()}


def move(session: Session, thing: Any, to: str, *, because: str, **values: Any) -> None:
    """Move `thing` from the state it was read in to `to`, and set `values` with it.

    One conditional UPDATE that must hit one row; raises Conflict("wrong_state") when the move is
    not in the model's table or somebody else moved the thing first. `because` is the Chinese
    sentence shown to the person in that case.
    """
    model: type[Base] = type(thing)
    allowed: Moves = model.MOVES  # type: ignore[attr-defined]
    before: str = thing.state
    if to not in allowed.get(before, frozenset()):
        raise Conflict(because, code="wrong_state")
    session.flush()
    hit = session.execute(
        update(model)
        .where(model.id == thing.id, model.state == before)  # type: ignore[attr-defined]
        .values(state=to, **values)
        .execution_options(synchronize_session=False)
    )
    if hit.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict(because, code="wrong_state")
    session.refresh(thing)


def move_many(
    session: Session, model: type[Any], where: Any, before: str, to: str, **values: Any
) -> int:
    """Move every row of `model` that is in state `before` and fits `where`; returns how many.

    One conditional UPDATE, for steps that carry thousands of rows (allocating a round).
    """
    moves_of: Moves = model.MOVES
    assert to in moves_of.get(before, frozenset()), f"{model.__name__}: {before} → {to} is no move"
    hit = session.execute(
        update(model)
        .where(model.state == before, where)
        .values(state=to, **values)
        .execution_options(synchronize_session=False)
    )
    return int(hit.rowcount)  # type: ignore[attr-defined]
