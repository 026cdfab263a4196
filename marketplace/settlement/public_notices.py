"""Notices in the villages with their dates, and objections: heard, kept, answered.

An objection holds the household's money, but for what the bank has; its answer lets it go.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import format_day, now, today
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope
from marketplace.regions.models import Region
from marketplace.settlement.holding import end_holds, hold_owner, open_holds, open_objections
from marketplace.settlement.notice_models import Objection, PublicNotice
from marketplace.settlement.payout_models import PayoutLine, PayoutRun

DAYS = (3, 5, 7, 10)
"""So long a notice may hang; objections are asked for until then, and heard later too."""
USUAL_DAYS = 7


@dataclass(frozen=True)
class Village:
    """A village's households in a run: how many, their fen, until when its notice hangs, and how many
    objections nobody has answered."""

    code: str
    name: str
    households: int
    fen: int
    notice_ends: date | None
    open_objections: int


def notice_of(session: Session, run: PayoutRun, region_code: str) -> PublicNotice | None:
    mine = select(PublicNotice).where(PublicNotice.run_id == run.id)
    return session.scalar(mine.where(PublicNotice.region_code == region_code))


def post_notice(
    session: Session, actor: Actor, run: PayoutRun, region_code: str, days: int
) -> PublicNotice:
    """It hangs from today on. Raises Conflict when it already does, or when the run was refused."""
    if days not in DAYS:
        raise InvalidInput("请选公示几天。", code="days", field="days")
    session.refresh(run, with_for_update={"of": PayoutRun})
    if run.state == "rejected":
        raise Conflict("这一批已经退回，不用公示。", code="wrong_state")
    if found := notice_of(session, run, region_code):
        raise Conflict(f"已经贴出，公示到{format_day(found.ends)}。", code="posted")
    made = PublicNotice(
        run_id=run.id,
        region_code=region_code,
        begins=today(),
        ends=today() + timedelta(days=days - 1),
        posted_at=now(),
        posted_by_id=actor.user_id,
    )
    session.add(made)
    session.flush()
    audit.record(session, actor, "notice_posted", "payout_run", run.number)
    return made


def villages(session: Session, scope: Scope, run: PayoutRun) -> list[Village]:
    """Those of the run within reach. One statement."""
    unanswered = (
        select(Objection.line_id, func.count().label("open"))
        .where(Objection.answered_at.is_(None))
        .group_by(Objection.line_id)
        .subquery()
    )
    hangs = (PublicNotice.run_id == run.id) & (PublicNotice.region_code == PayoutLine.region_code)
    rows = session.execute(
        scope.visible(select(PayoutLine))
        .join(PayoutLine.region)
        .outerjoin(unanswered, unanswered.c.line_id == PayoutLine.id)
        .outerjoin(PublicNotice, hangs)
        .where(PayoutLine.run_id == run.id, PayoutLine.household_id.is_not(None))
        .with_only_columns(
            PayoutLine.region_code,
            func.min(Region.name),
            func.count(PayoutLine.id),
            func.sum(PayoutLine.fen),
            func.min(PublicNotice.ends),
            func.coalesce(func.sum(unanswered.c.open), 0),
        )
        .group_by(PayoutLine.region_code)
        .order_by(PayoutLine.region_code)
    )
    return [
        Village(code, name, count, int(fen), ends, int(waiting))
        for code, name, count, fen, ends, waiting in rows
    ]


def objections_to(session: Session, line: PayoutLine) -> list[Objection]:
    """The oldest first."""
    found = select(Objection).where(Objection.line_id == line.id).order_by(Objection.id)
    return list(
        session.scalars(found.options(joinedload(Objection.by), joinedload(Objection.answered_by)))
    )


def hear(session: Session, actor: Actor, line: PayoutLine, heard_on: date, said: str) -> bool:
    """Keep an objection: the household's money waits for the answer. Returns whether this payment does;
    what the bank has waits only when it comes back. Raises InvalidInput without words or for a day to
    come."""
    if not said.strip():
        raise InvalidInput("请写谁说了什么。", code="missing", field="said")
    if heard_on > today():
        raise InvalidInput("听到的日期不能在今天以后。", code="future", field="heard_on")
    made = Objection(
        line_id=line.id, heard_on=heard_on, said=said.strip()[:400], by_id=actor.user_id, at=now()
    )
    session.add(made)
    session.flush()
    audit.record(session, actor, "objection_heard", "payout_line", line.number)
    session.refresh(line.run, with_for_update={"of": PayoutRun})
    session.refresh(line)
    hold_owner(session, actor, line, "disputed", "")
    return line.state == "held"


def answer(session: Session, actor: Actor, line: PayoutLine, objection_id: int, words: str) -> bool:
    """Answer an objection; with the last one the household's money is let go. Returns whether it was."""
    open_holds(session, line, for_update=True)  # two last answers in one moment queue here
    found = session.get(Objection, objection_id, with_for_update={"of": Objection})
    if found is None or found.line_id != line.id:
        raise NotFound("没有这条异议。")
    if not words.strip():
        raise InvalidInput("请写怎么答复的，审计会看。", code="missing", field="answer")
    if found.answered_at:
        raise Conflict("这条异议已经答复过了。", code="answered")
    found.answer, found.answered_at = words.strip()[:200], now()
    found.answered_by_id = actor.user_id
    session.flush()
    audit.record(session, actor, "objection_answered", "payout_line", line.number)
    if open_objections(session, line):
        return False
    ended = end_holds(session, actor, line, f"异议已答复：{found.answer}"[:200], "disputed")
    return ended and not open_holds(session, line)
