"""U19: money, units and deadlines are the same on list, detail, receipt and export."""

import io
import re
from html import unescape

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from marketplace.catalog.models import SupplyReport
from marketplace.core.clock import format_deadline, format_when
from marketplace.core.money import format_yuan
from marketplace.identity.actor import SYSTEM
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.lowering import lower_lot
from marketplace.orders.order_models import GroupEntry, Order, OrderLine
from marketplace.orders.ordering import cancel_order
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.round_models import Commitment, RoundCollection
from marketplace.orders.rounds import close_round, get_round
from tests.fulfilment.collecting import Collecting
from tests.orders.grouping import Group
from tests.support.world import TOWNS

AMOUNT = re.compile(r"\d[\d,]*\.\d\d\b")


def text_in(answer):
    """What a reader sees of a page."""
    words = re.sub(r"<script.*?</script>|<[^>]+>", " ", answer.text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(words))


class Sold:
    """One product ordered by staff, a canteen and a group; everybody's pages of it."""

    def __init__(self, world):
        self.world, self.group = world, Group(world, packs=12)
        self.allocated = False
        self.round, self.listing = self.group.round, self.group.first
        staff = world.user("staff", unit=self.group.unit)
        buyer = world.user("buyer", unit=world.unit("一中", has_canteen=True))
        unit = {"channel": "canteen", "fund_source": "canteen"}
        self.numbers = {
            "staff": world.order(staff, self.round, {self.listing.id: 3}),
            "canteen": world.order(
                buyer,
                self.round,
                {self.listing.id: 5},
                organisation_id=buyer.organisation_id,
                **unit,
            ),
        }
        self.group.enter(packs={self.listing.id: 3})
        self.group.submit()
        self.browsers = {
            "staff": world.sign_in(staff),
            "canteen": world.sign_in(buyer),
            "group": self.group.browser,
            "operator": world.sign_in(world.operator()),
        }
        with world.transaction() as session:
            self.numbers["group"] = session.scalars(
                select(Order.number).where(Order.channel == "group")
            ).one()

    def seen(self, who, path):
        answer = self.browsers[who].get(path)
        assert answer.status_code == 200, path
        return text_in(answer)

    def sheet(self, who, path):
        content = self.browsers[who].get(path).data
        return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()

    def due(self, who=None):
        """Packs and fen from the rows themselves: allocated, or ordered while nothing is allocated."""
        with self.world.transaction() as session:
            counted = Allocation.packs if self.allocated else OrderLine.packs
            lines = select(func.sum(counted)).select_from(Order).join(OrderLine)
            if self.allocated:
                lines = lines.join(Allocation)
            if who:
                lines = lines.where(Order.number == self.numbers[who])
            count = int(session.scalar(lines) or 0)
        return count, format_yuan(count * self.listing.price_fen)

    def fall_short(self):
        """The lot holds 12 packs of which 11 are ordered; five are lost before the round closes."""
        with self.world.transaction() as session:
            (lot_id,) = session.scalars(
                select(Commitment.lot_id).where(Commitment.listing_id == self.listing.id)
            )
            lower_lot(session, SYSTEM, lot_id, 5 * 2500, "died")
        for step in (close_round, allocate_round):
            with self.world.transaction() as session:
                step(session, SYSTEM, get_round(session, self.round.id))
        self.allocated = True


PAGES = {
    "staff": ("/shop/mine", "/shop/orders/{number}"),
    "canteen": ("/canteen/orders", "/canteen/orders/{number}"),
    "group": ("/groups/{group}", "/groups/{group}/lists"),
}
OF_THE_ROUND = ("/rounds", "/rounds/{round}", "/board/{round}", "/desk/orders")


@pytest.fixture
def sold(world):
    return Sold(world)


def _compare(sold):
    """Every page that tells what one order, or all of them, cost."""
    ids = {"group": sold.group.id, "round": sold.round.id}
    for who, number in sold.numbers.items():
        packs, yuan = sold.due(who)
        for path in PAGES[who]:
            assert yuan in AMOUNT.findall(sold.seen(who, path.format(number=number, **ids))), path
        detail = sold.seen("operator", f"/desk/orders/{number}")
        assert f"应收 {yuan} 元" in detail
        assert f"{packs} 份" in detail
    packs, yuan = sold.due()
    for path in OF_THE_ROUND:
        assert yuan in AMOUNT.findall(sold.seen("operator", path.format(**ids))), path
    quantity = f"{packs * 5} 斤"
    assert quantity in sold.seen("operator", f"/board/{sold.round.id}")
    heading, *rows = sold.sheet("group", f"/groups/{sold.group.id}/export.xlsx")
    count, yuan = sold.due("group")
    assert sum(row[heading.index("数量")] for row in rows) == count
    assert format_yuan(round(sum(row[heading.index("金额")] for row in rows) * 100)) == yuan
    return packs * 5


def test_what_is_due_is_the_same_on_list_detail_receipt_and_export(sold):
    jin = _compare(sold)
    heading, whole, *_ = sold.sheet("operator", f"/board/{sold.round.id}/board.xlsx")
    assert (whole[heading.index("单位")], whole[heading.index("已订")]) == ("斤", jin)


def test_after_a_shortage_every_page_says_the_lower_sum(sold):
    before = sold.due()
    sold.fall_short()
    assert sold.due() != before
    jin = _compare(sold)
    for number in sold.numbers.values():
        with sold.world.transaction() as session:
            query = select(OrderLine.cut_packs).join(Order).where(Order.number == number)
            cut = session.scalars(query).one()
        said = f"货不够，减 {cut} 份" in sold.seen("operator", f"/desk/orders/{number}")
        assert said == bool(cut), "what was cut stands in the order's own history"
    heading, whole, *_ = sold.sheet("operator", f"/board/{sold.round.id}/board.xlsx")
    assert whole[heading.index("分配")] == jin
    for who in ("staff", "canteen"):
        listed = AMOUNT.findall(sold.seen(who, PAGES[who][0]))
        assert set(listed) == {sold.due(who)[1]}, "no sum of before stands on a list"


def test_a_cancelled_group_order_asks_nobody_for_money(sold):
    with sold.world.transaction() as session:
        order = session.scalars(select(Order).where(Order.number == sold.numbers["group"])).one()
        cancel_order(session, SYSTEM, order, "不办了")
        entry = session.scalars(select(GroupEntry)).one()
    own = sold.seen("group", f"/g/{sold.group.token}/{entry.edit_code}")
    assert "订单取消了，一份也不到" in own
    assert "合计 ¥0.00" in own
    for path in (f"/groups/{sold.group.id}", f"/groups/{sold.group.id}/lists"):
        words = sold.seen("group", path)
        assert "订单取消了" in words
        assert format_yuan(3 * sold.listing.price_fen) not in AMOUNT.findall(
            words.partition("要多少货")[2] or words
        )
    heading, *rows = sold.sheet("group", f"/groups/{sold.group.id}/export.xlsx")
    assert sum(row[heading.index("金额")] for row in rows) == 0


def test_price_and_deadline_are_the_same_wherever_somebody_can_still_order(sold):
    deadline, price = format_deadline(sold.round.closes_at), format_yuan(sold.listing.price_fen)
    for who, path, priced in (
        ("staff", "/shop/", True),
        ("staff", f"/shop/goods/{sold.listing.id}", True),
        ("staff", f"/shop/orders/{sold.numbers['staff']}", True),
        ("canteen", "/canteen/", True),
        ("canteen", f"/canteen/orders/{sold.numbers['canteen']}", True),
        ("operator", "/rounds", False),
        ("operator", f"/rounds/{sold.round.id}", True),
        ("operator", "/board", False),
    ):
        words = sold.seen(who, path)
        assert deadline in words, path
        assert not priced or price in AMOUNT.findall(words), path


def test_what_a_household_brings_earns_and_when_is_the_same_from_report_to_sheet(world):
    made = Collecting(world, ordered=(12,), supplies=(40,))
    sheet, lot, household = made.sheet(0), made.lots[0], made.households[0]
    desk, cadre = world.sign_in(world.operator()), world.sign_in(made.cadres[0])
    (slot,) = made.read(
        select(RoundCollection).where(RoundCollection.region_code == next(iter(TOWNS)))
    )
    report_no = made.read(select(SupplyReport.id))[0]
    brings, earns, at = "60 斤", "90.00", format_when(slot.from_at).split()[-1]
    for browser, path, expected in (
        (cadre, "/field/", ("200 斤", brings)),
        (cadre, f"/field/households/{household.id}", ("200 斤", brings)),
        (cadre, f"/field/reports/{report_no}", ("200 斤",)),
        (cadre, f"/field/lots/{lot.id}", ("200 斤", brings)),
        (cadre, "/field/sheets", (brings, earns, at)),
        (cadre, f"/field/sheets/{sheet.id}", (brings, earns, at)),
        (desk, f"/reports/{report_no}", ("200 斤",)),
        (desk, "/lots/", ("200 斤", brings)),
        (desk, f"/lots/{lot.id}", ("200 斤", brings)),
        (desk, f"/sheets/{sheet.id}", (brings, earns, at)),
        (desk, f"/sheets/{sheet.id}/paper", (brings, earns, at)),
        (desk, f"/sheets/code/{sheet.code}", (brings, earns, at)),
        (desk, f"/sheets/round/{made.round.id}", (brings, earns, at)),
        (desk, f"/sheets/round/{made.round.id}/texts", (brings, at)),
        (desk, f"/sheets/round/{made.round.id}/calls", (brings, earns, at)),
        (desk, f"/trace/lots/{lot.id}", ("200 斤", brings, earns)),
        (desk, f"/trace/households/{household.id}", ("200 斤", brings, earns)),
    ):
        answer = browser.get(path, follow_redirects=True)
        words = text_in(answer).replace(" ", "")
        for part in expected:
            assert part.replace(" ", "") in words, (path, part)
