"""What the bank says of each line: paid, or back, sometimes days after it was paid."""

import re
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.clock import today
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.ledger.posting import Line, credit, debit, post
from marketplace.notices.outbox import enqueue_all
from marketplace.settlement.deductions import deductions_of
from marketplace.settlement.lot_events import record_paid_out
from marketplace.settlement.payout_models import PayoutLine, PayoutPart, PayoutRun
from marketplace.settlement.telling import paid_messages, returned_messages

CHANGED = "这笔货款刚刚变了，请刷新再看。"


def record_paid(session: Session, actor: Actor, line: PayoutLine, day: date) -> bool:
    """The bank has paid a line on `day`; False when that is known. Raises Conflict for a line that is not
    with the bank, InvalidInput for a day that cannot be."""
    _lock(session, line)
    if line.state == "paid" and line.paid_on == day:
        return False
    if line.state != "sent":
        raise Conflict(_WRONG[line.state], code="wrong_state")
    if not line.accepted_on <= day <= today():
        raise InvalidInput("付款日期不会早于送货，也不会晚于今天。", code="bad_day", field="day")
    move(session, line, "paid", because=CHANGED, paid_on=day, reason="")
    post(
        session, actor, "paid_out", f"paid_out:{line.number}", _subject(line), _paid(session, line)
    )
    record_paid_out(session, line, "paid")
    audit.record(session, actor, "payout_paid", "payout_line", line.number, fen=line.net_fen)
    enqueue_all(session, paid_messages(session, line))
    _finish(session, line)
    return True


def record_bounced(session: Session, actor: Actor, line: PayoutLine, reason: str) -> bool:
    """The money did not arrive, or came back; False when that is known. Raises InvalidInput without
    words, Conflict for a line that was never with the bank."""
    reason = without_numbers(reason.strip())[:80]
    if not reason:
        raise InvalidInput("请写银行退回的原因。", code="missing", field="reason")
    _lock(session, line)
    if line.state == "bounced":
        return False
    if line.state not in {"sent", "paid"}:
        raise Conflict(_WRONG[line.state], code="wrong_state")
    if not line.net_fen:
        raise Conflict("这笔全抵了应收回的货款，没有经过银行。", code="offset")
    was_paid = line.state == "paid"
    if was_paid and _signed_for(session, line):
        raise Conflict("农户已经签收了这笔，不会再退回。请先核对。", code="received")
    lines = [Line(one.account, one.party, -one.fen) for one in _paid(session, line)]
    move(session, line, "bounced", because=CHANGED, paid_on=None, reason=reason)
    if was_paid:
        post(session, actor, "bounced", f"bounced:{line.number}", _subject(line), lines)
        record_paid_out(session, line, "came_back")
    audit.record(session, actor, "payout_bounced", "payout_line", line.number, fen=line.fen)
    enqueue_all(session, returned_messages(session, line))
    _finish(session, line)
    return True


def _lock(session: Session, line: PayoutLine) -> None:
    """The run first, then its line: whoever notes the last one finds the run done."""
    session.refresh(line.run, with_for_update={"of": PayoutRun})
    session.refresh(line, with_for_update={"of": PayoutLine})


def without_numbers(words: str) -> str:
    """What a bank writes, without accounts and phones: it is stored and shown as it is."""
    return re.sub(r"[0-9]{5,}", "*****", words)


_WRONG = {
    "proposed": "这笔还没有批，银行不会有结果。",
    "approved": "这一批还没有标记交给银行，先标记再导入结果。",
    "rejected": "这笔所在的批次已经退回。",
    "held": "这笔暂缓着，没有交给银行。",
    "sent": CHANGED,
    "paid": "这笔已经记了付款，日期不一样。",
    "bounced": "这笔已经退回来过，新的付款在后面的批次里。",
}


def _subject(line: PayoutLine) -> str:
    return f"payout:{line.number}"


def _paid(session: Session, line: PayoutLine) -> list[Line]:
    """What paying a line that is on its way or paid moves: the owner's own, less what he gives back with his
    signed word, and what a cooperative holds for its members."""
    collected = members_fen(session, line)
    off = deductions_of(session, [line])[line.id]
    return [
        debit("payout", line.fen - collected, line.party),
        debit("cooperative_held", collected, line.party),
        *(credit("household_recovery", one.fen, line.party) for one in off),
        credit("bank", line.net_fen),
    ]


def members_fen(session: Session, line: PayoutLine) -> int:
    """What of a cooperative's line is its members'."""
    if not line.organisation_id:
        return 0
    statement = select(func.coalesce(func.sum(PayoutPart.fen), 0)).where(
        PayoutPart.line_id == line.parts_line_id, PayoutPart.household_id.is_not(None)
    )
    return int(session.scalar(statement) or 0)


def _signed_for(session: Session, line: PayoutLine) -> bool:
    """Whether members have signed for what a cooperative got by this line."""
    signed = select(PayoutPart.id).where(
        PayoutPart.line_id == line.parts_line_id, PayoutPart.received_on.is_not(None)
    )
    return session.scalar(signed.limit(1)) is not None


def _finish(session: Session, line: PayoutLine) -> None:
    """A run is done when the bank has said something of every line."""
    waiting = select(func.count()).where(
        PayoutLine.run_id == line.run_id, PayoutLine.state.in_(("sent", "approved"))
    )
    if line.run.state == "sent" and not session.scalar(waiting):
        move(session, line.run, "done", because=CHANGED)
