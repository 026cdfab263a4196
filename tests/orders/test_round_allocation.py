"""A round is allocated, explained, replayed, undone and repaired; lots and lines stay in balance."""

import re

import pytest
from sqlalchemy import func, select

from marketplace.catalog.models import Lot
from marketplace.core.errors import Conflict
from marketplace.core.states import move
from marketplace.identity.actor import SYSTEM
from marketplace.orders.allocation_models import Allocation, AllocationRun
from marketplace.orders.allocation_pages import (
    compare_policies,
    problems_in_force,
    replays,
    set_pin,
    shares_of,
)
from marketplace.orders.lowering import lower_lot
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_allocation import allocate_round, undo_allocation
from marketplace.orders.round_models import Commitment, Listing
from marketplace.orders.round_refill import bring_less
from marketplace.orders.rounds import close_round, get_round
from marketplace.reporting.verify import verify

PACK = 2500


class Closed:
    """A closed round: two households with 40 and 10 packs, staff ordered what the test says."""

    def __init__(self, world, *ordered, supplies=(40, 10), **round_changes):
        self.world = world
        self.product = world.product()
        self.lots = [world.lot(self.product, packs * PACK) for packs in supplies]
        self.round = world.round(**round_changes)
        self.listing = world.listing(self.round, self.product, self.lots, pack_base=PACK)
        world.open_round(self.round)
        staff = world.user("staff", unit=world.unit())
        for packs in ordered:
            world.order(staff, self.round, {self.listing.id: packs})
        self.step(close_round)

    def step(self, act, *arguments):
        with self.world.transaction() as session:
            return act(session, SYSTEM, get_round(session, self.round.id), *arguments)

    def read(self, statement):
        with self.world.transaction() as session:
            return session.scalars(statement).all()

    def balanced(self):
        with self.world.transaction() as session:
            return verify(session) == []

    def sold(self):
        commitments = self.read(select(Commitment).order_by(Commitment.id))
        return [commitment.allocated_packs for commitment in commitments]


def test_every_pack_gets_one_lot_and_the_rest_returns_to_its_lot(world):
    closed = Closed(world, 12, 8)
    closed.step(allocate_round)
    assert sum(closed.sold()) == 20
    assert closed.sold()[1] == 10, "the small household sells all before the large one sells more"
    lots = closed.read(select(Lot).order_by(Lot.id))
    assert [(lot.committed, lot.free) for lot in lots] == [(10 * PACK, 30 * PACK), (10 * PACK, 0)]
    assert {order.state for order in closed.read(select(Order))} == {"allocated"}
    assert [(line.allocated_packs, line.cut_packs) for line in closed.read(select(OrderLine))] == [
        (12, 0),
        (8, 0),
    ]
    (run,) = closed.read(select(AllocationRun))
    with world.transaction() as session:
        assert replays(session, run)
    assert closed.balanced()


def test_allocating_twice_is_refused(world):
    closed = Closed(world, 5)
    closed.step(allocate_round)
    with pytest.raises(Conflict):
        closed.step(allocate_round)


def test_an_undone_allocation_leaves_everything_as_it_was(world):
    closed = Closed(world, 12, 8)
    before = [(lot.free, lot.committed) for lot in closed.read(select(Lot).order_by(Lot.id))]
    closed.step(allocate_round)
    closed.step(undo_allocation)
    assert [
        (lot.free, lot.committed) for lot in closed.read(select(Lot).order_by(Lot.id))
    ] == before
    assert closed.read(select(Allocation)) == []
    assert {order.state for order in closed.read(select(Order))} == {"confirmed"}
    closed.step(allocate_round)
    assert sum(closed.sold()) == 20
    assert len(closed.read(select(AllocationRun))) == 2, "the undone run stays as history"
    assert closed.balanced()


def test_the_pages_say_whether_figures_are_a_trial_and_how_to_change_them_afterwards(world):
    closed = Closed(world, 20)
    browser = world.sign_in(world.operator())
    overview = f"/rounds/{closed.round.id}/allocation"
    page = f"/listings/{closed.listing.id}/allocation"
    for _ in range(2):
        assert "还没有分配，下面是试算。点“分配”才算数。" in browser.get(overview).text
        assert "试算" in browser.get(page).text
        assert browser.post(f"{overview}/run").status_code == 302
        assert "试算" not in browser.get(overview).text
        assert f'先<a href="{overview}">在“分配”里撤销</a>' in browser.get(page).text
        assert browser.post(f"{overview}/undo").status_code == 302


def test_a_pin_holds_and_one_beyond_supply_is_refused_with_figures(world):
    closed = Closed(world, 20)
    pinned = closed.lots[0].claimant
    operator = world.actor(world.operator())
    with pytest.raises(Conflict, match="41"), world.transaction() as session:
        set_pin(session, operator, session.get_one(Listing, closed.listing.id), pinned, 41, "试试")
    with world.transaction() as session:
        set_pin(
            session, operator, session.get_one(Listing, closed.listing.id), pinned, 18, "货要坏了"
        )
    closed.step(allocate_round)
    assert closed.sold() == [18, 2]
    with world.transaction() as session:
        shares = shares_of(
            session,
            get_round(session, closed.round.id),
            session.get_one(Listing, closed.listing.id),
        )
    assert shares.replayed
    assert any("货要坏了" in sentence for sentence in shares.rows[0].why)


def test_pins_that_can_no_longer_hold_are_said_in_names_and_freed_one_by_one(world):
    closed = Closed(world, 20)
    claimants = [lot.claimant for lot in closed.lots]
    browser = world.sign_in(world.operator())
    page = f"/listings/{closed.listing.id}/allocation"
    for claimant, packs in zip(claimants, ("18", "2"), strict=True):
        form = {"claimant": claimant, "packs": packs, "reason": "货要坏了"}
        assert browser.post(f"{page}/pin", data=form).status_code == 302
    with world.transaction() as session:
        for lot, packs in zip(closed.lots, (30, 9), strict=True):
            lower_lot(session, SYSTEM, lot.id, packs * PACK, "died")
    overview = f"/rounds/{closed.round.id}/allocation"
    answers = [browser.get(overview), browser.get(page), browser.post(f"{overview}/run")]
    assert [answer.status_code for answer in answers] == [200, 200, 409]
    for answer in answers:
        assert "最多能出" in answer.text
        assert f"「{claimants[0]}」" not in answer.text
    form = {"claimant": "h:9999", "packs": "1", "reason": "试试"}
    assert browser.post(f"{page}/pin", data=form).status_code == 409
    for claimant in claimants:
        form = {"claimant": claimant, "act": "free"}
        assert browser.post(f"{page}/pin", data=form).status_code == 302
    assert browser.post(f"{overview}/run").status_code == 302
    assert closed.sold() == [10, 1]


def test_a_refused_pin_names_the_household_as_people_do(world):
    closed = Closed(world, 20)
    browser = world.sign_in(world.operator())
    form = {"claimant": closed.lots[0].claimant, "packs": "41", "reason": "试试"}
    answer = browser.post(f"/listings/{closed.listing.id}/allocation/pin", data=form)
    assert answer.status_code == 409
    assert f"「{form['claimant']}」" not in answer.text
    assert re.search("「.{1,9}」最多能出 40 份", answer.text)
    unsaid = browser.post(
        f"/listings/{closed.listing.id}/allocation/pin", data=form | {"reason": ""}
    )
    assert "最多能出 40 份" in unsaid.text
    assert "请写为什么要定死这个数" in unsaid.text
    reloaded = browser.get(f"/listings/{closed.listing.id}/allocation/pin")
    assert reloaded.location == f"/listings/{closed.listing.id}/allocation"


def test_a_shortfall_after_lowering_is_cut_by_the_rule(world):
    product = world.product()
    lot = world.lot(product, 10 * PACK)
    in_round = world.round()
    listing = world.listing(in_round, product, [lot], pack_base=PACK)
    world.open_round(in_round)
    staff = world.user("staff", unit=world.unit())
    first = world.order(staff, in_round, {listing.id: 6}, whole_or_nothing=frozenset({listing.id}))
    second, last = (world.order(staff, in_round, {listing.id: 1}) for _ in range(2))
    with world.transaction() as session:
        lower_lot(session, SYSTEM, lot.id, 3 * PACK, "eaten")
        close_round(session, SYSTEM, get_round(session, in_round.id))
        allocate_round(session, SYSTEM, get_round(session, in_round.id))
    with world.transaction() as session:
        cut = dict(
            session.execute(
                select(Order.number, OrderLine.cut_packs).join(
                    OrderLine, OrderLine.order_id == Order.id
                )
            ).all()
        )
    assert cut == {first: 0, second: 0, last: 1}


def test_a_household_that_brings_less_keeps_the_rest_and_ready_goods_fill_in(world):
    closed = Closed(world, 20)
    with world.transaction() as session:
        session.execute(Commitment.__table__.update().values(refill_ready=True))
    closed.step(allocate_round)
    assert closed.sold() == [10, 10]
    with world.transaction() as session:
        move(session, get_round(session, closed.round.id), "collecting", because="test")
    second = closed.read(select(Commitment).order_by(Commitment.id))[1]
    refilled = closed.step(bring_less, closed.listing.id, {second.id: 4}, "died")
    assert refilled.cut_packs == 0
    assert closed.sold() == [16, 4]
    lots = closed.read(select(Lot).order_by(Lot.id))
    assert [(lot.committed, lot.free, lot.withdrawn) for lot in lots] == [
        (16 * PACK, 24 * PACK, 0),
        (4 * PACK, 0, 6 * PACK),
    ]
    with world.transaction() as session:
        runs = session.scalars(select(AllocationRun).order_by(AllocationRun.id)).all()
        assert replays(session, runs[-1])
        assert session.scalar(select(func.sum(Allocation.packs))) == 20
    assert closed.balanced()


def test_what_cannot_be_refilled_is_cut(world):
    closed = Closed(world, 20)
    closed.step(allocate_round)
    with world.transaction() as session:
        move(session, get_round(session, closed.round.id), "collecting", because="test")
    second = closed.read(select(Commitment).order_by(Commitment.id))[1]
    refilled = closed.step(bring_less, closed.listing.id, {second.id: 4}, "died")
    assert refilled.cut_packs == 6
    (line,) = closed.read(select(OrderLine))
    assert (line.allocated_packs, line.cut_packs) == (14, 6)
    desk = world.sign_in(world.operator()).get(f"/rounds/{closed.round.id}").text
    assert "份，其中 6 份没有货，不收钱" in desk
    assert closed.balanced()


def test_two_packs_of_one_household_are_one_way_to_the_collection_point(world):
    product = world.product("天堂姜")
    lot = world.lot(product, 40 * 2500)
    in_round = world.round()
    listings = [
        world.listing(in_round, product, {lot: 20 * 2500}, pack_base=base) for base in (2500, 5000)
    ]
    world.open_round(in_round)
    buyer = world.user("staff", unit=world.unit())
    world.order(buyer, in_round, {listing.id: 3 for listing in listings})
    with world.transaction() as session:
        found = get_round(session, in_round.id)
        compared = compare_policies(session, found, problems_in_force(session, found))
    assert [policy.pickups for policy in compared] == [1, 1, 1]
    assert {policy.households_helped for policy in compared} == {1}
