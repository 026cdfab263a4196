"""Lots, towns and pickup points on hold: nothing is offered or driven, orders are cut or moved at once."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from marketplace.catalog.models import Lot
from marketplace.core.clock import shanghai_date, today
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.fulfilment import held_orders
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.fulfilment.delivery_models import Delivery, Manifest
from marketplace.fulfilment.hold_queries import get_hold
from marketplace.fulfilment.holding import lift, planned, put_on
from marketplace.fulfilment.recalling import recall
from marketplace.fulfilment.trips import Vehicle, make_trip, record_loaded
from marketplace.fulfilment.weighing_models import WeighIn
from marketplace.identity.permissions import ROUND_MANAGE
from marketplace.notices.models import Notice
from marketplace.orders.hold_models import Hold
from marketplace.orders.listings import commit_lot
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_allocation import allocate_round, undo_allocation
from marketplace.orders.round_models import Listing, RoundPickup
from marketplace.orders.rounds import get_round
from marketplace.reporting.verify import verify
from tests.fulfilment.arriving import CANTEEN, COLLEAGUE, Arriving
from tests.fulfilment.collecting import PACK, TOWN, Collecting, Weighing
from tests.support.world import COUNTY


class Desk:
    """An operator who holds and lifts in a county made by `made`."""

    def __init__(self, made):
        self.made, self.world = made, made.world
        self.actor = self.world.actor(self.world.operator())
        self.scope = self.actor.scope_for(ROUND_MANAGE)

    def hold(self, kind, target, cause="road", words="塌方"):
        with self.world.transaction() as session:
            hold = planned(session, self.scope, kind, str(target))
            return put_on(session, self.actor, hold, cause, words).id

    def act(self, hold_id, act, *arguments):
        with self.world.transaction() as session:
            hold = get_hold(session, self.scope, hold_id, for_update=True)
            return act(session, self.actor, hold, *arguments)

    def lot(self, index=0):
        with self.world.transaction() as session:
            return session.get_one(Lot, self.made.lots[index].id)

    def told(self, user, kind="hold_orders"):
        with self.world.transaction() as session:
            return session.scalars(
                select(Notice).where(Notice.kind == kind, Notice.to_user_id == user.id)
            ).all()

    def faults(self):
        with self.world.transaction() as session:
            return verify(session)


@pytest.fixture
def sheets(world):
    """Sheets are out: two households of two towns, ten packs each."""
    villages = ("990101101201", "990101102201")
    return Desk(Collecting(world, ordered=(12, 8), supplies=(10, 10), villages=villages))


@pytest.fixture
def stops(world):
    """On its way to one stop; the round has another one."""
    made = Arriving(world)
    made.other = world.pickup_point("北门")
    with world.transaction() as session:
        slot = session.scalars(select(RoundPickup)).one()
        made.point = slot.pickup_point_id
        session.add(
            RoundPickup(
                round_id=slot.round_id,
                pickup_point_id=made.other.id,
                from_at=slot.from_at,
                until_at=slot.until_at,
            )
        )
    return Desk(made)


def test_a_held_town_offers_nothing_and_the_other_goes_on(sheets):
    sheets.hold("region", TOWN)
    assert [sheets.lot(index).state for index in range(2)] == ["on_hold", "open"]
    assert sheets.told(sheets.made.cadres[0], "hold_put_on")
    assert not sheets.told(sheets.made.cadres[1], "hold_put_on")
    assert sheets.faults() == []


def test_a_held_lot_is_not_weighed_and_keeps_the_truck_until_it_is_cut(world):
    made = Weighing(world)
    before = made.weigh(0, 12 * PACK).row
    made.keep_surplus(before.number)
    desk = Desk(made)
    hold_id = desk.hold("lot", made.lots[0].code, cause="food_safety", words="")
    with pytest.raises(Conflict, match="停着") as refused:
        made.weigh(0, 10 * PACK, why="秤没归零")
    assert refused.value.code == "held"
    assert made.read(select(WeighIn.void_at)) == [None]
    with pytest.raises(Conflict, match="还不能发车") as refused:
        made.step(set_out)
    assert made.lots[0].code in refused.value.message
    clerk, operator = world.sign_in(made.clerk), world.sign_in(world.operator())
    page = clerk.get(f"/field/weigh/{made.sheet(0).id}").text
    assert "先别收" in page
    assert "毛重" not in page
    for address in (f"/desk/deliveries/round/{made.round.id}", f"/rounds/{made.round.id}"):
        assert "停着，还有 10 份要送" in operator.get(address).text
    desk.act(hold_id, held_orders.cut)
    assert made.step(set_out) == 1
    assert desk.faults() == []


def test_what_is_only_offered_is_taken_out_and_is_not_put_back(world):
    _, listing = world.shop(packs=20, lots=2)
    with world.transaction() as session:
        lots = session.scalars(select(Lot).order_by(Lot.id)).all()
    made = type("Offered", (), {"world": world, "lots": lots})()
    desk = Desk(made)
    hold_id = desk.hold("lot", lots[0].code)
    with world.transaction() as session:
        found = session.get_one(Listing, listing.id)
        assert found.capacity_packs == 10
        with pytest.raises(Conflict):
            commit_lot(session, desk.actor, found, lots[0].id, PACK, "同意")
    assert desk.act(hold_id, lift) == 1
    assert desk.act(hold_id, lift) == 0
    assert desk.lot().state == "open"
    with world.transaction() as session:
        found = session.get_one(Listing, listing.id)
        assert found.capacity_packs == 10
        commit_lot(session, desk.actor, found, lots[0].id, PACK, "同意")
    assert desk.faults() == []


def test_cutting_a_town_takes_its_packs_from_the_sheets(sheets):
    hold_id = sheets.hold("region", TOWN)
    done = sheets.act(hold_id, held_orders.cut)
    assert done.orders
    made = sheets.made
    assert made.sheet(0).amount_fen == 0
    assert sum(made.read(select(OrderLine.allocated_packs))) == 10
    assert sheets.lot().free == 10 * PACK
    for buyer in made.buyers:
        assert len(sheets.told(buyer)) <= 1
    assert sum(len(sheets.told(buyer)) for buyer in made.buyers) == done.orders
    with pytest.raises(Conflict):
        sheets.act(hold_id, held_orders.cut)
    assert sheets.faults() == []


def test_cutting_before_sheets_are_out_has_the_round_allocated_anew(world):
    desk = Desk(Collecting(world, ordered=(12, 8), supplies=(15, 15), issue=False))
    hold_id = desk.hold("lot", desk.made.lots[0].code)
    desk.act(hold_id, held_orders.cut)
    desk.made.step(allocate_round)
    assert sum(desk.made.read(select(OrderLine.allocated_packs))) == 15
    assert desk.faults() == []


def test_undoing_an_allocation_by_hand_leaves_held_goods_in_their_lot(world):
    desk = Desk(Collecting(world, ordered=(12, 8), supplies=(15, 15), issue=False))
    desk.hold("lot", desk.made.lots[0].code)
    desk.made.step(undo_allocation)
    assert (desk.lot().free, desk.lot().committed) == (15 * PACK, 0)
    assert desk.faults() == []


def test_two_holds_are_lifted_one_by_one_and_nothing_is_held_twice(sheets):
    first, second = sheets.hold("region", TOWN), sheets.hold("lot", sheets.made.lots[0].code)
    with pytest.raises(Conflict):
        sheets.hold("region", TOWN)
    assert sheets.act(first, lift) == 0
    assert sheets.lot().state == "on_hold"
    assert sheets.act(second, lift) == 1
    assert sheets.lot().state == "open"


def test_a_recalled_lot_stays_recalled_when_its_hold_is_lifted(sheets):
    hold_id = sheets.hold("region", TOWN)
    with sheets.world.transaction() as session:
        recall(session, sheets.actor, sheets.made.lots[0].id, "food_safety", "")
    assert sheets.act(hold_id, lift) == 0
    assert sheets.lot().state == "recalled"
    assert sheets.faults() == []


def test_a_held_stop_is_not_driven_to_and_the_round_waits(stops):
    made = stops.made
    hold_id = stops.hold("stop", made.point)
    with stops.world.transaction() as session:
        found = get_round(session, made.round.id)
        ids = list(session.scalars(select(Manifest.id)))
        trip = make_trip(session, stops.actor, found, ids, Vehicle("县运输队", "王师傅"))
        with pytest.raises(Conflict, match="停了"):
            record_loaded(session, trip, ids[0])
    with stops.world.transaction() as session, pytest.raises(Conflict):
        accept_rest(session, stops.actor, get_round(session, made.round.id))
    stops.act(hold_id, lift)
    with stops.world.transaction() as session:
        accept_rest(session, stops.actor, get_round(session, made.round.id))
    assert stops.faults() == []


def test_orders_on_their_way_go_to_another_stop_with_their_codes(stops):
    made = stops.made
    hold_id = stops.hold("stop", made.point)
    done = stops.act(hold_id, held_orders.move_orders, made.other.id)
    assert (done.orders, done.kept, done.told) == (2, 0, 2)
    with stops.world.transaction() as session:
        rows = session.execute(
            select(Manifest.pickup_point_id, Manifest.organisation_id, func.count())
            .join(Delivery, Delivery.manifest_id == Manifest.id)
            .group_by(Manifest.id)
        ).all()
        assert {row[0] for row in rows} == {made.other.id}
        assert len(rows) == 2
        assert set(session.scalars(select(Order.pickup_point_id))) == {made.other.id}
        accept_rest(session, stops.actor, get_round(session, made.round.id))
    assert len(stops.told(made.buyer)) == 1
    assert "北门" in stops.told(made.buyer)[0].body
    assert stops.faults() == []


def test_a_code_that_is_taken_there_is_changed(stops):
    made = stops.made
    with stops.world.transaction() as session:
        staff = made.order(session, 1)
        staff.pickup_point_id = made.other.id
        canteen = made.order(session, CANTEEN)
        canteen.channel, canteen.organisation_id = "shop", None
        codes = session.scalars(select(Delivery).order_by(Delivery.id)).all()
        manifests = {one.order_id: one.manifest_id for one in codes}
        for one in codes:
            one.pickup_code = "123456"
        session.get_one(Manifest, manifests[staff.id]).pickup_point_id = made.other.id
    hold_id = stops.hold("stop", made.point)
    stops.act(hold_id, held_orders.move_orders, made.other.id)
    with stops.world.transaction() as session:
        rows = session.scalars(select(Delivery)).all()
        assert len({row.manifest_id for row in rows}) == 1
        assert len({row.pickup_code for row in rows}) == 2


def test_what_is_loaded_stays_and_an_unknown_place_is_refused(stops):
    made = stops.made
    with stops.world.transaction() as session:
        ids = list(session.scalars(select(Manifest.id)))
        found = get_round(session, made.round.id)
        trip = make_trip(session, stops.actor, found, ids, Vehicle("县运输队", "王师傅"))
        for one in ids:
            record_loaded(session, trip, one)
    hold_id = stops.hold("stop", made.point)
    with pytest.raises(Conflict):
        stops.act(hold_id, held_orders.move_orders, made.other.id)
    for nowhere in (made.point, 0):
        with pytest.raises(InvalidInput):
            stops.act(hold_id, held_orders.move_orders, nowhere)
    assert stops.faults() == []


def test_a_stop_is_put_off_once_to_a_day_and_all_who_fetch_there_hear_it(stops):
    made = stops.made

    def slots():
        with stops.world.transaction() as session:
            return {x.pickup_point_id: x.from_at for x in session.scalars(select(RoundPickup))}

    before = slots()
    with stops.world.transaction() as session:
        waits = select(Delivery).where(Delivery.order_id == made.order(session, COLLEAGUE).id)
        session.scalars(waits).one().state = "handed_over"
    hold_id = stops.hold("stop", made.point)
    day = shanghai_date(before[made.point]) + timedelta(days=2)
    assert stops.act(hold_id, held_orders.put_off, day).orders == 2
    with pytest.raises(Conflict):
        stops.act(hold_id, held_orders.put_off, day)
    assert slots()[made.point] - before[made.point] == timedelta(days=2)
    assert slots()[made.other.id] == before[made.other.id]
    assert [len(stops.told(who)) for who in (made.buyer, made.staff)] == [1, 1]
    for wrong in (today() - timedelta(days=1), today() + timedelta(days=99)):
        with pytest.raises(InvalidInput):
            stops.act(hold_id, held_orders.put_off, wrong)


def test_orders_for_a_stop_end_before_the_goods_set_out_and_not_after(world):
    made = Arriving(world, gone=False)
    with world.transaction() as session:
        point = session.scalars(select(RoundPickup.pickup_point_id)).one()
    desk = Desk(made)
    hold_id = desk.hold("stop", point)
    done = desk.act(hold_id, held_orders.cut)
    assert (done.orders, done.told) == (2, 3)
    with world.transaction() as session:
        assert set(session.scalars(select(Order.state))) == {"cancelled"}
    assert len(desk.told(made.cadre)) == 1
    assert desk.faults() == []
    made.step(set_out)
    with pytest.raises(Conflict):
        desk.act(hold_id, held_orders.cut)


def test_who_does_not_reach_a_place_cannot_hold_it(sheets):
    other = sheets.world.actor(sheets.world.user("operator", region="990101102000"))
    with sheets.world.transaction() as session:
        scope = other.scope_for(ROUND_MANAGE)
        for kind, target in (("region", TOWN), ("lot", sheets.made.lots[0].code), ("stop", "x")):
            with pytest.raises(NotFound):
                planned(session, scope, kind, target)
    hold_id = sheets.hold("region", TOWN)
    with sheets.world.transaction() as session, pytest.raises(NotFound):
        get_hold(session, other.scope_for(ROUND_MANAGE), hold_id)


def test_the_desk_holds_a_stop_moves_its_orders_and_lifts_it(stops):
    made, world = stops.made, stops.world
    browser = world.sign_in(world.user("operator", region=COUNTY))
    address = f"/desk/holds/new/stop?target={made.point}"
    page = browser.get(address).text
    assert made.numbers[CANTEEN] in page
    assert "周小满" not in page
    assert browser.post(address, data={"cause": ""}).status_code == 422
    put = browser.post(address, data={"cause": "road", "words": "塌方"})
    assert put.status_code == 302
    with world.transaction() as session:
        hold_id = session.scalars(select(Hold.id)).one()
    assert put.location.endswith(f"/desk/holds/{hold_id}")
    assert made.numbers[CANTEEN] in browser.get(put.location).text
    refused = browser.post(f"/desk/holds/{hold_id}/put_off", data={"day": "很多"})
    assert refused.status_code == 422
    moved = browser.post(f"/desk/holds/{hold_id}/move", data={"to": str(made.other.id)})
    assert moved.status_code == 303
    lifted = browser.post(f"/desk/holds/{hold_id}/lift", follow_redirects=True)
    assert "恢复了" in lifted.text
    assert "恢复了" in browser.get("/desk/holds").text
    assert stops.faults() == []


def test_the_driver_hears_that_a_stop_is_held(stops):
    made, world = stops.made, stops.world
    with world.transaction() as session:
        ids = list(session.scalars(select(Manifest.id)))
        found = get_round(session, made.round.id)
        token = make_trip(session, stops.actor, found, ids, Vehicle("县运输队", "王师傅")).token
    stops.hold("stop", made.point)
    driver = world.app.test_client()
    said = driver.post(f"/d/{token}/stops/{ids[0]}/loaded", follow_redirects=True)
    assert "先不要送" in said.text


def test_a_household_hears_once_however_many_of_its_sheets_change(world):
    made = Collecting(world, ordered=(5, 4, 3), supplies=(12,))
    with world.transaction() as session:
        point = session.scalars(select(RoundPickup.pickup_point_id)).one()
    desk = Desk(made)
    desk.act(desk.hold("stop", point), held_orders.cut)
    (one,) = desk.told(made.cadres[0])
    assert one.body.count("备货单改了") == 1
    for buyer in made.buyers:
        assert len(desk.told(buyer)) == 1
    assert desk.faults() == []


def test_a_lot_verified_during_a_hold_is_not_cut_with_the_others(sheets):
    hold_id = sheets.hold("region", TOWN)
    new = sheets.world.lot(sheets.made.product, 5 * PACK)
    other = sheets.world.listing(sheets.world.round(), sheets.made.product, [new])
    sheets.act(hold_id, held_orders.cut)
    with sheets.world.transaction() as session:
        assert session.get_one(Listing, other.id).capacity_packs == 5
    assert sheets.faults() == []
