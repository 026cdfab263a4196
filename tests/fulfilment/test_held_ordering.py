"""Holds that hold: nothing new is ordered to a closed place, what is verified in a held town is held, and the
lots' own records say so."""

from contextlib import nullcontext

import pytest
from sqlalchemy import select

from marketplace.catalog.models import Lot
from marketplace.catalog.reports import get_report, verify_report
from marketplace.core.errors import Conflict
from marketplace.fulfilment.delivery_models import Manifest
from marketplace.fulfilment.hold_queries import get_hold
from marketplace.fulfilment.holding import lift, planned, put_on
from marketplace.fulfilment.trips import Vehicle, make_trip, record_loaded
from marketplace.identity.permissions import ORDER_GROUP, ORDER_OWN, REPORT_VERIFY, ROUND_MANAGE
from marketplace.orders.group_registrations import get_group
from marketplace.orders.group_submission import SubmitInput, submit_group
from marketplace.orders.hold_models import HoldLot
from marketplace.orders.ordering import change_order, get_order
from marketplace.orders.round_models import PickupPoint, RoundPickup
from marketplace.orders.rounds import get_round
from marketplace.reporting.verify import verify
from tests.fulfilment.arriving import Arriving
from tests.orders.grouping import Group
from tests.support.meanwhile import meanwhile

TOWN, VILLAGE = "990101101000", "990101101201"


class Desk:
    def __init__(self, world):
        self.world, self.user = world, world.operator()
        self.actor = world.actor(self.user)
        self.scope = self.actor.scope_for(ROUND_MANAGE)

    def on(self, session, kind, target, cause="road"):
        hold = planned(session, self.scope, kind, str(target))
        return put_on(session, self.actor, hold, cause, "三天后通" if cause == "road" else "").id

    def hold(self, kind, target, cause="road"):
        with self.world.transaction() as session:
            return self.on(session, kind, target, cause)

    def lift(self, hold_id):
        with self.world.transaction() as session:
            held = get_hold(session, self.scope, hold_id, for_update=True)
            return lift(session, self.actor, held)

    def faults(self):
        with self.world.transaction() as session:
            return [str(fault) for fault in verify(session)]

    def state(self, lot):
        with self.world.transaction() as session:
            return session.get_one(Lot, lot.id).state


@pytest.fixture
def desk(world):
    return Desk(world)


@pytest.fixture
def shop(world):
    """An open round with two places, the second one in a town; a member of staff."""
    product, in_round = world.product("莲藕"), world.round()
    lot = world.lot(product, 50_000, village="990101102201")
    listing = world.listing(in_round, product, [lot])
    world.open_round(in_round)
    there = world.pickup_point("青石镇政府")
    with world.transaction() as session:
        slot = get_round(session, in_round.id).pickups[0]
        session.get_one(PickupPoint, there.id).region_code = TOWN
        session.add(
            RoundPickup(
                round_id=in_round.id, pickup_point_id=there.id,
                from_at=slot.from_at, until_at=slot.until_at,
            )
        )  # fmt: skip
    made = type("Shop", (), {})()
    made.round, made.listing, made.here, made.there = (
        in_round,
        listing,
        slot.pickup_point_id,
        there.id,
    )
    made.unit = world.unit(has_canteen=True)
    made.staff = world.user("staff", unit=made.unit)
    return made


@pytest.mark.parametrize("channel", ["shop", "canteen"])
def test_nothing_new_is_ordered_to_a_held_stop_until_it_is_lifted(world, desk, shop, channel):
    how = {"pickup_point_id": shop.here}
    if channel == "canteen":
        how |= {"channel": "canteen", "organisation_id": shop.unit.id, "fund_source": "canteen"}
    hold_id = desk.hold("stop", shop.here)
    with pytest.raises(Conflict, match="现在不送：路不通，三天后通。请选别的提货点") as refused:
        world.order(shop.staff, shop.round, {shop.listing.id: 1}, **how)
    assert refused.value.field == "pickup_point_id"
    world.order(
        shop.staff, shop.round, {shop.listing.id: 1}, **how | {"pickup_point_id": shop.there}
    )
    desk.lift(hold_id)
    world.order(shop.staff, shop.round, {shop.listing.id: 1}, **how)


@pytest.mark.parametrize(
    ("cause", "closed"), [("road", True), ("epidemic", True), ("food_safety", False)]
)
def test_a_town_that_nobody_drives_into_takes_no_orders_to_its_places(
    world, desk, shop, cause, closed
):
    desk.hold("region", TOWN, cause)
    wanted = {shop.listing.id: 1}
    page = world.sign_in(desk.user).get("/desk/holds/1").text
    assert ("这些提货点也不送了" in page, f"target={shop.there}" in page) == (closed, closed)
    world.order(shop.staff, shop.round, wanted, pickup_point_id=shop.here)
    with pytest.raises(Conflict, match="青石镇政府现在不送") if closed else nullcontext():
        world.order(shop.staff, shop.round, wanted, pickup_point_id=shop.there)


def test_an_order_to_a_held_stop_may_shrink_and_not_grow(world, desk, shop):
    number = world.order(shop.staff, shop.round, {shop.listing.id: 3}, pickup_point_id=shop.here)
    desk.hold("stop", shop.here)
    actor = world.actor(shop.staff)

    def change(packs):
        with world.transaction() as session:
            order = get_order(session, actor.scope_for(ORDER_OWN), number)
            change_order(session, actor, order, {shop.listing.id: packs}, order.version)

    with pytest.raises(Conflict, match="现在不能加"):
        change(4)
    change(2)
    assert desk.faults() == []


def test_the_pages_say_beforehand_where_nothing_is_driven(world, desk, shop):
    staff = world.sign_in(shop.staff)
    staff.post(f"/shop/basket/add/{shop.listing.id}", data={"packs": 1})
    buyer = world.sign_in(world.user("buyer", unit=shop.unit))
    desk.hold("stop", shop.here)
    for browser, address in (
        (staff, f"/shop/checkout?round={shop.round.id}"),
        (buyer, "/canteen/"),
    ):
        radios = [
            one
            for one in browser.get(address).text.split("<input")
            if "place" in one or "pickup" in one
        ]
        (closed,) = [one for one in radios if f'value="{shop.here}"' in one]
        (left,) = [one for one in radios if f'value="{shop.there}"' in one]
        assert "现在不送：路不通，三天后通" in closed
        assert " disabled" in closed.partition(">")[0]
        assert " checked" in left.partition(">")[0], "the only place that is left"
    desk.hold("stop", shop.there)
    assert "提货点现在都不送" in staff.get(f"/shop/checkout?round={shop.round.id}").text


def test_a_registration_takes_no_entry_for_a_held_place_and_is_not_submitted_to_one(world, desk):
    group = Group(world)
    assert group.guest.post(f"/g/{group.token}", data=group.fields()).status_code in {200, 302, 303}
    desk.hold("stop", group.places[0])
    page = group.guest.get(f"/g/{group.token}").text
    assert "现在不送：路不通" in page
    refused = group.guest.post(
        f"/g/{group.token}", data=group.fields(name="李红", key="entry-key-2")
    )
    assert refused.status_code == 409
    assert "现在不送" in refused.text
    actor = world.actor(group.organiser)
    with world.transaction() as session:
        found = get_group(session, actor.scope_for(ORDER_GROUP), group.id)
        with pytest.raises(Conflict, match="现在不送"):
            submit_group(session, actor, found, SubmitInput("张老师", "000-0000 0003"))


def test_a_van_is_not_loaded_for_a_place_in_a_closed_town(world, desk):
    made = Arriving(world)
    with world.transaction() as session:
        for point in session.scalars(select(PickupPoint)):
            point.region_code = VILLAGE
    desk.hold("region", TOWN)
    with world.transaction() as session:
        ids = list(session.scalars(select(Manifest.id)))
        found = get_round(session, made.round.id)
        trip = make_trip(session, desk.actor, found, ids, Vehicle("县运输队", "王师傅"))
        with pytest.raises(Conflict, match="停了"):
            record_loaded(session, trip, ids[0])


def test_what_is_verified_in_a_town_held_for_its_goods_is_held_and_freed_with_it(world, desk):
    product = world.product("马蹄")
    before = world.lot(product, 5000, village=VILLAGE)
    hold_id = desk.hold("region", TOWN, "food_safety")
    later = world.lot(product, 5000, village=VILLAGE)
    elsewhere = world.lot(product, 5000, village="990101102201")
    assert [desk.state(one) for one in (before, later, elsewhere)] == ["on_hold", "on_hold", "open"]
    page = world.sign_in(desk.user).get(f"/lots/{later.id}").text
    assert "暂停：青石镇的货" in page
    box = world.app.test_client().get(f"/t/{later.trace_code}").text
    assert box.index("乡镇核实") < box.index("先停一停"), "in the same second"
    assert desk.faults() == []
    assert desk.lift(hold_id) == 2
    assert [desk.state(one) for one in (before, later)] == ["open", "open"]
    assert desk.faults() == []


def test_a_lot_stands_still_until_every_hold_of_it_is_lifted(world, desk):
    before = world.lot(world.product("马蹄"), 5000, village=VILLAGE)
    road = desk.hold("region", TOWN)
    later = world.lot(world.product("冬瓜"), 5000, village=VILLAGE)
    assert desk.state(later) == "open", "a road says nothing of the goods"
    own = [desk.hold("lot", one.code, "food_safety") for one in (before, later)]
    assert desk.lift(own[0]) == 0
    assert desk.lift(own[1]) == 1
    assert [desk.state(one) for one in (before, later)] == ["on_hold", "open"]
    assert desk.lift(road) == 1
    assert desk.faults() == []


@pytest.mark.parametrize("first", ["holds", "verifies"])
def test_who_verifies_in_the_moment_of_a_hold_verifies_into_it(world, desk, first):
    product, cadre = world.product("马蹄"), world.user("cadre")
    report = world.report(cadre, product, 5000, household=world.household(VILLAGE, cadre=cadre))
    reviewer = world.actor(world.user("reviewer", region=TOWN))

    def holds(session):
        desk.on(session, "region", TOWN, "epidemic")

    def verifies(session):
        found = get_report(session, reviewer.scope_for(REPORT_VERIFY), report.id)
        verify_report(session, reviewer, found)

    meanwhile(world, *((holds, verifies) if first == "holds" else (verifies, holds)))
    with world.transaction() as session:
        assert session.scalars(select(Lot.state)).all() == ["on_hold"]


@pytest.mark.parametrize("first", ["lifts", "verifies"])
def test_who_verifies_in_the_moment_of_lifting_leaves_nothing_held(world, desk, first):
    product, cadre = world.product("马蹄"), world.user("cadre")
    hold_id = desk.hold("region", TOWN, "epidemic")
    report = world.report(cadre, product, 5000, household=world.household(VILLAGE, cadre=cadre))
    reviewer = world.actor(world.user("reviewer", region=TOWN))

    def lifts(session):
        lift(session, desk.actor, get_hold(session, desk.scope, hold_id, for_update=True))

    def verifies(session):
        found = get_report(session, reviewer.scope_for(REPORT_VERIFY), report.id)
        verify_report(session, reviewer, found)

    meanwhile(world, *((lifts, verifies) if first == "lifts" else (verifies, lifts)))
    with world.transaction() as session:
        assert session.scalars(select(Lot.state)).all() == ["open"]


def test_the_box_tells_of_holds_and_verify_holds_them_against_the_rows(world, desk):
    lot = world.lot(world.product("马蹄"), 5000, village=VILLAGE)
    town, own = desk.hold("region", TOWN, "epidemic"), desk.hold("lot", lot.code, "food_safety")
    anyone, address = world.app.test_client(), f"/t/{lot.trace_code}"
    page = anyone.get(address).text
    assert "这批货县里先停了" in page
    assert page.count("先停一停") == 2
    desk.lift(town)
    assert "还有别的，先不卖" in anyone.get(address).text
    desk.lift(own)
    page = anyone.get(address).text
    assert "停的原因没有了" in page
    assert "这批货县里先停了" not in page
    assert desk.faults() == []
    with world.transaction() as session:
        session.delete(session.get_one(HoldLot, (town, lot.id)))
    assert any("暂停和记录不一样" in fault for fault in desk.faults())


def test_a_lot_that_was_let_go_in_the_rows_alone_is_named(world, desk):
    lot = world.lot(world.product("马蹄"), 5000, village=VILLAGE)
    desk.hold("lot", lot.code)
    with world.transaction() as session:
        session.execute(Lot.__table__.update().values(state="open"))
    assert any("停没停着和记录不一样" in fault for fault in desk.faults())
