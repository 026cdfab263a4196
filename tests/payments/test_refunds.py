"""Money that goes back: by itself, exactly, once, and to where it came from."""

import pytest
from sqlalchemy import select

from marketplace.fulfilment.acceptance import accept, parts_of
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.fulfilment.said_received import Scaled, Signed
from marketplace.identity.actor import SYSTEM
from marketplace.orders.lowering import lower_lot
from marketplace.orders.order_models import Order
from marketplace.orders.returning import record_return
from marketplace.orders.round_allocation import allocate_round, undo_allocation
from marketplace.orders.round_models import Commitment, Listing
from marketplace.orders.rounds import close_round
from marketplace.payments.alipay import alipay_of
from marketplace.payments.models import Refund

PRICE = 1230


def settled(paying):
    """Nothing of the money is left here, and every book agrees."""
    assert paying.balance("alipay_clearing") == paying.balance("buyer_prepayment") == 0
    assert paying.faults() == []


def cancel(paying, number):
    assert paying.browser.post(f"/shop/orders/{number}/cancel").status_code == 303


def change(paying, number, packs):
    data = {"version": "1", f"packs-{paying.listing.id}": str(packs)}
    return paying.browser.post(f"/shop/orders/{number}/change", data=data)


def fall_short(paying, packs):
    """So many packs are lost before the round closes."""
    with paying.world.transaction() as session:
        (lot_id,) = session.scalars(
            select(Commitment.lot_id).where(Commitment.listing_id == paying.listing.id)
        )
        lower_lot(session, SYSTEM, lot_id, packs * 2500, "died")


def test_a_cancelled_order_is_paid_back_whole(paying):
    number = paying.paid()
    cancel(paying, number)
    page = paying.browser.get(f"/shop/orders/{number}").get_data(as_text=True)
    assert "正在原路退回支付宝" in page
    paying.jobs()
    paying.jobs()
    assert paying.refunds() == [("done", 2 * PRICE)]
    assert paying.state(number) == ("cancelled", 0)
    assert paying.gateway.books.trade(f"{number}-1").refunded_fen == 2 * PRICE
    settled(paying)


def test_who_takes_packs_out_of_a_paid_order_gets_their_price(paying):
    number = paying.paid(packs=3)
    assert change(paying, number, 1).status_code == 303
    paying.jobs()
    assert paying.refunds() == [("done", 2 * PRICE)]
    assert paying.state(number) == ("confirmed", PRICE)
    cancel(paying, number)
    paying.jobs()
    assert paying.refunds() == [("done", 2 * PRICE), ("done", PRICE)]
    settled(paying)


def test_what_was_cut_goes_back_once_the_sheets_are_out_and_not_before(paying):
    number = paying.paid(packs=10)
    fall_short(paying, 14)
    paying.step(close_round, allocate_round)
    paying.jobs()
    assert paying.refunds() == [], "an allocation can be undone"
    paying.step(undo_allocation, allocate_round, issue_sheets)
    paying.jobs()
    assert paying.refunds() == [("done", 4 * PRICE)]
    assert paying.state(number) == ("allocated", 6 * PRICE)
    assert paying.balance("buyer_prepayment") == -6 * PRICE
    assert paying.faults() == []


@pytest.mark.parametrize("fault", ["timeout", "late", "status 500", "garbage", "unsigned"])
def test_an_unclear_answer_is_asked_about_and_money_goes_back_once(paying, fault):
    number = paying.paid()
    cancel(paying, number)
    paying.gateway.fail("alipay.trade.refund", fault)
    paying.jobs()
    assert paying.refunds() == [("unknown", 2 * PRICE)]
    assert paying.state(number) == ("cancelled", 2 * PRICE)
    paying.later(minutes=2)
    paying.jobs()
    assert paying.refunds() == [("done", 2 * PRICE)]
    assert paying.gateway.books.trade(f"{number}-1").refunded_fen == 2 * PRICE
    settled(paying)


def test_a_program_that_died_after_asking_finds_what_it_had_asked(paying):
    number = paying.paid()
    cancel(paying, number)
    paying.gateway.fail("alipay.trade.refund", "system error", times=1)
    paying.jobs()
    with paying.world.transaction() as session:
        refund = session.scalars(select(Refund)).one()
        refund.state = "sent"  # what a kill between Alipay's answer and our note leaves
    settings = paying.world.app.extensions["settings"].alipay
    alipay_of(settings).refund(f"{number}-1", refund.number, refund.fen, "x")
    paying.later(minutes=2)
    paying.jobs()
    assert paying.refunds() == [("done", 2 * PRICE)]
    assert paying.gateway.books.trade(f"{number}-1").refunded_fen == 2 * PRICE
    settled(paying)


def test_a_clear_no_stays_visible_and_is_not_asked_for_ever(paying):
    number = paying.paid()
    cancel(paying, number)
    paying.gateway.books.finish(paying.gateway.books.trade(f"{number}-1"))
    for _ in range(3):
        paying.jobs()
        paying.later(minutes=30)
    assert paying.refunds() == [("failed", 2 * PRICE)]
    assert paying.state(number) == ("cancelled", 2 * PRICE), (
        "the money is still here, and it says so"
    )
    (refund,) = paying.all(Refund)
    assert "ACQ." in refund.error
    assert paying.faults() == []


def test_what_is_delivered_is_owed_to_those_who_brought_it(paying):
    number = paying.paid(packs=2)
    paying.step(close_round, allocate_round, issue_sheets)
    assert paying.balance("buyer_prepayment") == -2 * PRICE
    assert paying.state(number) == ("allocated", 2 * PRICE)
    assert paying.faults() == []


def test_finance_sees_what_is_stuck_and_asks_again(paying):
    number = paying.paid()
    cancel(paying, number)
    trade = paying.gateway.books.trade(f"{number}-1")
    paying.gateway.fail("alipay.trade.refund", "declined")
    paying.jobs()
    finance = paying.world.sign_in(paying.world.user("finance", region="990101000000"))
    auditor = paying.world.sign_in(paying.world.user("auditor", region="990101000000"))
    for browser in (finance, auditor):
        page = browser.get("/ledger/alipay?which=stuck").get_data(as_text=True)
        assert "有钱退不出去" in page
        assert number in page
        assert ("再退一次" in page.partition("<table")[2]) == (browser is finance)
    (refund,) = paying.all(Refund)
    address = f"/ledger/alipay/refunds/{refund.id}/again"
    assert auditor.post(address).status_code == 403
    assert finance.post(address).status_code == 303
    paying.jobs()
    assert paying.refunds() == [("done", trade.fen)]
    assert finance.post(address).status_code == 409
    assert finance.post("/ledger/alipay/refunds/999/again").status_code == 404
    settled(paying)


def test_what_comes_back_after_delivery_goes_to_alipay_by_itself_line_by_line(paying):
    number = paying.paid(packs=3)
    paying.step(close_round, allocate_round, issue_sheets, set_out, accept_rest)
    operator = paying.world.actor(paying.world.operator())
    for packs in (1, 2):
        with paying.world.transaction() as session:
            order = session.scalars(select(Order).where(Order.number == number)).one()
            line = order.lines[0].id
            record_return(session, operator, order, {line: packs}, "goodwill", "箱子破了")
        paying.jobs()
        paying.jobs()
    assert paying.refunds() == [("done", PRICE), ("done", 2 * PRICE)]
    assert paying.state(number) == ("closed", 0)
    settled(paying)


def test_more_of_a_paid_order_is_another_order_that_is_paid_by_itself(paying):
    number = paying.paid(packs=3)
    assert "加的算另一单" in paying.browser.get(f"/shop/orders/{number}/change").text
    answer = change(paying, number, 5)
    assert answer.status_code == 303
    other = answer.location.rpartition("/")[2]
    assert other != number
    assert paying.state(number) == ("confirmed", 3 * PRICE)
    assert paying.state(other) == ("awaiting_payment", 0)
    assert change(paying, number, 5).status_code == 409, "the same page again adds nothing"
    assert other in paying.browser.get(f"/shop/orders/{number}").text
    assert number in paying.browser.get(f"/shop/orders/{other}").text
    paying.pay(other)
    assert paying.gateway.deliver_due() == 1
    assert paying.state(other) == ("confirmed", 2 * PRICE)
    assert paying.refunds() == []
    assert paying.reserved() == 5
    assert paying.faults() == []


def test_more_than_there_is_changes_nothing(paying):
    number = paying.paid(packs=3)
    refused = change(paying, number, 999)
    assert refused.status_code == 409
    assert "最多能订 20 份，您填了 999 份" in refused.text
    assert paying.state(number) == ("confirmed", 3 * PRICE)
    assert paying.reserved() == 3


def test_what_a_by_weight_pack_is_lighter_than_the_heaviest_goes_back_by_itself(paying):
    operator = paying.world.actor(paying.world.operator())
    with paying.world.transaction() as session:
        listing = session.get_one(Listing, paying.listing.id)
        listing.pack_kind, listing.band_low_base, listing.band_high_base = "by_weight", 2300, 2500
    number = paying.paid(packs=3)
    assert paying.state(number) == ("confirmed", 3 * PRICE)
    paying.step(close_round, allocate_round, issue_sheets, set_out)
    with paying.world.transaction() as session:
        order = session.scalars(select(Order).where(Order.number == number)).one()
        weights = {part.place: Scaled(part.packs * 2400) for part in parts_of(session, order)}
        accept(session, operator, order, [], Signed(), weights)
    paying.jobs()
    paying.jobs()
    worth = 2160 + 806 + 576  # 14.4 斤 of each component, rounded half up
    assert paying.refunds() == [("done", 3 * PRICE - worth)]
    assert paying.state(number) == ("closed", worth)
    assert paying.balance("buyer_prepayment") == 0
    assert paying.faults() == []
