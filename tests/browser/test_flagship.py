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
    _register_a_colleague(day, visit)
    _order_for_the_canteen(day, visit)
    _close_and_allocate(day, visit)
    _issue(day, visit)
    _read_the_sheet(day, visit)
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
    reviewer.tap("情况属实，核实")
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


def _register_a_colleague(day: MarketDay, visit: Visit) -> None:
    """The organiser shares a page; a colleague without an account fills it in; one submission."""
    organiser = visit(day.world.user("organiser", unit=day.world.unit("清源县医院")), DESK)
    organiser.go()
    organiser.tap("新开登记")
    organiser.tap("开始登记")
    organiser.sees("发给同事")
    shared = organiser.page.get_by_role("link", name="打开登记页").get_attribute("href") or ""

    colleague = visit(None, PHONE)
    colleague.go(shared.removeprefix(colleague.site))
    colleague.type("姓名", "林小雨")
    colleague.type("手机号", "000-0000 0003")
    colleague.tap("马蹄的份数，增加")
    colleague.tap("马蹄的份数，增加")
    colleague.tap("县机关大院")
    colleague.press("登记")
    colleague.sees("登记好了")

    organiser.page.reload()
    organiser.tap("交单，共 1 人")
    organiser.press("确定交单", "dialog")
    organiser.sees("交单成功")


def _order_for_the_canteen(day: MarketDay, visit: Visit) -> None:
    buyer = visit(day.world.user("buyer", unit=day.world.unit("清源县小学食堂")), DESK)
    buyer.go("/")
    buyer.type("马蹄（5 斤装）订几份", "3")
    buyer.tap("县机关大院")
    buyer.tap("提交订单")
    buyer.sees("订好了")


def _close_and_allocate(day: MarketDay, visit: Visit) -> None:
    operator = visit(day.operator, DESK)
    operator.go("/rounds")
    operator.tap("专场")
    operator.tap("现在截单")
    operator.press("现在截单", "dialog")
    operator.tap("去分配")
    operator.press("分配")
    operator.sees("分到")


def _issue(day: MarketDay, visit: Visit) -> None:
    operator = visit(day.operator, DESK)
    operator.go("/sheets/")
    operator.tap("去发备货单")
    operator.press("发备货单")
    operator.sees("1 张备货单已发出")


def _read_the_sheet(day: MarketDay, visit: Visit) -> None:
    """One pack of the shop, two of the colleague, three of the canteen: six at 7.50 yuan each."""
    cadre = visit(day.cadre, PHONE)
    cadre.go("/")
    cadre.touch(cadre.page.get_by_role("link", name="备货", exact=True))
    cadre.sees("陈**", "马蹄", "6 份（5 斤装）", "45.00")


def _follow_to_the_village(day: MarketDay, visit: Visit, order: str) -> None:
    staff = visit(day.staff, PHONE)
    staff.go(order)
    staff.tap("看溯源")
    staff.sees("三岔村")
