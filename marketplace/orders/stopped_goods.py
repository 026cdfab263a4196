"""Goods of lots on hold that a round still means to deliver: they stay until the lot is cut or opened again."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import STOPPED, Lot
from marketplace.core.errors import Conflict
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_models import Round

NAMED = 3


def stopped_goods(session: Session, found: Round) -> Sequence[tuple[Lot, int]]:
    """Stopped lots with the packs that orders of the round are to get of them; one statement."""
    packs = (
        select(Allocation.lot_id, func.sum(Allocation.packs).label("packs"))
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.round_id == found.id, Order.state == "allocated", Allocation.packs > 0)
        .group_by(Allocation.lot_id)
        .subquery()
    )
    rows = session.execute(
        select(Lot, packs.c.packs)
        .join(packs, packs.c.lot_id == Lot.id)
        .where(Lot.state.in_(STOPPED))
        .order_by(Lot.id)
    )
    return [(lot, int(count)) for lot, count in rows]


def stopped_words(stopped: Sequence[tuple[Lot, int]]) -> str:
    """Which they are and what to do."""
    said = [f"批次 {lot.code} 停着，还有 {packs} 份要送" for lot, packs in stopped[:NAMED]]
    more = f"；一共停着 {len(stopped)} 批" if len(stopped) > NAMED else ""
    return f"{'；'.join(said)}{more}。请到“暂停”里先减掉，或者恢复。"


def refuse_stopped(session: Session, found: Round) -> None:
    """Raises Conflict while goods of a stopped lot would set out."""
    if stopped := stopped_goods(session, found):
        raise Conflict(f"还不能发车：{stopped_words(stopped)}", code="held")
