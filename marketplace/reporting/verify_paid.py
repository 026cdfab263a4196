"""What the rows of payments say of some lots, beside what their streams say: paid to whom, signed for by whom."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalog.lot_events import whose
from marketplace.settlement.lot_events import payment_data
from marketplace.settlement.payout_models import PayoutLine, PayoutPart

PAID_EVENTS = {"paid", "came_back", "received"}
Payment = tuple[Any, ...]
"""What such an event says, in the order of its keys."""


@dataclass
class Paid:
    """What a lot's stream says of its money."""

    paid: Counter[Payment] = field(default_factory=Counter)
    """Less what came back from the bank."""
    received: Counter[Payment] = field(default_factory=Counter)

    def note(self, kind: str, data: Mapping[str, Any]) -> None:
        counts = self.received if kind == "received" else self.paid
        counts[_payment(data)] += -1 if kind == "came_back" else 1


def _payment(data: Mapping[str, Any]) -> Payment:
    return tuple(data[key] for key in sorted(data))


class PaidBooks:
    def __init__(self, session: Session, ids: Sequence[int]) -> None:
        self._parts: defaultdict[int, list[Any]] = defaultdict(list)
        for row in session.execute(
            select(
                PayoutPart.lot_id,
                PayoutPart.line_id,
                PayoutPart.household_id,
                PayoutPart.fen,
                PayoutPart.received_on,
            ).where(PayoutPart.lot_id.in_(ids))
        ):
            self._parts[row.lot_id].append(row)
        self._paying = _paying(session, ids)

    def unlike(self, lot_id: int, said: Paid, holders: Collection[str] | None) -> str:
        """What differs, in words. `holders`: codes of all who have ever had a share; None where the stream
        does not know, which also says nothing of payments that were made before it."""
        paid, received = self._paid(lot_id)
        if holders is None:
            more = said.paid - paid or said.received - received
            return "付款和记录不一样" if more else ""
        if said.paid != paid or said.received != received:
            return "付款和记录不一样"
        if any(whose(lot_id, row.household_id) not in holders for row in self._parts[lot_id]):
            return "货款分给了没有份的人"
        return ""

    def _paid(self, lot_id: int) -> tuple[Counter[Payment], Counter[Payment]]:
        paid: Counter[Payment] = Counter()
        received: Counter[Payment] = Counter()
        for row in self._parts[lot_id]:
            for number, collected in self._paying[row.line_id]:
                of = payment_data(lot_id, row.household_id, row.fen, number, collected=collected)
                paid[_payment(of)] += 1
                if row.received_on is not None:
                    received[_payment(of)] += 1
        return paid, received


def _paying(session: Session, ids: Sequence[int]) -> Mapping[int, list[tuple[str, bool]]]:
    """Line that has parts of these lots → number of the payment that was made of it, itself or one that
    replaced it, and whether an organisation got it."""
    found: defaultdict[int, list[tuple[str, bool]]] = defaultdict(list)
    of_lots = select(PayoutPart.line_id).where(PayoutPart.lot_id.in_(ids))
    for column in (PayoutLine.id, PayoutLine.origin_id):
        for line_id, number, organisation_id in session.execute(
            select(column, PayoutLine.number, PayoutLine.organisation_id).where(
                column.in_(of_lots), PayoutLine.state == "paid"
            )
        ):
            found[line_id or 0].append((number, organisation_id is not None))
    return found
