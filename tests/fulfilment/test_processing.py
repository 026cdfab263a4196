"""Lots go to a processor and come back as one lot: nothing is lost unsaid, and shares follow the input."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from marketplace.catalog.models import Lot, LotMovement, LotShare, SupplyReport
from marketplace.catalog.paper_models import LotPaper
from marketplace.core.clock import now, today, use_clock
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.fulfilment.processing import get_order, lots_for, plan
from marketplace.fulfilment.processing_finish import split_output
from marketplace.fulfilment.processing_lines import capacity_left, get_line
from marketplace.fulfilment.processing_models import ProcessingInput, ProcessingOrder
from marketplace.identity.permissions import PROCESS_MANAGE
from marketplace.orders.round_models import Round
from marketplace.reporting.board import board_of, table_of
from marketplace.settlement.owed import shares_of
from marketplace.settlement.splitting import Item, split_run
from marketplace.trace.models import TraceEvent
from tests.fulfilment.slaughterhouse import TOMORROW, Slaughterhouse, slip
from tests.support.meanwhile import meanwhile
from tests.trace.test_streams import Forger


@pytest.fixture
def house(world):
    return Slaughterhouse(world)


def _free(house):
    ids = [lot.id for lot in house.lots]
    rows = house.read(select(Lot).where(Lot.id.in_(ids)).order_by(Lot.id))
    return [(lot.free, lot.processed, lot.lost) for lot in rows]


def _shares(house, lot_id):
    rows = house.read(select(LotShare).where(LotShare.lot_id == lot_id))
    return {row.household_id: row.quantity_base for row in rows}


def test_hens_of_three_households_become_one_lot_of_their_shares(house):
    order = house.plan({0: 30, 1: 20, 2: 9})
    assert (order.input_base, order.fee_fen, order.state) == (59, 11800, "planned")
    assert _free(house) == [(30, 0, 0), (20, 0, 0), (10, 0, 0)], "a plan moves nothing"
    house.start(order)
    assert _free(house) == [(0, 30, 0), (0, 20, 0), (1, 9, 0)]
    made = house.finish(order, 58)
    assert (made.organisation_id, made.verified, made.free) == (house.seller.id, 58, 58)
    assert (made.product_id, made.grade, made.available_from) == (house.dressed.id, "统货", today())
    assert made.available_until == today() + timedelta(days=5)
    assert (made.asked_fen, made.asked_per_base) == (9155, 1), "59 hens at 90 yuan, 58 came out"
    put = [lot.household_id for lot in house.lots]
    parts = _shares(house, made.id)
    assert sum(parts.values()) == 58
    assert all(abs(parts[who] * 59 - 58 * n) < 59 for who, n in zip(put, (30, 20, 9), strict=True))
    ended = house.again(order)
    assert (ended.state, ended.output_base, ended.permille) == ("finished", 58, 983)
    states = house.read(select(Lot.state).where(Lot.household_id.in_(put)).order_by(Lot.id))
    assert states == ["exhausted", "exhausted", "open"]
    moved = select(LotMovement.quantity_base).where(LotMovement.kind == "processed")
    assert sorted(house.read(moved)) == [9, 20, 30]
    said = house.read(select(TraceEvent.text))
    assert sum('"kind":"processed_into"' in one and made.trace_code in one for one in said) == 3
    assert sum('"kind":"processed_from"' in one and '"yield":983' in one for one in said) == 3
    (paper,) = house.read(select(LotPaper))
    assert (paper.lot_id, paper.kind, paper.number) == (made.id, "inspection", "动检 0001")
    assert house.faults() == []


def test_one_household_sells_its_own_and_a_sale_pays_by_shares(house, world):
    made = house.done({0: 20}, 20)
    assert (made.household_id, made.organisation_id) == (house.lots[0].household_id, None)
    both = house.done({1: 15, 2: 10}, 25)
    listing = world.listing(world.round(), house.dressed, [made, both], pack_base=1)
    assert listing.capacity_packs == 45
    with world.transaction() as session:
        whose = shares_of(session, [both.id])
    sums = split_run("run", [Item(1, both.id, 2500, both.available_from)], whose, {})
    assert sorted(part.fen for part in sums.values()) == [1000, 1500]
    assert house.faults() == []


def test_a_cooperatives_lot_stays_the_cooperatives(house, world):
    unit = world.unit(kind="cooperative")
    with world.transaction() as session:
        session.execute(
            update(Lot)
            .where(Lot.id == house.lots[0].id)
            .values(organisation_id=unit.id, household_id=None)
        )
    with pytest.raises(InvalidInput, match="不能和别家的"):
        house.plan({0: 5, 1: 5})
    made = house.done({0: 10}, 10)
    assert made.organisation_id == unit.id
    assert _shares(house, made.id) == {house.lots[0].household_id: 10}


def test_what_is_mass_says_its_loss(house, world):
    paddy, rice = world.product("稻谷"), world.product("大米")
    house.lots = [world.lot(paddy, 50_000)]
    line = house.save(
        house.given(
            kind="milling", input_product_id=paddy.id, output_product_id=rice.id, daily_base=10**6,
            yield_permille=700, low_permille=650, high_permille=750, fee_fen=15, fee_per_base=500,
        )
    )  # fmt: skip
    order = house.plan({0: 33_333}, line=line)
    assert order.fee_fen == 1000, "0.15 yuan for 500 g, rounded half up once"
    house.start(order)
    with pytest.raises(InvalidInput, match="不会更重"):
        house.finish(order, 33_334, sure=True)
    house.finish(order, 23_333)
    with world.transaction() as session:
        assert get_order(session, house.scope, order.id).loss_base == 10_000
    assert any('"loss":10000' in text for text in house.read(select(TraceEvent.text)))
    assert house.faults() == []


@pytest.mark.parametrize(
    ("parts", "how", "words"),
    [
        ({}, {}, "至少写一批"),
        ({0: 0}, {}, "加工多少"),
        ({0: 31}, {}, "只剩 30"),
        ({0: 5, 1: 5}, {"seller": 10**9}, "村集体"),
        ({0: 5}, {"day": today() - timedelta(days=1)}, "今天以后"),
        ({0: 5}, {"day": today() + timedelta(days=91)}, "三个月"),
    ],
)
def test_what_cannot_be_planned_is_refused_in_words(house, parts, how, words):
    with pytest.raises((InvalidInput, Conflict), match=words):
        house.plan(parts, **how)
    assert house.read(select(ProcessingOrder)) == []


@pytest.mark.parametrize("changes", [{"grade": "二级"}, {"asked_fen": 9001}])
def test_unlike_goods_do_not_go_together(house, world, changes):
    with world.transaction() as session:
        session.execute(update(Lot).where(Lot.id == house.lots[1].id).values(**changes))
    with pytest.raises(InvalidInput, match="同等级、同价钱"):
        house.plan({0: 5, 1: 5})


def test_what_starts_later_takes_what_is_left_of_that_day(house):
    first, second = house.plan({0: 30}), house.plan({1: 20})
    tomorrow = now() + TOMORROW
    with use_clock(lambda: tomorrow):
        house.plan({2: 10})
        house.save(house.given(daily_base=50), house.line)
        house.start(first)
        assert house.again(first).day == today()
        with pytest.raises(Conflict, match="还能加工 10 只，这里是 20 只") as refused:
            house.start(second)
        assert refused.value.code == "capacity"
    assert house.again(second).state == "planned"


def test_who_starts_hears_that_a_lot_is_stopped(house):
    order = house.plan({0: 30})
    for state, words in (("on_hold", "停着，恢复以后再开工"), ("recalled", "召回了")):
        with house.world.transaction() as session:
            session.execute(update(Lot).where(Lot.id == house.lots[0].id).values(state=state))
        with pytest.raises(Conflict, match=words):
            house.start(order)
    assert house.again(order).state == "planned"


def test_a_day_takes_no_more_than_it_can(house):
    house.plan({0: 30})
    house.plan({1: 20})
    house.save(house.given(daily_base=55), house.line)
    with pytest.raises(Conflict, match="还能加工 5 只"):
        house.plan({2: 6})
    house.plan({2: 6}, day=today() + TOMORROW)
    order = house.plan({2: 4})
    house.cancel(order)
    with house.world.transaction() as session:
        line = get_line(session, house.scope, house.line.id)
        assert capacity_left(session, line, today()) == 5, "what is cancelled takes none"


def test_planned_goods_are_not_planned_twice(house):
    house.plan({2: 8})
    with pytest.raises(Conflict, match="只剩 2"):
        house.plan({2: 3})
    with house.world.transaction() as session:
        line = get_line(session, house.scope, house.line.id)
        assert [left for _, left in lots_for(session, house.scope, line)] == [30, 20, 2]


def test_two_planners_in_one_moment_never_exceed_the_day(house, world):
    house.save(house.given(daily_base=40), house.line)
    first, second = house.wanted({0: 30}), house.wanted({1: 20})
    with pytest.raises(Conflict, match="还能加工 10 只"):
        meanwhile(
            world,
            lambda session: plan(session, house.operator, house.scope, first),
            lambda session: plan(session, house.operator, house.scope, second),
        )
    (order,) = house.read(select(ProcessingOrder))
    assert order.input_base == 30


def test_an_odd_yield_is_asked_about_once(house):
    order = house.plan({0: 30})
    house.start(order)
    with pytest.raises(InvalidInput, match="90%，平常是 99%") as asked:
        house.finish(order, 27)
    assert asked.value.code == "odd_yield"
    assert house.finish(order, 27, sure=True).verified == 27


@pytest.mark.parametrize("paper", [slip(number=" "), slip(photo=""), slip(issued_on=None)])
def test_slaughter_needs_its_certificate(house, paper):
    order = house.plan({0: 30})
    house.start(order)
    with pytest.raises(InvalidInput):
        house.finish(order, 30, paper=paper)
    assert house.read(select(SupplyReport).where(SupplyReport.channel == "processed")) == []
    assert house.again(order).state == "started"


def test_goods_that_are_gone_meanwhile_do_not_start(house, world):
    order = house.plan({0: 30, 1: 10})
    world.listing(world.round(), house.hen, {house.lots[0]: 1}, pack_base=1)
    with pytest.raises(Conflict, match="只剩 29"):
        house.start(order)
    assert house.again(order).state == "planned"
    assert _free(house)[1] == (20, 0, 0), "nothing of the other lot either"
    later = house.plan({1: 5}, day=today() + TOMORROW)
    with pytest.raises(Conflict, match="到那天再开工"):
        house.start(later)
    tomorrow = now() + TOMORROW
    with use_clock(lambda: tomorrow):
        house.start(later)


def test_cancelled_before_it_starts_nothing_has_moved(house):
    order = house.plan({0: 30})
    with pytest.raises(InvalidInput, match="为什么"):
        house.cancel(order, " ")
    house.cancel(order)
    assert _free(house)[0] == (30, 0, 0)
    assert house.read(select(LotMovement).where(LotMovement.reference.contains("G"))) == []
    with pytest.raises(Conflict):
        house.start(order)


def test_cancelled_after_it_has_started_what_is_left_comes_back(house):
    order = house.plan({0: 30, 1: 20})
    house.start(order)
    with pytest.raises(InvalidInput, match="比送去的多"):
        house.cancel(order, left=51)
    house.cancel(order, left=25)
    assert _free(house)[:2] == [(15, 0, 15), (10, 0, 10)]
    back = house.read(select(ProcessingInput.returned_base).order_by(ProcessingInput.lot_id))
    assert back == [15, 10]
    assert house.faults() == []
    house.done({0: 15}, 15)
    assert house.faults() == []


def test_goods_come_back_to_a_lot_that_was_used_up(house):
    first = house.plan({0: 10})
    house.start(first)
    house.done({0: 20}, 20)
    assert house.again(house.lots[0]).state == "exhausted"
    house.cancel(first, left=10)
    lot = house.again(house.lots[0])
    assert (lot.state, lot.free) == ("open", 10)
    assert house.faults() == []


def test_two_people_at_one_order_are_one(house):
    order = house.plan({0: 30})
    house.start(order)
    with pytest.raises(Conflict, match="刷新"):
        house.start(order)
    house.finish(order, 30)
    for again in (lambda: house.finish(order, 30), lambda: house.cancel(order)):
        with pytest.raises(Conflict, match="刷新"):
            again()
    assert len(house.read(select(Lot).where(Lot.product_id == house.dressed.id))) == 1


def test_another_town_has_no_such_line(house, world):
    stranger = world.actor(world.user("operator", region="990101102000"))
    scope = stranger.scope_for(PROCESS_MANAGE)
    order = house.plan({0: 5})
    with world.transaction() as session:
        assert lots_for(session, scope, house.line) == []
        with pytest.raises(NotFound):
            get_line(session, scope, house.line.id)
        with pytest.raises(NotFound):
            get_order(session, scope, order.id)


def test_a_line_that_was_used_stays_what_it_was(house, world):
    house.save(house.given(fee_fen=300), house.line)
    order = house.plan({0: 5})
    assert order.fee_fen == 1500
    house.save(house.given(fee_fen=250, active=False), house.line)
    assert house.again(order).fee_fen == 1500
    with pytest.raises(Conflict, match="停用"):
        house.plan({0: 5})
    with pytest.raises(Conflict, match="不能再改"):
        house.save(house.given(kind="drying"), house.line)
    with pytest.raises(Conflict, match="已经有了"):
        house.save(house.given())
    with pytest.raises(InvalidInput, match="同一个品种"):
        house.save(house.given(output_product_id=house.hen.id, kind="drying"))
    with pytest.raises(InvalidInput, match="最低和最高"):
        house.save(house.given(kind="drying", low_permille=995))


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (ProcessingInput, {"base": 29}),
        (ProcessingOrder, {"output_base": 28}),
        (ProcessingOrder, {"input_base": 29}),
    ],
)
def test_processing_cannot_be_changed_unseen(house, world, model, values):
    house.done({0: 30}, 30)
    assert house.faults() == []
    Forger(world)(update(model).values(**values))
    assert any("加工和记录不一样" in fault.where for fault in house.faults())


def test_the_board_counts_as_reported_what_people_reported(house, world):
    made = house.done({0: 30}, 30)
    in_round = world.round()
    world.listing(in_round, house.dressed, {made: 20}, pack_base=1)
    with world.transaction() as session:
        rows = table_of(board_of(session, session.get_one(Round, in_round.id)))
    assert {(row[2], row[3]) for row in rows} == {("", "30 只")}, (
        "a processed hen was reported alive"
    )


@given(
    put=st.dictionaries(st.integers(1, 9), st.integers(1, 10**6), min_size=1, max_size=6),
    thousandths=st.integers(0, 1500),
)
def test_what_comes_out_is_shared_by_what_went_in(put, thousandths):
    out = sum(put.values()) * thousandths // 1000
    parts = split_output(out, put, "G")
    assert sum(parts.values()) == out
    assert all(parts.values())
    whole = sum(put.values())
    for who, base in put.items():
        assert abs(parts.get(who, 0) * whole - out * base) < whole


def test_no_more_hens_come_out_than_went_in_however_sure_one_is(house):
    order = house.plan({0: 30})
    house.start(order)
    with pytest.raises(InvalidInput, match="出来的不会更多"):
        house.finish(order, 31, sure=True)
    assert house.finish(order, 30, sure=True).verified == 30


def test_only_processors_and_suppliers_are_offered_a_line(house, world):
    school = world.unit("清源县第一小学", "school")
    page = world.sign_in(house.user).get("/desk/processing/lines/new").text
    assert house.unit.name in page
    assert house.seller.name in page
    assert school.name not in page
    with pytest.raises(InvalidInput, match="不是加工的单位"):
        house.save(house.given(organisation_id=school.id, kind="drying"))
