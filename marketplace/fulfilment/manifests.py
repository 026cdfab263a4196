"""What goes to which stop: figures for the desk, the paper that lies in the van."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot
from marketplace.core.errors import NotFound
from marketplace.fulfilment.delivery_models import ON_THE_WAY, Delivery, Manifest, Trip
from marketplace.identity.models import Organisation
from marketplace.identity.scope import Scope
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_models import Listing, PickupPoint, Round

LOADED = func.sum(case((Delivery.state != "planned", 1), else_=0))
ARRIVED = func.sum(case((Delivery.state.not_in(("planned", "loaded")), 1), else_=0))
ENDED = func.sum(case((Delivery.state.not_in(ON_THE_WAY), 1), else_=0))


@dataclass(frozen=True)
class Progress:
    """How many of a stop's deliveries are how far."""

    manifest: Manifest
    orders: int
    packs: int
    loaded: int
    arrived: int
    ended: int


@dataclass(frozen=True)
class PlannedStop:
    """A stop as it would be if the goods set out now."""

    words: str
    orders: int
    packs: int


@dataclass(frozen=True)
class Goods:
    """Packs of a listing from one lot."""

    listing: Listing
    lot: Lot
    packs: int

    @property
    def base(self) -> int:
        return self.packs * self.listing.pack_base


def planned_stops(session: Session, found: Round) -> list[PlannedStop]:
    """Where the round's goods will go, before they set out; one statement."""
    unit = case((Order.channel == "canteen", Organisation.name), else_="")
    rows = session.execute(
        select(
            PickupPoint.name,
            unit,
            func.count(Order.id.distinct()),
            func.sum(OrderLine.allocated_packs),
        )
        .select_from(Order)
        .join(PickupPoint, PickupPoint.id == Order.pickup_point_id)
        .outerjoin(Organisation, Organisation.id == Order.organisation_id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(Order.round_id == found.id, Order.state == "allocated")
        .where(OrderLine.allocated_packs > 0)
        .group_by(PickupPoint.id, PickupPoint.name, unit)
        .order_by(PickupPoint.id, unit)
    )
    return [
        PlannedStop(f"{unit_name}（{point}）" if unit_name else point, orders, int(packs))
        for point, unit_name, orders, packs in rows
    ]


def progress_of(session: Session, manifests: Select[Manifest]) -> list[Progress]:
    """The stops among `manifests` with what has happened at each; two statements."""
    these = Delivery.manifest_id.in_(manifests.with_only_columns(Manifest.id))
    packs = (
        select(Delivery.manifest_id, func.sum(OrderLine.allocated_packs).label("packs"))
        .join(OrderLine, OrderLine.order_id == Delivery.order_id)
        .where(these)
        .group_by(Delivery.manifest_id)
        .subquery()
    )
    each = (
        select(
            Delivery.manifest_id,
            func.count().label("orders"),
            LOADED.label("loaded"),
            ARRIVED.label("arrived"),
            ENDED.label("ended"),
        )
        .where(these)
        .group_by(Delivery.manifest_id)
        .subquery()
    )
    rows = session.execute(
        manifests.add_columns(
            each.c.orders, packs.c.packs, each.c.loaded, each.c.arrived, each.c.ended
        )
        .join(each, each.c.manifest_id == Manifest.id)
        .join(packs, packs.c.manifest_id == Manifest.id)
        .options(
            joinedload(Manifest.point), joinedload(Manifest.organisation), joinedload(Manifest.trip)
        )
        .order_by(Manifest.id)
    )
    return [Progress(row[0], *(int(n or 0) for n in row[1:])) for row in rows]


def of_round(found: Round) -> Select[Manifest]:
    return select(Manifest).where(Manifest.round_id == found.id)


def of_trip(trip: Trip) -> Select[Manifest]:
    return select(Manifest).where(Manifest.trip_id == trip.id)


def get_manifest(session: Session, scope: Scope, number: str) -> Manifest:
    """A stop of which some order is in reach."""
    mine = scope.visible(select(Order)).with_only_columns(Order.id)
    here = select(Delivery.id).where(
        Delivery.manifest_id == Manifest.id, Delivery.order_id.in_(mine)
    )
    found = session.scalar(
        select(Manifest)
        .where(Manifest.number == number, here.exists())
        .options(
            joinedload(Manifest.point),
            joinedload(Manifest.organisation),
            joinedload(Manifest.round),
        )
    )
    if found is None:
        raise NotFound("没有这张配送单。")
    return found


def goods_of(session: Session, manifests: Select[Manifest]) -> dict[int, list[Goods]]:
    """What lies in the van for each stop (manifest id): packs by listing and lot; one statement."""
    rows = session.execute(
        select(Delivery.manifest_id, Listing, Lot, func.sum(Allocation.packs))
        .join(OrderLine, OrderLine.listing_id == Listing.id)
        .join(Allocation, Allocation.order_line_id == OrderLine.id)
        .join(Lot, Lot.id == Allocation.lot_id)
        .join(Delivery, Delivery.order_id == OrderLine.order_id)
        .where(Delivery.manifest_id.in_(manifests.with_only_columns(Manifest.id)))
        .options(joinedload(Listing.product))
        .group_by(Delivery.manifest_id, Listing.id, Lot.id)
        .order_by(Delivery.manifest_id, Listing.id, Lot.id)
    )
    goods: defaultdict[int, list[Goods]] = defaultdict(list)
    for manifest_id, listing, lot, packs in rows:
        goods[manifest_id].append(Goods(listing, lot, int(packs)))
    return goods


def deliveries_of(session: Session, manifest: Manifest) -> Sequence[Delivery]:
    """Its orders with their lines, in the order in which they were placed."""
    return session.scalars(
        select(Delivery)
        .join(Order, Order.id == Delivery.order_id)
        .where(Delivery.manifest_id == manifest.id)
        .options(
            joinedload(Delivery.order)
            .selectinload(Order.lines)
            .joinedload(OrderLine.listing)
            .joinedload(Listing.product),
            joinedload(Delivery.order).joinedload(Order.organisation),
        )
        .order_by(Order.id)
    ).all()
