"""The main job of the product, through its pages alone: from a cadre's report to the household's sheet."""

from marketplace.core.clock import now, shanghai_time
from tests.support.browser import DESK, JOURNEY, PHONE, Visit
from tests.support.market_day import MarketDay

pytestmark = JOURNEY


def test_a_report_from_the_village_becomes_a_line_on_the_households_sheet(
    day: MarketDay, visit: Visit
) -> None:
    _report(day, visit)
    _verify(day, visit)
    _offer(day, visit)
    order = _buy(day, visit)
    _close_and_allocate(day, visit)
    _follow_to_the_village(day, visit, order)


def _report(day: MarketDay, visit: Visit) -> None:
    cadre = visit(day.cadre, PHONE)
    cadre.go("/")
    cadre.tap("登记滞销")
    cadre.tap("陈**")
    cadre.tap("马蹄")
    cadre.type("有多少", "2千斤")
    cadre.type("到户价", "1.5")
    cadre.tap("交上去")
    cadre.sees("马蹄 2,000 斤", "登记编号", "2千斤", "陈**")


def _verify(day: MarketDay, visit: Visit) -> None:
    reviewer = visit(day.reviewer, DESK)
    reviewer.go("/")
    reviewer.tap("马蹄")
    reviewer.sees("写的是“2千斤”")
    reviewer.tap("情况属实,核实")
    reviewer.sees("没有要核实的登记")


def _offer(day: MarketDay, visit: Visit) -> None:
    operator = visit(day.operator, DESK)
    operator.go("/rounds")
    operator.tap("新建一期")
    operator.type("开放订购", shanghai_time(now()).strftime("%Y-%m-%dT%H:%M"))
    operator.tap("建好这一期")
    operator.tap("选货源上架")
    operator.tap("马蹄")
    operator.press("上架")
    operator.tap("开放订购")
    operator.sees("离截单还有")


def _buy(day: MarketDay, visit: Visit) -> str:
    """The address of the order's page."""
    staff = visit(day.staff, PHONE)
    staff.go("/")
    staff.tap("把马蹄加入购物篮")
    staff.hears("马蹄")
    staff.tap("购物篮")
    staff.tap("去结算")
    staff.tap("提交订单")
    staff.sees("订好了", "县机关大院")
    return staff.page.url.removeprefix(staff.site)


def _close_and_allocate(day: MarketDay, visit: Visit) -> None:
    operator = visit(day.operator, DESK)
    operator.go("/rounds")
    operator.tap("专场")
    operator.tap("现在截单")
    operator.press("现在截单", "dialog")
    operator.tap("去分配")
    operator.press("分配")
    operator.sees("分到")


def _follow_to_the_village(day: MarketDay, visit: Visit, order: str) -> None:
    staff = visit(day.staff, PHONE)
    staff.go(order)
    staff.tap("看溯源")
    staff.sees("三岔村")
