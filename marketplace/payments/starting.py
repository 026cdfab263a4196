"""Asking for a payment: one open attempt for each order, for exactly what is owed now: its price, or
the deposit of who pays the price later."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.errors import Conflict
from marketplace.orders.order_models import Order
from marketplace.orders.paying import hold, pay_by
from marketplace.payments.answers import Wanted
from marketplace.payments.models import OPEN_STATES, Payment

SHORTEST = timedelta(minutes=1)
"""Alipay takes no payment with less time left."""


def start_payment(session: Session, order_id: int) -> Payment:
    """The open attempt of an order, or a new one. Raises Conflict when the order waits for no money."""
    order = hold(session, order_id)
    if order.state != "awaiting_payment":
        raise Conflict("这个订单现在不用付款，请看订单。", code="not_payable")
    if pay_by(order) - now() < SHORTEST:
        raise Conflict("付款时间到了，请重新下单。", code="too_late")
    mine = select(Payment).where(Payment.order_id == order_id)
    found = session.scalar(mine.where(Payment.state.in_(OPEN_STATES)))
    if found is not None:
        return found
    attempts = session.scalar(select(func.count()).where(Payment.order_id == order_id)) or 0
    made = Payment(
        number=f"{order.number}-{attempts + 1}",
        order_id=order_id,
        fen=asked_now(order),
        for_deposit=bool(order.deposit_fen),
        created_at=now(),
        expires_at=pay_by(order),
        ask_at=now() + timedelta(minutes=1),
    )
    session.add(made)
    session.flush()
    return made


def asked_now(order: Order) -> int:
    """What an order waits for, in fen."""
    return order.deposit_fen or order.total_fen - order.collected_fen


def wanted_of(payment: Payment, order: Order) -> Wanted:
    what = "押金" if payment.for_deposit else ""
    subject = f"乡帮第 {order.round.number} 期订单 {order.number}{what}"
    return Wanted(payment.number, payment.fen, subject, payment.expires_at)
