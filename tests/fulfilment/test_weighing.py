"""Weighing in: what the scales said, what is short, and two clerks at one line."""

import pytest
from sqlalchemy import select

from marketplace.catalog.models import LotMovement
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.fulfilment.delivering import set_out
from marketplace.fulfilment.models import PreparationSheet, SheetAnswer
from marketplace.fulfilment.weighing import FarOff, WeighedBefore, weighed_lines
from marketplace.fulfilment.weighing_models import WeighIn
from marketplace.orders.order_models import OrderLine
from marketplace.trace.models import TraceEvent
from tests.fulfilment.collecting import PACK, TOWN, Weighing


@pytest.fixture
def scales(world):
    return Weighing(world)


def test_enough_is_enough_and_stands_in_the_lots_stream(scales):
    asked = scales.packs(0)
    done = scales.weigh(0, asked * PACK + 3000, tare=2000, deduction=500, deduction_reason="wet")
    row = done.row
    assert (row.net_base, row.packs, row.short_reason) == (asked * PACK + 500, asked, "")
    assert done.short is None
    assert scales.packs(0) == asked
    (event,) = [e for e in scales.read(select(TraceEvent.text)) if '"kind":"weighed"' in e]
    assert row.number in event
    assert scales.balanced()


def test_what_is_gone_leaves_the_lot_and_the_orders(scales):
    asked = scales.packs(0)
    done = scales.weigh(0, (asked - 2) * PACK, short_reason="gone")
    assert (done.row.packs, done.short.cut_packs) == (asked - 2, 2)
    assert scales.packs(0) == asked - 2
    assert scales.lot(0).withdrawn == 2 * PACK
    assert sum(scales.read(select(OrderLine.cut_packs))) == 2
    assert scales.balanced()


@pytest.mark.parametrize("reason", ["late", "grade"])
def test_what_came_too_late_stays_in_the_lot(scales, reason):
    asked = scales.packs(0)
    free = scales.lot(0).free
    scales.weigh(0, (asked - 2) * PACK, short_reason=reason)
    assert scales.packs(0) == asked - 2
    assert (scales.lot(0).free, scales.lot(0).withdrawn) == (free + 2 * PACK, 0)
    kinds = scales.read(select(LotMovement.kind).where(LotMovement.lot_id == scales.lots[0].id))
    assert "withdrawn" not in kinds
    assert scales.balanced()


def test_the_new_sheet_needs_no_answer_and_counts_as_weighed(scales):
    scales.weigh(0, (scales.packs(0) - 1) * PACK, short_reason="gone")
    sheet = scales.sheet(0)
    (answer,) = scales.read(select(SheetAnswer.answer).where(SheetAnswer.sheet_id == sheet.id))
    assert answer == "yes"
    with scales.world.transaction() as session:
        found = session.get_one(PreparationSheet, sheet.id)
        assert len(weighed_lines(session, found)) == len(found.lines) == 1


def test_who_is_ready_steps_in_unless_he_has_been_at_the_scales(world):
    ready = Weighing(world, ordered=(6, 4), supplies=(10, 40), ready=(1,))
    before = ready.packs(1)
    ready.weigh(0, (ready.packs(0) - 1) * PACK, short_reason="gone")
    assert ready.packs(1) == before + 1
    gone = Weighing(world, ordered=(6, 4), supplies=(10, 40), ready=(1,))
    gone.weigh(1, gone.packs(1) * PACK)
    before = gone.packs(1)
    done = gone.weigh(0, (gone.packs(0) - 1) * PACK, short_reason="gone")
    assert gone.packs(1) == before, "he went home"
    assert done.short.cut_packs == 1
    assert gone.balanced()


def test_nothing_at_all_empties_the_sheet(scales):
    scales.weigh(0, 0, short_reason="late")
    assert scales.lines(0) == []
    assert scales.balanced()


@pytest.mark.parametrize(
    ("reading", "code"),
    [
        ({"tare": 10**9}, "net"),
        ({"deduction": 100}, "missing"),
        ({"deduction": 100, "deduction_reason": "thunder"}, "missing"),
    ],
)
def test_what_cannot_be_is_refused_in_words(scales, reading, code):
    with pytest.raises(InvalidInput) as refused:
        scales.weigh(0, scales.packs(0) * PACK, **reading)
    assert refused.value.code == code
    assert scales.read(select(WeighIn)) == []


def test_short_wants_its_reason(scales):
    with pytest.raises(InvalidInput, match="请选为什么少"):
        scales.weigh(0, PACK)
    with pytest.raises(InvalidInput, match="请选为什么少"):
        scales.weigh(0, PACK, short_reason="because")


def test_a_slip_of_a_hundred_is_asked_about_once(scales):
    asked = scales.packs(0) * PACK
    for gross in (asked * 101, asked // 101):
        with pytest.raises(FarOff):
            scales.weigh(0, gross, short_reason="gone")
    assert scales.weigh(0, asked * 101, sure=True).row.packs == scales.packs(0)


@pytest.mark.parametrize("slip", [lambda n: n * 100, lambda n: n * 10, lambda n: n * 3 + 1])
def test_ten_and_a_hundred_times_too_much_are_asked_about(scales, slip):
    with pytest.raises(FarOff):
        scales.weigh(0, slip(scales.packs(0) * PACK))


@pytest.mark.parametrize("part", [10, 100])
def test_a_tenth_and_a_hundredth_are_asked_about(scales, part):
    with pytest.raises(FarOff):
        scales.weigh(0, scales.packs(0) * PACK // part, short_reason="gone")


def test_three_times_as_much_and_a_fifth_are_nobodys_slip(scales):
    asked = scales.packs(0)
    assert scales.weigh(0, 3 * asked * PACK).row.packs == asked
    assert scales.weigh(1, scales.packs(1) * PACK // 5, short_reason="gone").row.packs


def test_an_old_version_leads_to_the_new_one_and_says_nothing_false(world, scales):
    old, line = scales.sheet(0), _line_id(scales, 0)
    asked = scales.packs(0)
    scales.weigh(0, (asked - 1) * PACK, short_reason="gone")
    clerk = world.sign_in(scales.clerk)
    page = clerk.get(f"/field/weigh/{old.id}").text
    assert "多的补给订单" not in page
    assert f'href="/field/weigh/{scales.sheet(0).id}"' in page
    assert "打开新的一版" in page
    new = clerk.get(f"/field/weigh/{scales.sheet(0).id}").text
    assert "打开新的一版" not in new
    assert "为什么要重新过</label>" in new, "who weighs again must say why"
    assert line


def test_two_clerks_at_one_line_meet(scales):
    asked = scales.packs(0)
    first = scales.weigh(0, asked * PACK).row
    other = scales.world.user("clerk", region=TOWN)
    with pytest.raises(WeighedBefore, match=first.number):
        scales.weigh(0, asked * PACK, by=other)
    second = scales.weigh(0, (asked - 1) * PACK, by=other, why="第一次没去皮", short_reason="gone")
    rows = scales.read(select(WeighIn).order_by(WeighIn.id))
    assert [row.void_why for row in rows] == ["第一次没去皮", ""]
    assert [row.number for row in rows] == [first.number, second.row.number]
    assert scales.packs(0) == asked - 1
    assert scales.balanced()


def test_after_the_truck_has_left_nothing_is_weighed(scales):
    scales.step(set_out)
    with pytest.raises(Conflict, match="已经发车"):
        scales.weigh(0, PACK)


def test_a_clerk_of_another_town_has_no_such_sheet(scales):
    stranger = scales.world.user("clerk", region="990101102000")
    with pytest.raises(Exception, match="没有这张备货单"):
        scales.weigh(0, PACK, by=stranger)


def _line_id(scales, index):
    return scales.lines(index)[0].id


def _post(browser, sheet, line, **typed):
    data = {f"l{line}-{name}": value for name, value in typed.items()}
    return browser.post(f"/field/weigh/{sheet}/{line}", data=data)


def test_a_clerk_weighs_on_the_phone_and_hands_out_a_receipt(world, scales):
    clerk = world.sign_in(scales.clerk)
    assert clerk.get("/").location == "/field/weigh"
    page = clerk.get("/field/weigh").text
    household = scales.households[0]
    assert "过了 0 / 2" in page
    assert household.masked_name in page
    assert household.head_name not in page
    assert "我的户" not in page, "no tabs that she may not open"
    sheet, line, asked = scales.sheet(0), _line_id(scales, 0), scales.packs(0)
    found = clerk.get("/field/weigh", query_string={"q": household.household_no.lower()})
    assert found.location == f"/field/weigh/{sheet.id}"
    assert clerk.get("/field/weigh", query_string={"q": sheet.code}).status_code == 302
    assert "没有「H99999」" in clerk.get("/field/weigh?q=H99999").text
    done = _post(clerk, sheet.id, line, gross=f"{asked * 5 + 4}斤", tare="2公斤")
    assert done.status_code == 303
    receipt = clerk.get(done.location).text
    assert f"{asked} 份 × 7.50 元" in receipt
    assert household.head_name not in receipt
    assert "过了 1 / 2" in clerk.get("/field/weigh").text
    assert "在集货点过了磅" in clerk.get(f"/t/{scales.lots[0].trace_code}").text
    assert "重新过" in clerk.get(f"/field/weigh/{sheet.id}").text


def test_what_is_wrong_is_said_and_what_was_typed_stays(world, scales):
    clerk = world.sign_in(scales.clerk)
    sheet, line = scales.sheet(0), _line_id(scales, 0)
    for typed, words in (
        ({"gross": ""}, "请写秤上的数"),
        ({"gross": "一堆"}, "一堆"),
        ({"gross": "10斤", "tare": "20斤"}, "皮重加扣重比毛重还多"),
        ({"gross": "10斤"}, "请选为什么少"),
        ({"gross": "60斤", "deduction": "1斤"}, "请选为什么"),
    ):
        refused = _post(clerk, sheet.id, line, **typed)
        assert refused.status_code == 422, typed
        assert words in refused.text
        assert f'value="{typed["gross"]}"' in refused.text
    assert scales.read(select(WeighIn)) == []


def test_a_cut_is_asked_about_before_it_happens(world, scales):
    clerk = world.sign_in(scales.clerk)
    sheet, line, asked = scales.sheet(0), _line_id(scales, 0), scales.packs(0)
    typed = {"gross": f"{(asked - 1) * 5}斤", "short_reason": "gone"}
    question = _post(clerk, sheet.id, line, **typed)
    assert question.status_code == 422
    assert "订单会少 1 份" in question.text
    assert scales.read(select(WeighIn)) == []
    assert _post(clerk, sheet.id, line, **typed, seen_cut="1").status_code == 303
    assert scales.packs(0) == asked - 1


def test_a_slip_is_asked_about_on_the_page_too(world, scales):
    clerk = world.sign_in(scales.clerk)
    sheet, line, asked = scales.sheet(0), _line_id(scales, 0), scales.packs(0)
    slip = _post(clerk, sheet.id, line, gross=f"{asked * 600}斤")
    assert slip.status_code == 422
    assert "差得太多" in slip.text
    net = str(asked * 600 * 500)
    assert f'name="l{line}-sure" type="hidden" value="{net}"' in slip.text
    again = _post(clerk, sheet.id, line, gross=f"{asked * 700}斤", sure=net)
    assert "差得太多" in again.text, "another figure is another question"
    assert _post(clerk, sheet.id, line, gross=f"{asked * 600}斤", sure=net).status_code == 303


def test_the_second_clerk_hears_of_the_first(world, scales):
    first = world.sign_in(scales.clerk)
    second = world.sign_in(world.user("clerk", region=TOWN))
    sheet, line, asked = scales.sheet(0), _line_id(scales, 0), scales.packs(0)
    assert _post(first, sheet.id, line, gross=f"{asked * 5}斤").status_code == 303
    refused = _post(second, sheet.id, line, gross=f"{asked * 5}斤")
    assert refused.status_code == 409
    assert "已经过了这一行" in refused.text
    again = _post(second, sheet.id, line, gross=f"{asked * 5 + 1}斤", why="换了秤")
    assert again.status_code == 303
    page = second.get(f"/field/weigh/{sheet.id}").text
    assert "作废" in page
    assert "换了秤" in page


def test_the_queue_costs_as_many_statements_for_many(world, statements):
    few = Weighing(world)
    clerk = world.sign_in(few.clerk)
    one = statements(lambda: clerk.get("/field/weigh"))
    Weighing(world, ordered=(9,) * 6, supplies=(9,) * 6)
    assert statements(lambda: clerk.get("/field/weigh")) == one <= 8
