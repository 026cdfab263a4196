"""Full names and telephones: only for a reason, and never without a row in the audit trail."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from marketplace.core.errors import InvalidInput
from marketplace.fulfilment.sheet_rows import Row
from marketplace.identity import audit
from marketplace.identity.actor import Actor

REASONS = {
    "deliver": "打印出来发给农户",
    "certificate": "印合格证",
    "tell": "打电话通知备货",
    "check": "核对名单",
}
NAMED = 200
"""So many households fit into one row of the trail; lists are never longer than that."""


def reason_words(typed: str) -> str:
    """The reason chosen, in words; raises InvalidInput when none was."""
    if typed not in REASONS:
        raise InvalidInput("请先选查看的理由。", code="no_reason", field="reason")
    return REASONS[typed]


def record_reveal(
    session: Session, actor: Actor, rows: Sequence[Row], reason: str, what: str
) -> None:
    """One row: why, what was shown, and whose. Cooperatives are no persons and are left out."""
    households = [row.sheet.household_id for row in rows if row.sheet.household_id]
    one = len(households) == 1
    audit.record(
        session,
        actor,
        "personal_revealed",
        "household" if one else "round",
        households[0] if one else (rows[0].sheet.round_id if rows else ""),
        reason=reason,
        what=what,
        households=",".join(str(number) for number in households[:NAMED]),
    )
