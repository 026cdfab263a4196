"""A vehicle's stops, what lies in it, and the crates it leaves and brings back."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from marketplace.catalog.lot_papers import issue_certificate, set_aside
from marketplace.catalog.models import Lot, Product
from marketplace.catalog.paper_models import LotPaper
from marketplace.catalog.paper_rules import set_rules
from marketplace.fulfilment.crates import crates
from marketplace.fulfilment.delivery_models import Delivery, Manifest, Trip
from marketplace.fulfilment.trips import (
    GOOD_FOR,
    HandedOver,
    Vehicle,
    make_trip,
    record_handed_over,
    record_loaded,
    renew,
)
from marketplace.identity.actor import SYSTEM
from marketplace.identity.audit import AuditRow
from marketplace.orders.round_models import RoundPickup
from marketplace.orders.rounds import get_round
from tests.fulfilment.arriving import CANTEEN, COLLEAGUE, PACK, PHOTO, Arriving


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


def test_the_link_lives_until_buyers_have_fetched_and_no_shorter_than_three_days(arriving):
    stops, world = _stops(arriving), arriving.world
    with world.transaction() as session:
        slots = session.scalars(select(RoundPickup)).all()
        for slot in slots:
            slot.until_at = slot.until_at + timedelta(days=6)
        ends = max(slot.until_at for slot in slots)
    trip = _trip(arriving, stops)
    assert trip.expires_at > ends
    with world.transaction() as session:
        for slot in session.scalars(select(RoundPickup)):
            slot.from_at = slot.from_at - timedelta(days=30)
            slot.until_at = slot.until_at - timedelta(days=30)
        found = session.get_one(Trip, trip.id)
        renew(session, arriving.actor, found)
        assert found.expires_at - found.created_at >= GOOD_FOR


def test_a_driver_mends_his_slip_until_everybody_has_accepted(arriving):
    stops, world = _stops(arriving), arriving.world
    trip = _trip(arriving, stops)
    driver = world.app.test_client()
    here = f"/d/{trip.token}/stops/{stops[0]}"
    name = f"s{stops[0]}"
    typed = {f"{name}-to": "老周", f"{name}-crates_out": "40", f"{name}-crates_back": "0"}
    assert driver.post(f"{here}/corrected", data=typed).status_code == 409, "nothing to mend yet"
    with world.transaction() as session:
        found = session.get_one(Trip, trip.id)
        record_handed_over(session, found, stops[0], HandedOver("老周", 40, 0, PHOTO))
    page = driver.get(f"/d/{trip.token}").text
    assert "写错了，改" in page
    assert 'value="40"' in page
    assert f"{here}/photo" in page
    wrong = driver.post(f"{here}/corrected", data=typed | {f"{name}-to": ""})
    assert wrong.status_code == 422
    mended = typed | {f"{name}-crates_out": "4"}
    assert driver.post(f"{here}/corrected", data=mended).status_code == 303
    with world.transaction() as session:
        stop = session.get_one(Manifest, stops[0])
        assert (stop.crates_out, stop.photo) == (4, PHOTO)
        acts = session.scalars(
            select(AuditRow).where(AuditRow.action == "stop_handing_over_corrected")
        ).all()
    assert [("留 40" in one.detail, one.subject_id) for one in acts] == [(True, stop.number)]
    for which in (CANTEEN, COLLEAGUE):
        arriving.accept(which=which)
    assert "写错了，改" not in driver.get(f"/d/{trip.token}").text
    late = driver.post(f"{here}/corrected", data=typed)
    assert late.status_code == 409
    assert "改不了" in late.text


def test_the_driver_sees_only_photos_of_his_own_stops(arriving):
    stops, world = _stops(arriving), arriving.world
    first, other = _trip(arriving, stops[:1]), _trip(arriving, stops[1:])
    driver = world.app.test_client()
    assert driver.get(f"/d/{other.token}/stops/{stops[0]}/photo").status_code == 404
    assert driver.get(f"/d/{first.token}/stops/{stops[0]}/photo").status_code == 404, "none taken"


@pytest.fixture
def lacking(arriving):
    """The canteen asks for a certificate; each lot had one when the round set out."""
    world, keeper = arriving.world, arriving.world.actor(arriving.cadre)
    with world.transaction() as session:
        set_rules(
            session,
            SYSTEM,
            session.get_one(Product, arriving.product.id),
            {"canteen": ["certificate"]},
        )
        for lot in arriving.lots:
            found = session.get_one(Lot, lot.id)
            issue_certificate(session, keeper, found, PACK, "controlled")
    return arriving


def _void(arriving, *, number=0):
    keeper = arriving.world.actor(arriving.cadre)
    with arriving.world.transaction() as session:
        paper = session.scalars(
            select(LotPaper).where(LotPaper.lot_id == arriving.lots[number].id)
        ).one()
        set_aside(session, keeper, paper, "写错")


def test_a_paper_voided_after_setting_out_keeps_the_goods_off_the_van(lacking, statements):
    world, stops = lacking.world, _stops(lacking)
    keeper = world.actor(lacking.cadre)
    operator = world.sign_in(lacking.operator)
    page = f"/desk/deliveries/round/{lacking.round.id}"
    assert "还不能装车" not in operator.get(page).text
    _void(lacking)
    _void(lacking, number=1)
    said = operator.get(page).text
    for words in ("有货还不能装车", "还缺 2 张", lacking.lots[0].code, "缺证明，先不要装"):
        assert words in said
    assert said.count("缺证明，先不要装") == 2, (
        "the canteen's stop, in the table and beside its box"
    )
    assert "期缺证明" in operator.get("/board").text
    assert "补承诺达标合格证" in world.sign_in(lacking.cadre).get("/field/").text
    assert statements(lambda: operator.get(page)) <= 20
    trip = _trip(lacking, stops)
    driver = world.app.test_client()
    with world.transaction() as session:
        canteen = session.scalars(
            select(Manifest.id).where(Manifest.organisation_id == lacking.unit.id)
        ).one()
    (other,) = set(stops) - {canteen}
    refused = driver.post(f"/d/{trip.token}/stops/{canteen}/loaded", follow_redirects=True).text
    for words in ("还不能装", "承诺达标合格证", lacking.lots[0].code, "打 "):
        assert words in refused
    name = f"s{canteen}"
    handed = driver.post(f"/d/{trip.token}/stops/{canteen}/handed", data={f"{name}-to": "周"})
    assert handed.status_code == 409
    driver.post(f"/d/{trip.token}/stops/{other}/loaded")
    with world.transaction() as session:
        loaded = dict(session.execute(select(Manifest.id, Manifest.loaded_at)).all())
        assert loaded[other]
        assert loaded[canteen] is None
        for lot in lacking.lots:
            found = session.get_one(Lot, lot.id)
            issue_certificate(session, keeper, found, PACK, "controlled")
    driver.post(f"/d/{trip.token}/stops/{canteen}/loaded")
    assert "期缺证明" not in operator.get("/board").text
    with world.transaction() as session:
        assert session.get_one(Manifest, canteen).loaded_at


def test_a_paper_voided_when_the_goods_are_in_the_van_is_nobodys_task(lacking):
    world, stops = lacking.world, _stops(lacking)
    trip = _trip(lacking, stops)
    with world.transaction() as session:
        for stop in stops:
            record_loaded(session, session.get_one(Trip, trip.id), stop)
    _void(lacking)
    operator = world.sign_in(lacking.operator)
    assert "期缺证明" not in operator.get("/board").text
    assert "还不能装车" not in operator.get(f"/desk/deliveries/round/{lacking.round.id}").text
