"""Goods came back after their household was paid: its part is asked back, and waits for its signature.

Without a signature nothing is taken off anything; finance may write it off with a second person's word.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import now, shanghai_date, today
from marketplace.core.codes import dated_code
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope
from marketplace.ledger.posting import credit, debit, post
from marketplace.orders.order_models import OrderLine
from marketplace.orders.return_models import RECOVERY, GoodsReturn
from marketplace.orders.returning import hears_of_returns, splits_what_was_paid
from marketplace.orders.round_models import Listing
from marketplace.orders.worth import returned_farmgate_fen
from marketplace.settlement.deductions import open_fen, taken_off, written_off
from marketplace.settlement.proposing import regions_of
from marketplace.settlement.recovery_models import (
    SIGNERS,
    PayoutDeduction,
    Recovery,
    RecoveryConsent,
    RecoveryWriteOff,
    party_of,
)
from marketplace.settlement.recovery_parts import owners_of_returned
from marketplace.settlement.two_people import refuse_own

CHANGED = "这笔刚刚变了，请刷新再看。"


@dataclass(frozen=True)
class Standing:
    """A recovery with its fen: taken off payments, written off, open; `write_off` is the newest."""

    recovery: Recovery
    off_fen: int
    written_fen: int
    write_off: RecoveryWriteOff | None

    @property
    def open_fen(self) -> int:
        return self.recovery.fen - self.off_fen - self.written_fen

    @property
    def days(self) -> int:
        """Since the goods came back."""
        return (today() - shanghai_date(self.recovery.at)).days

    @property
    def state(self) -> str:
        """A key of words.RECOVERY_STATES."""
        if not self.open_fen:
            return "written_off" if self.written_fen else "settled"
        if self.write_off and self.write_off.state == "proposed":
            return "writing_off"
        return "agreed" if self.recovery.consent else "waiting"


@splits_what_was_paid
def _split(
    session: Session, order_id: int, wanted: Sequence[tuple[int, int]]
) -> list[dict[str, int]]:
    return [
        {party_of(owner): part for owner, part in whose.items()}
        for whose in owners_of_returned(session, order_id, wanted)
    ]


@hears_of_returns
def _keep(session: Session, rows: Sequence[GoodsReturn]) -> None:
    asked = [row for row in rows if row.fault == RECOVERY]
    if not asked:
        return
    wanted = [(row.lot_id, returned_farmgate_fen(session, row)) for row in asked]
    found = owners_of_returned(session, asked[0].line.order_id, wanted)
    for row, whose in zip(asked, found, strict=True):
        regions = regions_of(session, whose)
        session.add_all(
            Recovery(
                number=dated_code("K", now()),
                household_id=owner.household_id or None,
                organisation_id=owner.organisation_id or None,
                region_code=regions[owner],
                return_id=row.id,
                fen=part,
                at=now(),
            )
            for owner, part in whose.items()
        )
    session.flush()


def listed(scope: Scope) -> Select[Recovery]:
    """Recoveries in reach, those that are open first, the oldest on top."""
    return _with_goods(scope.visible(select(Recovery))).order_by(open_fen() == 0, Recovery.id)


def _with_goods(statement: Select[Recovery]) -> Select[Recovery]:
    goods = joinedload(Recovery.returned)
    return statement.options(
        joinedload(Recovery.household),
        joinedload(Recovery.organisation),
        joinedload(Recovery.region),
        joinedload(Recovery.consent).joinedload(RecoveryConsent.by),
        goods.joinedload(GoodsReturn.lot),
        goods.joinedload(GoodsReturn.line).options(
            joinedload(OrderLine.order), joinedload(OrderLine.listing).joinedload(Listing.round)
        ),
    )


def standings(session: Session, found: Sequence[Recovery]) -> list[Standing]:
    """In the same order. Two statements."""
    ids = [one.id for one in found]
    fens = {
        recovery_id: (int(off), int(written))
        for recovery_id, off, written in session.execute(
            select(Recovery.id, taken_off(), written_off()).where(Recovery.id.in_(ids))
        )
    }
    write_offs = session.scalars(
        select(RecoveryWriteOff)
        .where(RecoveryWriteOff.recovery_id.in_(ids))
        .options(joinedload(RecoveryWriteOff.proposed_by), joinedload(RecoveryWriteOff.decided_by))
        .order_by(RecoveryWriteOff.id)
    )
    newest = {one.recovery_id: one for one in write_offs}
    return [Standing(one, *fens[one.id], newest.get(one.id)) for one in found]


def open_sum(session: Session, scope: Scope) -> tuple[int, int]:
    """How many in reach are open, and their fen."""
    mine = scope.visible(select(Recovery)).where(open_fen() > 0)
    row = session.execute(
        mine.with_only_columns(func.count(Recovery.id), func.coalesce(func.sum(open_fen()), 0))
    ).one()
    return int(row[0]), int(row[1])


def get_recovery(session: Session, scope: Scope, number: str) -> Recovery:
    found = session.scalar(listed(scope).where(Recovery.number == number))
    if found is None:
        raise NotFound("没有这笔应收回的货款。")
    return found


def open_of(session: Session, household_id: int) -> list[Standing]:
    """What a household is still asked to give back; the caller has checked who may see it."""
    mine = select(Recovery).where(Recovery.household_id == household_id, open_fen() > 0)
    return standings(session, session.scalars(_with_goods(mine).order_by(Recovery.id)).all())


def payments_of(session: Session, recovery: Recovery) -> Sequence[PayoutDeduction]:
    """Payments that are less because of it, the newest first, also those that were not made after all."""
    return session.scalars(
        select(PayoutDeduction)
        .where(PayoutDeduction.recovery_id == recovery.id)
        .options(joinedload(PayoutDeduction.line))
        .order_by(PayoutDeduction.id.desc())
    ).all()


def record_consent(
    session: Session, actor: Actor, recovery: Recovery, signed_by: str, signed_on: date, photo: str
) -> RecoveryConsent:
    """It may be taken off from the next run on. Raises InvalidInput without a picture of the signed paper or
    for a day that cannot be, Conflict when it is there already."""
    _lock(session, recovery)
    if session.scalar(select(RecoveryConsent.id).where(RecoveryConsent.recovery_id == recovery.id)):
        raise Conflict("已经存过签字了，不用再存。", code="signed")
    if signed_by not in SIGNERS:
        raise InvalidInput("请选是谁签的字。", code="missing", field="signed_by")
    if not shanghai_date(recovery.at) <= signed_on <= today():
        raise InvalidInput(
            "签字日期不会早于退货，也不会晚于今天。", code="bad_day", field="signed_on"
        )
    if not photo:
        raise InvalidInput("请拍下签了字的那张纸。", code="photo_missing", field="photo")
    made = RecoveryConsent(
        recovery_id=recovery.id,
        signed_by=signed_by,
        signed_on=signed_on,
        photo=photo,
        at=now(),
        by_id=actor.user_id,
    )
    session.add(made)
    session.flush()
    audit.record(session, actor, "recovery_agreed", "recovery", recovery.number, sha256=photo)
    return made


def _lock(session: Session, recovery: Recovery) -> int:
    """Holds the recovery; returns what is open of it now."""
    session.execute(select(Recovery.id).where(Recovery.id == recovery.id).with_for_update())
    return int(session.scalar(select(open_fen()).where(Recovery.id == recovery.id)) or 0)


def propose_write_off(
    session: Session, actor: Actor, recovery: Recovery, reason: str
) -> RecoveryWriteOff:
    """All that is open; from now on nothing is taken off for it. Raises InvalidInput without words, Conflict when
    nothing is open or one waits."""
    fen = _lock(session, recovery)
    if not reason.strip():
        raise InvalidInput("请写为什么不收回了，审计会看。", code="missing", field="reason")
    waiting = select(RecoveryWriteOff.id).where(
        RecoveryWriteOff.recovery_id == recovery.id, RecoveryWriteOff.state == "proposed"
    )
    if session.scalar(waiting) is not None or not fen:
        raise Conflict(CHANGED, code="wrong_state")
    made = RecoveryWriteOff(
        recovery_id=recovery.id,
        fen=fen,
        reason=reason.strip()[:200],
        proposed_by_id=actor.user_id,
        proposed_at=now(),
    )
    session.add(made)
    session.flush()
    audit.record(session, actor, "write_off_proposed", "recovery", recovery.number, fen=fen)
    return made


def waiting_write_off(session: Session, recovery: Recovery) -> RecoveryWriteOff:
    """The one that nobody has decided; raises NotFound."""
    found = session.scalar(
        select(RecoveryWriteOff).where(
            RecoveryWriteOff.recovery_id == recovery.id, RecoveryWriteOff.state == "proposed"
        )
    )
    if found is None:
        raise NotFound("没有等着批的核销。")
    return found


def decide_write_off(
    session: Session, actor: Actor, write_off: RecoveryWriteOff, *, approve: bool, answer: str = ""
) -> None:
    """Approving makes it a loss of the county's. Raises Conflict for one's own and when less is open by now,
    InvalidInput for a refusal without words."""
    recovery = write_off.recovery
    fen = _lock(session, recovery)
    if not approve and not answer.strip():
        raise InvalidInput("请写为什么不同意。", code="missing", field="answer")
    if approve:
        refuse_own(session, actor, write_off.proposed_by_id, write_off.proposed_at)
        if fen != write_off.fen:
            raise Conflict("还没收回的数变了，请退回，重新提。", code="changed")
    move(
        session,
        write_off,
        "approved" if approve else "rejected",
        because=CHANGED,
        decided_by_id=actor.user_id,
        decided_at=now(),
        answer=answer.strip()[:200],
    )
    if approve:
        order = recovery.returned.line.order
        lines = [
            debit("aftersale_loss", fen, f"round:{order.round.number}"),
            credit("household_recovery", fen, recovery.party),
        ]
        key = f"written_off:{write_off.id}"
        post(session, actor, "written_off", key, f"recovery:{recovery.number}", lines)
    action = "write_off_approved" if approve else "write_off_rejected"
    audit.record(session, actor, action, "recovery", recovery.number, fen=write_off.fen)
