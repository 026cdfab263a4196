"""R9–R14: an order is paid once, whoever tells of it, in whatever order, and however often."""

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import pytest
from sqlalchemy import func, select

from marketplace.core.errors import Conflict
from marketplace.ledger.models import Journal
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.rounds import close_round
from marketplace.payments.models import AlipayMessage

PRICE = 1230


def journals(paying, kind="paid"):
    with paying.world.transaction() as session:
        return session.scalar(select(func.count()).where(Journal.kind == kind))


def test_an_order_waits_for_its_money_and_counts_once_it_is_there(paying):
    number = paying.order()
    assert paying.state(number) == ("awaiting_payment", 0)
    assert paying.reserved() == 2
    assert "还没有付款" in paying.page(number)
    paying.pay(number)
    assert paying.state(number) == ("awaiting_payment", 0)
    assert paying.gateway.deliver_due() == 1
    assert paying.state(number) == ("confirmed", 2 * PRICE)
    assert "付好了" in paying.page(number)
    assert paying.balance("alipay_clearing") == 2 * PRICE
    assert paying.balance("buyer_prepayment") == -2 * PRICE
    assert paying.faults() == []


def test_checking_out_with_alipay_leads_to_the_payment(paying):
    page = paying.browser.get(f"/shop/goods/{paying.listing.id}")
    assert page.status_code == 200
    number = paying.order()
    answer = paying.browser.get(f"/pay/of/{number}")
    assert answer.location == paying.address(number)
    assert "去付款" in paying.browser.get(f"/shop/orders/{number}").get_data(as_text=True)
    assert paying.guest.get(f"/pay/of/{number}").status_code == 302


def test_the_link_says_what_it_costs_and_nothing_of_the_buyer(paying):
    number = paying.order()
    page = paying.page(number)
    assert "24.60" in page
    assert "周小满" not in page
    assert paying.listing.title not in page
    for forged in (f"/pay/{number}", paying.address(number) + "x", "/pay/x.y"):
        assert paying.guest.get(forged).status_code == 404
        assert paying.guest.post(forged).status_code == 404


def test_in_wechat_it_says_to_open_a_browser_and_keeps_the_order(paying):
    number = paying.order()
    page = paying.page(number, **{"User-Agent": "Mozilla/5.0 (iPhone) MicroMessenger/8.0"})
    assert "在浏览器打开" in page
    assert "去支付宝付款" not in page
    assert paying.state(number)[0] == "awaiting_payment"


def test_somebody_elses_phone_can_pay(paying):
    number = paying.order()
    page = paying.guest.post(paying.address(number) + "/code").get_data(as_text=True)
    assert "用支付宝扫一扫" in page
    assert paying.gateway.pay(paying.gateway.books.trade(f"{number}-1"))
    paying.look(number)
    assert paying.state(number) == ("confirmed", 2 * PRICE)


def test_a_notice_eight_times_and_twenty_at_once_is_one_posting(paying):
    number = paying.order()
    trade = paying.pay(number)
    bodies = []
    told, paying.gateway.send = (
        paying.gateway.send,
        lambda url, params: bodies.append((url, params)) or "",
    )
    paying.gateway.deliver_due()
    (message,) = bodies
    assert [told(*message) for _ in range(8)] == ["success"] * 8
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: told(*message), range(20)))
    assert answers == ["success"] * 20
    assert journals(paying) == 1
    assert paying.state(number) == ("confirmed", trade.fen)


def test_whoever_tells_first_the_end_is_the_same(paying, thin):
    """Notice, the buyer who comes back, the job, the job after time was up, a second notice."""

    def late():
        paying.later(minutes=31)
        paying.jobs()

    orders = thin(list(permutations(range(4))))
    for events in orders:
        number = paying.order(1)
        trade = paying.pay(number)
        happens = (
            paying.gateway.deliver_due,
            lambda number=number: paying.look(number),
            paying.jobs,
            late,
        )
        for event in events:
            happens[event]()
        paying.gateway.remind_of(trade, status="TRADE_SUCCESS")
        paying.gateway.deliver_due()
        assert paying.state(number) == ("confirmed", PRICE), events
        assert paying.browser.post(f"/shop/orders/{number}/cancel").status_code == 303
    assert journals(paying) == len(orders)


@pytest.mark.parametrize("fault", ["forge", "sha1", "amount", "seller", "app"])
def test_what_is_not_alipays_word_to_us_changes_nothing(paying, fault):
    number = paying.order()
    paying.gateway.fail("notice", fault)
    paying.pay(number)
    assert paying.gateway.deliver_due() == 0
    assert paying.state(number) == ("awaiting_payment", 0)
    assert journals(paying) == 0
    paying.later(minutes=5)
    assert paying.gateway.deliver_due() == 1, "the true one, four minutes later"
    assert paying.state(number)[0] == "confirmed"


def test_a_notice_about_a_payment_that_nobody_asked_for_is_kept_and_not_taken(paying):
    paying.gateway.books.open_trade(
        "D9-1", PRICE, "x", "http://localhost/alipay/notify", "", paying.gateway.clock() + 60
    )
    paying.gateway.pay(paying.gateway.books.trade("D9-1"))
    assert paying.gateway.deliver_due() == 0
    (kept,) = paying.all(AlipayMessage)
    assert (kept.out_trade_no, kept.verdict) == ("D9-1", "unknown_payment")
    assert journals(paying) == 0


def test_a_year_later_and_after_a_refund_no_notice_is_a_new_payment(paying):
    number = paying.paid(packs=4)
    change = {"version": "1", f"packs-{paying.listing.id}": "3"}
    assert paying.browser.post(f"/shop/orders/{number}/change", data=change).status_code == 303
    paying.jobs()
    assert paying.refunds() == [("done", PRICE)]
    paying.gateway.deliver_due()
    paying.later(days=365)
    paying.gateway.remind_of(paying.gateway.books.trade(f"{number}-1"))
    assert paying.gateway.deliver_due() == 1
    assert paying.state(number) == ("confirmed", 3 * PRICE)
    assert journals(paying) == 1
    assert {one.verdict for one in paying.all(AlipayMessage)} == {"taken", "refund", "repeat"}
    assert paying.faults() == []


def test_a_payment_of_which_nobody_tells_is_found_by_asking(paying):
    number = paying.order()
    paying.gateway.fail("notice", "drop", times=8)
    paying.pay(number)
    paying.gateway.deliver_due()
    paying.later(minutes=2)
    paying.jobs()
    assert paying.state(number) == ("confirmed", 2 * PRICE)


def test_who_does_not_pay_in_time_gives_the_goods_back_and_cannot_pay_any_more(paying):
    never_came, came = paying.order(), paying.order(3)
    trade = paying.come(came)
    assert paying.reserved() == 5
    paying.later(minutes=29)
    paying.jobs()
    assert paying.reserved() == 5
    paying.later(minutes=2)
    paying.jobs()
    for number in (never_came, came):
        assert paying.state(number) == ("expired", 0)
        assert "没有在时限内付款" in paying.page(number)
        assert paying.guest.post(paying.address(number)).status_code == 409
    assert paying.reserved() == 0
    assert not paying.gateway.pay(trade)
    assert paying.payments() == ["closed"]


def silent(paying, number):
    """Nobody at Alipay answers for an hour; the order does not wait for ever."""
    paying.gateway.fail("alipay.trade.query", "timeout", times=40)
    for _ in range(12):
        paying.later(minutes=5)
        paying.jobs()
    assert paying.state(number) == ("expired", 0)
    assert paying.payments() == ["unknown"]
    paying.gateway.faults["alipay.trade.query"].clear()


def test_money_of_an_order_that_expired_too_early_brings_it_back(paying):
    number = paying.order()
    paying.pay(number)
    silent(paying, number)
    assert paying.gateway.deliver_due() == 1
    assert paying.state(number) == ("confirmed", 2 * PRICE)
    assert paying.reserved() == 2
    assert paying.refunds() == []


def test_money_of_an_order_whose_goods_are_gone_goes_back_in_full(paying):
    number = paying.order(15)
    paying.pay(number)
    silent(paying, number)
    paying.world.order(paying.buyer, paying.round, {paying.listing.id: 10})
    assert paying.gateway.deliver_due() == 1
    assert paying.state(number) == ("expired", 15 * PRICE)
    assert "钱正在退回" in paying.page(number)
    paying.jobs()
    assert paying.state(number) == ("expired", 0)
    assert paying.refunds() == [("done", 15 * PRICE)]
    assert paying.balance("alipay_clearing") == paying.balance("buyer_prepayment") == 0
    assert "有钱退给您" in paying.browser.get("/notices/mine").get_data(as_text=True)
    assert paying.faults() == []


def test_a_round_is_not_allocated_while_somebody_may_be_paying(paying):
    paid, open_one = paying.order(2), paying.order(3)
    paying.pay(paid)
    paying.come(open_one)
    paying.step(close_round)
    with pytest.raises(Conflict, match="等支付宝的结果"):
        paying.step(allocate_round)
    paying.jobs()
    assert paying.state(paid)[0] == "confirmed"
    assert paying.state(open_one)[0] == "expired"
    paying.step(allocate_round)
    assert paying.state(paid) == ("allocated", 2 * PRICE)
    assert paying.faults() == []


def test_who_cancels_while_paying_is_not_charged(paying):
    number = paying.order()
    trade = paying.come(number)
    assert paying.browser.post(f"/shop/orders/{number}/cancel").status_code == 303
    paying.jobs()
    assert not paying.gateway.pay(trade)
    assert paying.payments() == ["closed"]
    assert paying.state(number) == ("cancelled", 0)


def test_while_alipay_is_silent_the_minute_goes_on_and_no_order_waits_for_ever(paying):
    numbers = [paying.order(1) for _ in range(6)]
    for number in numbers:
        paying.come(number)
    paying.later(minutes=2)
    paying.gateway.fail("alipay.trade.query", "timeout", times=100)
    waiting = paying.gateway.faults["alipay.trade.query"]
    paying.jobs()
    assert len(waiting) == 97, "after three silences nobody else is asked about in this minute"
    paying.later(minutes=45)
    paying.jobs()
    assert {paying.state(number)[0] for number in numbers} == {"expired"}
    assert paying.reserved() == 0
    waiting.clear()
    for _ in range(3):
        paying.later(days=1)
        paying.jobs()
    assert paying.payments() == ["closed"] * 6


def test_the_desk_leaves_online_money_alone(paying):
    """It neither notes what is on its way nor takes back what came: that is Alipay's word."""
    operator = paying.world.sign_in(paying.world.operator())
    number = paying.order()
    page = operator.get(f"/desk/orders/{number}").get_data(as_text=True)
    assert "买家正在用支付宝付" in page
    assert "记为已收" not in page
    paying.pay(number)
    paying.gateway.deliver_due()
    page = operator.get(f"/desk/orders/{number}").get_data(as_text=True)
    assert "只能原路退回" in page
    assert "撤销这条记录" not in page
    refused = operator.post(f"/desk/orders/{number}/uncollect", data={"reason": "mistaken"})
    assert refused.status_code == 409
    assert paying.state(number) == ("confirmed", 2 * PRICE)
    operator.post(f"/desk/orders/{number}/cancel", data={"reason": "货坏了"})
    assert "会自己原路退回支付宝" in operator.get(f"/desk/orders/{number}").get_data(as_text=True)
    paying.jobs()
    assert paying.refunds() == [("done", 2 * PRICE)]
    assert paying.faults() == []
