"""Mistakes, double taps, the way back, no mouse, no script: nothing is lost and nothing happens twice."""

from playwright.sync_api import expect
from sqlalchemy import func, select

from marketplace.orders.order_models import Order
from tests.support.browser import JOURNEY, PHONE, Visit, Visitor
from tests.support.market_day import MarketDay

pytestmark = JOURNEY


def _orders(day: MarketDay) -> int:
    with day.world.transaction() as session:
        return session.scalar(select(func.count(Order.id))) or 0


def _says_what_is_wrong(visitor: Visitor, label: str, kept: tuple[str, str]) -> None:
    """A focused summary; its link leads to the field, beside which the same words stand."""
    summary = visitor.page.locator(".error-summary")
    expect(summary).to_be_focused()
    link = summary.get_by_role("link").filter(has_text=label).first
    words = (link.text_content() or "").partition("：")[2]
    target = link.get_attribute("href") or ""
    assert words
    expect(visitor.page.locator(f".has-error:has({target}), .has-error{target}")).to_contain_text(
        words
    )
    link.click()
    expect(visitor.page.locator(target)).to_be_focused()
    expect(visitor.page.get_by_label(kept[0]).first).to_have_value(kept[1])


def test_a_bad_report_says_what_to_mend_and_keeps_what_was_typed(
    day: MarketDay, visit: Visit
) -> None:
    cadre = visit(day.cadre, PHONE)
    cadre.go("/field/reports/new")
    cadre.type("有多少", "很多很多")
    cadre.type("到户价", "1.5")
    cadre.tap("马蹄")
    cadre.tap("陈**")
    cadre.faults_allowed += 1  # the browser notes every answer above 399
    cadre.tap("交上去")
    _says_what_is_wrong(cadre, "有多少", ("到户价", "1.5"))
    expect(cadre.page.get_by_label("有多少")).to_have_value("很多很多")
    expect(cadre.page.get_by_role("radio", name="马蹄")).to_be_checked()
    last_day = cadre.page.get_by_label("最晚哪天卖掉")
    expect(last_day).to_have_value("")  # nobody typed one: it follows the product
    shelf = cadre.page.locator("input[name=product]:checked").get_attribute("data-shelf")
    expect(cadre.page.locator("#available_until-hint")).to_contain_text(f"按保鲜 {shelf} 天算，到 ")


def test_a_report_that_was_left_half_way_is_there_again_until_it_is_sent(
    day: MarketDay, visit: Visit
) -> None:
    cadre = visit(day.cadre, PHONE)
    cadre.go("/field/reports/new")
    cadre.tap("陈**")
    cadre.tap("马蹄")
    cadre.type("有多少", "300斤")
    cadre.type("到户价", "1.5")
    cadre.go("/field/lots")
    cadre.go("/field/reports/new")
    cadre.sees("上次没交的还在")
    expect(cadre.page.get_by_label("有多少")).to_have_value("300斤")
    expect(cadre.page.get_by_role("radio", name="马蹄")).to_be_checked()
    cadre.tap("交上去")
    cadre.sees("登记编号", "马蹄 300 斤")
    cadre.go("/field/reports/new")
    expect(cadre.page.get_by_label("有多少")).to_have_value("")
    cadre.type("有多少", "500斤")
    cadre.page.reload()
    expect(cadre.page.get_by_label("有多少")).to_have_value("500斤")
    cadre.tap("清空重填")
    expect(cadre.page.get_by_label("有多少")).to_have_value("")
    assert cadre.page.evaluate("sessionStorage.length") == 0


def test_a_bad_checkout_says_what_to_mend_and_keeps_what_was_typed(
    day: MarketDay, visit: Visit
) -> None:
    staff = _at_checkout(day, visit)
    staff.type("取货人电话", "")
    staff.type("取货人", "小满")
    staff.faults_allowed += 1
    staff.tap("提交订单")
    _says_what_is_wrong(staff, "取货人电话", ("取货人", "小满"))
    assert _orders(day) == 0


def test_going_back_after_ordering_orders_nothing_again(day: MarketDay, visit: Visit) -> None:
    staff = _at_checkout(day, visit)
    staff.tap("提交订单")
    staff.sees("订好了")
    staff.page.go_back()
    expect(staff.page.locator("h1")).to_be_visible()
    again = staff.page.get_by_role("button", name="提交订单")
    if again.count():
        again.click()
        expect(staff.page.locator("h1")).to_be_visible()
    else:
        staff.sees("我的")
    assert _orders(day) == 1


def test_a_double_tap_makes_one_order(day: MarketDay, visit: Visit) -> None:
    staff = _at_checkout(day, visit)
    staff.page.get_by_role("button", name="提交订单").dblclick()
    staff.sees("订好了")
    assert _orders(day) == 1


def test_a_double_tap_puts_in_what_one_tap_does_and_a_later_tap_adds_again(
    day: MarketDay, visit: Visit
) -> None:
    _, listing = day.shop()
    staff = visit(day.staff, PHONE)
    staff.go(f"/shop/goods/{listing.id}")
    staff.tap("份数，增加")
    button = staff.page.get_by_role("button", name="加入购物篮")
    badge = staff.page.locator(".tab-badge")
    button.dblclick()
    expect(badge).to_have_text("2")
    expect(staff.page.locator("[data-adding]")).to_have_count(0)
    expect(badge).to_have_text("2")
    button.click()
    expect(badge).to_have_text("4")


def test_buying_needs_no_script(day: MarketDay, visit: Visit) -> None:
    day.shop()
    staff = visit(day.staff, PHONE, java_script_enabled=False)
    staff.go()
    staff.tap("把马蹄加入购物篮")
    staff.sees("马蹄")
    staff.tap("购物篮")
    staff.tap("去结算")
    staff.tap("提交订单")
    staff.sees("订好了")
    assert _orders(day) == 1


def test_reporting_needs_no_script(day: MarketDay, visit: Visit) -> None:
    cadre = visit(day.cadre, PHONE, java_script_enabled=False)
    cadre.go()
    cadre.tap("登记滞销")
    cadre.tap("陈**")
    cadre.tap("马蹄")
    cadre.type("有多少", "３００斤")
    cadre.type("到户价", "1.5")
    cadre.tap("交上去")
    cadre.sees("登记编号", "马蹄 300 斤")


def test_buying_works_by_keyboard(day: MarketDay, visit: Visit) -> None:
    day.shop()
    staff = visit(day.staff, PHONE)
    staff.go()
    _tab_to(staff, "把马蹄加入购物篮")
    staff.hears("马蹄")
    _tab_to(staff, "购物篮")
    _tab_to(staff, "去结算")
    _tab_to(staff, "提交订单")
    staff.sees("订好了")
    assert staff.taps == 0


def test_reporting_works_by_keyboard(day: MarketDay, visit: Visit) -> None:
    cadre = visit(day.cadre, PHONE)
    cadre.go()
    _tab_to(cadre, "登记滞销")
    _tab_to(cadre, "陈**", "Space")
    _tab_to(cadre, "马蹄", "Space")
    _tab_to(cadre, "有多少", "3", "0", "0")
    _tab_to(cadre, "到户价", "2")
    _tab_to(cadre, "交上去")
    cadre.sees("登记编号", "马蹄 300 斤")
    assert cadre.taps == 0


def _at_checkout(day: MarketDay, visit: Visit) -> Visitor:
    day.shop()
    staff = visit(day.staff, PHONE)
    staff.go()
    staff.tap("把马蹄加入购物篮")
    staff.hears("马蹄")
    staff.go("/shop/checkout")
    return staff


NAMED = """() => {
  const at = document.activeElement;
  const label = at.labels && at.labels.length ? at.labels[0].textContent : "";
  return [at.getAttribute("aria-label") || "", label, at.textContent].map((text) => text.trim());
}"""


def _tab_to(visitor: Visitor, name: str, *keys: str) -> None:
    """Press Tab until what has this name has the focus, then the keys (Enter, unless given)."""
    expect(visitor.page.locator("body")).to_contain_text(name.removeprefix("把").split("加入")[0])
    for _ in range(80):
        visitor.page.keyboard.press("Tab")
        if any(said.startswith(name) for said in visitor.page.evaluate(NAMED)):
            break
    else:
        raise AssertionError(f"the keyboard never reaches {name}")
    for key in keys or ("Enter",):
        visitor.page.keyboard.press(key)
