"""An order that counts once it is paid: how long it waits, what confirms it, what ends it.

Whoever takes money (payments) calls these with the order's round held against closing and its row locked.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.db import savepoint
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import SYSTEM
from marketplace.orders import endings
from marketplace.orders.endings import CHANGED, end_orders, held_packs, hold_round, lock_orders
from marketplace.orders.order_models import Order
from marketplace.orders.reserve import reserve
from marketplace.orders.round_models import Round

TO_PAY = timedelta(minutes=30)
TO_LEARN = timedelta(minutes=15)
"""So long after its time an order still waits for Alipay to say whether it was paid."""
UNPAID = "没有在时限内付款"


def pay_by(order: Order) -> datetime:
    """Never later than its round closes, or was closed. A unit has until then: it orders for many."""
    closes_at = min(order.round.closes_at, order.round.closed_at or order.round.closes_at)
    return min(order.placed_at + TO_PAY, closes_at) if order.channel == "shop" else closes_at


def hold(session: Session, order_id: int) -> Order:
    """The order as it is now, locked, in a round that nobody closes meanwhile."""
    hold_round(session, order_id)
    (order,) = lock_orders(session, Order.id == order_id)
    session.refresh(order, ["round"])
    return order


def confirm_paid(session: Session, order: Order) -> bool:
    """The money is here: the order counts. An order that expired a moment too early comes back if its
    goods are still there. False when it cannot, so that the money has to go back."""
    if order.state == "awaiting_payment":
        if endings.ended_with_round(order):
            end_orders(session, SYSTEM, [order], "expired", endings.UNPAID)
            return False
        move(session, order, "confirmed", because=CHANGED, confirmed_at=now())
    elif order.state == "expired":
        try:
            with savepoint(session):
                reserve(session, order.round, held_packs(session, order.id))
        except (Conflict, InvalidInput):
            return False
        move(
            session,
            order,
            "confirmed",
            because=CHANGED,
            confirmed_at=now(),
            ended_at=None,
            ended_because="",
        )
    else:
        return False
    audit.record(session, SYSTEM, "order_confirmed", "order", order.number)
    return True


def expire_unpaid(session: Session, order: Order) -> None:
    """What it held can be ordered by others at once."""
    end_orders(session, SYSTEM, [order], "expired", UNPAID)


def waiting_in(session: Session, in_round: Round) -> int:
    """How many orders of a round still wait for their money."""
    waiting = select(func.count()).where(
        Order.round_id == in_round.id, Order.state == "awaiting_payment"
    )
    return session.scalar(waiting) or 0


def refuse_while_waiting(session: Session, in_round: Round) -> None:
    """Raises Conflict while somebody may be paying: his packs are neither sold nor free."""
    if waiting := waiting_in(session, in_round):
        raise Conflict(
            f"还有 {waiting} 个订单在等支付宝的结果，几分钟后再分配。", code="payments_open"
        )
