"""Lots that are recalled, and how much of them is still with somebody who must not hand it out."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot
from marketplace.core.codes import read_code
from marketplace.fulfilment.delivery_models import Delivery
from marketplace.identity.scope import Scope
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import Order, OrderLine

SHOWN = 50


@dataclass(frozen=True)
class OnTheWay:
    """A recalled lot, and orders and packs of it that set out and were not accepted or refused yet."""

    lot: Lot
    orders: int
    packs: int


def find_by_code(session: Session, scope: Scope, typed: str) -> Lot | None:
    """By the number that people read, or by the code on the box, as it was typed or scanned."""
    code = read_code(typed)
    return session.scalar(
        scope.visible(select(Lot)).where(or_(Lot.code == code, Lot.trace_code == code))
    )


def recalled_lots(session: Session, scope: Scope) -> Sequence[OnTheWay]:
    """Those with goods on their way first, then the newest; two statements."""
    under_way = (
        select(
            Allocation.lot_id,
            func.count(Order.id.distinct()).label("orders"),
            func.sum(Allocation.packs).label("packs"),
        )
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Delivery, Delivery.order_id == Order.id)
        .where(Order.state == "allocated")
        .group_by(Allocation.lot_id)
        .subquery()
    )
    rows = session.execute(
        scope.visible(select(Lot))
        .add_columns(func.coalesce(under_way.c.orders, 0), func.coalesce(under_way.c.packs, 0))
        .outerjoin(under_way, under_way.c.lot_id == Lot.id)
        .where(Lot.state == "recalled")
        .options(
            joinedload(Lot.product),
            joinedload(Lot.region),
            joinedload(Lot.household),
            joinedload(Lot.organisation),
        )
        .order_by(under_way.c.packs.is_(None), Lot.id.desc())
        .limit(SHOWN)
    )
    return [OnTheWay(lot, orders, int(packs)) for lot, orders, packs in rows]
