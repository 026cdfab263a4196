"""A vehicle and its stops: the operator gives the driver a link, the driver says what he did.

The link is the right to say so, for the few days it is good; it shows stops and goods, no buyer's name.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.states import move_many
from marketplace.fulfilment.delivery_models import ON_THE_WAY, Delivery, Manifest, Trip
from marketplace.fulfilment.papers_in_van import refuse_without_papers
from marketplace.identity import audit
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.orders.held_places import held_places
from marketplace.orders.round_models import Round, RoundPickup

GOOD_FOR = timedelta(days=3)
AFTER_PICKUP = timedelta(days=1)
"""So long a link outlasts the last hour in which buyers fetch at its stops."""
MOST_CRATES = 10_000


@dataclass(frozen=True)
class Vehicle:
    carrier: str
    driver: str
    plate: str = ""


@dataclass(frozen=True)
class HandedOver:
    """To whom, and how many crates stay there and came back; `photo`: SHA-256 of a kept picture."""

    to: str
    crates_out: int = 0
    crates_back: int = 0
    photo: str = ""


def make_trip(
    session: Session, actor: Actor, found: Round, stops: Collection[int], vehicle: Vehicle
) -> Trip:
    """Stops (manifest ids) of a round that go with one vehicle; raises Conflict for one that has left. The same
    vehicle for the same stops again is the trip that was made before."""
    if not vehicle.carrier or not vehicle.driver:
        missing = "carrier" if not vehicle.carrier else "driver"
        raise InvalidInput("请写承运单位和司机姓名。", code="missing", field=missing)
    if not stops:
        raise InvalidInput("请勾选这趟车送哪几处。", code="empty", field="stops")
    held = session.scalars(
        select(Manifest)
        .where(Manifest.id.in_(stops), Manifest.round_id == found.id)
        .order_by(Manifest.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    made = _made_before(held, vehicle)
    if made is not None:
        return made
    trip = Trip(
        round_id=found.id,
        token=secrets.token_urlsafe(24),
        expires_at=_good_until(session, found.id, {one.pickup_point_id for one in held}),
        carrier=vehicle.carrier,
        plate=vehicle.plate,
        driver=vehicle.driver,
        created_at=now(),
        created_by_id=actor.user_id,
    )
    session.add(trip)
    session.flush()
    hit = session.execute(
        update(Manifest)
        .where(Manifest.id.in_(stops), Manifest.round_id == found.id, Manifest.loaded_at.is_(None))
        .values(trip_id=trip.id)
        .execution_options(synchronize_session=False)
    )
    if hit.rowcount != len(set(stops)):  # type: ignore[attr-defined]
        raise Conflict("有一处已经装了车，请刷新再排。", code="loaded", field="stops")
    audit.record(session, actor, "trip_made", "trip", trip.id, stops=len(stops))
    return trip


def _made_before(stops: Sequence[Manifest], vehicle: Vehicle) -> Trip | None:
    trip = stops[0].trip if stops else None
    if trip is None or {one.trip_id for one in stops} != {trip.id}:
        return None
    same = Vehicle(trip.carrier, trip.driver, trip.plate) == vehicle
    return trip if same and len(trip.manifests) == len(stops) else None


def _good_until(session: Session, round_id: int, points: Collection[int]) -> datetime:
    last = session.scalar(
        select(func.max(RoundPickup.until_at)).where(
            RoundPickup.round_id == round_id, RoundPickup.pickup_point_id.in_(points)
        )
    )
    soon = now() + GOOD_FOR
    return max(soon, last + AFTER_PICKUP) if last else soon


def trip_by_token(session: Session, token: str) -> Trip:
    """Raises NotFound for a link that nobody gave out, or that is too old."""
    found = session.scalar(select(Trip).where(Trip.token == token).options(joinedload(Trip.round)))
    if found is None or found.expires_at <= now():
        raise NotFound("这个链接不对，或者过期了。请向县里要新的。")
    return found


def renew(session: Session, actor: Actor, trip: Trip) -> None:
    """The old link ends, a new one begins."""
    points = {stop.pickup_point_id for stop in trip.manifests}
    trip.token = secrets.token_urlsafe(24)
    trip.expires_at = _good_until(session, trip.round_id, points)
    audit.record(session, actor, "trip_link_renewed", "trip", trip.id)


def _stop(session: Session, trip: Trip, manifest_id: int) -> Manifest:
    found = session.scalar(
        select(Manifest)
        .where(Manifest.id == manifest_id, Manifest.trip_id == trip.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("这一处不在这趟车上。")
    if found.loaded_at is None:
        _refuse_unfit(session, found)
    return found


def _refuse_unfit(session: Session, stop: Manifest) -> None:
    held = held_places(session, [stop.pickup_point_id])
    if held:
        why = held[stop.pickup_point_id].why
        raise Conflict(f"{stop.stop}停了：{why}。先不要送，等县里通知。", code="held")
    refuse_without_papers(session, stop)


def record_loaded(session: Session, trip: Trip, manifest_id: int) -> None:
    """It is in the van; said twice is once."""
    stop = _stop(session, trip, manifest_id)
    if stop.loaded_at is not None:
        return
    stop.loaded_at = now()
    session.flush()
    move_many(session, Delivery, Delivery.manifest_id == stop.id, "planned", "loaded")
    audit.record(session, SYSTEM, "stop_loaded", "manifest", stop.number, trip=trip.id)


def record_handed_over(session: Session, trip: Trip, manifest_id: int, handed: HandedOver) -> None:
    """Somebody at the stop has taken it over. Raises Conflict when that was said before."""
    stop = _stop(session, trip, manifest_id)
    if stop.handed_over_at is not None:
        raise Conflict("这一处已经交接过了，没有重复记。", code="handed_over")
    _say(stop, handed)
    stop.loaded_at = stop.loaded_at or now()
    stop.handed_over_at = now()
    session.flush()
    for before in ("planned", "loaded"):
        move_many(session, Delivery, Delivery.manifest_id == stop.id, before, "handed_over")
    audit.record(session, SYSTEM, "stop_handed_over", "manifest", stop.number, trip=trip.id)


def _say(stop: Manifest, handed: HandedOver) -> None:
    if not handed.to:
        raise InvalidInput("请写交给了谁。", code="missing", field="to")
    stop.handed_to, stop.photo = handed.to, handed.photo or stop.photo
    stop.crates_out, stop.crates_back = handed.crates_out, handed.crates_back


def awaiting(session: Session, stops: Collection[int]) -> set[int]:
    """Those of the stops (manifest ids) where somebody has still to say that the goods are there."""
    return set(
        session.scalars(
            select(Delivery.manifest_id)
            .where(Delivery.manifest_id.in_(stops), Delivery.state.in_(ON_THE_WAY))
            .distinct()
        )
    )


def correct_handed_over(session: Session, trip: Trip, manifest_id: int, handed: HandedOver) -> None:
    """What was said of handing over was a slip; a photo stays unless there is another. Raises Conflict once
    everybody at the stop has accepted."""
    stop = _stop(session, trip, manifest_id)
    if stop.handed_over_at is None:
        raise Conflict("这一处还没有交接。", code="wrong_state")
    if not awaiting(session, [stop.id]):
        raise Conflict("这一处已经验收完了，改不了了。不对的请打电话告诉县里。", code="accepted")
    before = f"留 {stop.crates_out}，回 {stop.crates_back}"
    _say(stop, handed)
    audit.record(
        session,
        SYSTEM,
        "stop_handing_over_corrected",
        "manifest",
        stop.number,
        trip=trip.id,
        before=before,
    )
