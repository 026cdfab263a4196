"""The board: every output says the same, every figure is the sum of the rows behind it."""

import io
import re
from datetime import UTC, datetime, time, timedelta

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from marketplace.core.clock import SHANGHAI, now, shanghai_date, use_clock
from marketplace.core.quantity import GRAMS_PER_JIN
from marketplace.identity.actor import SYSTEM
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.listings import get_listing
from marketplace.orders.moving import release_lot
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.round_figures import supported_households
from marketplace.orders.rounds import close_round, get_round
from marketplace.reporting import board as boards
from marketplace.reporting.board_rows import rows_behind
from marketplace.reporting.board_stages import STAGES

PACK = 2500


@pytest.fixture
def sold(world):
    """Two products, two towns; staff and a canteen ordered; allocated."""
    chestnut, ginger = world.product("马蹄"), world.product("天堂姜")
    lots = [world.lot(chestnut, 40 * PACK), world.lot(chestnut, 10 * PACK, village="990101102201")]
    in_round = world.round()
    first = world.listing(in_round, chestnut, lots)
    second = world.listing(in_round, ginger, [world.lot(ginger, 10 * PACK, village="990101102202")])
    world.open_round(in_round)
    school = world.unit("一中", has_canteen=True)
    world.order(world.user("staff", unit=school), in_round, {first.id: 12, second.id: 2})
    buyer = world.user("buyer", unit=school)
    world.order(buyer, in_round, {first.id: 8}, channel="canteen", organisation_id=school.id)
    with world.transaction() as session:
        close_round(session, SYSTEM, get_round(session, in_round.id))
        allocate_round(session, SYSTEM, get_round(session, in_round.id))
    return in_round


def test_the_figures_are_those_of_the_round(world, sold):
    with world.transaction() as session:
        board = boards.board_of(session, get_round(session, sold.id))
        allocated = session.scalar(select(func.sum(Allocation.packs)))
    chestnut, ginger = board.products
    assert chestnut.figures == {
        "reported": 50 * PACK, "verified": 50 * PACK, "offered": 50 * PACK, "ordered": 20 * PACK, "allocated": 20 * PACK
    }  # fmt: skip
    assert ginger.figures["ordered"] == 2 * PACK
    assert allocated == 22
    assert (board.households, board.monitored) == (3, 0)
    assert dict(board.orders) == {"shop": 1, "canteen": 1, "group": 0}
    assert board.payable_fen == 22 * 750


def test_who_took_all_goods_back_is_not_counted_as_helped(world):
    product = world.product("马蹄")
    stays, leaves = world.lot(product, 10 * PACK), world.lot(product, 10 * PACK)
    in_round = world.round()
    listing = world.listing(in_round, product, [stays, leaves])
    world.open_round(in_round)
    with world.transaction() as session:
        release_lot(session, SYSTEM, get_listing(session, listing.id), leaves.id)
    with world.transaction() as session:
        found = get_round(session, in_round.id)
        assert boards.board_of(session, found).households == 1
        assert supported_households(session, found) == 1


def test_towns_add_up_to_the_product_and_rows_to_the_figure(world, sold):
    with world.transaction() as session:
        found = get_round(session, sold.id)
        board = boards.board_of(session, found)
        for product in board.products:
            for stage in ("reported", "verified", "offered", "allocated"):
                towns = board.towns_of(product.product.id)
                assert sum(t.figures.get(stage, 0) for t in towns) == product.figures[stage]
        chestnut = board.products[0].product
        lines = session.scalars(rows_behind(found, "ordered", chestnut.id, "")).all()
        assert (
            sum(line.packs * line.pack_base for line in lines)
            == board.products[0].figures["ordered"]
        )
        offered = session.scalars(rows_behind(found, "offered", chestnut.id, "990101102000")).all()
        assert sum(row.quantity_base for row in offered) == 10 * PACK


def test_page_paper_sheet_and_text_say_the_same(world, sold):
    client = world.sign_in(world.operator())
    with world.transaction() as session:
        board = boards.board_of(session, get_round(session, sold.id))
    paper = client.get(f"/board/{sold.id}/paper").text
    cells = [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", paper)]
    assert cells == [cell for row in boards.table_of(board) for cell in row]
    content = client.get(f"/board/{sold.id}/board.xlsx").data
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    assert [row[:2] for row in sheet[1:]] == [row[:2] for row in boards.table_of(board)]
    for row, line in zip(sheet[1:], board.lines, strict=True):
        grams = GRAMS_PER_JIN if row[2] == "斤" else 1
        shown = dict(zip(STAGES, row[3:], strict=True))
        assert {s: n * grams for s, n in shown.items() if n != ""} == line.figures
    page = client.get(f"/board/{sold.id}").text
    for line in board.products:
        assert line.exact("ordered") in page
    assert "马蹄：登记 250 斤" in page


def test_every_stage_opens_its_rows(world, sold):
    client = world.sign_in(world.user("leader", region="990101000000"))
    happened = ("reported", "verified", "offered", "ordered", "allocated")
    for stage in STAGES:
        answer = client.get(f"/board/{sold.id}/rows/{stage}")
        assert answer.status_code == 200
        assert ("没有明细" not in answer.text) == (stage in happened)
    assert client.get(f"/board/{sold.id}/rows/nonsense").status_code == 404
    assert client.get(f"/board/{sold.id}/rows/offered?product=x").status_code == 404


def test_before_any_round_the_board_says_so(world):
    assert "还没有开过期次" in world.sign_in(world.operator()).get("/board").text


def test_the_board_costs_the_same_few_statements(world, sold, statements):
    client = world.sign_in(world.operator())
    client.get("/board")
    assert statements(lambda: client.get("/board")) <= 12


def test_staff_have_no_board(world):
    assert world.sign_in(world.user("staff", unit=world.unit())).get("/board").status_code == 403


def test_the_sheet_made_before_eight_in_the_morning_is_named_by_todays_date(world, sold):
    morning = datetime.combine(shanghai_date(now()) + timedelta(days=1), time(7), tzinfo=SHANGHAI)
    with use_clock(lambda: morning.astimezone(UTC)):
        browser = world.sign_in(world.operator())
        answer = browser.get(f"/board/{sold.id}/board.xlsx")
    assert f"{morning:%Y%m%d}.xlsx" in answer.headers["Content-Disposition"]


def test_the_board_begins_with_the_round_that_people_work_on(world, sold):
    later, sooner = world.round(closes_in=timedelta(days=5)), world.round()
    for in_round, goods in ((later, "鸡蛋"), (sooner, "青菜")):
        product = world.product(goods)
        world.listing(in_round, product, [world.lot(product, PACK)])
        world.open_round(in_round)

    def first():
        with world.transaction() as session:
            return boards.ranked_rounds(session)[0].id

    page = world.sign_in(world.operator()).get("/board").text
    assert f"第 {sold.number} 期 ·" in page
    others = page[page.index("别的期次") :]
    assert f">第 {sold.number} 期<" not in others
    assert f">第 {later.number} 期<" in others
    with world.transaction() as session:
        get_round(session, sold.id).state = "settled"
    assert first() == sooner.id
    with world.transaction() as session:
        get_round(session, sooner.id).state = "cancelled"
    assert first() == later.id
