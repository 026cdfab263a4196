"""A canteen on account and finance, in a real Chromium: ordered, delivered, billed, paid, one order short."""

import pytest

from marketplace.core.clock import now, use_clock
from marketplace.payments.transfers import match_new
from tests.payments.banking import PRICE, Banking
from tests.support.app import dispose, make_app, settings_for
from tests.support.browser import DESK, JOURNEY, PHONE
from tests.support.fitness import unfit

pytestmark = JOURNEY


@pytest.fixture
def database_url(sqlite_url):
    return sqlite_url


@pytest.fixture
def app(database_url, tmp_path):
    """With everything on that production has."""
    made = make_app(settings_for(database_url, tmp_path))
    yield made
    dispose(made)


def upload(finance, rows):
    """A bank's csv through the pages: brought, looked at, taken."""
    text = "交易日期,交易流水号,对方户名,对方账号,收入金额,附言\n" + "\n".join(rows)
    finance.go("/ledger/transfers")
    finance.tap("导入流水")
    finance.page.get_by_label("选文件").set_input_files(
        {"name": "bank.csv", "mimeType": "text/csv", "buffer": text.encode("gb18030")}
    )
    finance.press("上传并检查")
    finance.page.get_by_role("button", name="导入").first.click()


def test_a_canteen_on_account_is_billed_and_pays_three_orders_with_one_transfer(world, visit):
    banking = Banking(world, delivered=False)
    buyer, finance = visit(banking.buyer, PHONE), visit(banking.finance_user, DESK)
    buyer.go("/canteen/")
    buyer.sees("单位月结")
    banking.deliver()
    finance.go("/ledger/statements")
    finance.sees("送到了还没出对账单的", "清源县第一小学", "246.00")
    finance.page.get_by_role("button", name="出对账单").click()
    finance.sees("还没付", "246.00")
    number = finance.page.locator("h1").inner_text()
    buyer.go(f"/canteen/statements/{number}")
    buyer.sees("附言写", number, "246.00")
    assert unfit(buyer, 200) == []
    buyer.tap("打印")
    buyer.sees("贰佰肆拾陆元整", "附言请写")
    assert unfit(buyer, 200) == []
    short = 18 * PRICE / 100
    upload(finance, [f"2026-01-05,T1,国库集中支付中心,62220000111,{short:.2f},货款 {number}"])
    with world.app.app_context():
        match_new()
    finance.go("/ledger/transfers")
    finance.sees("金额不对", "尾号 0111", f"{short:.2f}")
    finance.page.get_by_role("button", name="照这样认").click()
    finance.sees("没有要处理的")
    assert banking.stand() == {"bank": 18 * PRICE, "buyer_receivable": 2 * PRICE}
    for path in ("/ledger/transfers", "/ledger/transfers?tab=matched", "/ledger/transfers/1",
                 "/ledger/transfers/bank", "/ledger/transfers/payers", "/ledger/credits",
                 f"/ledger/credits/{banking.unit.id}", "/ledger/statements"):  # fmt: skip
        phone = visit(banking.finance_user, PHONE)
        assert unfit(phone, phone.go(path).status) == [], path


def test_a_transfer_without_number_is_settled_by_hand_and_remembered(world, visit):
    banking = Banking(world)
    banking.bring(banking.row(10 * PRICE + 500, "货款", payer="国库集中支付中心"))
    finance = visit(banking.finance_user, PHONE)
    finance.go("/ledger/transfers")
    finance.tap("去处理")
    finance.page.get_by_label("哪个单位").select_option(label="清源县第一小学")
    finance.press("看没付的")
    finance.sees(*banking.numbers)
    assert unfit(finance, 200) == []
    for at, number in enumerate(banking.numbers):
        box = finance.page.get_by_role("checkbox", name=number)
        box.set_checked(at == 0)
        if not at:
            finance.page.get_by_label(f"{number} 认多少元").fill("123.00")
    finance.page.get_by_label("记住").check()
    finance.press("认到勾选的订单")
    finance.sees("记为多付", "5.00", banking.numbers[0])
    assert unfit(finance, 200) == []
    assert banking.stand()["buyer_credit"] == 500
    finance.go("/ledger/transfers/payers")
    finance.sees("国库集中支付中心", "清源县第一小学")


def test_what_is_not_paid_in_time_stands_on_the_overdue_list(world, visit):
    banking = Banking(world)
    moment = now()
    with use_clock(lambda: moment.replace(year=moment.year - 1)):
        number = banking.statement()
    banking.pay(18 * PRICE - 100, "一部分", payer="某公司")
    finance = visit(banking.finance_user, PHONE)
    finance.go("/ledger/statements?which=overdue")
    finance.sees("90 天以上", "清源县第一小学", number, "246.00", "过期")
    assert unfit(finance, 200) == []
