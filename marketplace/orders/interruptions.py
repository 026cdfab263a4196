"""When a round does not go as planned: put on hold, postponed, cancelled."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.lots import lock_lots, release_committed
from marketplace.core.clock import now, shanghai_date
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.states import move, move_many
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.endings import end_orders, lock_orders
from marketplace.orders.listings import commitments_now, refresh_listing
from marketplace.orders.order_models import HOLDING_STATES, GroupRegistration, Order
from marketplace.orders.round_models import Round
from marketplace.orders.rounds import CHANGED, close_listings, stop_orders


@dataclass(frozen=True)
class NewDates:
    opens_at: datetime
    closes_at: datetime
    delivers_on: date


def hold_round(session: Session, actor: Actor, found: Round) -> None:
    """Nobody orders, nothing is allocated, until it is resumed. Orders keep what they hold."""
    move(session, found, "on_hold", because=CHANGED)
    audit.record(session, actor, "round_on_hold", "round", found.id)


def resume_round(session: Session, actor: Actor, found: Round) -> None:
    """Back to where it was: closed, or open for orders when its closing is still to come."""
    if found.closed_at:
        move(session, found, "closed", because=CHANGED)
    elif found.closes_at <= now():
        raise Conflict(
            "截单时间已经过去。要接着收单，请先改截单时间；不再收单，请直接截单。", code="dates"
        )
    else:
        move(session, found, "open", because=CHANGED)
    audit.record(session, actor, "round_resumed", "round", found.id, state=found.state)


def postpone_round(session: Session, actor: Actor, found: Round, dates: NewDates) -> None:
    """New dates for an open round; its places move by as many days as its delivery does.

    Orders keep what they hold. Ordering goes on by itself at the new opening (due.py).
    """
    _check_dates(found, dates)
    shift = dates.delivers_on - found.delivers_on
    move(
        session,
        found,
        "postponed",
        because="只有正在收单的期次能延期。",
        opens_at=dates.opens_at,
        closes_at=dates.closes_at,
        delivers_on=dates.delivers_on,
        refill_cutoff_at=found.refill_cutoff_at + (dates.closes_at - found.closes_at),
    )
    for pickup in found.pickups:
        pickup.from_at, pickup.until_at = pickup.from_at + shift, pickup.until_at + shift
    for drop in found.collections:
        drop.from_at, drop.until_at = drop.from_at + shift, drop.until_at + shift
    audit.record(session, actor, "round_postponed", "round", found.id, days=shift.days)


def _check_dates(found: Round, dates: NewDates) -> None:
    if dates.closes_at < found.closes_at:
        raise InvalidInput("延期只能往后，不能比原来早截单。", code="dates", field="closes_day")
    if dates.closes_at <= max(dates.opens_at, now()):
        raise InvalidInput("截单时间要在重新开放之后。", code="dates", field="closes_day")
    if dates.delivers_on < found.delivers_on:
        raise InvalidInput("配送日不能比原来早。", code="dates", field="delivers_on")
    if dates.delivers_on < shanghai_date(dates.closes_at - timedelta(microseconds=1)):
        raise InvalidInput("配送日要在截单之后。", code="dates", field="delivers_on")


def reopen_round(session: Session, actor: Actor, found: Round) -> None:
    """A postponed round takes orders again, at its new opening or earlier by the operator."""
    if found.closes_at <= now():
        raise Conflict("截单时间已经过去，请先改截单时间。", code="dates")
    opens_at = min(found.opens_at, now())
    move(session, found, "open", because=CHANGED, opens_at=opens_at)
    audit.record(session, actor, "round_reopened", "round", found.id)


def orders_to_end(session: Session, found: Round) -> list[Order]:
    """What cancelling the round would end, with whom to tell; money collected is still to return."""
    return list(
        session.scalars(
            select(Order)
            .where(Order.round_id == found.id, Order.state.in_(HOLDING_STATES))
            .options(joinedload(Order.organisation), joinedload(Order.pickup_point))
            .order_by(Order.id)
        )
    )


def cancel_round(session: Session, actor: Actor, found: Round, reason: str) -> int:
    """End the round and every order of it; all goods go back to their lots. Returns how many orders.

    Raises Conflict once packs are allocated: undo the allocation first.
    """
    if not reason.strip():
        raise InvalidInput("请写取消的原因，每个买家都会看到。", code="missing", field="reason")
    stop_orders(session, found)
    move(session, found, "cancelled", because="这一期现在不能取消；已分配的请先撤销分配。")
    held = (Order.round_id == found.id, Order.state.in_(HOLDING_STATES))
    orders = lock_orders(session, *held)
    close_listings(session, found)
    end_orders(session, actor, orders, "cancelled", f"本期取消：{reason.strip()}"[:200])
    these = GroupRegistration.round_id == found.id
    move_many(session, GroupRegistration, these, "open", "cancelled")
    _return_goods(session, actor, found)
    audit.record(session, actor, "round_cancelled", "round", found.id, orders=len(orders))
    return len(orders)


def _return_goods(session: Session, actor: Actor, found: Round) -> None:
    held = {one: commitments_now(session, one.id) for one in found.listings}
    lock_lots(session, [row.lot_id for rows in held.values() for row in rows])
    for listing, rows in held.items():
        quantities = {row.lot_id: row.quantity_base for row in rows if row.quantity_base}
        release_committed(session, actor, quantities, f"listing:{listing.id}")
        for row in rows:
            row.quantity_base = row.packs = 0
        session.flush()
        refresh_listing(session, listing)
