"""What stops follows goods to where they are: at a processor's, in another lot, at another pickup point."""

import uuid

import pytest
from sqlalchemy import func, select

from marketplace.core.errors import Conflict
from marketplace.fulfilment.delivering import set_out
from marketplace.fulfilment.held_orders import move_orders
from marketplace.fulfilment.hold_queries import get_hold
from marketplace.fulfilment.holding import lift, planned, put_on
from marketplace.fulfilment.pooling import Part, pool
from marketplace.fulfilment.recalling import recall
from marketplace.identity.permissions import LOT_ADJUST, ROUND_MANAGE, WEIGH_IN
from marketplace.ledger.models import LedgerEntry
from marketplace.orders.collecting import due_fen, record_collected
from marketplace.orders.lot_withdrawal import Withdrawal, withdraw_part
from marketplace.orders.order_models import GroupEntry
from marketplace.orders.returning import record_given_back
from marketplace.orders.round_models import RoundPickup
from marketplace.orders.rounds import get_round
from tests.fulfilment.arriving import COLLEAGUE, Arriving
from tests.fulfilment.slaughterhouse import VILLAGE, Slaughterhouse
from tests.orders.grouping import Group

TOWN = f"{VILLAGE[:9]}000"


class Stopping(Slaughterhouse):
    def put_on(self, kind, target, cause="food_safety"):
        with self.world.transaction() as session:
            hold = planned(session, self.operator.scope_for(ROUND_MANAGE), kind, target)
            put_on(session, self.operator, hold, cause, "")
            return hold.id

    def lift(self, hold_id):
        with self.world.transaction() as session:
            scope = self.operator.scope_for(ROUND_MANAGE)
            lift(session, self.operator, get_hold(session, scope, hold_id, for_update=True))

    def eat_the_rest(self, index):
        wanted = Withdrawal(self.lots[index].id, "all", "eaten")
        with self.world.transaction() as session:
            scope = self.operator.scope_for(LOT_ADJUST)
            withdraw_part(session, self.operator, scope, wanted, str(uuid.uuid4()))

    def at_work(self):
        """20 of the first lot's 30 hens are at the slaughterhouse, nobody has the others any more."""
        order = self.plan({0: 20})
        self.start(order)
        self.eat_the_rest(0)
        assert self.again(self.lots[0]).state == "exhausted"
        return order


@pytest.fixture
def house(world):
    return Stopping(world)


def test_hens_at_the_slaughterhouse_do_not_slip_through_a_held_town(house):
    order = house.at_work()
    hold_id = house.put_on("region", TOWN)
    with pytest.raises(Conflict):
        house.finish(order, 20)
    house.lift(hold_id)
    assert house.again(house.lots[0]).state == "exhausted"
    assert house.again(house.finish(order, 20)).state == "open"
    assert house.faults() == []


def test_what_comes_back_from_the_slaughterhouse_stays_on_hold(house):
    order = house.at_work()
    hold_id = house.put_on("lot", house.lots[0].trace_code.lower())
    house.cancel(order, left=20)
    lot = house.again(house.lots[0])
    assert (lot.state, lot.free) == ("on_hold", 20)
    assert house.faults() == []
    house.lift(hold_id)
    assert house.again(lot).state == "open"


def test_what_is_wrong_with_hens_is_wrong_with_what_they_became(house):
    dressed = house.done({0: 20}, 20)
    assert house.again(dressed).state == "open"
    road = house.put_on("lot", house.lots[0].code, "road")
    assert house.again(dressed).state == "open", "the road says nothing of what is elsewhere"
    house.lift(road)
    hold_id = house.put_on("lot", house.lots[0].code)
    assert house.again(dressed).state == "on_hold"
    assert house.again(house.lots[1]).state == "open"
    house.lift(hold_id)
    assert house.again(dressed).state == "open"
    assert house.faults() == []


def test_a_lot_of_which_nothing_is_left_is_not_said_to_be_held(house):
    house.eat_the_rest(2)
    browser = house.world.sign_in(house.user)
    path = f"/desk/holds/new/lot?target={house.lots[2].code}"
    answer = browser.post(path, data={"cause": "food_safety"})
    assert answer.status_code == 409
    assert "请用“召回”" in answer.text
    assert "请写批次号" in browser.get("/desk/holds/new/lot?target=").text


def test_a_recall_reaches_what_was_pooled_though_the_household_ate_the_rest(world):
    product = world.product()
    first = world.lot(product, 2000, village=VILLAGE)
    second = world.lot(product, 900, village=VILLAGE)
    world.listing(world.round(), product, [world.lot(product, 25_000)], pack_base=2500)
    seller = world.unit("三岔村集体", "cooperative", region_code=VILLAGE)
    clerk = world.actor(world.user("clerk", region="990101000000"))
    parts = {first.id: Part(1500, "head_present"), second.id: Part(900, "head_present")}
    with world.transaction() as session:
        pooled = pool(session, clerk, clerk.scope_for(WEIGH_IN), seller.id, parts)
    operator = world.actor(world.operator())
    for lot, wanted in ((first, "all"), (pooled, "all")):
        with world.transaction() as session:
            withdrawal = Withdrawal(lot.id, wanted, "eaten")
            scope = operator.scope_for(LOT_ADJUST)
            withdraw_part(session, operator, scope, withdrawal, str(uuid.uuid4()))
    with world.transaction() as session:
        states = [session.get_one(type(first), lot.id).state for lot in (first, pooled)]
    assert states == ["exhausted", "withdrawn"], "what it pooled was not taken back"
    with world.transaction() as session:
        done = recall(session, operator, first.id, "food_safety", "")
    assert done is not None
    assert done.lots == 2


def test_colleagues_of_a_group_see_the_stop_that_their_order_was_moved_to(world):
    group = Group(world)
    group.enter()
    group.submit()
    operator = world.actor(world.operator())
    with world.transaction() as session:
        scope = operator.scope_for(ROUND_MANAGE)
        hold = planned(session, scope, "stop", str(group.places[0]))
        put_on(session, operator, hold, "road", "")
        hold_id = hold.id
    with world.transaction() as session:
        hold = get_hold(session, scope, hold_id, for_update=True)
        assert move_orders(session, operator, hold, group.places[1]).orders == 1
    with world.transaction() as session:
        entry = session.scalars(select(GroupEntry)).one()
        code, there = entry.edit_code, entry.pickup_point.name
        assert entry.pickup_point_id == group.places[1]
    assert there in group.guest.get(f"/g/{group.token}/{code}").text
    lists = group.browser.get(f"/groups/{group.id}/lists").text
    assert there in lists
    assert "还没有交单" not in lists


def test_money_is_handed_back_from_the_stop_where_it_was_collected(world):
    arriving = Arriving(world, gone=False)
    operator = world.actor(arriving.operator)
    scope = operator.scope_for(ROUND_MANAGE)
    other = world.pickup_point("南门提货点")
    with world.transaction() as session:
        slot = get_round(session, arriving.round.id).pickups[0]
        here = slot.pickup_point_id
        times = {"from_at": slot.from_at, "until_at": slot.until_at}
        session.add(RoundPickup(round_id=arriving.round.id, pickup_point_id=other.id, **times))
    with world.transaction() as session:
        order = arriving.order(session, COLLEAGUE)
        record_collected(session, operator, order, "pickup", due_fen(session, order))
    with world.transaction() as session:
        hold = put_on(session, operator, planned(session, scope, "stop", str(here)), "road", "")
        hold_id = hold.id
    with world.transaction() as session:
        hold = get_hold(session, scope, hold_id, for_update=True)
        move_orders(session, operator, hold, other.id)
    arriving.step(set_out)
    arriving.accept(which=COLLEAGUE)
    with world.transaction() as session:
        for lot in arriving.lots:
            recall(session, operator, lot.id, "food_safety", "")
    with world.transaction() as session:
        order = arriving.order(session, COLLEAGUE)
        record_given_back(session, operator, order, order.collected_fen, due_fen(session, order))
    with world.transaction() as session:
        sums = select(func.sum(LedgerEntry.fen)).group_by(LedgerEntry.party)
        assert set(session.scalars(sums.where(LedgerEntry.account == "collected"))) == {0}
