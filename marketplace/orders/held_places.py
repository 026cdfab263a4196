"""Pickup points to which nothing is driven now: they are on hold, or their town is, for the road or an epidemic."""

from collections.abc import Collection, Iterable

from sqlalchemy import ScalarSelect, func, literal, or_, select
from sqlalchemy.orm import Session, contains_eager, joinedload
from wtforms import RadioField, SelectChoice

from marketplace.core.errors import Conflict
from marketplace.identity.scope import Where
from marketplace.orders.hold_models import CLOSES, Hold
from marketplace.orders.round_models import PickupPoint, RoundPickup
from marketplace.orders.shop_queries import pickup_note


def _closes() -> Where:
    """Holds in force that close a pickup point; a region's code says by its zeros what lies in it."""
    town = func.substr(PickupPoint.region_code, 1, 9).concat(literal("000"))
    county = func.substr(PickupPoint.region_code, 1, 6).concat(literal("000000"))
    around = or_(
        Hold.region_code == PickupPoint.region_code,
        Hold.region_code == town,
        Hold.region_code == county,
    )
    closed = (Hold.kind == "region") & Hold.cause.in_(CLOSES) & around
    return Hold.lifted_at.is_(None) & ((Hold.pickup_point_id == PickupPoint.id) | closed)


def _closing() -> ScalarSelect[int]:
    """The last hold that closes a pickup point of the statement around it."""
    last = select(func.max(Hold.id)).where(_closes())
    return last.correlate(PickupPoint).scalar_subquery()


def held_places(session: Session, points: Collection[int]) -> dict[int, Hold]:
    """Those of the pickup points that are closed now, with the hold that closes them; one statement."""
    rows = session.execute(
        select(PickupPoint.id, Hold)
        .join(Hold, Hold.id == _closing())
        .where(PickupPoint.id.in_(points))
        .options(joinedload(Hold.point), joinedload(Hold.region))
    )
    return {point_id: hold for point_id, hold in rows}  # noqa: C416  # rows are no pairs to mypy


def places_of(
    session: Session, rounds: Collection[int]
) -> tuple[list[RoundPickup], dict[int, Hold]]:
    """Where and when buyers of the rounds fetch, and what closes which of these pickup points (by its id) now;
    one statement."""
    rows = session.execute(
        select(RoundPickup, Hold)
        .join(RoundPickup.point)
        .outerjoin(Hold, Hold.id == _closing())
        .where(RoundPickup.round_id.in_(rounds))
        .options(contains_eager(RoundPickup.point))
        .order_by(RoundPickup.id)
    ).all()
    return [row for row, _ in rows], {row.pickup_point_id: hold for row, hold in rows if hold}


def refuse_held(
    session: Session, point_id: int, more: str = "请选别的提货点，或者等恢复了再订。"
) -> None:
    """Raises Conflict("held") beside the place when nothing is driven there now; `more`: what can be done."""
    hold = held_places(session, [point_id]).get(point_id)
    if hold is not None:
        name = session.get_one(PickupPoint, point_id).name
        raise Conflict(f"{name}现在不送：{hold.why}。{more}", code="held", field="pickup_point_id")


def place_choices(places: Iterable[RoundPickup], held: dict[int, Hold]) -> list[SelectChoice]:
    """Where buyers of a round may fetch; what is closed is shown with its reason and cannot be chosen."""
    return [_choice(row, held.get(row.pickup_point_id)) for row in places]


def choose_place(field: RadioField, places: Iterable[RoundPickup], held: Collection[int]) -> None:
    """Keep what is chosen when it can be had; else take the only place that can, or none."""
    open_ones = [str(row.pickup_point_id) for row in places if row.pickup_point_id not in held]
    if field.data not in open_ones:
        field.data = open_ones[0] if len(open_ones) == 1 else None


def _choice(row: RoundPickup, hold: Hold | None) -> SelectChoice:
    note = pickup_note(row)
    shown = (
        {"data-note": f"{closed_note(hold)} · {note}", "disabled": True}
        if hold
        else {"data-note": note}
    )
    return SelectChoice(str(row.pickup_point_id), row.point.name, shown)


def closed_note(hold: Hold) -> str:
    return f"现在不送：{hold.why}"
