"""Whose orders a stop touches: of lots, or of a pickup point, with the stage in which the goods are."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.bulk import in_batches
from marketplace.core.identifiers import mask_name, mask_phone
from marketplace.fulfilment.delivery_models import Delivery
from marketplace.identity.scope import Where
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import HOLDING_STATES, Order, OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.round_models import Commitment, Listing

STAGES = {
    "waiting": "还没分配",
    "preparing": "在备货、集货",
    "on_way": "在路上，还没验收",
    "received": "已经收到",
}


@dataclass(frozen=True)
class Touched:
    """Packs of one order line. Before allocation no order has a lot: then they are the most it could get."""

    stage: str
    line: OrderLine
    packs: int

    @property
    def order(self) -> Order:
        return self.line.order

    @property
    def whose(self) -> str:
        """The unit, else the person who fetches, masked; with a masked phone."""
        order = self.order
        who = order.organisation.name if order.organisation else mask_name(order.contact_name)
        return f"{who} {mask_phone(order.contact_phone)}" if order.contact_phone else who


def by_stage(rows: Collection[Touched]) -> dict[str, list[Touched]]:
    """Only stages in which anything is, in the order of the goods' way."""
    found = {stage: [row for row in rows if row.stage == stage] for stage in STAGES}
    return {stage: there for stage, there in found.items() if there}


def touched_by_lots(session: Session, lots: Collection[int]) -> list[Touched]:
    """What orders are to get, or have, of these lots; and all that wait for a listing that offers them."""
    offered = {
        listing_id: int(packs)
        for listing_id, packs in session.execute(
            select(Commitment.listing_id, func.sum(Commitment.packs))
            .where(
                Commitment.lot_id.in_(lots),
                Commitment.quantity_base > 0,
                Commitment.allocated_packs.is_(None),
            )
            .group_by(Commitment.listing_id)
        )
    }
    waiting = _ordered(
        session, OrderLine.listing_id.in_(offered), OrderLine.allocated_packs.is_(None)
    )
    for line_id, listing_id in session.execute(
        select(OrderLine.id, OrderLine.listing_id).where(OrderLine.listing_id.in_(offered))
    ):
        if line_id in waiting:
            waiting[line_id] = min(waiting[line_id], offered[listing_id])
    return _rows(session, waiting) + _rows(session, _given(session, Allocation.lot_id.in_(lots)))


def orders_by_lot(session: Session, lots: Collection[int]) -> dict[int, tuple[int, int]]:
    """Lot id → orders and packs that it was given to; lots that nobody has are missing. One statement."""
    rows = session.execute(
        select(
            Allocation.lot_id,
            func.count(OrderLine.order_id.distinct()),
            func.sum(Allocation.packs),
        )
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .where(Allocation.lot_id.in_(lots))
        .group_by(Allocation.lot_id)
    )
    return {lot_id: (orders, int(packs)) for lot_id, orders, packs in rows}


def touched_by_stop(session: Session, point_id: int) -> list[Touched]:
    """What is still to reach this pickup point."""
    here = Order.pickup_point_id == point_id
    waiting = _ordered(session, here, OrderLine.allocated_packs.is_(None))
    given = _ordered(session, here, OrderLine.allocated_packs > 0)
    return _rows(session, waiting) + _rows(session, given)


def _ordered(session: Session, *which: Where) -> Counter[int]:
    """Packs by line of orders that hold goods, as allocated or, before, as ordered."""
    rows = session.execute(
        select(OrderLine.id, func.coalesce(OrderLine.allocated_packs, OrderLine.packs))
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.state.in_(HOLDING_STATES), *which)
    )
    return Counter({line_id: int(packs) for line_id, packs in rows})


def _given(session: Session, of_lots: Where) -> Counter[int]:
    """Packs by line that came from the lots, without those that came back."""
    given = session.execute(
        select(Allocation.order_line_id, func.sum(Allocation.packs))
        .where(of_lots)
        .group_by(Allocation.order_line_id)
    )
    found = Counter({line_id: int(packs) for line_id, packs in given})
    back = session.execute(
        select(GoodsReturn.order_line_id, func.sum(GoodsReturn.packs))
        .where(
            GoodsReturn.lot_id.in_(select(Allocation.lot_id).where(of_lots)),
            GoodsReturn.order_line_id.in_(select(Allocation.order_line_id).where(of_lots)),
        )
        .group_by(GoodsReturn.order_line_id)
    )
    for line_id, packs in back:
        found[line_id] -= int(packs)
    return +found


def _rows(session: Session, packs: Mapping[int, int]) -> list[Touched]:
    lines: list[OrderLine] = []
    sent: set[int] = set()
    for some in in_batches(packs):
        lines += session.scalars(
            select(OrderLine)
            .where(OrderLine.id.in_(some))
            .options(
                joinedload(OrderLine.listing).joinedload(Listing.product),
                joinedload(OrderLine.order).joinedload(Order.organisation),
                joinedload(OrderLine.order).joinedload(Order.pickup_point),
                joinedload(OrderLine.order).joinedload(Order.round),
            )
        )
        orders = select(OrderLine.order_id).where(OrderLine.id.in_(some))
        sent |= set(session.scalars(select(Delivery.order_id).where(Delivery.order_id.in_(orders))))
    lines.sort(key=lambda line: (line.order_id, line.id))
    return [Touched(_stage(line, sent), line, packs[line.id]) for line in lines]


def _stage(line: OrderLine, sent: Collection[int]) -> str:
    if line.order.state == "closed":
        return "received"
    if line.order_id in sent:
        return "on_way"
    return "waiting" if line.allocated_packs is None else "preparing"
