"""Money that arrived: once for each payment, whoever tells of it first and however often.

A notice, the buyer who comes back, and the job that asks all end here. What is told is only ever what
Alipay signed or answered; the sum must be the one that was asked for.
"""

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.errors import Conflict
from marketplace.core.states import move
from marketplace.identity.actor import SYSTEM
from marketplace.ledger.posting import credit, debit, post
from marketplace.orders.deposits import take_deposit
from marketplace.orders.order_models import Order
from marketplace.orders.order_money import subject_of
from marketplace.orders.paying import confirm_paid, hold
from marketplace.payments.models import OPEN_STATES, Payment
from marketplace.payments.refunding import give_back_excess

CHANGED = "这笔付款刚刚变了，请刷新再看。"


class OtherSum(Conflict):
    """Alipay tells of another sum than was asked for: a person has to look."""

    default_code = "other_sum"


def payment_of(session: Session, number: str) -> Payment | None:
    return session.scalar(select(Payment).where(Payment.number == number))


def last_payment(session: Session, order_id: int) -> Payment | None:
    """The latest attempt to pay an order."""
    mine = select(Payment).where(Payment.order_id == order_id)
    return session.scalar(mine.order_by(Payment.id.desc()).limit(1))


def take_money(session: Session, number: str, trade_no: str, fen: int) -> bool:
    """Book a payment as paid; False when it was already. Raises OtherSum, and Conflict for a number that
    nobody asked a payment under.

    The order counts from now on; one that has ended in the meantime gets its goods back or its
    buyer the money.
    """
    found = payment_of(session, number)
    if found is None:
        raise Conflict("没有这笔付款。", code="unknown_payment")
    order = hold(session, found.order_id)
    session.refresh(found)
    if found.state == "paid":
        return False
    if fen != found.fen:
        raise OtherSum("金额和应付的不一样。")
    move(session, found, "paid", because=CHANGED, paid_at=now(), trade_no=trade_no[:64])
    if found.for_deposit:
        take_deposit(session, order, fen, number)
    else:
        _note_collected(session, order, fen)
        subject = subject_of(order)
        lines = [debit("alipay_clearing", fen), credit("buyer_prepayment", fen, subject)]
        post(session, SYSTEM, "paid", f"paid:{number}", subject, lines)
    confirm_paid(session, order)
    give_back_excess(session, order)
    return True


def _note_collected(session: Session, order: Order, fen: int) -> None:
    session.execute(
        update(Order)
        .where(Order.id == order.id)
        .values(collected_fen=Order.collected_fen + fen, collected_how="alipay", collected_at=now())
        .execution_options(synchronize_session=False)
    )
    session.refresh(order)


def open_payments(session: Session, order_id: int) -> int:
    mine = select(func.count()).where(Payment.order_id == order_id, Payment.state.in_(OPEN_STATES))
    return session.scalar(mine) or 0
