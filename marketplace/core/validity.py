"""WHERE parts for rows that hold from day to day: `valid_from` and `valid_until`, both included."""

from typing import Any

from sqlalchemy import ColumnElement, or_


def in_force(model: Any, day: Any) -> ColumnElement[bool]:
    """The row holds on `day`, which may be a bound parameter."""
    begun: ColumnElement[bool] = model.valid_from <= day
    return begun & not_ended(model, day)


def not_ended(model: Any, day: Any) -> ColumnElement[bool]:
    """The row holds on `day` or begins to hold later."""
    return or_(model.valid_until.is_(None), model.valid_until >= day)
