"""What streams of lots say of their money: paid to whom, back from the bank, signed for."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalog.lot_events import subject_of, whose
from marketplace.settlement.payout_models import PayoutLine, PayoutPart
from marketplace.trace.streams import Event, append, opaque


def record_paid_out(session: Session, line: PayoutLine, kind: str) -> None:
    """`kind`: paid, or came_back. Each part of the payment stands in the stream of its lot."""
    parts = session.scalars(
        select(PayoutPart).where(PayoutPart.line_id == line.parts_line_id).order_by(PayoutPart.id)
    ).all()
    _record(session, parts, kind, line)


def record_received(session: Session, part: PayoutPart, line: PayoutLine) -> None:
    """A household has signed to who collected for it, and had got it by `line`."""
    _record(session, [part], "received", line)


def sum_code(lot_id: int, number: str, fen: int) -> str:
    """What a household got is nobody's business: only who has the key sees that the sum is the same."""
    return opaque(subject_of(lot_id), f"{number}:{fen}")


def payment_data(
    lot_id: int, household_id: int | None, fen: int, number: str, *, collected: bool
) -> dict[str, Any]:
    """What of payment `number` is for a lot, and whose. The number stands in the streams of several lots, so
    it is a code in each; `collected`: by an organisation."""
    return {
        "collected": collected,
        "payment": opaque(subject_of(lot_id), f"payment:{number}"),
        "sum": sum_code(lot_id, number, fen),
        "to": whose(lot_id, household_id),
    }


def _record(session: Session, parts: Sequence[PayoutPart], kind: str, line: PayoutLine) -> None:
    collected = line.organisation_id is not None
    append(
        session,
        [
            Event(
                subject_of(part.lot_id),
                kind,
                payment_data(
                    part.lot_id, part.household_id, part.fen, line.number, collected=collected
                ),
            )
            for part in parts
        ],
    )
