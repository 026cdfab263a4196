"""A member of staff pays by phone in a real Chromium, through the gateway's own pages."""

import pytest
from playwright.sync_api import expect

from tests.payments.paying import Paying
from tests.support.app import dispose, make_app, settings_for
from tests.support.browser import DESK, JOURNEY, PHONE
from tests.support.fitness import unfit

pytestmark = JOURNEY


@pytest.fixture
def database_url(sqlite_url):
    return sqlite_url


@pytest.fixture
def app(database_url, tmp_path, alipay_settings):
    """With everything on that production has; Alipay reports to the address the buyer uses."""
    made = make_app(settings_for(database_url, tmp_path, alipay=alipay_settings))
    yield made
    dispose(made)


@pytest.fixture
def shop(world, gateway):
    return Paying(world, gateway)


def at_the_gateway(buyer, gateway):
    buyer.press("去支付宝付款")
    buyer.page.wait_for_url("**/gateway.do?*")
    expect(buyer.page.locator("b")).to_have_text("¥12.30")


def test_an_order_is_paid_on_the_phone_and_the_page_knows(shop, gateway, visit):
    shop.world.app.config["WTF_CSRF_ENABLED"] = True
    buyer = visit(shop.buyer, PHONE)
    buyer.go(f"/shop/goods/{shop.listing.id}")
    buyer.press("加入购物篮")
    buyer.hears("放进购物篮")
    buyer.go("/shop/basket")
    buyer.tap("去结算")
    buyer.sees("支付宝")
    buyer.press("提交订单")
    buyer.sees("还没有付款", "12.30")
    assert unfit(buyer, 200) == []
    at_the_gateway(buyer, gateway)
    buyer.page.get_by_role("button", name="确认付款").click()
    expect(buyer.page.locator("h1")).to_have_text("付好了")
    assert unfit(buyer, 200) == []
    gateway.send = type(gateway)(gateway.keys, gateway.books).send
    assert gateway.deliver_due() == 1, "over HTTP, where the buyer's browser came from"
    buyer.page.go_back()
    buyer.page.go_back()
    buyer.go("/shop/mine")
    buyer.sees("已付清 12.30 元")
    assert len(shop.payments()) == 1


def test_who_turns_back_can_still_pay_or_let_somebody_else_pay(shop, gateway, visit):
    number = shop.order(1)
    address = shop.address(number)
    buyer, friend = visit(shop.buyer, DESK), visit(None, PHONE)
    buyer.go(f"/shop/orders/{number}")
    buyer.tap("去付款")
    at_the_gateway(buyer, gateway)
    buyer.page.get_by_role("link", name="先不付").click()
    buyer.sees("还没有付款")
    friend.go(address)
    friend.tap("请别人付")
    friend.press("显示付款二维码")
    friend.sees("用支付宝扫一扫")
    assert unfit(friend, 200) == []
    gateway.pay(gateway.books.trade(f"{number}-1"))
    friend.press("付好了，查一下")
    friend.sees("付好了")
    buyer.go(f"/shop/orders/{number}")
    buyer.sees("已付清 12.30 元", "付了")


def test_in_wechat_the_page_says_how_to_get_out(shop, visit):
    number = shop.order(1)
    guest = visit(None, PHONE, user_agent="Mozilla/5.0 (iPhone) MicroMessenger/8.0")
    guest.go(shop.address(number))
    guest.sees("在浏览器打开", "复制付款链接")
    assert unfit(guest, 200) == []
