"""Long lists, a page at a time, with the filters kept in the address."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Page:
    items: Sequence[Any]
    number: int
    total: int
    size: int

    @property
    def pages(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def has_prev(self) -> bool:
        return self.number > 1

    @property
    def has_next(self) -> bool:
        return self.number < self.pages

    def url(self, number: int) -> str:
        """This list's address at another page."""
        kept: dict[str, Any] = {key: value for key, value in request.args.items() if key != "page"}
        kept |= (request.view_args or {}) | {"page": number}
        return url_for(str(request.endpoint), **kept)


def page_number() -> int:
    """The page asked for; nonsense means the first."""
    asked = request.args.get("page", "1")
    number = int(asked[:9]) if asked.isdecimal() else 1
    return min(max(number, 1), 100_000)


def paginate(
    session: Session, statement: Select[Any], size: int = 30, total: int | None = None
) -> Page:
    """Two statements: the count, unless the caller has it as `total`, and the rows of the page asked for
    (first entity only)."""
    if total is None:
        counting = select(func.count()).select_from(statement.order_by(None).subquery())
        total = session.scalar(counting) or 0
    number = min(page_number(), max(1, -(-total // size)))
    rows = session.scalars(statement.limit(size).offset((number - 1) * size)).unique().all()
    return Page(rows, number, total, size)
