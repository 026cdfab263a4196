"""What is taken off payments: recoveries whose owner has signed, the oldest first, never more than is paid."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.orm import Session, joinedload

from marketplace.orders.return_models import GoodsReturn
from marketplace.settlement.payout_models import LIVE_LINES, PayoutLine
from marketplace.settlement.recovery_models import (
    PayoutDeduction,
    Recovery,
    RecoveryConsent,
    RecoveryWriteOff,
)
from marketplace.settlement.splitting import Owner

Offsets = Sequence[tuple[int, int]]
"""What of which recovery (id, fen)."""


def taken_off() -> ColumnElement[int]:
    """Fen that payments are less because of a recovery."""
    return (
        select(func.coalesce(func.sum(PayoutDeduction.fen), 0))
        .join(PayoutLine, PayoutLine.id == PayoutDeduction.line_id)
        .where(PayoutDeduction.recovery_id == Recovery.id, PayoutLine.state.in_(LIVE_LINES))
        .correlate(Recovery)
        .scalar_subquery()
    )


def written_off() -> ColumnElement[int]:
    return (
        select(func.coalesce(func.sum(RecoveryWriteOff.fen), 0))
        .where(RecoveryWriteOff.recovery_id == Recovery.id, RecoveryWriteOff.state == "approved")
        .correlate(Recovery)
        .scalar_subquery()
    )


def open_fen() -> ColumnElement[int]:
    """What of a recovery is neither taken off nor written off."""
    return Recovery.fen - taken_off() - written_off()


def agreed_to(
    session: Session, owners: Collection[Owner], *, for_update: bool = False
) -> dict[Owner, Offsets]:
    """What may be taken off the next payments of these owners: signed for, open, and not about to be written
    off. With `for_update` nobody writes any of it off meanwhile."""
    waits = select(RecoveryWriteOff.id).where(
        RecoveryWriteOff.recovery_id == Recovery.id, RecoveryWriteOff.state == "proposed"
    )
    if for_update:
        signed = select(Recovery.id).join(RecoveryConsent).order_by(Recovery.id)
        session.execute(signed.with_for_update(of=Recovery))
    rows = session.execute(
        select(Recovery.household_id, Recovery.organisation_id, Recovery.id, open_fen())
        .join(RecoveryConsent, RecoveryConsent.recovery_id == Recovery.id)
        .where(open_fen() > 0, ~waits.exists())
        .order_by(Recovery.id)
    )
    found: defaultdict[Owner, list[tuple[int, int]]] = defaultdict(list)
    for household_id, organisation_id, recovery_id, fen in rows:
        owner = Owner(household_id or 0, organisation_id or 0)
        if owner in owners:
            found[owner].append((recovery_id, int(fen)))
    return dict(found)


def offsets(
    payments: Sequence[tuple[Owner, int]], agreed: Mapping[Owner, Offsets]
) -> list[Offsets]:
    """For each payment (its owner, the most that may be taken off it) what is, in their order."""
    left = {owner: [*waiting] for owner, waiting in agreed.items()}
    return [_take(left.get(owner, []), most) for owner, most in payments]


def _take(waiting: list[tuple[int, int]], most: int) -> Offsets:
    """Out of what waits, the first first; what is left of it goes on waiting."""
    taken: list[tuple[int, int]] = []
    while waiting and most:
        recovery_id, fen = waiting.pop(0)
        part = min(fen, most)
        taken.append((recovery_id, part))
        most -= part
        if fen > part:
            waiting.insert(0, (recovery_id, fen - part))
    return taken


def store(session: Session, lines: Sequence[PayoutLine], taken: Sequence[Offsets]) -> None:
    """The lines are flushed and say in `deducted_fen` what it comes to."""
    rows = [
        {"line_id": line.id, "recovery_id": recovery_id, "fen": fen}
        for line, offs in zip(lines, taken, strict=True)
        for recovery_id, fen in offs
    ]
    if rows:
        session.execute(insert(PayoutDeduction), rows)


def deductions_of(
    session: Session, lines: Sequence[PayoutLine]
) -> dict[int, list[PayoutDeduction]]:
    """Line id → what is taken off it, with the reason and the signature. One statement."""
    found: dict[int, list[PayoutDeduction]] = {line.id: [] for line in lines}
    wanted = [line.id for line in lines if line.off_fen]
    if wanted:
        whole = joinedload(PayoutDeduction.recovery)
        for row in session.scalars(
            select(PayoutDeduction)
            .where(PayoutDeduction.line_id.in_(wanted))
            .options(
                whole.joinedload(Recovery.consent),
                whole.joinedload(Recovery.returned).joinedload(GoodsReturn.lot),
            )
            .order_by(PayoutDeduction.id)
        ):
            found[row.line_id].append(row)
    return found
