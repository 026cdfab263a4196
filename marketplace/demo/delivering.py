"""A round's goods leave in one van: some stops have theirs, a few buyers have fetched."""

from sqlalchemy import select

from marketplace.core.db import db, transaction
from marketplace.demo.bring import actor_named
from marketplace.fulfilment.acceptance import accept, parts_of
from marketplace.fulfilment.accepted_weights import at_the_scales
from marketplace.fulfilment.delivering import set_out
from marketplace.fulfilment.delivery_models import Delivery, Manifest, Trip
from marketplace.fulfilment.said_received import Scaled, Signed
from marketplace.fulfilment.trips import (
    HandedOver,
    Vehicle,
    make_trip,
    record_handed_over,
    record_loaded,
)
from marketplace.orders.order_models import Order
from marketplace.orders.rounds import get_round

FETCHED = 3


def bring_to_the_stops(round_id: int) -> None:
    """All is loaded; the canteens still wait for the van, the pickup points have theirs."""
    operator, keeper = actor_named("yunying"), actor_named("jihuo")
    with transaction() as session:
        set_out(session, operator, get_round(session, round_id))
    stops = db.session.scalars(
        select(Manifest).where(Manifest.round_id == round_id).order_by(Manifest.id)
    ).all()
    with transaction() as session:
        vehicle = Vehicle("岚溪顺达货运", "韩师傅", "演示 00001")
        there = get_round(session, round_id)
        trip_id = make_trip(session, operator, there, [stop.id for stop in stops], vehicle).id
    for stop in stops:
        with transaction() as session:
            record_loaded(session, session.get_one(Trip, trip_id), stop.id)
    for stop in [stop for stop in stops if stop.organisation_id is None]:
        with transaction() as session:
            handed = HandedOver("章平", crates_out=6, crates_back=4)
            record_handed_over(session, session.get_one(Trip, trip_id), stop.id, handed)
    waiting = select(Order.id).join(Delivery, Delivery.order_id == Order.id)
    waiting = waiting.where(Delivery.state == "handed_over").order_by(Order.id.desc())
    for order_id in db.session.scalars(waiting.limit(FETCHED)).all():
        with transaction() as session:
            order = session.get_one(Order, order_id)
            scales = at_the_scales(session, parts_of(session, order))
            weights = {place: Scaled(grams) for place, grams in scales.items()}
            accept(session, keeper, order, [], Signed(), weights)
