"""A deposit: asked of who pays later, held apart, given back to its source, or kept with a reason."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from marketplace.core.errors import InvalidInput
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.orders.approvals import decide
from marketplace.orders.collecting import record_collected
from marketplace.orders.order_models import Order
from marketplace.orders.returning import record_return
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.round_models import Round
from marketplace.orders.rounds import close_round
from tests.payments.test_paying import silent
from tests.support.pages import form_on, sent_by

PRICE = 1230
FARMGATE = 750
SUM = 4 * PRICE
DEPOSIT = SUM // 10


@pytest.fixture
def deposits(paying):
    """The round asks every kind of buyer for a tenth."""
    with paying.world.transaction() as session:
        found = session.get_one(Round, paying.round.id)
        found.deposit_staff = found.deposit_canteens = found.deposit_groups = 10
    return paying


def order_of(paying, number):
    with paying.world.transaction() as session:
        return session.scalars(select(Order).where(Order.number == number)).one()


def deposited(paying, **changes):
    return paying.paid(packs=4, **({"pay_how": "pickup"} | changes))


def canteen_order(paying, buyer, unit):
    return paying.world.order(
        buyer, paying.round, {paying.listing.id: 4}, channel="canteen",
        organisation_id=unit.id, fund_source="canteen",
    )  # fmt: skip


def deliver(paying):
    paying.step(close_round, allocate_round, issue_sheets, set_out, accept_rest)


def give_back(paying, number, packs, fault):
    operator = paying.world.actor(paying.world.operator())
    with paying.world.transaction() as session:
        order = session.scalars(select(Order).where(Order.number == number)).one()
        record_return(session, operator, order, {order.lines[0].id: packs}, fault, "在提货点放坏了")


def collect(paying, number):
    operator = paying.world.actor(paying.world.operator())
    with paying.world.transaction() as session:
        order = session.scalars(select(Order).where(Order.number == number)).one()
        due = sum(line.due_packs * line.price_fen for line in order.lines)
        assert record_collected(session, operator, order, "pickup", due)


def ends_here(paying, number, refunds):
    """So much went back, nothing of the deposit is left, and every book agrees."""
    for _ in range(3):
        paying.jobs()
    assert paying.refunds() == [("done", fen) for fen in refunds]
    assert order_of(paying, number).deposit_held_fen == 0
    assert paying.balance("buyer_deposit") == 0
    assert paying.faults() == []


def test_an_order_counts_once_its_deposit_is_here(deposits):
    number = deposits.order(packs=4, pay_how="pickup")
    assert deposits.state(number) == ("awaiting_payment", 0)
    page = deposits.page(number)
    assert "还没有付押金" in page
    assert "4.92" in page
    assert "押金不退" in page
    deposits.pay(number)
    assert deposits.gateway.deliver_due() == 1
    assert deposits.state(number) == ("confirmed", 0)
    assert deposits.balance("buyer_deposit") == -DEPOSIT
    assert deposits.balance("buyer_prepayment") == 0
    assert "押金付好了" in deposits.page(number)
    assert "押金 4.92 元留着" in deposits.browser.get(f"/shop/orders/{number}").text
    for _ in range(2):
        deposits.jobs()
    assert deposits.refunds() == []
    assert deposits.faults() == []


def test_a_cancelled_order_gets_its_deposit_back(deposits):
    number = deposited(deposits)
    assert deposits.browser.post(f"/shop/orders/{number}/cancel").status_code == 303
    assert "正在退回" in deposits.browser.get(f"/shop/orders/{number}").text
    ends_here(deposits, number, [DEPOSIT])
    assert deposits.balance("alipay_clearing") == 0


def test_more_of_an_order_with_a_deposit_is_another_with_a_deposit_of_its_own(deposits):
    number = deposited(deposits)
    here = f"/shop/orders/{number}/change"
    assert "另付押金" in deposits.browser.get(here).text
    data = {"version": "1", f"packs-{deposits.listing.id}": "6"}
    other = deposits.browser.post(here, data=data).location.rpartition("/")[2]
    assert other != number
    assert deposits.state(number) == ("confirmed", 0)
    assert deposits.state(other) == ("awaiting_payment", 0)
    assert order_of(deposits, other).deposit_fen == 2 * PRICE // 10
    less = {"version": "2", f"packs-{deposits.listing.id}": "1"}
    assert deposits.browser.post(here, data=less).status_code == 303
    assert order_of(deposits, number).deposit_held_fen == DEPOSIT
    assert deposits.faults() == []


def test_who_fetches_and_pays_gets_his_deposit_back(deposits):
    number = deposited(deposits)
    deliver(deposits)
    deposits.jobs()
    assert deposits.refunds() == [], "he owes the price"
    collect(deposits, number)
    ends_here(deposits, number, [DEPOSIT])
    assert "押金 4.92 元退了" in deposits.browser.get(f"/shop/orders/{number}").text
    assert deposits.state(number) == ("closed", SUM)


def test_who_does_not_fetch_makes_up_for_a_part_of_the_loss(deposits):
    number = deposited(deposits)
    deliver(deposits)
    before = deposits.balance("lot_payable")
    give_back(deposits, number, 4, "unfetched")
    ends_here(deposits, number, [])
    assert order_of(deposits, number).deposit_kept_fen == DEPOSIT
    assert deposits.balance("lot_payable") == before, "the household is paid all the same"
    assert deposits.balance("aftersale_loss") == 4 * FARMGATE - DEPOSIT
    desk = deposits.world.sign_in(deposits.world.operator()).get(f"/desk/orders/{number}").text
    assert "没来取，押金不退" in desk
    assert "在线付好" in desk
    page = deposits.browser.get(f"/shop/orders/{number}").text
    assert "押金 4.92 元不退" in page
    assert "在提货点放坏了" in page


@pytest.mark.parametrize(("packs", "fault"), [(4, "goodwill"), (4, "farm"), (3, "unfetched")])
def test_what_is_not_the_buyers_fault_or_was_fetched_in_part_costs_no_deposit(
    deposits, packs, fault
):
    number = deposited(deposits)
    deliver(deposits)
    give_back(deposits, number, packs, fault)
    if packs < 4:
        deposits.jobs()
        assert deposits.refunds() == []
        collect(deposits, number)
    ends_here(deposits, number, [DEPOSIT])


def test_money_that_comes_after_the_order_expired_goes_back(deposits):
    number = deposits.order(packs=4, pay_how="unit")
    deposits.pay(number)
    silent(deposits, number)
    deposits.world.order(
        deposits.buyer, deposits.round, {deposits.listing.id: 18}, pay_how="alipay"
    )
    assert deposits.gateway.deliver_due() == 1
    assert deposits.state(number) == ("expired", 0)
    assert "钱正在退回" in deposits.page(number)
    ends_here(deposits, number, [DEPOSIT])


@pytest.mark.parametrize("way", ["alipay", "account"])
def test_who_pays_at_once_or_by_statement_is_asked_for_none(deposits, way):
    if way == "alipay":
        number = deposits.paid(packs=4)
        assert deposits.state(number) == ("confirmed", SUM)
    else:
        unit = deposits.world.unit(has_canteen=True, on_account=True)
        buyer = deposits.world.user("buyer", unit=unit)
        number = canteen_order(deposits, buyer, unit)
        assert deposits.state(number) == ("confirmed", 0)
    assert order_of(deposits, number).deposit_fen == 0


def test_a_canteen_deposits_after_its_unit_has_agreed_until_the_round_closes(deposits):
    unit = deposits.world.unit(has_canteen=True, approval_above_fen=0)
    buyer, approver = (deposits.world.user(role, unit=unit) for role in ("buyer", "approver"))
    consents = deposits.world.actor(approver)
    number = canteen_order(deposits, buyer, unit)
    assert deposits.state(number)[0] == "awaiting_approval"
    with deposits.world.transaction() as session:
        order = session.scalars(select(Order).where(Order.number == number)).one()
        decide(session, consents, order, approve=True)
    assert deposits.state(number)[0] == "awaiting_payment"
    deposits.later(hours=8)
    deposits.jobs()
    browser = deposits.world.sign_in(buyer)
    page = browser.get(f"/canteen/orders/{number}").text
    assert "去付押金" in page
    assert browser.get(f"/pay/of/{number}").status_code == 302
    deposits.pay(number)
    assert deposits.gateway.deliver_due() == 1
    assert deposits.state(number) == ("confirmed", 0)
    assert deposits.faults() == []


def test_a_units_limit_holds_for_an_order_and_what_is_added_to_it(deposits):
    unit = deposits.world.unit(has_canteen=True, approval_above_fen=SUM)
    buyer = deposits.world.user("buyer", unit=unit)
    number = canteen_order(deposits, buyer, unit)
    deposits.pay(number)
    assert deposits.gateway.deliver_due() == 1
    browser = deposits.world.sign_in(buyer)
    data = {"version": "1", f"packs-{deposits.listing.id}": "5"}
    other = browser.post(f"/canteen/orders/{number}/change", data=data).location.rpartition("/")[2]
    added = order_of(deposits, other)
    assert (added.state, added.channel, added.deposit_fen) == (
        "awaiting_approval",
        "canteen",
        PRICE // 10,
    )


def test_what_nobody_deposits_is_free_again_when_the_round_closes(deposits):
    unit = deposits.world.unit(has_canteen=True)
    buyer = deposits.world.user("buyer", unit=unit)
    number = canteen_order(deposits, buyer, unit)
    assert deposits.reserved() == 4
    deposits.step(close_round)
    deposits.jobs()
    assert deposits.state(number) == ("expired", 0)
    assert deposits.reserved() == 0


def test_a_round_may_end_what_is_not_paid_when_it_closes(paying):
    with paying.world.transaction() as session:
        found = session.get_one(Round, paying.round.id)
        found.unpaid_rule, found.deposit_staff = "expire", 20
    with pytest.raises(InvalidInput, match="截单前付清"):
        paying.order(pay_how="pickup")
    kept, ended = paying.paid(packs=4), deposited(paying, pay_how="unit")
    page = paying.world.sign_in(paying.world.operator()).get(f"/rounds/{paying.round.id}").text
    assert "1 张没审批、没付清的订单（49.20 元）会作废" in page
    paying.step(close_round)
    assert paying.state(kept) == ("confirmed", SUM)
    assert paying.state(ended) == ("expired", 0)
    assert "没有付清" in order_of(paying, ended).ended_because
    ends_here(paying, ended, [SUM // 5])


def test_a_deposit_that_comes_as_such_a_round_closes_saves_no_unpaid_order(deposits):
    with deposits.world.transaction() as session:
        session.get_one(Round, deposits.round.id).unpaid_rule = "expire"
    number = deposits.order(packs=4, pay_how="unit")
    deposits.pay(number)
    deposits.step(close_round)
    assert deposits.state(number) == ("awaiting_payment", 0)
    assert deposits.gateway.deliver_due() == 1
    assert deposits.state(number) == ("expired", 0)
    assert "没有付清" in order_of(deposits, number).ended_because
    assert deposits.reserved() == 0
    ends_here(deposits, number, [DEPOSIT])


def test_a_whole_price_that_comes_as_such_a_round_closes_counts(deposits):
    with deposits.world.transaction() as session:
        session.get_one(Round, deposits.round.id).unpaid_rule = "expire"
    number = deposits.order(packs=4)
    deposits.pay(number)
    deposits.step(close_round)
    assert deposits.gateway.deliver_due() == 1
    assert deposits.state(number) == ("confirmed", SUM)


def test_the_rule_and_the_sum_stand_on_the_page_before_ordering(deposits):
    buyer = deposits.browser
    buyer.post(f"/shop/basket/add/{deposits.listing.id}", data={"packs": "4"})
    page = buyer.get(f"/shop/checkout?round={deposits.round.id}").text
    assert "先付押金 ¥4.92" in page
    assert "货送到了不来取，押金不退" in page
    form = form_on(page, "/shop/checkout") | {"pay_how": "pickup"}
    assert "/pay/of/" in buyer.post("/shop/checkout", data=form).location
    unit = deposits.world.unit(has_canteen=True)
    canteen = deposits.world.sign_in(deposits.world.user("buyer", unit=unit))
    assert "10% 的押金" in canteen.get("/canteen/").text


def test_an_operator_sets_it_and_nonsense_is_said(deposits):
    office = deposits.world.sign_in(deposits.world.operator())
    here = f"/rounds/{deposits.round.id}/edit"
    form = sent_by(office.get(here).text)
    assert form["deposit_staff"] == ["10"]
    for typed in ("21", "-1", "一成", "10.5"):
        refused = office.post(here, data=form | {"deposit_staff": typed})
        assert refused.status_code == 422
        assert "填 0 到 20 的整数" in refused.text
        assert f'value="{typed}"' in refused.text
    later = datetime.now(UTC) + timedelta(days=30)
    given = form | {
        "deposit_staff": "１５%",
        "deposit_groups": "",
        "unpaid_rule": "expire",
        "closes_day": [f"{later:%Y-%m-%d}"],
        "delivers_on": [f"{later + timedelta(3):%Y-%m-%d}"],
    }
    assert office.post(here, data=given).status_code == 302
    shown = office.get(f"/rounds/{deposits.round.id}").text
    assert "食堂 10%、个人 15%" in shown
    assert "作废，货留给别人" in shown


def test_a_deposit_that_the_books_do_not_know_is_found(deposits):
    number = deposited(deposits)
    with deposits.world.transaction() as session:
        session.scalars(select(Order).where(Order.number == number)).one().deposit_held_fen += 1
    assert [fault.what for fault in deposits.faults()] == ["押金与账本不符"]
