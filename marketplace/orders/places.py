"""Where goods are brought and fetched. A place in use is never deleted, only no longer offered."""

from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.round_models import (
    CollectionPoint,
    PickupPoint,
    Round,
    RoundCollection,
    RoundPickup,
)
from marketplace.regions.models import Region

Point = TypeVar("Point", PickupPoint, CollectionPoint)
KINDS: dict[str, type[PickupPoint] | type[CollectionPoint]] = {
    "pickup": PickupPoint,
    "collection": CollectionPoint,
}
WORDS = {"pickup": "提货点", "collection": "集货点"}
STILL_NEEDED = ("draft", "open", "on_hold", "postponed", "closed", "allocated", "collecting", "delivering")  # fmt: skip


@dataclass(frozen=True)
class PlaceInput:
    name: str
    address: str
    region_code: str
    directions: str = ""  # of pickup points


def places(session: Session, model: type[Point]) -> list[Point]:
    """All of a kind, those in use first."""
    return list(
        session.scalars(
            select(model)
            .options(joinedload(model.region))
            .order_by(model.active.desc(), model.region_code, model.name)
        )
    )


def active_places(session: Session, model: type[Point]) -> list[Point]:
    return [point for point in places(session, model) if point.active]


def get_place(session: Session, kind: str, place_id: int) -> PickupPoint | CollectionPoint:
    found: PickupPoint | CollectionPoint | None = None
    if kind == "pickup":
        found = session.get(PickupPoint, place_id)
    elif kind == "collection":
        found = session.get(CollectionPoint, place_id)
    if found is None:
        raise NotFound("没有这个地点。")
    return found


def save_place(
    session: Session, actor: Actor, kind: str, given: PlaceInput, place_id: int | None = None
) -> None:
    """Create a place, or change it; rounds and orders that use it show the new words."""
    model = KINDS.get(kind)
    if model is None:
        raise NotFound("没有这种地点。")
    columns = _check(session, model, given, place_id)
    if model is CollectionPoint:
        columns.pop("directions")
    if place_id is None:
        found: Any = model(**columns)
        session.add(found)
    else:
        found = get_place(session, kind, place_id)
        for name, value in columns.items():
            setattr(found, name, value)
    session.flush()
    audit.record(session, actor, "place_saved", f"{kind}_point", found.id)


def _check(session: Session, model: Any, given: PlaceInput, place_id: int | None) -> dict[str, str]:
    name, address = given.name.strip(), given.address.strip()
    if not name:
        raise InvalidInput("请写地点的名字。", code="missing", field="name")
    if not address:
        raise InvalidInput("请写地址，让人找得到。", code="missing", field="address")
    if session.get(Region, given.region_code) is None:
        raise InvalidInput("请选所在的乡镇或村。", code="unknown_region", field="region_code")
    same = session.scalar(select(model.id).where(model.name == name))
    if same is not None and same != place_id:
        raise InvalidInput("已有同名的地点，请换个名字。", code="same_name", field="name")
    return {
        "name": name,
        "address": address,
        "region_code": given.region_code,
        "directions": given.directions.strip(),
    }


def set_active(
    session: Session, actor: Actor, found: PickupPoint | CollectionPoint, *, active: bool
) -> None:
    """Offer a place again, or no longer; raises Conflict while a running round needs it."""
    kind = "pickup" if isinstance(found, PickupPoint) else "collection"
    if not active:
        _refuse_needed(session, kind, found.id)
    found.active = active
    action = "place_opened" if active else "place_closed"
    audit.record(session, actor, action, f"{kind}_point", found.id)


def _refuse_needed(session: Session, kind: str, place_id: int) -> None:
    needed = select(Round.number, Round.name).where(Round.state.in_(STILL_NEEDED))
    if kind == "pickup":
        needed = needed.join(RoundPickup, RoundPickup.round_id == Round.id).where(
            RoundPickup.pickup_point_id == place_id
        )
    else:
        needed = needed.join(RoundCollection, RoundCollection.round_id == Round.id).where(
            RoundCollection.collection_point_id == place_id
        )
    using = session.execute(needed.order_by(Round.number)).first()
    if using:
        raise Conflict(
            f"第 {using.number} 期“{using.name}”还要用这个{WORDS[kind]}，办完再停用。",
            code="in_use",
        )
