"""A round's life up to its closing."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.codes import next_number, random_code
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.states import move, move_many
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.endings import expire_unapproved
from marketplace.orders.round_models import (
    SHORTAGE_RULES,
    CollectionPoint,
    Listing,
    PickupPoint,
    Round,
    RoundCollection,
    RoundPickup,
)

CHANGED = "这一期刚刚变了,请刷新再看。"


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
    """Change what a draft or an open round says. An open round never closes earlier than said."""
    if found.state not in {"draft", "open"}:
        raise InvalidInput("截单后不能再改这一期。", code="wrong_state")
    _check_round(given)
    if found.state == "open" and given.closes_at < found.closes_at:
        raise InvalidInput("已开放的期次只能延后截单,不能提前。", code="dates", field="closes_at")
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
        "refill_cutoff_at": given.refill_cutoff_at or given.closes_at + timedelta(days=1),
    }


def _check_round(given: RoundInput) -> None:
    if not given.name.strip():
        raise InvalidInput("请给这一期起个名字。", code="missing", field="name")
    if given.closes_at <= given.opens_at:
        raise InvalidInput("截单时间要在开放时间之后。", code="dates", field="closes_at")
    if given.closes_at <= now():
        raise InvalidInput("截单时间已经过去。", code="dates", field="closes_at")
    if given.delivers_on < given.closes_at.date():
        raise InvalidInput("配送日要在截单之后。", code="dates", field="delivers_on")
    if not (given.open_to_canteens or given.open_to_staff or given.open_to_groups):
        raise InvalidInput("至少选一类买家。", code="missing", field="open_to_staff")
    if given.shortage_rule not in SHORTAGE_RULES:
        raise InvalidInput("请选短缺时先保谁。", code="unknown_rule", field="shortage_rule")


def set_places(
    session: Session, found: Round, pickups: list[Slot], collections: list[Slot]
) -> None:
    """Replace the round's pickup and collection places; ones already used keep their row."""
    if not pickups:
        raise InvalidInput("至少选一个提货点。", code="missing", field="pickups")
    if not collections:
        raise InvalidInput("至少排一个集货点。", code="missing", field="collections")
    held_pickups = {row.pickup_point_id: row for row in found.pickups}
    for slot in pickups:
        if session.get(PickupPoint, slot.point_id) is None or slot.until_at <= slot.from_at:
            raise InvalidInput("提货时间要有起有止。", code="dates", field="pickups")
        row = held_pickups.pop(slot.point_id, None) or RoundPickup(
            round_id=found.id, pickup_point_id=slot.point_id
        )
        row.from_at, row.until_at = slot.from_at, slot.until_at
        session.add(row)
    held_collections = {row.region_code: row for row in found.collections}
    for slot in collections:
        if session.get(CollectionPoint, slot.point_id) is None or slot.until_at <= slot.from_at:
            raise InvalidInput("集货时间要有起有止。", code="dates", field="collections")
        line = held_collections.pop(slot.region_code, None) or RoundCollection(
            round_id=found.id, region_code=slot.region_code
        )
        line.collection_point_id = slot.point_id
        line.from_at, line.until_at = slot.from_at, slot.until_at
        session.add(line)
    for gone in (*held_pickups.values(), *held_collections.values()):
        session.delete(gone)
    session.flush()
    session.expire(found, ["pickups", "collections"])


def open_round(session: Session, actor: Actor, found: Round) -> None:
    """From now on (or from `opens_at`) people can order."""
    if not found.listings:
        raise InvalidInput("还没有上架任何产品,请先选货源上架。", code="no_listings")
    if found.closes_at <= now():
        raise InvalidInput("截单时间已经过去,请先改时间。", code="dates")
    move(session, found, "open", because=CHANGED)
    audit.record(session, actor, "round_opened", "round", found.id)


def close_round(session: Session, actor: Actor, found: Round) -> None:
    """Nobody orders any more; orders still waiting for approval expire and give back what they held."""
    move(session, found, "closed", because=CHANGED, closed_at=now())
    for before in ("on_sale", "stopped"):
        move_many(session, Listing, Listing.round_id == found.id, before, "closed")
    expired = expire_unapproved(session, actor, found.id)
    audit.record(session, actor, "round_closed", "round", found.id, expired=expired)


def due_to_close(session: Session) -> list[int]:
    return list(
        session.scalars(
            select(Round.id)
            .where(Round.state == "open", Round.closes_at <= now())
            .order_by(Round.id)
        )
    )
