"""Money that has to wait, with the reason and since when; and what ends the waiting."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.settlement.notice_models import Objection
from marketplace.settlement.payee_models import HOLD_REASONS, PayoutHold
from marketplace.settlement.payout_models import PayoutLine, PayoutRun

CHANGED = "这笔货款刚刚变了，请刷新再看。"


def hold_line(session: Session, actor: Actor, line: PayoutLine, reason: str, words: str) -> None:
    """The owner's money waits from now on: this line, and any other of his that the bank cannot have yet.
    Raises InvalidInput, Conflict once the bank's file was taken."""
    if reason not in HOLD_REASONS:
        raise InvalidInput("请选为什么暂缓。", code="missing", field="why")
    session.refresh(line.run, with_for_update={"of": PayoutRun})
    session.refresh(line)
    if line.state not in {"proposed", "approved"}:
        raise Conflict("这笔钱已经交给银行或者有了结果，不能再暂缓。", code="wrong_state")
    if line.run.file_taken_at:
        raise Conflict("银行文件已经取走，银行可能在付，不能再暂缓。", code="file_taken")
    hold_owner(session, actor, line, reason, words)


def hold_owner(session: Session, actor: Actor, line: PayoutLine, reason: str, words: str) -> None:
    """Whatever of the line's owner the bank cannot have yet waits from now on, and what comes later."""
    session.add(
        PayoutHold(
            household_id=line.household_id,
            organisation_id=line.organisation_id,
            reason=reason,
            words=words.strip()[:200],
            since=now(),
            by_id=actor.user_id,
        )
    )
    for one in _same_owners(session, line):
        move(session, one, "held", because=CHANGED, held_since=now(), reason=HOLD_REASONS[reason])
        audit.record(session, actor, "payout_held", "payout_line", one.number, why=reason)


def _same_owners(session: Session, line: PayoutLine) -> list[PayoutLine]:
    """The owner's lines that can still be kept back, in id order."""
    whose = (
        PayoutLine.household_id == line.household_id
        if line.household_id
        else PayoutLine.organisation_id == line.organisation_id
    )
    return list(
        session.scalars(
            select(PayoutLine)
            .join(PayoutRun, PayoutRun.id == PayoutLine.run_id)
            .where(whose, PayoutLine.state.in_(("proposed", "approved")))
            .where(PayoutRun.file_taken_at.is_(None))
            .order_by(PayoutLine.id)
        )
    )


def open_holds(session: Session, line: PayoutLine, *, for_update: bool = False) -> list[PayoutHold]:
    """What still keeps the line's owner from being paid."""
    whose = (
        PayoutHold.household_id == line.household_id
        if line.household_id
        else PayoutHold.organisation_id == line.organisation_id
    )
    found = select(PayoutHold).where(whose, PayoutHold.ended_at.is_(None)).order_by(PayoutHold.id)
    return list(session.scalars(found.with_for_update() if for_update else found))


def open_objections(session: Session, line: PayoutLine) -> int:
    """How many objections to payments of the line's owner nobody has answered."""
    waiting = (
        select(func.count(Objection.id))
        .join(PayoutLine, PayoutLine.id == Objection.line_id)
        .where(
            PayoutLine.household_id == line.household_id
            if line.household_id
            else PayoutLine.organisation_id == line.organisation_id
        )
        .where(Objection.answered_at.is_(None))
    )
    return session.scalar(waiting) or 0


def release_line(session: Session, actor: Actor, line: PayoutLine, how: str) -> None:
    """The reason is gone: the next run takes the line up. Raises InvalidInput without words, Conflict
    while an objection waits for its answer."""
    if open_objections(session, line):
        raise Conflict("还有异议没有答复，答复了自己就解除。", code="objections")
    if not how.strip():
        raise InvalidInput("请写怎么解决的，审计会看。", code="missing", field="how")
    if not end_holds(session, actor, line, how.strip()[:200]):
        raise NotFound("这笔钱没有人暂缓。")


def end_holds(
    session: Session, actor: Actor, line: PayoutLine, how: str, reason: str | None = None
) -> bool:
    """End what keeps the line's owner from being paid, all of it or what has this `reason`; False when
    there is none."""
    holds = [one for one in open_holds(session, line) if reason in {None, one.reason}]
    for one in holds:
        one.ended_at, one.ended_by_id, one.ended_how = now(), actor.user_id, how
    if holds:
        audit.record(session, actor, "payout_released", "payout_line", line.number)
    return bool(holds)


def retry_line(session: Session, actor: Actor, line: PayoutLine) -> None:
    """The bank's reason has been cleared up: the next run pays into the same account again."""
    if line.state != "bounced":
        raise Conflict(CHANGED, code="wrong_state")
    line.retry = True
    audit.record(session, actor, "payout_retried", "payout_line", line.number)
