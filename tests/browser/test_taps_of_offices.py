"""Taps of those who work at a desk: canteens, the county's operator, auditors; and withdrawing."""

from playwright.sync_api import expect

from marketplace.core.money import format_yuan
from marketplace.orders.basket import read_sheet
from marketplace.orders.round_models import Listing, Round
from tests.support.browser import DESK, JOURNEY, PHONE, Visit, Visitor
from tests.support.market_day import MarketDay

pytestmark = JOURNEY
TEN = ("马蹄", "冬瓜", "鸡蛋", "鸭蛋", "苹果", "生姜", "大米", "蜂蜜", "红薯干", "白菜")
WRITTEN = (
    "三百", "三十", "一百二十", "一百二", "一千五", "两百", "十二", "十", "２０", "30份", "三十 份", "1,200", "1千2", "1万", "一万零五",
    "1.5万", "九万九千九百九十九", "〇", "0", "", "胡说", "三四", "二百三", "1.5", "-3", "三百零", "百", "很多", "约30", "一百零二", "2万3万",
)  # fmt: skip


def _ten_lines(day: MarketDay, visit: Visit) -> Visitor:
    """A canteen's buyer at home, with ten things on this week's sheet."""
    world = day.world
    in_round = world.round(pickup=world.pickup_point("清源县第二中学食堂"))
    for name in TEN:
        product = day.product if name == day.product.name else world.product(name)
        lot = world.lot(product, 500 * 2500)
        world.listing(in_round, product, [lot])
    world.open_round(in_round)
    buyer = visit(day.world.user("buyer", unit=world.unit("清源县第二中学")), DESK)
    buyer.go()
    return buyer


def _order_all(buyer: Visitor) -> None:
    for number, name in enumerate(TEN):
        buyer.type(f"{name}（5 斤装）订几份", str(20 + number))
    if not buyer.page.get_by_role("radio", name="清源县第二中学食堂").is_checked():
        buyer.tap("清源县第二中学食堂")
    buyer.tap("提交订单")
    buyer.sees("订好了")


def test_a_canteen_orders_ten_lines_in_twelve_taps(day: MarketDay, visit: Visit) -> None:
    buyer = _ten_lines(day, visit)
    buyer.sees("红薯干")  # this week's supply is there without a tap
    _order_all(buyer)
    assert buyer.taps <= 12


def test_a_sheet_counts_what_people_write_and_says_what_it_cannot_read(
    day: MarketDay, visit: Visit
) -> None:
    buyer = _ten_lines(day, visit)
    box = buyer.page.locator("[data-packs]").first
    total, line = buyer.page.locator("[data-total]"), buyer.page.locator("[data-amount]").first
    price = int(box.get_attribute("data-price") or "0")
    for words in WRITTEN:
        box.fill(words)
        read, wrong = read_sheet({1: words})
        packs = read.get(1, 0)
        assert (words, total.text_content()) == (words, format_yuan(packs * price))
        assert (words, line.text_content() == "看不懂") == (words, bool(wrong))
    buyer.page.locator("[data-packs]").nth(1).fill("三百")
    box.fill("胡说")
    expect(buyer.page.locator(".supply-bar")).to_contain_text("共 1 种")
    expect(buyer.page.locator(".supply-bar")).to_contain_text("有 1 行看不懂")


def test_a_canteen_repeats_its_last_order_in_three_taps_and_changes_it_in_three(
    day: MarketDay, visit: Visit
) -> None:
    buyer = _ten_lines(day, visit)
    _order_all(buyer)
    buyer.go()
    buyer.tap("照上次订")
    buyer.sees("填好了 10 种")
    buyer.tap("提交订单")
    buyer.sees("订好了")
    assert buyer.taps <= 3
    buyer.go()
    buyer.tap("改数量")
    buyer.page.get_by_role("spinbutton", name="马蹄").fill("35")
    buyer.tap("保存")
    buyer.sees("订单改好了", "× 35")
    assert buyer.taps <= 3


def test_the_operator_closes_a_round_in_two_taps(day: MarketDay, visit: Visit) -> None:
    in_round, _ = day.shop()
    operator = visit(day.operator, DESK)
    operator.go()
    operator.tap("现在截单")
    operator.press("现在截单", "dialog")
    operator.sees("去分配")
    assert operator.taps <= 2
    with day.world.transaction() as session:
        assert session.get_one(Round, in_round.id).state == "closed"


def test_the_sheets_of_a_collection_point_are_two_taps_from_home(
    day: MarketDay, visit: Visit
) -> None:
    day.sold()
    operator = visit(day.operator, DESK)
    operator.go()
    operator.tap("等发备货单")
    operator.press("发备货单")
    operator.sees("1 张备货单已发出")
    operator.go()
    operator.tap("没回音")
    operator.touch(operator.page.locator("main .chip").filter(has_text="集货点"))
    operator.sees("陈**")
    assert operator.taps <= 2


def test_an_auditor_sees_todays_figures_at_once_and_who_looked_at_people_in_two_taps(
    day: MarketDay, visit: Visit
) -> None:
    day.sold()
    auditor = visit(day.world.user("auditor", region="990101000000"), DESK)
    auditor.go()
    auditor.sees("订单金额", "¥24.60")
    assert auditor.taps == 0
    auditor.tap("审计记录", within="nav")
    auditor.tap("看过个人信息")
    expect(auditor.page.locator("h1")).to_contain_text("审计")
    assert auditor.taps <= 2


def test_a_cadre_withdraws_a_part_in_two_taps(day: MarketDay, visit: Visit) -> None:
    _, listing = day.shop(100)
    cadre = visit(day.cadre, PHONE)
    cadre.go("/field/lots/1")
    cadre.tap("别处卖了")
    cadre.tap("撤回一半")
    cadre.sees("别处卖了", "250 斤")
    assert cadre.taps <= 2
    with day.world.transaction() as session:
        assert session.get_one(Listing, listing.id).capacity_packs == 50
