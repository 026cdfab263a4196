"""Which lots hold goods that came out of others: of another grade, pooled or processed, through any number of steps."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, Subquery, func, select, union_all
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot
from marketplace.catalog.words import amount_words
from marketplace.fulfilment.processing_models import (
    PROCESSES,
    ProcessingInput,
    ProcessingLine,
    ProcessingOrder,
)
from marketplace.fulfilment.shift_models import SHIFTS, LotShift
from marketplace.identity.scope import Where

HOW = SHIFTS | PROCESSES


@dataclass(frozen=True)
class Went:
    """Base units of the lot that gave them; `how` is a key of HOW."""

    source: int
    target: int
    how: str
    base: int


@dataclass(frozen=True)
class Member:
    """A lot of a family: so many steps from the first one, which nothing brought here."""

    lot: Lot
    depth: int
    parent: Lot | None
    came: Went | None

    @property
    def how(self) -> str:
        """What was done with how much of its parent; empty for the first."""
        if self.came is None or self.parent is None:
            return ""
        return f"{HOW[self.came.how]} {amount_words(self.came.base, self.parent.product)}"


def shifts() -> Subquery:
    """Everything that ever went from one lot into another: source, target, how, base."""
    moved = select(
        LotShift.from_lot_id.label("source"),
        LotShift.to_lot_id.label("target"),
        LotShift.kind.label("how"),
        LotShift.base.label("base"),
    )
    made = (
        select(
            ProcessingInput.lot_id,
            ProcessingOrder.output_lot_id,
            ProcessingLine.kind,
            ProcessingInput.base,
        )
        .join(ProcessingOrder, ProcessingOrder.id == ProcessingInput.order_id)
        .join(ProcessingLine, ProcessingLine.id == ProcessingOrder.line_id)
        .where(ProcessingOrder.output_lot_id.is_not(None))
    )
    return union_all(moved, made).subquery("went")


def family_of(session: Session, lot_id: int) -> list[Member]:
    """The lot and all that came out of it, each once, a parent before its children; three statements.

    Goods that went to another grade and back are no circle: who stands above stays there.
    """
    ways = _ways(session, lot_id)
    first: dict[int, Went] = {}
    reached = [lot_id]
    for source in reached:  # grows while it is walked: the nearest first
        for way in ways[source]:
            if way.target != lot_id and way.target not in first:
                first[way.target] = way
                reached.append(way.target)
    lots = _lots(session, reached)
    below: defaultdict[int, list[Went]] = defaultdict(list)
    for way in first.values():
        below[way.source].append(way)
    found = []
    left: list[tuple[int, int, Went | None]] = [(lot_id, 0, None)]
    while left:
        one, depth, came = left.pop()
        found.append(Member(lots[one], depth, lots[came.source] if came else None, came))
        left += [(way.target, depth + 1, way) for way in reversed(below[one])]
    return found


def _and_below(which: Where) -> Select[int]:
    """Numbers of these lots and of all that came out of them."""
    went = shifts()
    family = select(Lot.id).where(which).cte("family", recursive=True)
    family = family.union(select(went.c.target).join(family, went.c.source == family.c.id))
    return select(family.c.id)


def came_of(which: Where) -> ColumnElement[bool]:
    """Whether a lot is one of these, or came out of them in any number of steps."""
    return Lot.id.in_(_and_below(which))


def _ways(session: Session, lot_id: int) -> defaultdict[int, list[Went]]:
    """By source, of the lot and all below it."""
    went = shifts()
    rows = session.execute(
        select(went.c.source, went.c.target, went.c.how, func.sum(went.c.base))
        .where(went.c.source.in_(_and_below(Lot.id == lot_id)))
        .group_by(went.c.source, went.c.target, went.c.how)
        .order_by(went.c.source, went.c.target)
    )
    ways: defaultdict[int, list[Went]] = defaultdict(list)
    for source, target, how, base in rows:
        ways[source].append(Went(source, target, how, int(base)))
    return ways


def _lots(session: Session, ids: Collection[int]) -> dict[int, Lot]:
    rows = session.scalars(
        select(Lot)
        .where(Lot.id.in_(ids))
        .options(
            joinedload(Lot.product),
            joinedload(Lot.region),
            joinedload(Lot.household),
            joinedload(Lot.organisation),
            joinedload(Lot.report),
        )
    )
    return {lot.id: lot for lot in rows}


def sources_of(session: Session, lot_id: int) -> Sequence[Lot]:
    """Lots of which goods went straight into this one."""
    went = shifts()
    return session.scalars(
        select(Lot)
        .where(Lot.id.in_(select(went.c.source).where(went.c.target == lot_id)))
        .options(joinedload(Lot.product))
        .order_by(Lot.id)
    ).all()


def at_work(session: Session, lots: Iterable[int]) -> Sequence[ProcessingOrder]:
    """Orders that have goods of these lots at a processor's now: they can only be cancelled when a lot is
    recalled."""
    mine = select(ProcessingInput.order_id).where(ProcessingInput.lot_id.in_(list(lots)))
    return session.scalars(
        select(ProcessingOrder)
        .where(ProcessingOrder.id.in_(mine), ProcessingOrder.state == "started")
        .options(
            joinedload(ProcessingOrder.line).joinedload(ProcessingLine.organisation),
        )
        .order_by(ProcessingOrder.id)
    ).all()
