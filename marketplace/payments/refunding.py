"""Money that goes back to where it came from, by itself: what a buyer paid beyond what he owes.

How much that is follows from the order and is never typed. A request has a number of its own, under
which Alipay gives back once; an unclear answer is asked about before it is sent again.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.orm import Session

from marketplace.core.clock import now, today
from marketplace.core.db import db, transaction
from marketplace.core.errors import NotFound
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.ledger.posting import credit, debit, post
from marketplace.notices.outbox import Message, enqueue
from marketplace.orders.collecting import due_column, due_fen
from marketplace.orders.deposits import deposit_given_back, wanted_fen
from marketplace.orders.order_models import COUNTED_STATES, Order
from marketplace.orders.order_money import subject_of
from marketplace.orders.paying import hold
from marketplace.orders.round_models import Round
from marketplace.payments.answers import Refused, Unclear
from marketplace.payments.models import PENDING_STATES, Payment, Refund

if TYPE_CHECKING:
    from marketplace.payments.alipay import Alipay

log = structlog.get_logger("refunds")
CHANGED = "这笔退款刚刚变了，请刷新再看。"
SETTLED_SHORTAGE = ("collecting", "delivering", "settled")
"""Before these a cut can still be taken back with the allocation: its money waits so long."""
PAUSES = (0, 1, 5, 15, 60, 240, 720)
"""Minutes before each next try."""
MOST_AT_ONCE = 200
ENOUGH = 3
"""So many in a row that could not be sent say that Alipay cannot be reached."""
LOOKED_BACK = timedelta(days=180)
"""Nothing comes back of an order that was delivered so long ago."""
NOT_BACK_YET = (*PENDING_STATES, "failed")


def owed_fen(session: Session, order: Order) -> int:
    """What the buyer owes for good: what was cut counts once the sheets are out."""
    if order.state not in COUNTED_STATES:
        return 0
    if order.round.state not in SETTLED_SHORTAGE:
        return sum(line.amount_fen for line in order.lines)
    return due_fen(session, order)


def give_back_excess(session: Session, order: Order) -> int:
    """Ask for what is beyond what is owed, and for a deposit that need not stay, each from its latest
    payment on; returns the fen asked for. The order is held by the caller."""
    session.flush()
    stays = wanted_fen(order, due_fen(session, order)) if order.deposit_held_fen else 0
    return _give_back(
        session, order, order.collected_fen - owed_fen(session, order), for_deposit=False
    ) + _give_back(session, order, order.deposit_held_fen - stays, for_deposit=True)


def _give_back(session: Session, order: Order, beyond: int, *, for_deposit: bool) -> int:
    if beyond <= 0:
        return 0
    left = beyond - _on_its_way(session, order.id, for_deposit=for_deposit)
    asked = 0
    payments = session.scalars(
        select(Payment)
        .where(
            Payment.order_id == order.id,
            Payment.state == "paid",
            Payment.for_deposit.is_(for_deposit),
        )
        .order_by(Payment.id.desc())
    ).all()
    for payment in payments:
        fen = min(left - asked, payment.fen - _asked_back(session, payment.id))
        if fen > 0:
            _request(session, order, payment, fen)
            asked += fen
    return asked


def _request(session: Session, order: Order, payment: Payment, fen: int) -> None:
    before = session.scalar(select(func.count()).where(Refund.payment_id == payment.id)) or 0
    reason = "订单没有成" if order.state not in COUNTED_STATES else "少给的、多付的"
    if payment.for_deposit:
        reason = "退押金"
    number = f"{payment.number}-R{before + 1}"
    refund = Refund(
        number=number,
        payment_id=payment.id,
        fen=fen,
        reason=reason,
        created_at=now(),
        try_at=now(),
    )
    session.add(refund)
    session.flush()
    message = Message(
        provider_key=f"refund:{number}",
        kind="refund",
        subject=subject_of(order),
        title=f"订单 {order.number} {'的押金' if payment.for_deposit else '有钱'}退给您",
        body=f"¥{fen // 100}.{fen % 100:02d} 原路退回支付宝，一般当天到账。",
        to_user_id=order.buyer_id,
    )
    enqueue(session, message)


def _on_its_way(session: Session, order_id: int, *, for_deposit: bool) -> int:
    pending = (
        select(func.coalesce(func.sum(Refund.fen), 0))
        .join(Payment, Payment.id == Refund.payment_id)
        .where(
            Payment.order_id == order_id,
            Payment.for_deposit.is_(for_deposit),
            Refund.state.in_(NOT_BACK_YET),
        )
    )
    return int(session.scalar(pending) or 0)


def _asked_back(session: Session, payment_id: int) -> int:
    asked = select(func.coalesce(func.sum(Refund.fen), 0)).where(Refund.payment_id == payment_id)
    return int(session.scalar(asked) or 0)


def _pending_column(*, for_deposit: bool) -> ColumnElement[int]:
    return (
        select(func.coalesce(func.sum(Refund.fen), 0))
        .join(Payment, Payment.id == Refund.payment_id)
        .where(
            Payment.order_id == Order.id,
            Payment.for_deposit.is_(for_deposit),
            Refund.state.in_(NOT_BACK_YET),
        )
        .correlate(Order)
        .scalar_subquery()
    )


def find_excess() -> int:
    """A job: cancelled orders, cut packs, double payments and deposits that have done their work, whatever
    led to them. Returns the fen."""
    held = Order.collected_fen - _pending_column(for_deposit=False)
    ended = Order.state.not_in(COUNTED_STATES)
    settled = Round.state.in_(SETTLED_SHORTAGE) & (Round.delivers_on > today() - LOOKED_BACK)
    too_much = or_(ended & (held > 0), held > Order.total_fen, settled & (held > due_column()))
    candidates = db.session.scalars(
        select(Order.id)
        .join(Round, Round.id == Order.round_id)
        .where(
            or_((Order.collected_how == "alipay") & too_much, _deposit_is_free(ended)),
        )
        .order_by(Order.id)
    ).all()
    asked = 0
    for order_id in candidates:
        with transaction() as session:
            asked += give_back_excess(session, hold(session, order_id))
    return asked


def _deposit_is_free(ended: ColumnElement[bool]) -> ColumnElement[bool]:
    held = Order.deposit_held_fen - _pending_column(for_deposit=True)
    paid = (Order.state == "closed") & (Order.collected_fen >= due_column())
    return (held > 0) & or_(held > Order.deposit_fen, ended, paid)


def send_refunds(alipay: "Alipay") -> int:
    """A job: send what is due, ask about what is unclear. Returns how many are done."""
    due = db.session.execute(
        select(Refund.id, Refund.state)
        .where(Refund.state.in_(PENDING_STATES), Refund.try_at <= now())
        .order_by(Refund.try_at)
        .limit(MOST_AT_ONCE)
    ).all()
    done = vain = 0
    for refund_id, state in due:
        sent = _send(alipay, refund_id, state)
        done, vain = done + sent, 0 if sent else vain + 1
        if vain == ENOUGH:
            break  # the other jobs of the minute shall not wait for a gateway that says nothing
    return done


def _send(alipay: "Alipay", refund_id: int, state: str) -> bool:
    """Between two transactions Alipay is asked; whatever dies in between is found again as `sent`."""
    with transaction() as session:
        refund = session.get_one(Refund, refund_id)
        if refund.state != state:
            return False  # somebody else is at it
        refund.tries += 1
        pause = PAUSES[min(refund.tries, len(PAUSES) - 1)]
        refund.try_at = now() + timedelta(minutes=pause)
        number, fen, reason = refund.number, refund.fen, refund.reason
        paid_as = refund.payment.number
        if state != "sent":
            move(session, refund, "sent", because=CHANGED)
    try:
        if state == "requested" or alipay.ask_refund(paid_as, number) is None:
            alipay.refund(paid_as, number, fen, reason)
    except Unclear as error:
        _ended(refund_id, "unknown", str(error))
        return False
    except Refused as error:
        _ended(refund_id, "failed", str(error))
        log.warning("refund_refused", refund=number, code=error.code)
        return False
    return _done(refund_id)


def ask_again(session: Session, actor: Actor, refund_id: int) -> None:
    """A person had a look at why Alipay refused, and asks once more. Raises Conflict."""
    refund = session.get(Refund, refund_id)
    if refund is None:
        raise NotFound("没有这笔退款。")
    move(session, refund, "requested", because=CHANGED, try_at=now(), error="")
    audit.record(session, actor, "refund_asked_again", "order", refund.payment.order.number)


def _ended(refund_id: int, state: str, error: str) -> None:
    with transaction() as session:
        refund = session.get_one(Refund, refund_id)
        if refund.state == "sent":
            move(session, refund, state, because=CHANGED, error=error[:80])


def _done(refund_id: int) -> bool:
    with transaction() as session:
        refund = session.get_one(Refund, refund_id)
        order = hold(session, refund.payment.order_id)
        session.refresh(refund)
        if refund.state not in {"sent", "unknown"}:
            return False
        move(session, refund, "done", because=CHANGED, done_at=now(), error="")
        if refund.payment.for_deposit:
            deposit_given_back(session, order, refund.fen, refund.number)
            return True
        session.execute(
            update(Order)
            .where(Order.id == order.id, Order.collected_fen >= refund.fen)
            .values(collected_fen=Order.collected_fen - refund.fen)
            .execution_options(synchronize_session=False)
        )
        subject = subject_of(order)
        lines = [
            debit("buyer_prepayment", refund.fen, subject),
            credit("alipay_clearing", refund.fen),
        ]
        post(session, SYSTEM, "refunded", f"refunded:{refund.number}", subject, lines)
    return True
