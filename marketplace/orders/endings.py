"""How orders end before goods move: refused by the unit, expired at closing, cancelled by the county."""

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from marketplace.core.clock import now
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.reserve import give_back

CHANGED = "订单刚刚变了,请刷新再看。"


def held_packs(session: Session, order_id: int) -> dict[int, int]:
    """Listing id → packs as stored now: ask after the order's move, which waits for a change that is
    on its way; lines read before it may be old."""
    lines = select(OrderLine.listing_id, OrderLine.packs).where(OrderLine.order_id == order_id)
    return {row.listing_id: row.packs for row in session.execute(lines)}


def end_order(session: Session, actor: Actor, order: Order, state: str, because: str) -> None:
    """Move an order that holds goods to `state` and give back what it held."""
    move(session, order, state, because=CHANGED, ended_at=now(), ended_because=because)
    give_back(session, held_packs(session, order.id))
    audit.record(session, actor, f"order_{state}", "order", order.number)


def expire_unapproved(session: Session, actor: Actor, round_id: int) -> int:
    """At closing: what its unit has not approved (or nobody has paid) ends. Returns how many."""
    waiting = session.scalars(
        select(Order)
        .where(
            Order.round_id == round_id, Order.state.in_(("awaiting_approval", "awaiting_payment"))
        )
        .options(selectinload(Order.lines))
        .order_by(Order.id)
    ).all()
    for order in waiting:
        end_order(session, actor, order, "expired", "截单时还没有审批")
    return len(waiting)
