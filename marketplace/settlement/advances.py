"""Working capital that pays households before their buyers do: named, limited, approved, repaid."""

from collections import Counter
from collections.abc import Sequence
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
    return standings(session, [advance])[advance.id]


def standings(session: Session, found: Sequence[Advance]) -> dict[int, Standing]:
    """By id; as many statements for one as for many."""
    ids = [one.id for one in found]
    rows = session.execute(
        select(PayoutRun.advance_id, func.sum(PayoutRun.advanced_fen))
        .where(PayoutRun.advance_id.in_(ids), PayoutRun.state == "proposed")
        .group_by(PayoutRun.advance_id)
    )
    bound = {advance_id: int(fen) for advance_id, fen in rows}
    drawn = books.balances(session, "advance", [one.party for one in found])
    unpaid = _unpaid(session, ids)
    return {
        one.id: Standing(
            bound.get(one.id, 0),
            drawn.get(one.party, 0),
            max(0, drawn.get(one.party, 0) - unpaid[one.id]),
        )
        for one in found
    }


def _unpaid(session: Session, ids: Sequence[int]) -> Counter[int]:
    """Of what each paid, the part whose buyers still owe."""
    items = session.execute(
        select(PayoutRun.advance_id, PayoutItem.order_id, PayoutItem.lot_id, PayoutItem.fen)
        .join(PayoutRun, PayoutRun.id == PayoutItem.run_id)
        .where(PayoutRun.advance_id.in_(ids), PayoutRun.state.in_(("approved", "sent", "done")))
        .where(PayoutItem.advanced, ~PayoutItem.dropped)
    ).all()
    orders = sorted({order_id for _, order_id, *_ in items})
    owed = owed_items(session, orders) if orders else []
    here = {(one.order_id, one.lot_id) for one in owed if one.here}
    unpaid: Counter[int] = Counter()
    for advance_id, order_id, lot_id, fen in items:
        if advance_id and (order_id, lot_id) not in here:
            unpaid[advance_id] += fen
    return unpaid


def available_fen(session: Session, advance: Advance) -> int:
    return room_fen(advance, standing(session, advance))


def room_fen(advance: Advance, standing: Standing) -> int:
    return max(0, advance.limit_fen - standing.bound - standing.drawn)


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
