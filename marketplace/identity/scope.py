"""How far a person reaches: one WHERE builder that every query goes through.

A model says in `within(scope)` by which of its columns it belongs to a region, an organisation, a
person or an assigned household; `scope.visible(select(Model))` puts that into the statement. What
lies outside does not exist for the reader (404).
"""

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy import ColumnElement, Select, false, or_
from sqlalchemy.orm import InstrumentedAttribute

Where = ColumnElement[bool]
Column = InstrumentedAttribute[Any]
Row = TypeVar("Row")


class Scoped(Protocol):
    @classmethod
    def within(cls, scope: "Scope") -> Where: ...


@dataclass(frozen=True)
class Scope:
    """The reach of one person for one permission."""

    user_id: int
    permission: str = ""
    regions: tuple[tuple[str, str], ...] = ()  # ranges of division codes, both ends included
    organisations: frozenset[int] = frozenset()
    cadre_for: frozenset[int] = frozenset()  # whose assigned households count: own, and principals'
    own_for: frozenset[int] = frozenset()  # whose own things count
    in_name_of: frozenset[int] = frozenset()  # whose work counts: own, and principals'

    def visible(self, statement: "Select[Row]") -> "Select[Row]":
        """`statement`, limited to the rows of its first entity that this person may see."""
        entity: type[Scoped] = statement.column_descriptions[0]["entity"]
        return statement.where(entity.within(self))

    def region_reach(self, column: Column) -> list[Where]:
        return [column.between(low, high) for low, high in self.regions]

    def organisation_reach(self, column: Column) -> list[Where]:
        return [column.in_(self.organisations)] if self.organisations else []

    def own_reach(self, column: Column) -> list[Where]:
        return [column.in_(self.own_for)] if self.own_for else []

    def name_reach(self, column: Column) -> list[Where]:
        """Work that a deputy carries on, unlike things that are a person's own."""
        return [column.in_(self.in_name_of)] if self.in_name_of else []

    @staticmethod
    def either(*reaches: list[Where]) -> Where:
        """True where any of the reaches holds; false when the scope has none of them."""
        parts = [part for reach in reaches for part in reach]
        return or_(*parts) if parts else false()

    def covers_region(self, code: str) -> bool:
        return any(low <= code <= high for low, high in self.regions)
