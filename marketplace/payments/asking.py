"""Asking Alipay what became of a payment, and ending what nobody will pay any more.

A notice may be lost, so every payment that is open is asked about, ever more rarely. One whose time is
over is closed at Alipay first: only then is it sure that nobody pays it, and its order expires.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.core.states import move
from marketplace.orders.order_models import Order
from marketplace.orders.paying import TO_LEARN, TO_PAY, expire_unpaid, hold, pay_by
from marketplace.orders.round_models import Round
from marketplace.payments.answers import Refused, Trade, Unclear
from marketplace.payments.models import OPEN_STATES, Payment
from marketplace.payments.taking import CHANGED, OtherSum, open_payments, take_money

if TYPE_CHECKING:
    from marketplace.payments.alipay import Alipay

log = structlog.get_logger("payments")
PAUSES = (1, 2, 5, 10, 30, 60, 360, 1440)
"""Minutes before a payment is asked about again."""
MOST_AT_ONCE = 200
ENOUGH = 3
"""So many unclear answers in a row say that Alipay cannot be reached."""


def ask_payments(alipay: "Alipay") -> int:
    """A job: ask about every payment that is due; returns how many turned out to be paid."""
    moment = now()
    ends = or_(
        Payment.expires_at <= moment,
        Order.state != "awaiting_payment",
        Round.closes_at <= moment,
        Round.closed_at <= moment,
    )
    due = db.session.scalars(
        select(Payment.number)
        .join(Order, Order.id == Payment.order_id)
        .join(Round, Round.id == Order.round_id)
        .where(
            Payment.state.in_(OPEN_STATES),
            or_(Payment.ask_at <= moment, (Payment.state == "created") & ends),
        )
        .order_by(Payment.ask_at)
        .limit(MOST_AT_ONCE)
    ).all()
    paid = unclear = 0
    for number in due:
        state = ask_about(alipay, number)
        paid += state == "paid"
        unclear = unclear + 1 if state == "unknown" else 0
        if unclear == ENOUGH:
            break  # nobody answers: the other jobs of the minute shall not wait for all of them
    return paid


def ask_about(alipay: "Alipay", number: str) -> str:
    """Ask about one payment, and do what follows; returns its state then.

    Nothing is held while Alipay is asked. An unclear answer changes nothing but when to ask again.
    """
    try:
        trade = alipay.ask(number)
        if trade is not None and trade.paid:
            return _taken(number, trade)
        if trade is None or trade.status == "WAIT_BUYER_PAY":
            if not _over(number):
                return _still_open(number, "created")
            alipay.close(number)
        return _closed(number)
    except Unclear as error:
        log.warning("payment_unclear", payment=number, why=str(error))
        return _still_open(number, "unknown")
    except Refused as error:
        # Paid in the moment of closing, or a fault of the merchant's settings: asked again.
        log.warning("payment_refused", payment=number, code=error.code)
        return _still_open(number, "unknown")


def _taken(number: str, trade: Trade) -> str:
    try:
        with transaction() as session:
            take_money(session, number, trade.number, trade.fen)
    except OtherSum:
        log.warning("payment_other_sum", payment=number, fen=trade.fen)
        return _still_open(number, "unknown")
    return "paid"


def _over(number: str) -> bool:
    """Whether nobody should pay this any more: its time is up, or its order has ended."""
    row = db.session.execute(
        select(Payment, Order)
        .join(Order, Order.id == Payment.order_id)
        .where(Payment.number == number)
        .options(joinedload(Order.round))
        .execution_options(populate_existing=True)
    ).one()
    payment, order = row[0], row[1]
    ends = min(payment.expires_at, pay_by(order))
    return order.state != "awaiting_payment" or ends <= now()


def _still_open(number: str, state: str) -> str:
    """Asked in vain, for now."""
    with transaction() as session:
        payment = _locked(session, number)
        if payment.state not in OPEN_STATES:
            return payment.state
        if payment.ask_at <= now():  # a buyer who looks again does not make the job ask more rarely
            payment.asked += 1
            pause = PAUSES[min(payment.asked, len(PAUSES)) - 1]
            payment.ask_at = now() + timedelta(minutes=pause)
        if payment.state != state:
            move(session, payment, state, because=CHANGED)
        return state


def _closed(number: str) -> str:
    """Nobody can pay it any more; the order it was for expires, unless another attempt is open."""
    with transaction() as session:
        payment = _locked(session, number)
        if payment.state in OPEN_STATES:
            move(session, payment, "closed", because=CHANGED)
        if not open_payments(session, payment.order_id) and pay_by(payment.order) <= now():
            _expire(session, payment.order_id)
        return payment.state


def _locked(session: Session, number: str) -> Payment:
    payment = session.scalars(select(Payment).where(Payment.number == number)).one()
    hold(session, payment.order_id)
    session.refresh(payment)
    return payment


def _expire(session: Session, order_id: int) -> None:
    order = hold(session, order_id)
    if order.state == "awaiting_payment":
        expire_unpaid(session, order)


def expire_unpaid_orders() -> int:
    """A job: orders whose buyer never went to pay. One with an open payment ends when that is closed, or
    when nobody could say for too long what became of it."""
    moment = now()
    waiting = db.session.scalars(
        select(Order.id)
        .join(Round, Round.id == Order.round_id)
        .where(
            Order.state == "awaiting_payment",
            or_(
                Order.placed_at <= moment - TO_PAY,
                Round.closes_at <= moment,
                Round.closed_at <= moment,
            ),
        )
        .order_by(Order.id)
    ).all()
    return sum(_expired(order_id, moment) for order_id in waiting)


def _expired(order_id: int, moment: datetime) -> bool:
    try:
        with transaction() as session:
            order = hold(session, order_id)
            waits = TO_LEARN if open_payments(session, order_id) else timedelta()
            if order.state != "awaiting_payment" or pay_by(order) + waits > moment:
                return False
            expire_unpaid(session, order)
    except MarketplaceError as error:
        log.info("order_passed_over", order=order_id, code=error.code)
        return False
    return True
