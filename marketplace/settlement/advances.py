"""Working capital that pays households before their buyers do: named, limited, approved, repaid."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.clock import now, today
from marketplace.core.codes import next_number
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.money import format_yuan
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.ledger import books
from marketplace.ledger.posting import credit, debit, post
from marketplace.settlement.owed import owed_items
from marketplace.settlement.payout_models import Advance, PayoutItem, PayoutRun
from marketplace.settlement.two_people import refuse_own

CHANGED = "这笔周转金刚刚变了，请刷新再看。"


@dataclass(frozen=True)
class Standing:
    """Of an advance, in fen: `bound` waits for approval, `drawn` has to be paid back,
    `due` of it at once, because the buyers have paid."""

    bound: int
    drawn: int
    due: int


def get_advance(session: Session, advance_id: int) -> Advance:
    found = session.get(Advance, advance_id)
    if found is None:
        raise NotFound("没有这笔周转金。")
    return found


def propose_advance(
    session: Session, actor: Actor, name: str, limit_fen: int, repay_by: date
) -> Advance:
    """Raises InvalidInput for a day that has passed."""
    if repay_by <= today():
        raise InvalidInput("归还日期要在今天以后。", code="past", field="repay_by")
    made = Advance(
        number=next_number(session, "advance"),
        name=name,
        limit_fen=limit_fen,
        repay_by=repay_by,
        proposed_by_id=actor.user_id,
        proposed_at=now(),
    )
    session.add(made)
    session.flush()
    audit.record(session, actor, "advance_proposed", "advance", made.number, fen=limit_fen)
    return made


def decide_advance(
    session: Session, actor: Actor, advance: Advance, *, approve: bool, reason: str = ""
) -> None:
    """Raises Conflict for one's own, InvalidInput for a refusal without words."""
    refuse_own(session, actor, advance.proposed_by_id, advance.proposed_at)
    if not approve and not reason.strip():
        raise InvalidInput("请写不同意的原因。", code="missing", field="reason")
    move(
        session,
        advance,
        "approved" if approve else "rejected",
        because=CHANGED,
        decided_by_id=actor.user_id,
        decided_at=now(),
        reason=reason.strip()[:200],
    )
    action = "advance_approved" if approve else "advance_rejected"
    audit.record(session, actor, action, "advance", advance.number)


def standing(session: Session, advance: Advance) -> Standing:
    bound = select(func.coalesce(func.sum(PayoutRun.advanced_fen), 0)).where(
        PayoutRun.advance_id == advance.id, PayoutRun.state == "proposed"
    )
    drawn = -books.balance(session, "advance", advance.party)
    return Standing(
        int(session.scalar(bound) or 0), drawn, max(0, drawn - _unpaid(session, advance))
    )


def _unpaid(session: Session, advance: Advance) -> int:
    """Of what it paid, the part whose buyers still owe."""
    items = session.execute(
        select(PayoutItem.order_id, PayoutItem.lot_id, PayoutItem.fen)
        .join(PayoutRun, PayoutRun.id == PayoutItem.run_id)
        .where(
            PayoutRun.advance_id == advance.id, PayoutRun.state.in_(("approved", "sent", "done"))
        )
        .where(PayoutItem.advanced, ~PayoutItem.dropped)
    ).all()
    orders = sorted({order_id for order_id, *_ in items})
    here = (
        {(o.order_id, o.lot_id) for o in owed_items(session, orders) if o.here} if orders else set()
    )
    return sum(fen for order_id, lot_id, fen in items if (order_id, lot_id) not in here)


def available_fen(session: Session, advance: Advance) -> int:
    now_bound = standing(session, advance)
    return max(0, advance.limit_fen - now_bound.bound - now_bound.drawn)


def repay(session: Session, actor: Actor, advance: Advance, fen: int) -> None:
    """The county paid working capital back from its bank account. Raises InvalidInput beyond what is drawn."""
    session.refresh(advance, with_for_update=True)
    drawn = -books.balance(session, "advance", advance.party)
    if not 0 < fen <= drawn:
        raise InvalidInput(
            f"还没有归还的是 {format_yuan(drawn)} 元，不能还 {format_yuan(fen)} 元。",
            code="too_much",
            field="amount",
        )
    lines = [debit("advance", fen, advance.party), credit("bank", fen)]
    times = len(books.about(session, advance.party))
    post(session, actor, "advance_repaid", f"repaid:{advance.number}:{times}", advance.party, lines)
    audit.record(session, actor, "advance_repaid", "advance", advance.number, fen=fen)


def close_advance(session: Session, actor: Actor, advance: Advance) -> None:
    """Raises Conflict while something is bound or drawn."""
    session.refresh(advance, with_for_update=True)
    found = standing(session, advance)
    if found.bound or found.drawn:
        raise Conflict("还有没归还的钱，不能结束。", code="drawn")
    move(session, advance, "closed", because=CHANGED)
    audit.record(session, actor, "advance_closed", "advance", advance.number)
