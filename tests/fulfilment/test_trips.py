"""A vehicle's stops, what lies in it, and the crates it leaves and brings back."""

import pytest
from sqlalchemy import select, update

from marketplace.fulfilment.crates import crates
from marketplace.fulfilment.delivery_models import Delivery, Manifest, Trip
from marketplace.fulfilment.trips import HandedOver, Vehicle, make_trip, record_handed_over
from marketplace.orders.rounds import get_round
from tests.fulfilment.arriving import CANTEEN, Arriving


@pytest.fixture
def arriving(world):
    return Arriving(world)


def _stops(arriving):
    with arriving.world.transaction() as session:
        return list(session.scalars(select(Manifest.id).order_by(Manifest.id)))


def _trip(arriving, stops, driver="王师傅"):
    with arriving.world.transaction() as session:
        found = get_round(session, arriving.round.id)
        return make_trip(session, arriving.actor, found, stops, Vehicle("县运输队", driver))


def test_a_trip_sent_twice_is_one_and_nonsense_is_refused(arriving):
    stops = _stops(arriving)
    operator = arriving.world.sign_in(arriving.operator)
    address = f"/desk/deliveries/round/{arriving.round.id}/trips"
    typed = {"carrier": "县运输队", "driver": "王师傅"}
    for wrong in ("9" * 30, "x", str(10**18)):
        assert operator.post(address, data=typed | {"stops": [wrong]}).status_code in {409, 422}
    for _ in range(2):
        assert operator.post(address, data=typed | {"stops": stops}).status_code == 303
    with arriving.world.transaction() as session:
        first = session.scalars(select(Trip)).one().id
    assert _trip(arriving, stops[:1]).id != first, "other stops"
    assert _trip(arriving, stops, "李师傅").id != first, "another driver"
    labels = f"/sheets/round/{arriving.round.id}/labels/a4.pdf?part={10**18}"
    assert operator.get(labels).status_code == 404


def test_the_drivers_page_asks_as_often_for_two_stops_as_for_one(arriving, statements):
    stops = _stops(arriving)
    trip = _trip(arriving, stops)
    driver = arriving.world.app.test_client()
    page = driver.get(f"/d/{trip.token}").text
    assert "12 份" in page
    assert "8 份" in page
    both = statements(lambda: driver.get(f"/d/{trip.token}"))
    with arriving.world.transaction() as session:
        session.execute(update(Manifest).where(Manifest.id == stops[1]).values(trip_id=None))
    assert statements(lambda: driver.get(f"/d/{trip.token}")) == both <= 8


def test_crates_are_added_up_for_each_stop_over_rounds(world, arriving, statements):
    operator = world.sign_in(arriving.operator)
    assert "还没有记过筐" in operator.get("/desk/deliveries/crates").text
    stops = _stops(arriving)
    trip, later = _trip(arriving, stops), world.round()
    with world.transaction() as session:
        found = session.get_one(Trip, trip.id)
        record_handed_over(session, found, stops[0], HandedOver("周", 12, 2))
        record_handed_over(session, found, stops[1], HandedOver("周", 0, 3))
    few = statements(lambda: operator.get("/desk/deliveries/crates"))
    with world.transaction() as session:  # a round later, to the same stop
        first = session.get_one(Manifest, stops[0])
        copied = Manifest(
            number="M9-001", round_id=later.id, pickup_point_id=first.pickup_point_id,
            organisation_id=first.organisation_id, handed_over_at=first.handed_over_at,
            loaded_at=first.loaded_at, handed_to="周", crates_out=4, crates_back=9,
        )  # fmt: skip
        session.add(copied)
        session.flush()
        rows = crates(session)
    assert [(row.left, row.back, row.there) for row in rows] == [(16, 11, 5), (0, 3, -3)]
    page = operator.get("/desk/deliveries/crates").text
    assert rows[0].stop in page
    assert "多回 3" in page
    assert statements(lambda: operator.get("/desk/deliveries/crates")) == few <= 8


def test_the_paper_in_the_van_has_no_pickup_codes(arriving):
    with arriving.world.transaction() as session:
        codes = session.scalars(select(Delivery.pickup_code)).all()
        numbers = session.scalars(select(Manifest.number)).all()
    clerk = arriving.world.sign_in(arriving.clerk)
    pages = "".join(clerk.get(f"/desk/deliveries/manifests/{one}").text for one in numbers)
    assert arriving.numbers[CANTEEN] in pages
    assert not [code for code in codes if code in pages]
