"""The operator plans, starts and finishes on pages; anybody sees where the goods were processed."""

import io

import pytest
from PIL import Image
from sqlalchemy import select

from marketplace.catalog.models import Lot, Product
from marketplace.catalog.paper_models import LotPaper
from marketplace.core.clock import today
from marketplace.fulfilment.processing_models import ProcessingLine, ProcessingOrder
from marketplace.identity.models import Organisation
from tests.fulfilment.slaughterhouse import Slaughterhouse
from tests.support.pages import sent_by

DESK = "/desk/processing"


def _photo():
    data = io.BytesIO()
    Image.new("RGB", (40, 40), "green").save(data, "JPEG")
    data.seek(0)
    return data, "slip.jpg"


@pytest.fixture
def house(world):
    return Slaughterhouse(world)


@pytest.fixture
def browser(house):
    return house.world.sign_in(house.user)


def _order(house):
    return house.read(select(ProcessingOrder).order_by(ProcessingOrder.id.desc()))[0]


def test_from_plan_to_a_lot_with_its_certificate(house, browser):
    house.save(house.given(daily_base=40), house.line)
    assert "青石屠宰场" in browser.get(f"{DESK}/new").text
    address = f"{DESK}/new?line={house.line.id}&day={today().isoformat()}"
    page = browser.get(address).text
    assert house.lots[0].code in page
    assert '还能加工 <b class="num">40 只' in page
    typed = {"line": house.line.id, "day": today().isoformat(), "key": sent_by(page)["key"]}
    typed |= {f"q{house.lots[0].id}": "30", f"q{house.lots[1].id}": "20只"}
    refused = browser.post(f"{DESK}/new", data=typed)
    assert refused.status_code == 422, "nobody sells it"
    assert "出面卖" in refused.text
    typed["seller"] = house.seller.id
    refused = browser.post(f"{DESK}/new", data=typed)
    assert refused.status_code == 409
    assert "还能加工 40 只" in refused.text
    assert 'value="20只"' in refused.text
    twice = [browser.post(f"{DESK}/new", data=typed | {f"q{house.lots[1].id}": "10"}) for _ in "ab"]
    assert len({done.location for done in twice}) == 1, "a double tap"
    assert len(house.read(select(ProcessingOrder))) == 1
    done = twice[0]
    assert "货还在各户手上" in browser.get(done.location).text
    changed = browser.post(f"{DESK}/new", data=typed)
    assert "请刷新页面重新提交" in changed.text
    at = done.location
    assert browser.post(f"{at}/start").status_code == 303
    _finish(house, browser, at)
    (made,) = house.read(select(Lot).where(Lot.product_id == house.dressed.id))
    assert made.verified == 36
    shown = browser.get(at).text
    assert made.code in shown
    assert "从服务费里付" in shown
    _look_at(house, browser, made)


def _finish(house, browser, at):
    typed = {"f-output": "36", "f-grade": "统货", "f-issued_on": today().isoformat()}
    refused = browser.post(f"{at}/finish", data=typed | {"f-photos": _photo()})
    assert refused.status_code == 422
    assert "检疫证明才能完工" in refused.text
    kept = refused.text.split('name="f-kept"')[1].split('value="')[1].split('"')[0]
    typed |= {"f-number": "动检 0042", "f-issuer": "县畜牧站", "f-kept": kept}
    asked = browser.post(f"{at}/finish", data=typed)
    assert asked.status_code == 422
    assert "90%，平常是 99%" in asked.text
    assert house.read(select(LotPaper)) == []
    changed = browser.post(f"{at}/finish", data=typed | {"f-sure": "35"})
    assert changed.status_code == 422, "it was asked about another number"
    assert browser.post(f"{at}/finish", data=typed | {"f-sure": "36"}).status_code == 303


def _look_at(house, browser, made):
    lot = browser.get(f"/lots/{made.id}").text
    assert "加工：屠宰" in lot
    assert "加工费 80.00 元" in lot
    assert f"/lots/{house.lots[0].id}" in lot
    assert f"/lots/{made.id}" in browser.get(f"/lots/{house.lots[0].id}").text
    anyone = house.world.app.test_client()
    public = anyone.get(f"/t/{made.trace_code}").text
    assert "青石屠宰场屠宰" in public
    assert "检疫证明" in public
    assert "40 只雪毛鸡（活）出 36 只白条鸡" in public
    assert "登记" not in public.split("一路走到哪")[1].split("核对")[0]
    source = anyone.get(f"/t/{house.lots[0].trace_code}").text
    assert made.trace_code in source
    assert house.faults() == []


def test_cancelling_on_the_page_says_what_came_back(house, browser):
    order = house.plan({0: 30})
    house.start(order)
    at = f"{DESK}/{order.id}"
    assert browser.post(f"{at}/cancel", data={"c-left": "5"}).status_code == 422
    refused = browser.post(f"{at}/cancel", data={"c-reason": "停电", "c-left": "31"})
    assert refused.status_code == 422
    assert 'value="31"' in refused.text
    assert (
        browser.post(f"{at}/cancel", data={"c-reason": "停电", "c-left": "20"}).status_code == 303
    )
    page = browser.get(at).text
    assert "为什么取消：停电" in page
    assert "10 只" in page
    assert browser.post(f"{at}/start").status_code == 409


def test_a_line_is_added_and_changed(house, browser, world):
    paddy, rice = world.product("稻谷"), world.product("大米")
    page = browser.get(f"{DESK}/lines/new").text
    assert "青石屠宰场" in page
    typed = {
        "organisation_id": house.unit.id, "kind": "milling", "input_product_id": paddy.id,
        "output_product_id": rice.id, "usual": "70斤", "low": "65", "high": "72.5", "fee": "0.15",
        "daily": "3吨", "active": "y",
    }  # fmt: skip
    assert browser.post(f"{DESK}/lines/new", data=typed | {"low": "71"}).status_code == 422
    assert browser.post(f"{DESK}/lines/new", data=typed | {"usual": "很多"}).status_code == 422
    assert browser.post(f"{DESK}/lines/new", data=typed).status_code == 303
    line = house.read(select(ProcessingLine).order_by(ProcessingLine.id.desc()))[0]
    band = (line.low_permille, line.yield_permille, line.high_permille)
    assert (band, line.fee_fen, line.daily_base) == ((650, 700, 725), 15, 3_000_000)
    address = f"{DESK}/lines/{line.id}"
    shown = browser.get(address).text
    assert 'value="72.5 斤"' in shown
    again = typed | {"usual": "70 斤", "daily": "6000 斤", "fee": "0"}
    del again["active"]
    with house.world.transaction() as session:  # the mill has closed
        session.get_one(Organisation, house.unit.id).active = False
        session.get_one(Product, paddy.id).active = False
    assert browser.post(address, data=again).status_code == 303
    line = house.again(line)
    assert (line.fee_fen, line.active, line.yield_permille) == (0, False, 700)
    assert "停用" in browser.get(f"{DESK}/lines").text


def test_fees_are_listed_by_processor_and_noted_on_an_invoice(house, browser):
    house.done({0: 30}, 30)
    house.done({1: 20}, 20)
    house.plan({2: 10})
    page = browser.get(f"{DESK}/fees").text
    assert '一共 <b class="num">100.00</b>' in page
    assert "从服务费里付" in page
    address = f"{DESK}/fees/{house.unit.id}"
    assert browser.post(address, data={"invoice_no": " "}).status_code == 422
    assert browser.post(address, data={"invoice_no": "F-001"}).status_code == 303
    page = browser.get(f"{DESK}/fees").text
    assert '还没有单据的 <b class="num">0.00</b>' in page
    assert page.count('class="break">F-001<') == 2
    assert browser.post(address, data={"invoice_no": "F-002"}).status_code == 409
    assert "没有加工费" in browser.get(f"{DESK}/fees?month=2020-01").text
    assert browser.get(f"{DESK}/fees?month=nonsense").status_code == 200


def test_lists_cost_as_many_statements_for_many(house, browser, statements):
    house.done({0: 5}, 5)
    pages = (DESK, f"{DESK}?show=all", f"{DESK}/fees", f"{DESK}/lines")
    few = [statements(lambda page=page: browser.get(page)) for page in pages]
    for index in (0, 1, 2):
        house.done({index: 2}, 2)
        house.plan({index: 1})
    assert [statements(lambda page=page: browser.get(page)) for page in pages] == few
    assert max(few) <= 8
