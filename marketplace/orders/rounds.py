"""A round's life up to its closing."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot
from marketplace.core.clock import now, shanghai_date
from marketplace.core.codes import next_number, random_code
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.identifiers import subtree_range
from marketplace.core.states import move, move_many
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.endings import ending_at_closing, expire_at_closing, lock_orders
from marketplace.orders.listings import lock_listings
from marketplace.orders.order_models import HOLDING_STATES, Order
from marketplace.orders.round_models import (
    MOST_DEPOSIT,
    SHORTAGE_RULES,
    UNPAID_RULES,
    CollectionPoint,
    Commitment,
    Listing,
    PickupPoint,
    Round,
    RoundCollection,
    RoundPickup,
)
from marketplace.regions.models import Region

CHANGED = "这一期刚刚变了，请刷新再看。"
CHANGEABLE = frozenset({"draft", "open", "on_hold", "postponed"})
"""In these states dates, audiences and places may change, as long as the round has not closed."""


@dataclass(frozen=True)
class RoundInput:
    name: str
    opens_at: datetime
    closes_at: datetime
    delivers_on: date
    open_to_canteens: bool = True
    open_to_staff: bool = True
    open_to_groups: bool = True
    shortage_rule: str = "canteens_first"
    policy: str = "urgent_then_fair"
    policy_version: int = 1
    refill_cutoff_at: datetime | None = None
    unpaid_rule: str = "keep"
    deposit_canteens: int = 0
    deposit_staff: int = 0
    deposit_groups: int = 0


@dataclass(frozen=True)
class Slot:
    """A place of the round with its time; `region_code` for collection: whose households come."""

    point_id: int
    from_at: datetime
    until_at: datetime
    region_code: str = ""


def get_round(session: Session, round_id: int) -> Round:
    found = session.get(Round, round_id)
    if found is None:
        raise NotFound("没有这一期。")
    return found


def lock_round(session: Session, found: Round) -> None:
    """The round as it is now, which nobody closes, changes or allocates meanwhile. Orders still come
    in: their foreign key takes the weaker lock."""
    session.refresh(found, with_for_update={"key_share": True})


def stop_orders(session: Session, found: Round) -> None:
    """The round as it is now, into which nobody orders until this transaction ends: who is placing an
    order holds the round's key, so that all orders that will ever be there can be locked next."""
    session.refresh(found, with_for_update=True)


def open_rounds(session: Session) -> list[Round]:
    """The rounds in which people can order now, the next to close first."""
    moment = now()
    return list(
        session.scalars(
            select(Round)
            .where(Round.state == "open", Round.opens_at <= moment, Round.closes_at > moment)
            .order_by(Round.closes_at, Round.id)
        )
    )


def create_round(
    session: Session, actor: Actor, given: RoundInput, pickups: list[Slot], collections: list[Slot]
) -> Round:
    """A new round as a draft, with its places."""
    _check_round(given)
    made = Round(
        number=next_number(session, "round"),
        salt=random_code(12),
        created_by_id=actor.user_id,
        **_columns(given),
    )
    session.add(made)
    session.flush()
    set_places(session, made, pickups, collections)
    audit.record(session, actor, "round_created", "round", made.id)
    return made


def change_round(
    session: Session,
    actor: Actor,
    found: Round,
    given: RoundInput,
    pickups: list[Slot],
    collections: list[Slot],
) -> None:
    """Change what a round says before it closes. Once opened it never closes earlier than said."""
    lock_round(session, found)
    if found.state not in CHANGEABLE or found.closed_at:
        raise Conflict("截单后不能再改这一期。", code="wrong_state")
    _check_round(given)
    if found.state != "draft" and given.closes_at < found.closes_at:
        raise InvalidInput("已开放的期次只能延后截单，不能提前。", code="dates", field="closes_at")
    for name, value in _columns(given).items():
        setattr(found, name, value)
    set_places(session, found, pickups, collections)
    audit.record(session, actor, "round_changed", "round", found.id)


def _columns(given: RoundInput) -> dict[str, object]:
    return {
        "name": given.name.strip(),
        "opens_at": given.opens_at,
        "closes_at": given.closes_at,
        "delivers_on": given.delivers_on,
        "open_to_canteens": given.open_to_canteens,
        "open_to_staff": given.open_to_staff,
        "open_to_groups": given.open_to_groups,
        "shortage_rule": given.shortage_rule,
        "policy": given.policy,
        "policy_version": given.policy_version,
        "unpaid_rule": given.unpaid_rule,
        "deposit_canteens": given.deposit_canteens,
        "deposit_staff": given.deposit_staff,
        "deposit_groups": given.deposit_groups,
        "refill_cutoff_at": given.refill_cutoff_at or given.closes_at + timedelta(days=1),
    }


def _check_round(given: RoundInput) -> None:
    if not given.name.strip():
        raise InvalidInput("请给这一期起个名字。", code="missing", field="name")
    if given.closes_at <= given.opens_at:
        raise InvalidInput("截单时间要在开放时间之后。", code="dates", field="closes_at")
    if given.closes_at <= now():
        raise InvalidInput("截单时间已经过去。", code="dates", field="closes_at")
    if given.delivers_on < shanghai_date(given.closes_at - timedelta(microseconds=1)):
        raise InvalidInput("配送日要在截单之后。", code="dates", field="delivers_on")
    if not (given.open_to_canteens or given.open_to_staff or given.open_to_groups):
        raise InvalidInput("至少选一类买家。", code="missing", field="open_to_staff")
    if given.shortage_rule not in SHORTAGE_RULES:
        raise InvalidInput("请选短缺时先保谁。", code="unknown_rule", field="shortage_rule")
    if given.unpaid_rule not in UNPAID_RULES:
        raise InvalidInput("请选没付钱的怎么办。", code="unknown_rule", field="unpaid_rule")
    for field in ("deposit_canteens", "deposit_staff", "deposit_groups"):
        if not 0 <= getattr(given, field) <= MOST_DEPOSIT:
            raise InvalidInput(
                f"押金填 0 到 {MOST_DEPOSIT}，是货款的百分之几。", code="deposit", field=field
            )


def set_places(
    session: Session, found: Round, pickups: list[Slot], collections: list[Slot]
) -> None:
    """Replace the round's pickup and collection places; ones already used keep their row."""
    _check_slots(session, pickups, collections)
    held_pickups = {row.pickup_point_id: row for row in found.pickups}
    for slot in pickups:
        row = held_pickups.pop(slot.point_id, None) or RoundPickup(
            round_id=found.id, pickup_point_id=slot.point_id
        )
        row.from_at, row.until_at = slot.from_at, slot.until_at
        session.add(row)
    held_collections = {row.region_code: row for row in found.collections}
    for slot in collections:
        line = held_collections.pop(slot.region_code, None) or RoundCollection(
            round_id=found.id, region_code=slot.region_code
        )
        line.collection_point_id = slot.point_id
        line.from_at, line.until_at = slot.from_at, slot.until_at
        session.add(line)
    _refuse_used(session, found, list(held_pickups))
    for gone in (*held_pickups.values(), *held_collections.values()):
        session.delete(gone)
    session.flush()
    session.expire(found, ["pickups", "collections"])


def _check_slots(session: Session, pickups: list[Slot], collections: list[Slot]) -> None:
    if not pickups:
        raise InvalidInput("至少选一个提货点。", code="missing", field="pickups")
    if not collections:
        raise InvalidInput("至少排一个集货点。", code="missing", field="collections")
    for slots, model, field in (
        (pickups, PickupPoint, "pickups"),
        (collections, CollectionPoint, "collections"),
    ):
        keys = [slot.region_code or slot.point_id for slot in slots]
        if len(set(keys)) < len(keys):
            raise InvalidInput("同一处排了两次，请留一行。", code="twice", field=field)
        for slot in slots:
            if session.get(model, slot.point_id) is None:
                raise InvalidInput("有地点已经没有了，请重选。", code="unknown_place", field=field)
            if slot.until_at <= slot.from_at:
                raise InvalidInput("时间要有起有止，止在起之后。", code="dates", field=field)
    if any(session.get(Region, slot.region_code) is None for slot in collections):
        raise InvalidInput("请给集货点选乡镇或村。", code="unknown_region", field="collections")


def _refuse_used(session: Session, found: Round, point_ids: list[int]) -> None:
    """A pickup point that a buyer chose cannot leave the round: the order would have no place."""
    if not point_ids:
        return
    used = session.execute(
        select(PickupPoint.name, func.count(Order.id))
        .join(Order, Order.pickup_point_id == PickupPoint.id)
        .where(
            PickupPoint.id.in_(point_ids),
            Order.round_id == found.id,
            Order.state.in_(HOLDING_STATES),
        )
        .group_by(PickupPoint.name)
        .order_by(PickupPoint.name)
    ).first()
    if used:
        raise Conflict(
            f"有 {used[1]} 个订单选了“{used[0]}”，不能去掉，可以改时间。",
            code="pickup_used",
            field="pickups",
        )


def uncovered_regions(session: Session, found: Round) -> list[str]:
    """Names of the villages whose goods are offered while nothing says where to bring them."""
    codes = session.execute(
        select(Lot.region_code, Region.name)
        .join(Region, Region.code == Lot.region_code)
        .join(Commitment, Commitment.lot_id == Lot.id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Listing.round_id == found.id, Commitment.quantity_base > 0)
        .distinct()
        .order_by(Lot.region_code)
    ).all()
    ranges = [subtree_range(row.region_code) for row in found.collections]
    return [name for code, name in codes if not any(low <= code <= high for low, high in ranges)]


def open_round(session: Session, actor: Actor, found: Round) -> int:
    """From now on (or from `opens_at`) people can order. Listings without goods stay off the shelf;
    returns how many those are."""
    if not any(listing.capacity_packs for listing in found.listings):
        raise Conflict("还没有上架任何产品，请先选货源上架。", code="no_listings")
    if found.closes_at <= now():
        raise Conflict("截单时间已经过去，请先改时间。", code="dates")
    uncovered = uncovered_regions(session, found)
    if uncovered:
        raise Conflict(
            f"{'、'.join(uncovered[:5])}有货上架，但没有排集货点，请先在“时间和地点”里排上。",
            code="no_collection",
        )
    move(session, found, "open", because=CHANGED)
    empty = [one for one in found.listings if not one.capacity_packs and one.state == "on_sale"]
    for listing in empty:
        move(session, listing, "stopped", because=CHANGED)
    audit.record(session, actor, "round_opened", "round", found.id)
    return len(empty)


def open_now(session: Session, actor: Actor, found: Round) -> None:
    """People can order a round from now on that was to open later."""
    if found.state != "open" or found.opens_at <= now():
        raise Conflict("这一期没有在等开放，请刷新再看。", code="wrong_state")
    found.opens_at = now()
    audit.record(session, actor, "round_opened_early", "round", found.id)


def close_round(session: Session, actor: Actor, found: Round) -> int:
    """Nobody orders any more; orders that were not approved, or not paid where that is asked, expire and
    give back what they held.
    Returns how many expired."""
    stop_orders(session, found)
    move(session, found, "closed", because=CHANGED, closed_at=now())
    lock_orders(session, ending_at_closing(found))
    close_listings(session, found)
    expired = expire_at_closing(session, actor, found)
    audit.record(session, actor, "round_closed", "round", found.id, expired=expired)
    return expired


def close_listings(session: Session, found: Round) -> None:
    """All listings of the round at once, locked in id order as every door locks them. Lock the
    orders that will end before: an order being changed holds its row and waits for listings."""
    ids = select(Listing.id).where(Listing.round_id == found.id)
    lock_listings(session, list(session.scalars(ids)))
    for state in ("on_sale", "stopped"):
        move_many(session, Listing, Listing.round_id == found.id, state, "closed")
    session.expire(found, ["listings"])


def due_to_close(session: Session) -> list[int]:
    return list(
        session.scalars(
            select(Round.id)
            .where(Round.state == "open", Round.closes_at <= now())
            .order_by(Round.id)
        )
    )


def due_to_reopen(session: Session) -> list[int]:
    """Postponed rounds whose new opening has come."""
    return list(
        session.scalars(
            select(Round.id)
            .where(Round.state == "postponed", Round.opens_at <= now())
            .order_by(Round.id)
        )
    )
