"""What the rows of holds say of some lots, beside what their streams say."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.orders.hold_models import Hold, HoldLot
from marketplace.orders.lot_events import hold_code

HOLD_EVENTS = {"held", "hold_lifted"}


class HoldBooks:
    def __init__(self, session: Session, ids: Sequence[int]) -> None:
        self._held: defaultdict[int, dict[str, str]] = defaultdict(dict)
        self._freed: defaultdict[int, set[str]] = defaultdict(set)
        for row in session.execute(
            select(HoldLot.lot_id, Hold.id, Hold.cause, Hold.lifted_at)
            .join(Hold, Hold.id == HoldLot.hold_id)
            .where(HoldLot.lot_id.in_(ids))
        ):
            code = hold_code(row.lot_id, row.id)
            if row.lifted_at is None:
                self._held[row.lot_id][code] = row.cause
            else:
                self._freed[row.lot_id].add(code)

    def unlike(self, lot: Any, held: Mapping[str, str], freed: Collection[str]) -> str:
        """What differs, in words. A recalled lot stays recalled, whatever holds it."""
        if self._held[lot.id] != held or self._freed[lot.id] != freed:
            return "暂停和记录不一样"
        if lot.state != "recalled" and bool(held) != (lot.state == "on_hold"):
            return "停没停着和记录不一样"
        return ""
