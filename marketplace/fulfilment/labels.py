"""What stands on the stick-on labels of a round: one for each allocated pack, never a person's name."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot
from marketplace.fulfilment.models import PreparationSheet, SheetLine
from marketplace.households.public_place import public_villages
from marketplace.identity.models import Organisation
from marketplace.identity.scope import Scope
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_models import CollectionPoint, Listing, PickupPoint, RoundCollection
from marketplace.regions.models import Region

AT_ONCE = 1000
"""So many labels make one file, however many the round has (docs/decisions/0017-labels.md says what it costs)."""


@dataclass(frozen=True)
class LabelFilters:
    """All goods of a round in reach, or those of one village, or of one slot at a collection point."""

    round_id: int
    village: str = ""
    point: int = 0


@dataclass(frozen=True)
class Label:
    """One pack, `number` of `of` in its order line. `order_number` only where a canteen ordered."""

    lot_id: int
    line_id: int
    goods: str
    place: str
    round_number: int
    drop: str
    order_number: str
    lot_code: str
    trace_code: str
    number: int
    of: int
    weighed: bool = False
    """Sold by weight: what the pack weighs is written on it by hand."""


def labels(
    session: Session, scope: Scope, filters: LabelFilters, round_number: int, part: int = 1
) -> list[Label]:
    """The labels of one file (parts count from 1), those of a lot together, then those of a buyer."""
    rows = session.execute(_rows(scope, filters)).all()
    places = public_villages(session, {row.region_code for row in rows})
    every = chain.from_iterable(
        _packs(
            Label(
                lot_id=row.lot_id,
                line_id=row.line_id,
                goods=f"{row.title}（{row.pack_name}）",
                weighed=bool(row.heaviest_g),
                place=places[row.region_code].words,
                round_number=round_number,
                drop=_drop(row.channel, row.unit, row.point),
                order_number=row.number if row.channel == "canteen" else "",
                lot_code=row.code,
                trace_code=row.trace_code,
                number=row.first,
                of=row.of,
            ),
            row.packs,
        )
        for row in rows
    )
    return list(islice(every, (part - 1) * AT_ONCE, part * AT_ONCE))


def _packs(first: Label, packs: int) -> Iterator[Label]:
    return (replace(first, number=first.number + i) for i in range(packs))


def _drop(channel: str, unit: str | None, point: str) -> str:
    return f"{unit} · {point}" if channel == "canteen" and unit else point


def _rows(scope: Scope, filters: LabelFilters) -> Select[int]:
    """One row for each allocation; `first` and `of` count over the whole order line, whatever the filter."""
    of_line = {"partition_by": Allocation.order_line_id}
    counted = (
        select(
            Allocation.id,
            func.sum(Allocation.packs).over(**of_line).label("of"),  # type: ignore[arg-type]
            func.sum(Allocation.packs)
            .over(**of_line, order_by=Allocation.id)  # type: ignore[arg-type]
            .label("up_to"),
        )
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.round_id == filters.round_id)
        .subquery()
    )
    return (
        select(
            Allocation.lot_id.label("lot_id"),
            OrderLine.id.label("line_id"),
            Allocation.packs,
            (counted.c.up_to - Allocation.packs + 1).label("first"),
            counted.c.of,
            Listing.title,
            Listing.pack_name,
            OrderLine.heaviest_g,
            Lot.code,
            Lot.trace_code,
            Lot.region_code,
            Order.number,
            Order.channel,
            Organisation.name.label("unit"),
            PickupPoint.name.label("point"),
        )
        .join(counted, counted.c.id == Allocation.id)
        .join(Lot, Lot.id == Allocation.lot_id)
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Listing, Listing.id == OrderLine.listing_id)
        .join(PickupPoint, PickupPoint.id == Order.pickup_point_id)
        .outerjoin(Organisation, Organisation.id == Order.organisation_id)
        .where(Lot.within(scope), *_narrowed(filters))
        .order_by(Lot.region_code, Lot.id, Order.pickup_point_id, OrderLine.id, Allocation.id)
    )


def _narrowed(filters: LabelFilters) -> Iterable[ColumnElement[bool]]:
    if filters.village:
        yield Lot.region_code == filters.village
    if filters.point:
        yield Lot.id.in_(
            select(SheetLine.lot_id)
            .join(PreparationSheet, PreparationSheet.id == SheetLine.sheet_id)
            .where(PreparationSheet.collection_id == filters.point, PreparationSheet.current)
        )


@dataclass(frozen=True)
class Pile:
    """How many labels one choice means."""

    name: str
    filters: LabelFilters
    count: int

    @property
    def parts(self) -> range:
        return range(1, -(-self.count // AT_ONCE) + 1)


def piles(session: Session, scope: Scope, round_id: int) -> tuple[Pile, list[Pile], list[Pile]]:
    """The whole round, its slots at collection points (once sheets are out), its villages."""
    packs = (
        select(Allocation.lot_id, func.sum(Allocation.packs).label("packs"))
        .join(Lot, Lot.id == Allocation.lot_id)
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.round_id == round_id, Lot.within(scope))
        .group_by(Allocation.lot_id)
        .subquery()
    )
    village = func.sum(packs.c.packs)
    villages = session.execute(
        select(Region.code, Region.name, village)
        .join(Lot, Lot.region_code == Region.code)
        .join(packs, packs.c.lot_id == Lot.id)
        .group_by(Region.code, Region.name)
        .order_by(Region.code)
    ).all()
    collected = (
        select(PreparationSheet.collection_id, SheetLine.lot_id)
        .join(SheetLine, SheetLine.sheet_id == PreparationSheet.id)
        .where(PreparationSheet.round_id == round_id, PreparationSheet.current)
        .distinct()
        .subquery()
    )
    slot = (RoundCollection.id, CollectionPoint.name, Region.name, RoundCollection.from_at)
    points = session.execute(
        select(*slot, func.sum(packs.c.packs))
        .join(CollectionPoint, CollectionPoint.id == RoundCollection.collection_point_id)
        .join(Region, Region.code == RoundCollection.region_code)
        .join(collected, collected.c.collection_id == RoundCollection.id)
        .join(packs, packs.c.lot_id == collected.c.lot_id)
        .group_by(*slot)
        .order_by(RoundCollection.from_at, RoundCollection.id)
    ).all()
    whole = Pile("整期", LabelFilters(round_id), sum(int(count) for _, _, count in villages))
    return (
        whole,
        [
            Pile(f"{point} · {region}", LabelFilters(round_id, point=number), int(count))
            for number, point, region, _, count in points
        ],
        [Pile(name, LabelFilters(round_id, village=code), int(n)) for code, name, n in villages],
    )
