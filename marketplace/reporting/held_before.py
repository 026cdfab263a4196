"""Orders that a lot was to go to once and does not go to now, as its stream tells it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.orders.lot_events import buyer
from marketplace.orders.order_models import OrderLine
from marketplace.trace.proofs import events_of

MOST_SHOWN = 500
"""So many orders stand on one page, the latest."""


@dataclass(frozen=True)
class HeldBefore:
    """`packs` that `line` was to get, until `ended`; `now`: what it gets still."""

    line: OrderLine
    packs: int
    now: int
    ended: datetime
    why: str
    """The lot was recalled, the allocation of the round undone, or the listing shared out anew."""


@dataclass(frozen=True)
class _Lost:
    packs: int
    now: int
    at: int
    why: str


def held_before(session: Session, lot_id: int, trace_code: str) -> list[HeldBefore]:
    """The latest first. The stream names order lines by codes, which only the county can tell."""
    lost = _lost(events_of(session, trace_code))
    if not lost:
        return []
    of_listings = OrderLine.listing_id.in_({listing for listing, _ in lost})
    codes = {code for _, code in lost}
    ids = [
        line_id
        for line_id in session.scalars(select(OrderLine.id).where(of_listings))
        if buyer(lot_id, line_id) in codes
    ]
    lines = session.scalars(
        select(OrderLine)
        .where(OrderLine.id.in_(ids[-MOST_SHOWN:]))
        .options(joinedload(OrderLine.order), joinedload(OrderLine.listing))
    ).all()
    found = []
    for line in lines:
        one = lost[line.listing_id, buyer(lot_id, line.id)]
        ended = datetime.fromtimestamp(one.at, UTC)
        found.append(HeldBefore(line, one.packs, one.now, ended, one.why))
    return sorted(found, key=lambda one: (one.ended, one.line.id), reverse=True)


def _lost(events: Iterable[Mapping[str, Any]]) -> dict[tuple[int, str], _Lost]:
    """Listing and code of the order line → what it had and has not any more."""
    lost: dict[tuple[int, str], _Lost] = {}
    given: dict[int, dict[str, int]] = {}
    recalled = False
    for event in events:
        recalled = recalled or event["kind"] == "recalled"
        if event["kind"] not in {"allocated", "allocation_undone"}:
            continue
        listing = event["data"]["listing"]
        now = {row[0]: row[1] for row in event["data"].get("packs", ())}
        before = given.get(listing, {})
        for code, packs in before.items():
            if now.get(code, 0) < packs:
                undone = event["kind"] == "allocation_undone"
                why = "recalled" if recalled else "undone" if undone else "anew"
                lost[listing, code] = _Lost(packs, now.get(code, 0), event["at"], why)
        for code, packs in now.items():
            known = lost.get((listing, code))
            if known and packs >= known.packs:
                del lost[listing, code]
            elif known:
                lost[listing, code] = _Lost(known.packs, packs, known.at, known.why)
        given[listing] = now
    return lost
