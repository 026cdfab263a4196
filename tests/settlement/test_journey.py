"""From a colleague's Alipay to the household's account, in a real Chromium: two people sign, the bank
answers by its file, and the cadre shows the household its money on the phone."""

import pytest
from playwright.sync_api import expect
from python_calamine import CalamineWorkbook
from sqlalchemy import select

from marketplace.catalog.models import Lot
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.households.models import CadreAssignment, Household
from marketplace.identity.models import User
from marketplace.imports.sheets import write_xlsx
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.rounds import close_round
from tests.payments.paying import Paying
from tests.settlement.payday import CARDS
from tests.support.app import dispose, make_app, settings_for
from tests.support.browser import DESK, JOURNEY, PHONE
from tests.support.fitness import unfit
from tests.support.world import COUNTY

pytestmark = JOURNEY


@pytest.fixture
def database_url(sqlite_url):
    return sqlite_url


@pytest.fixture
def app(database_url, tmp_path, alipay_settings):
    made = make_app(settings_for(database_url, tmp_path, alipay=alipay_settings))
    yield made
    dispose(made)


def _buys_and_pays(paying, visit):
    buyer = visit(paying.buyer, PHONE)
    buyer.go(f"/shop/goods/{paying.listing.id}")
    buyer.press("加入购物篮")
    buyer.hears("放进购物篮")
    buyer.go("/shop/basket")
    buyer.tap("去结算")
    buyer.press("提交订单")
    buyer.press("去支付宝付款")
    buyer.page.wait_for_url("**/gateway.do?*")
    buyer.page.get_by_role("button", name="确认付款").click()
    expect(buyer.page.locator("h1")).to_have_text("付好了")


def _supplier(world):
    with world.transaction() as session:
        household = session.scalars(
            select(Household).join(Lot, Lot.household_id == Household.id)
        ).one()
        cadre = session.scalars(
            select(User)
            .join(CadreAssignment, CadreAssignment.user_id == User.id)
            .where(CadreAssignment.household_id == household.id)
        ).first()
    return household, cadre


def test_a_colleagues_alipay_reaches_the_household(world, gateway, visit, tmp_path):
    paying = Paying(world, gateway)
    household, cadre = _supplier(world)
    _buys_and_pays(paying, visit)
    paying.step(close_round, allocate_round, issue_sheets)
    world.app.config["WTF_CSRF_ENABLED"] = True
    operator = visit(world.operator(), DESK)
    operator.go(f"/rounds/{paying.round.id}")
    operator.tap("去发车")
    for step in ("开始配送", "其余的都收齐了"):
        operator.tap(step, "main")
        operator.page.locator("dialog[open]").get_by_role("button", name=step).click()
    _account(operator, household)
    for user in (world.user("reviewer", region=COUNTY), world.user("finance", region=COUNTY)):
        consents = visit(user, DESK)
        consents.go("/payees")
        consents.page.get_by_role("checkbox").first.check()
        consents.press("同意勾选的")
    maker = visit(world.user("finance", region=COUNTY), DESK)
    maker.go("/payouts")
    maker.touch(maker.page.get_by_role("link", name="提下一批"))
    maker.sees("这一批要付", "7.50")
    assert unfit(maker, 200) == []
    maker.press("提出这一批，付 7.50 元")
    maker.sees("等审批", "自己提的要请别人审批")
    leader = visit(world.user("leader", region=COUNTY), PHONE)
    leader.go("/payouts/1")
    assert unfit(leader, 200) == []
    leader.press("同意付 7.50 元")
    leader.sees("批了，等交银行")
    _bank(maker, tmp_path)
    shown = visit(cadre, PHONE)
    shown.go()
    shown.tap("我的户")
    shown.touch(shown.page.get_by_role("link", name=household.household_no))
    shown.sees("货款", "已到账", "7.50", CARDS[0][-4:])
    assert shown.taps <= 2
    assert unfit(shown, 200) == []
    for address in (
        "/payouts",
        "/payouts/new",
        "/payouts/lines/P1-0001",
        "/payouts/lines/P1-0001/paper",
        f"/payouts/1/villages/{household.region_code}/list",
        f"/payouts/1/villages/{household.region_code}/notice",
        "/payees?which=approved",
        "/advances",
        "/round-money",
        f"/round-money/{paying.round.id}",
    ):
        maker.go(address)
        assert unfit(maker, 200) == [], address
    assert paying.faults() == []
    assert paying.balance("bank") == -750


def _account(operator, household):
    operator.go("/payees/new")
    operator.type("给谁", household.household_no)
    operator.type("收款户名", household.head_name)
    operator.type("收款账号", CARDS[0])
    operator.type("开户行", "清源农商行")
    operator.press("提交，等两个人核准")
    operator.sees("等初核")


def _bank(maker, tmp_path):
    """The file goes out, and comes back with what the bank did."""
    maker.go("/payouts/1")
    with maker.page.expect_download() as taken:
        maker.press("取银行文件")
    table = CalamineWorkbook.from_path(taken.value.path()).get_sheet_by_index(0).to_python()
    (row,) = table[1:]
    assert row[2:4] == [CARDS[0], row[3]]
    maker.tap("已交银行", "main")
    maker.page.locator("dialog[open]").get_by_role("button", name="已交银行").click()
    maker.sees("银行在付")
    answer = tmp_path / "result.xlsx"
    answer.write_bytes(write_xlsx(("业务编号", "金额", "结果"), [[row[1], row[5], "成功"]], "回盘"))
    maker.tap("导入银行结果", "main")
    maker.page.set_input_files("input[type=file]", answer)
    maker.press("上传并检查")
    maker.tap("全部导入", "main")
    maker.go("/payouts/1")
    maker.sees("办完了", "已到账")
    assert unfit(maker, 200) == []
