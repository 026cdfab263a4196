"""What becomes of the orders that a hold touches: cut, sent to another pickup point, or later.

One message to each person, however many orders.
"""

import secrets
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from marketplace.catalog.lots import lock_lots
from marketplace.core.clock import format_when, now, shanghai_date, today
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.fulfilment.cancelling import end_allocated
from marketplace.fulfilment.delivering import stop_of
from marketplace.fulfilment.delivery_models import Delivery, Manifest
from marketplace.fulfilment.hold_queries import lots_held
from marketplace.fulfilment.one_message import OneMessage
from marketplace.fulfilment.portions import Supplier
from marketplace.fulfilment.taking_back import BEFORE_SETTING_OUT, lock_all, take_back
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Where
from marketplace.orders.endings import lock_orders
from marketplace.orders.held_places import held_places
from marketplace.orders.hold_models import Hold
from marketplace.orders.listings import lock_listings
from marketplace.orders.order_models import HOLDING_STATES, GroupEntry, Order, OrderLine
from marketplace.orders.round_models import Commitment, Listing, PickupPoint, Round, RoundPickup

LIFTED = "已经恢复了，不用再办。"
FARTHEST = timedelta(days=60)


@dataclass(frozen=True)
class Changed:
    """Orders changed, those that could not be, people told; packs by line of orders that were cut."""

    orders: int
    kept: int
    told: int
    cut: Mapping[int, int] = field(default_factory=dict)


def cut(session: Session, actor: Actor, hold: Hold) -> Changed:
    """Of rounds whose goods have not set out: lots are asked for no more, with refill or cuts; orders for a
    stop end. `hold` is locked."""
    _refuse_lifted(hold)
    words = OneMessage()
    lost = Counter[int]()
    if hold.kind == "stop":
        count = _cut_stop(session, actor, hold, words)
    else:
        lots = lots_held(session, hold)
        rounds, _ = lock_all(session, lots)
        done = take_back(session, actor, rounds, lots)
        done.tell(session, words, f"{hold.what}停了，{hold.why}")
        lost = done.cut
        hit = select(func.count(OrderLine.order_id.distinct()))
        count = session.scalar(hit.where(OrderLine.id.in_({*done.cut, *done.unshared}))) or 0
    if not count and not words.people:
        raise Conflict("没有能减的：还没分配，或者货已经出发。", code="nothing")
    audit.record(session, actor, "held_cut", "hold", hold.id, orders=count)
    return Changed(count, 0, _send(session, hold, words, "减了"), lost)


def _cut_stop(session: Session, actor: Actor, hold: Hold, words: OneMessage) -> int:
    rounds = _lock_rounds(session, hold, BEFORE_SETTING_OUT)
    here = (Order.pickup_point_id == hold.pickup_point_id, Order.state == "allocated")
    orders = lock_orders(session, Order.round_id.in_([one.id for one in rounds]), *here)
    listings = lock_listings(session, sorted({li.listing_id for o in orders for li in o.lines}))
    of_rounds = select(Commitment.lot_id).join(Listing, Listing.id == Commitment.listing_id)
    of_rounds = of_rounds.where(Listing.round_id.in_([one.round_id for one in listings.values()]))
    lock_lots(session, sorted(set(session.scalars(of_rounds))))
    reason = f"{hold.what}停了：{hold.why}"[:200]
    leaving = {line.id for order in orders for line in order.lines}
    gained: Counter[int] = Counter()
    made: dict[int, dict[Supplier, int]] = {one.id: {} for one in rounds}
    for order in orders:
        words.say(order.buyer_id, f"订单 {order.number} 取消了：{reason}。付过的退给您。")
        freed = end_allocated(session, actor, order, reason)
        gained.update({line: n for line, n in freed.gained.items() if line not in leaving})
        made[order.round_id].update(freed.made)
    words.say_lines(session, gained, "订单 {order} 的{goods}补上了 {packs} 份。")
    for in_round in rounds:
        words.say_changed(session, in_round, made[in_round.id])
    return len(orders)


def move_orders(session: Session, actor: Actor, hold: Hold, to_id: int) -> Changed:
    """To another pickup point of the round, until the goods are loaded. What is in a round without that
    point, or for which its vehicle is loaded, stays. Raises Conflict when nothing can go."""
    _refuse_lifted(hold)
    target = session.get(PickupPoint, to_id)
    if target is None or target.id == hold.pickup_point_id or held_places(session, [target.id]):
        raise InvalidInput("请选另一个没有停的提货点。", code="unknown", field="to")
    rounds = {one.id: one for one in _lock_rounds(session, hold)}
    offered = select(RoundPickup.round_id).where(RoundPickup.pickup_point_id == target.id)
    there = set(session.scalars(offered.where(RoundPickup.round_id.in_(rounds))))
    moved: list[int] = []
    kept = 0
    words = OneMessage()
    for order in _lock_orders(session, hold, rounds):
        if order.round_id not in there or not _send_there(session, order, target):
            kept += 1
            continue
        order.pickup_point_id, order.region_code = target.id, target.region_code
        words.say(
            order.buyer_id,
            f"订单 {order.number} 改到 {target.name}（{target.address}）取：{hold.what}停了，{hold.why}。",
        )
        moved.append(order.id)
    if not moved:
        raise Conflict("没有能改的：这些期次没有那个提货点，或者车已经装了。", code="nothing")
    session.flush()
    colleagues = update(GroupEntry).where(GroupEntry.order_id.in_(moved))
    session.execute(colleagues.values(pickup_point_id=target.id))
    audit.record(session, actor, "held_moved", "hold", hold.id, orders=len(moved), to=target.id)
    return Changed(len(moved), kept, _send(session, hold, words, "改提货点"))


def _send_there(session: Session, order: Order, target: PickupPoint) -> bool:
    """A delivery that waits goes with the manifest of that stop; its code stays unless it is taken there."""
    delivery = session.scalar(
        select(Delivery)
        .where(Delivery.order_id == order.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if delivery is None:
        return True
    if delivery.state != "planned":
        return False
    unit = stop_of(order)[1]
    manifest = session.scalar(
        select(Manifest)
        .where(
            Manifest.round_id == order.round_id,
            Manifest.pickup_point_id == target.id,
            Manifest.organisation_id.is_not_distinct_from(unit),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if manifest is not None and manifest.loaded_at is not None:
        return False
    if manifest is None:
        manifest = _new_manifest(session, order.round, target, unit)
    taken = set(
        session.scalars(select(Delivery.pickup_code).where(Delivery.manifest_id == manifest.id))
    )
    while delivery.pickup_code in taken:
        delivery.pickup_code = str(secrets.randbelow(900_000) + 100_000)
    delivery.manifest_id = manifest.id
    session.flush()
    return True


def _new_manifest(
    session: Session, in_round: Round, target: PickupPoint, unit: int | None
) -> Manifest:
    before = select(func.count()).select_from(Manifest).where(Manifest.round_id == in_round.id)
    manifest = Manifest(
        number=f"M{in_round.number}-{(session.scalar(before) or 0) + 1:03d}",
        round_id=in_round.id,
        pickup_point_id=target.id,
        organisation_id=unit,
    )
    session.add(manifest)
    session.flush()
    return manifest


def put_off(session: Session, actor: Actor, hold: Hold, to: date) -> Changed:
    """Buyers fetch on that day, in every round that would come to the stop before, also what waits there or is
    in the van. Raises Conflict when there is none: said twice is said once."""
    _refuse_lifted(hold)
    if not today() <= to <= today() + FARTHEST:
        raise InvalidInput("请选推迟到哪天，今天起两个月以内。", code="date", field="day")
    rounds = _lock_rounds(session, hold)
    slots = {
        slot.round_id: slot
        for slot in session.scalars(
            select(RoundPickup)
            .where(RoundPickup.pickup_point_id == hold.pickup_point_id)
            .where(RoundPickup.round_id.in_([one.id for one in rounds]))
            .execution_options(populate_existing=True)
        )
        if shanghai_date(slot.from_at) < to
    }
    if not slots:
        raise Conflict("没有要推迟的：这里没有那天以前取的订单。", code="nothing")
    for slot in slots.values():
        later = to - shanghai_date(slot.from_at)
        slot.from_at += later
        slot.until_at += later
    session.flush()
    words = OneMessage()
    orders = session.scalars(
        select(Order)
        .where(Order.pickup_point_id == hold.pickup_point_id, Order.round_id.in_(slots))
        .where(Order.state.in_(HOLDING_STATES))
        .order_by(Order.id)
    ).all()
    for order in orders:
        when = format_when(slots[order.round_id].from_at)
        words.say(
            order.buyer_id,
            f"订单 {order.number} 推迟到 {when} 起在 {hold.what} 取：{hold.why}。",
        )
    audit.record(
        session, actor, "held_put_off", "hold", hold.id, orders=len(orders), to=to.isoformat()
    )
    return Changed(len(orders), 0, _send(session, hold, words, "推迟"))


def _refuse_lifted(hold: Hold) -> None:
    if hold.lifted_at is not None:
        raise Conflict(LIFTED, code="lifted")


def _lock_rounds(session: Session, hold: Hold, states: Collection[str] = ()) -> list[Round]:
    """Rounds with orders for the stop that hold goods; nobody closes, allocates or sends them out now."""
    mine = select(Order.round_id).where(
        Order.pickup_point_id == hold.pickup_point_id, Order.state.in_(HOLDING_STATES)
    )
    which: list[Where] = [Round.id.in_(mine), *([Round.state.in_(states)] if states else [])]
    return list(
        session.scalars(
            select(Round)
            .where(*which)
            .order_by(Round.id)
            .with_for_update(of=Round, key_share=True)
            .execution_options(populate_existing=True)
        )
    )


def _lock_orders(session: Session, hold: Hold, rounds: Collection[int]) -> list[Order]:
    """Orders for the stop whose goods are not loaded."""
    sent = select(Delivery.order_id).where(Delivery.state != "planned")
    return lock_orders(
        session,
        Order.pickup_point_id == hold.pickup_point_id,
        Order.round_id.in_(rounds),
        Order.state.in_(HOLDING_STATES),
        or_(Order.state != "allocated", Order.id.not_in(sent)),
    )


def _send(session: Session, hold: Hold, words: OneMessage, title: str) -> int:
    key = f"hold:{hold.id}:{now().isoformat()}"
    return words.send(session, key, "hold_orders", f"hold:{hold.id}", f"{hold.what}：{title}")
