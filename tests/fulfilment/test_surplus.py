"""Whole packs beyond the sheet: they go home, or become free goods that the county offers on."""

import pytest
from sqlalchemy import select, update

from marketplace.catalog.models import Lot, LotMovement, LotShare
from marketplace.core.errors import Conflict
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.fulfilment.models import SheetAnswer
from marketplace.fulfilment.surplus import offer_surplus
from marketplace.fulfilment.weighing_models import WeighSurplus
from marketplace.identity.permissions import ROUND_MANAGE
from marketplace.notices.models import Notice
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_models import Commitment
from marketplace.reporting.verify import verify
from tests.fulfilment.collecting import PACK, Weighing


@pytest.fixture
def scales(world):
    """Both lots are sold to the last pack."""
    return Weighing(world, ordered=(6, 4), supplies=(5, 5))


def _over(scales, packs, **reading):
    return scales.weigh(0, (scales.packs(0) + packs) * PACK + 300, **reading).row


def test_what_is_more_than_the_lot_had_is_its_surplus(scales):
    row = _over(scales, 2)
    kept = scales.keep_surplus(row.number)
    assert (kept.base, kept.added_base) == (2 * PACK, 2 * PACK)
    lot = scales.lot(0)
    assert (lot.free, lot.surplus) == (2 * PACK, 2 * PACK)
    moved = select(LotMovement.quantity_base).where(
        LotMovement.lot_id == lot.id, LotMovement.kind == "surplus"
    )
    assert scales.read(moved) == [2 * PACK]
    shares = select(LotShare.quantity_base).where(LotShare.lot_id == lot.id)
    assert scales.read(shares) == [7 * PACK]
    assert scales.balanced()


def test_what_the_lot_still_has_free_is_no_more_than_that(world):
    rich = Weighing(world)
    free = rich.lot(0).free
    kept = rich.keep_surplus(_over(rich, 2).number)
    assert (kept.base, kept.added_base) == (2 * PACK, 0)
    assert (rich.lot(0).free, rich.lot(0).surplus) == (free, 0)
    assert rich.balanced()


def test_it_is_kept_once_and_only_whole_packs_of_this_grade(scales):
    with pytest.raises(Conflict, match="没有多出整份"):
        scales.keep_surplus(_over(scales, 0).number)
    row = _over(scales, 1, why="再过一次")
    scales.keep_surplus(row.number)
    with pytest.raises(Conflict, match="已经记上"):
        scales.keep_surplus(row.number)
    other = scales.weigh(1, 9 * PACK, grade="二级").row
    with pytest.raises(Conflict, match="没有多出整份"):
        scales.keep_surplus(other.number)
    scales.step(set_out)
    with pytest.raises(Conflict, match="已经发车"):
        scales.keep_surplus(row.number)
    assert len(scales.read(select(WeighSurplus))) == 1


def test_a_weighing_that_is_set_aside_takes_its_surplus_back(scales):
    row = _over(scales, 3)
    scales.keep_surplus(row.number)
    again = _over(scales, 1, why="秤没归零")
    assert (scales.lot(0).free, scales.lot(0).adjusted) == (0, -3 * PACK)
    assert scales.read(select(WeighSurplus.back_base)) == [3 * PACK]
    with pytest.raises(Conflict, match="已经作废"):
        scales.keep_surplus(row.number)
    scales.keep_surplus(again.number)
    assert scales.lot(0).free == PACK
    assert scales.balanced()


def test_the_clerk_sells_it_with_one_tap_or_the_receipt_sends_it_home(world, scales):
    clerk = world.sign_in(scales.clerk)
    row = _over(scales, 2)
    receipt = f"/field/weigh/receipts/{row.number}"
    paper = clerk.get(receipt).text
    assert "多的 10 斤 也卖" in paper
    assert "带回" in paper
    assert "10.6 斤" in paper, "two packs and what is less than one"
    assert clerk.post(f"{receipt}/surplus").status_code == 303
    paper = clerk.get(receipt).text
    assert "多的 10 斤" not in paper
    assert "等县里上架" in paper
    assert "0.6 斤" in paper
    assert clerk.post(f"{receipt}/surplus").status_code == 409
    stranger = world.sign_in(world.user("clerk", region="990101102000"))
    assert stranger.post(f"{receipt}/surplus").status_code == 404


@pytest.fixture
def waiting(scales):
    """Two packs of household 0 wait to be offered on."""
    return scales.keep_surplus(_over(scales, 2).number)


def _next_round(world, scales, **changes):
    """An open round that sells the same things, of a lot of its own."""
    in_round = world.round()
    lot = world.lot(scales.product, 10 * PACK)
    listing = world.listing(in_round, scales.product, [lot], pack_base=PACK, **changes)
    world.open_round(in_round)
    return listing


def test_the_operator_offers_it_on_with_one_action(world, scales, waiting):
    operator = world.sign_in(world.operator())
    home = f"/sheets/round/{scales.round.id}/surplus"
    assert "开了新的一期再来" in operator.get(home).text
    listing = _next_round(world, scales)
    assert "多出来的货" in operator.get("/sheets/").text
    assert home in operator.get(f"/sheets/round/{scales.round.id}").text
    page = operator.get(home).text
    assert scales.households[0].masked_name in page
    address = f"{home}/{waiting.id}"
    assert operator.post(address, data={"listing_id": listing.id}).status_code == 303
    lot = scales.lot(0)
    assert (lot.free, lot.committed) == (0, 7 * PACK)
    held = select(Commitment.packs).where(
        Commitment.listing_id == listing.id, Commitment.lot_id == lot.id
    )
    assert scales.read(held) == [2]
    assert "没有等着上架的" in operator.get(home).text
    assert "多出来的货" not in operator.get("/sheets/").text
    again = operator.post(address, data={"listing_id": listing.id})
    assert again.status_code == 409
    assert "刚刚已经处理" in again.text
    assert scales.balanced()


def test_what_was_offered_on_is_not_added_again_when_it_is_weighed_again(world, scales, waiting):
    listing = _next_round(world, scales)
    operator = world.actor(world.operator())
    with world.transaction() as session:
        scope = operator.scope_for(ROUND_MANAGE)
        offer_surplus(session, operator, scope, waiting.id, listing.id, "")
    again = scales.keep_surplus(_over(scales, 3, why="秤没归零").number)
    assert (again.base, again.added_base) == (3 * PACK, PACK)
    assert (scales.lot(0).surplus, scales.lot(0).free) == (3 * PACK, PACK)
    assert scales.balanced()
    with world.transaction() as session:  # as it was when both counted
        row = session.get_one(WeighSurplus, again.id)
        row.base = row.added_base = 2 * PACK
        faults = [fault.what for fault in verify(session)]
        session.rollback()
    assert {"多出来的货和流水不符", "多出来的货算了两遍"} <= set(faults)


def test_what_does_not_fit_is_refused_and_still_waits(world, scales, waiting):
    operator = world.sign_in(world.operator())
    address = f"/sheets/round/{scales.round.id}/surplus/{waiting.id}"
    cheap = _next_round(world, scales, farmgate_fen=100)
    closed = operator.post(address, data={"listing_id": scales.listing.id})
    assert closed.status_code == 422
    assert "开着的一期" in closed.text
    dear = operator.post(address, data={"listing_id": cheap.id})
    assert dear.status_code == 409
    assert "先征得农户同意" in dear.text
    assert operator.post(address, data={"listing_id": "x"}).status_code == 404
    assert scales.read(select(WeighSurplus.listing_id)) == [None]
    assert scales.lot(0).free == 2 * PACK
    agreed = {"listing_id": cheap.id, "note": "户主电话同意"}
    assert operator.post(address, data=agreed).status_code == 303
    assert scales.balanced()


def test_who_may_not_open_rounds_sees_no_such_list(world, scales, waiting):
    reviewer = world.sign_in(world.user("reviewer", region="990101000000"))
    page = reviewer.get(f"/sheets/round/{scales.round.id}")
    assert page.status_code == 200
    assert "多出来的货" not in page.text
    address = f"/sheets/round/{scales.round.id}/surplus/{waiting.id}"
    assert reviewer.post(address, data={"listing_id": 1}).status_code == 403


def test_many_surpluses_cost_as_many_statements(world, statements):
    one = Weighing(world, ordered=(4,), supplies=(4,))
    one.keep_surplus(_over(one, 1).number)
    many = Weighing(world, ordered=(24,), supplies=(4,) * 6)
    for index in range(6):
        row = many.weigh(index, (many.packs(index) + 1) * PACK).row
        many.keep_surplus(row.number)
    operator = world.sign_in(world.operator())
    few = statements(lambda: operator.get(f"/sheets/round/{one.round.id}/surplus"))
    assert statements(lambda: operator.get(f"/sheets/round/{many.round.id}/surplus")) == few <= 8
    assert many.read(select(Lot.free).where(Lot.free < 0)) == []


@pytest.fixture
def short(world):
    """Ten packs were ordered, and household 1 brings two less than it was asked for. Buyers pay later."""
    made = Weighing(world, ordered=(6, 4), supplies=(5, 5))
    made.less(1, 3)
    return made


def _cut(scales):
    return sum(scales.read(select(OrderLine.cut_packs)))


def test_it_goes_first_to_orders_of_its_round_that_were_cut(short):
    assert _cut(short) == 2
    row = _over(short, 3)
    kept = short.keep_surplus(row.number)
    assert (kept.base, kept.refilled_base, kept.left_base) == (3 * PACK, 2 * PACK, PACK)
    assert _cut(short) == 0
    assert short.packs(0) == 7
    assert short.lot(0).free == PACK
    answers = select(SheetAnswer.answer).where(SheetAnswer.sheet_id == short.sheet(0).id)
    assert short.read(answers) == ["yes"], "it is on the scales: nobody asks"
    bodies = short.read(select(Notice.body).where(Notice.kind == "order_more"))
    assert len(bodies) == len(set(bodies))
    assert all("有农户多备了" in one for one in bodies)
    assert short.balanced()
    short.step(set_out)
    short.step(accept_rest)
    assert short.balanced()
    assert short.lot(0).sold == 7 * PACK


def test_who_paid_before_had_his_money_back_and_gets_no_packs_for_it(short):
    with short.world.transaction() as session:
        session.execute(update(Order).values(collected_how="alipay"))
    kept = short.keep_surplus(_over(short, 3).number)
    assert (kept.refilled_base, _cut(short)) == (0, 2)


def test_the_receipt_and_the_desk_say_what_went_where(world, short):
    row = _over(short, 3)
    clerk = world.sign_in(short.clerk)
    clerk.post(f"/field/weigh/receipts/{row.number}/surplus")
    paper = clerk.get(f"/field/weigh/receipts/{row.number}").text
    assert "补给这一期少了的订单" in paper
    assert "15.00 元" in paper
    assert "多的补给订单 2 份" in clerk.get(f"/field/weigh/{short.sheet(0).id}").text
    desk = world.sign_in(world.operator())
    assert "5 斤" in desk.get(f"/sheets/round/{short.round.id}/surplus").text


def test_a_weighing_that_is_set_aside_leaves_its_orders_what_it_gave_them(short):
    short.keep_surplus(_over(short, 3).number)
    short.weigh(0, short.packs(0) * PACK, why="秤没归零")
    assert (short.packs(0), short.lot(0).free, _cut(short)) == (7, 0, 0)
    assert short.balanced()
    more = short.keep_surplus(_over(short, 2, why="又背来两份").number)
    assert (more.base, more.added_base, short.lot(0).free) == (2 * PACK, 2 * PACK, 2 * PACK)
    assert short.balanced()
    short.weigh(0, 5 * PACK, why="又少了两份", short_reason="late")
    assert _cut(short) == 2
    assert short.balanced()


def test_packs_beyond_the_scales_and_what_they_gave_are_named(short):
    kept = short.keep_surplus(_over(short, 3).number)
    with short.world.transaction() as session:
        session.get_one(WeighSurplus, kept.id).refilled_base = PACK
    assert not short.balanced()


def test_far_more_than_the_sheet_is_asked_about_before_it_is_sold(world, scales):
    asked = scales.packs(0)
    row = scales.weigh(0, 100 * asked * PACK, sure=True).row
    clerk = world.sign_in(scales.clerk)
    here = f"/field/weigh/receipts/{row.number}/surplus"
    question = clerk.post(here)
    assert question.status_code == 422
    assert "毛重写对了吗" in question.text
    assert scales.read(select(WeighSurplus)) == []
    extra = 99 * asked * PACK
    assert f'name="sure" value="{extra}"' in question.text
    assert clerk.post(here, data={"sure": str(extra - PACK)}).status_code == 422
    assert clerk.post(here, data={"sure": str(extra)}).status_code == 303
    assert [kept.base for kept in scales.read(select(WeighSurplus))] == [extra]
    assert scales.balanced()
