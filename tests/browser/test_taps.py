"""How many taps a task takes, counted from home by somebody who is signed in."""

from playwright.sync_api import expect

from marketplace.fulfilment.issuing import issue_sheets
from marketplace.identity.actor import SYSTEM
from marketplace.orders.rounds import get_round
from tests.support.browser import DESK, JOURNEY, PHONE, Visit
from tests.support.market_day import TOWN, MarketDay

pytestmark = JOURNEY


def test_a_cadre_reports_a_lot_in_eight_taps(day: MarketDay, visit: Visit) -> None:
    cadre = visit(day.cadre, PHONE)
    cadre.go()
    cadre.tap("登记滞销")
    cadre.tap("陈**")
    cadre.tap("马蹄")
    cadre.type("有多少", "1.5万斤")
    cadre.type("到户价", "1.5")
    cadre.tap("交上去")
    cadre.sees("登记编号", "15,000 斤")
    assert cadre.taps <= 8


def test_a_cadre_mends_a_returned_report_in_three_taps(day: MarketDay, visit: Visit) -> None:
    day.send_back(day.report())
    cadre = visit(day.cadre, PHONE)
    cadre.go()
    cadre.tap("退回")
    cadre.sees("数量请核对")
    cadre.page.get_by_label("有多少").fill("1800斤")
    cadre.tap("改好了，交上去")
    cadre.sees("马蹄 1,800 斤", "等核实")
    assert cadre.taps <= 3


def test_a_cadre_reports_again_what_was_reported_last_week_in_three_taps(
    day: MarketDay, visit: Visit
) -> None:
    day.shop()
    cadre = visit(day.cadre, PHONE)
    cadre.go()
    cadre.tap("陈**")
    cadre.tap("照样再登记")
    cadre.tap("交上去")
    cadre.sees("登记编号", "等核实")
    assert cadre.taps <= 3


def test_a_cadre_sees_what_is_sold_and_unsold_in_one_tap(day: MarketDay, visit: Visit) -> None:
    day.sold()
    cadre = visit(day.cadre, PHONE)
    cadre.go()
    cadre.touch(cadre.page.get_by_role("link", name="货", exact=True))
    cadre.sees("手上还有")
    assert cadre.taps == 1


def test_a_member_of_staff_buys_one_thing_in_six_taps(day: MarketDay, visit: Visit) -> None:
    day.shop()
    staff = visit(day.staff, PHONE)
    staff.go()
    staff.tap("把马蹄加入购物篮")
    staff.hears("马蹄")
    staff.tap("购物篮")
    staff.tap("去结算")
    staff.tap("提交订单")
    staff.sees("订好了")
    assert staff.taps <= 6


def test_a_reviewer_verifies_a_report_in_two_taps(day: MarketDay, visit: Visit) -> None:
    day.report()
    reviewer = visit(day.reviewer, DESK)
    reviewer.go()
    reviewer.tap("马蹄")
    reviewer.tap("情况属实，核实")
    reviewer.sees("没有要核实的登记")
    assert reviewer.taps <= 2


def test_an_auditor_goes_from_an_order_to_the_household_in_two_taps(
    day: MarketDay, visit: Visit
) -> None:
    _, number = day.sold()
    auditor = visit(day.world.user("auditor", region="990101000000"), DESK)
    auditor.go(f"/trace/orders/{number}")
    auditor.touch(auditor.page.locator("main table a").filter(has_text="陈**"))
    expect(auditor.page.locator("h1")).to_contain_text("陈**")
    assert auditor.taps <= 2


def test_a_clerk_collects_one_line_in_four_taps_and_sells_more_with_one(
    day: MarketDay, visit: Visit
) -> None:
    in_round, _ = day.sold(packs=2)
    with day.world.transaction() as session:
        issue_sheets(session, SYSTEM, get_round(session, in_round.id))
    clerk = visit(day.world.user("clerk", region=TOWN), PHONE)
    clerk.go()
    clerk.tap("陈**")
    clerk.type("毛重", "15")
    clerk.tap("记下")
    clerk.sees("过磅单", "收下", "带回")
    assert clerk.taps <= 4
    before = clerk.taps
    clerk.tap("多的 5 斤 也卖")
    clerk.sees("等县里上架")
    assert clerk.taps == before + 1
