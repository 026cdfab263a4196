"""Submitting a group registration: one order for each pickup point, all of them or none, once."""

from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.group_registrations import entries_of, why_closed
from marketplace.orders.listings import lock_listings
from marketplace.orders.order_models import GroupEntry, GroupRegistration, Order
from marketplace.orders.ordering import OrderInput, place_order
from marketplace.orders.reserve import refuse_short

GROUP_FUNDS = ("own", "union")
ALREADY = "名单已经交过了，不能再交一次。"


@dataclass(frozen=True)
class SubmitInput:
    """Who fetches the goods for the unit, and out of which fund they are paid."""

    contact_name: str
    contact_phone: str
    fund_source: str = "own"


def submit_group(
    session: Session, actor: Actor, group: GroupRegistration, given: SubmitInput
) -> list[str]:
    """Order everything registered; returns the orders' numbers.

    Raises Conflict when it was submitted before, SoldOut naming every product of which more is
    registered than left, InvalidInput; the transaction must then be rolled back whole.
    """
    if given.fund_source not in GROUP_FUNDS:
        raise InvalidInput("请选资金来源。", code="unknown_fund", field="fund_source")
    if group.state == "open" and (closed := why_closed(group, organiser=True)):
        raise Conflict(closed, code="round_closed")
    move(session, group, "submitted", because=ALREADY, submitted_at=now())
    entries = [e for e in entries_of(session, group.id) if e.removed_at is None]
    if not entries:
        raise Conflict("还没有人登记，没有可交的。", code="empty")
    _check_supply(session, entries)
    by_place: dict[int, list[GroupEntry]] = {}
    for entry in entries:
        by_place.setdefault(entry.pickup_point_id, []).append(entry)
    numbers = []
    for place, there in sorted(by_place.items()):
        number = place_order(session, actor, _order(group, place, there, given))
        order_id = session.scalar(select(Order.id).where(Order.number == number))
        session.execute(
            update(GroupEntry)
            .where(GroupEntry.id.in_([entry.id for entry in there]))
            .values(order_id=order_id)
        )
        numbers.append(number)
    audit.record(session, actor, "group_submitted", "group", group.id, orders=len(numbers))
    return numbers


def total_packs(entries: list[GroupEntry]) -> Counter[int]:
    """Listing id → packs over these entries."""
    total: Counter[int] = Counter()
    for entry in entries:
        for line in entry.lines:
            total[line.listing_id] += line.packs
    return total


def _check_supply(session: Session, entries: list[GroupEntry]) -> None:
    """Against the sum over all places; the listings stay locked in id order for the orders to come."""
    total = total_packs(entries)
    refuse_short(lock_listings(session, sorted(total)), total)


def _order(
    group: GroupRegistration, place: int, entries: list[GroupEntry], given: SubmitInput
) -> OrderInput:
    return OrderInput(
        round_id=group.round_id,
        packs=dict(total_packs(entries)),
        pickup_point_id=place,
        contact_name=given.contact_name,
        contact_phone=given.contact_phone,
        idempotency_key=f"group-{group.id}-{place}",
        channel="group",
        organisation_id=group.organisation_id,
        fund_source=given.fund_source,
        note=group.title,
        pay_how="unit",
    )
