"""Lines pasted from a 接龙: previewed, taken, given back to be mended; twice changes nothing."""

import html
import re
from datetime import date

import pytest
from sqlalchemy import select

from marketplace.catalog.models import SupplyReport
from marketplace.core.clock import today
from marketplace.core.quantity import parse_quantity
from marketplace.households.models import Household
from marketplace.imports.models import ImportBatch, ImportRow
from tests.support.pages import form_on
from tests.support.world import NAMES

CHAT = """#接龙
三岔村本周待售，请大家按格式填
例：陈小二 三岔村 马蹄 2000斤 1.5元/斤

1. 陈大山 三岔村 马蹄 2000斤 1.5元/斤
2、李桂香家 鸡蛋200枚 每枚1.2 马蹄一千公斤 3元/公斤
3. 王福来 马蹄 500斤
4. 没这人 三岔村 马蹄 300斤 1.5元/斤
"""


@pytest.fixture
def cadre(world):
    """A cadre of three households in two villages, with two products known."""
    cadre = world.user("cadre", name="liu.ganbu")
    for village, name in (
        ("990101101201", "陈大山"),
        ("990101101201", "李桂香"),
        ("990101101202", "王福来"),
    ):
        world.household(village, name=name, cadre=cadre)
    world.product("马蹄", aliases="荸荠")
    world.product("鸡蛋", "piece", piece_word="枚", reference_fen=100)
    return cadre


def paste(client, text, kind="pasted"):
    return client.post(f"/imports/paste/{kind}", data={"text": text}, follow_redirects=True)


def take(client, world):
    with world.transaction() as session:
        batch = session.scalars(select(ImportBatch).order_by(ImportBatch.id.desc())).first()
    return client.post(f"/imports/{batch.id}/take", data={"take": "good"}, follow_redirects=True)


def reports(world):
    with world.transaction() as session:
        rows = session.scalars(select(SupplyReport).order_by(SupplyReport.id)).all()
        return [
            (
                r.household.head_name,
                r.product.name,
                r.quantity_base,
                r.asked_fen,
                r.asked_per_base,
                r.channel,
            )
            for r in rows
        ]


def given_back(page):
    return html.unescape(re.search(r"<textarea[^>]*>\s*(.*?)</textarea>", page, re.S)[1]).replace(
        "\r", ""
    )


TAKEN = [
    ("陈大山", "马蹄", 1_000_000, 150, 500, "paste"),
    ("李桂香", "鸡蛋", 200, 120, 1, "paste"),
    ("李桂香", "马蹄", 1_000_000, 300, 1000, "paste"),
]


def test_a_chat_is_previewed_taken_and_the_rest_goes_back_to_be_mended(world, cadre):
    client = world.sign_in(cadre)
    page = paste(client, CHAT).text
    assert "看懂的 3 条" in page
    assert "第 2、3 行当作标题或例子，跳过了" in page
    assert "第 1 条（第 5 行）" in page
    assert "没有写价钱。请补上" in page
    assert "没有叫“没这人”的户，或不归您管" in page
    assert reports(world) == []
    page = take(client, world).text
    assert "登记了 3 条" in page
    assert reports(world) == TAKEN
    text = given_back(page)
    assert text.splitlines() == [
        "# 没有写价钱。请补上，例如 1.5元/斤。",
        "1. 王福来 马蹄 500斤",
        "# 户主：没有叫“没这人”的户，或不归您管。请写户主的全名，或写户页上的户编号。",
        "2. 没这人 三岔村 马蹄 300斤 1.5元/斤",
    ]
    mended = text.replace("马蹄 500斤", "马蹄 500斤 1.5元/斤").replace("没这人", "陈大山")
    assert "看懂的 2 条" in paste(client, mended).text
    take(client, world)
    assert [row[:3] for row in reports(world)[3:]] == [
        ("王福来", "马蹄", 250_000),
        ("陈大山", "马蹄", 150_000),
    ]


def test_the_same_text_again_changes_nothing_however_it_is_numbered(world, cadre):
    client = world.sign_in(cadre)
    paste(client, CHAT)
    take(client, world)
    again = CHAT.replace("1. 陈大山 三岔村 马蹄 2000斤", "7、陈大山，三岔村，荸荠，1吨")
    paste(client, "8. 王福来 柳湾村 马蹄 100斤 1.5元/斤\n" + again)
    page = take(client, world).text
    assert "登记了 1 条。有 3 条原来登记过" in page
    assert len(reports(world)) == 4


def test_a_line_is_new_goods_once_its_days_are_over(world, cadre):
    client = world.sign_in(cadre)
    line = "陈大山 三岔村 马蹄 2000斤 1.5元/斤"
    paste(client, line)
    take(client, world)
    with world.transaction() as session:
        report = session.scalars(select(SupplyReport)).one()
        report.available_from = report.available_until = date(2026, 1, 5)
    for _ in range(2):
        paste(client, line)
        take(client, world)
    assert len(reports(world)) == 2


def test_heads_of_one_name_are_told_apart_by_village_then_by_number(world, cadre):
    client = world.sign_in(cadre)
    world.household("990101101202", name="陈大山", cadre=cadre)
    third = world.household("990101101202", name="陈大山", cadre=cadre)
    assert "有 3 户叫“陈大山”" in paste(client, "陈大山 马蹄 300斤 1.5元/斤").text
    assert "在行里写上户编号" in paste(client, "柳湾村\n陈大山 马蹄 300斤 1.5元/斤").text
    assert "不在石桥村，在三岔村" in paste(client, "陈大山 石桥村 马蹄 300斤 1.5元/斤").text
    paste(client, f"柳湾村\n陈大山 {third.household_no} 马蹄 300斤 1.5元/斤")
    take(client, world)
    with world.transaction() as session:
        assert session.scalars(select(SupplyReport)).one().household_id == third.id


def test_only_households_in_reach_are_found(world, cadre):
    world.household("990101102201", name="孙有田", cadre=world.user("cadre"))
    line = "孙有田 松坪村 马蹄 300斤 1.5元/斤"
    assert "不归您管" in paste(world.sign_in(cadre), line).text
    here = world.sign_in(world.user("reviewer", region="990101101000"))
    assert "不归您管" in paste(here, line).text
    there = world.sign_in(world.user("reviewer", region="990101102000"))
    assert "看懂的 1 条" in paste(there, line).text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "请把接龙的文字贴进来"),
        ("大家好\n今天天气不错", "没有读到登记"),
        ("陈大山 马蹄 1斤\n" * 501, "一次最多贴 500 行"),
        ("长" * 40_001, "最多写 40000 个字"),
    ],
)
def test_a_text_that_says_nothing_is_refused_and_kept(world, cadre, text, words):
    answer = paste(world.sign_in(cadre), text)
    assert answer.status_code == 422
    assert words in answer.text
    assert given_back(answer.text).strip() == text.strip()


def test_pasted_lines_are_personal_and_belong_to_who_pasted_them(world, cadre):
    client = world.sign_in(cadre)
    paste(client, CHAT)
    with world.transaction() as session:
        raw = session.connection().exec_driver_sql("SELECT cells FROM import_row").scalars().all()
        batch_id = session.scalar(select(ImportRow.batch_id).limit(1))
    assert not any("陈大山" in cells for cells in raw)
    other = world.sign_in(world.user("cadre"))
    assert other.get(f"/imports/pasted/{batch_id}").status_code == 404
    assert world.sign_in(world.operator()).get("/imports/paste/pasted").status_code == 404
    assert client.get("/imports/new/pasted").status_code == 404
    assert client.get("/imports/paste/households").status_code == 404
    assert client.get(f"/imports/{batch_id}").location.endswith(f"/imports/pasted/{batch_id}")


def test_the_cadre_finds_the_page_from_home_and_may_throw_a_preview_away(world, cadre):
    client = world.sign_in(cadre)
    assert "/imports/paste/pasted" in client.get("/field/").text
    page = paste(client, CHAT).text
    form_on(page, "/discard")
    gone = client.post("/imports/1/discard", follow_redirects=True)
    assert "已放弃" in gone.text
    assert reports(world) == []


def test_lines_that_still_wait_are_found_again_until_they_are_mended(world, cadre):
    client = world.sign_in(cadre)
    assert "看懂的 3 条" in paste(client, CHAT).text
    for address in ("/field/", "/imports/paste/pasted"):
        page = client.get(address).text
        assert "3 条等您登记，2 条要改" in page
        assert "/imports/pasted/1" in page
    take(client, world)
    assert "接龙：2 条要改" in client.get("/field/").text
    page = client.get("/imports/pasted/1").text
    mended = (
        given_back(page).replace("马蹄 500斤", "马蹄 500斤 1.5元/斤").replace("没这人", "陈大山")
    )
    form_on(page, "/imports/paste/pasted?mends=1")
    client.post("/imports/paste/pasted?mends=1", data={"text": mended})
    assert "接龙：2 条等您登记" in client.get("/field/").text
    assert "/imports/pasted/1" not in client.get("/imports/paste/pasted").text
    page = client.get("/imports/pasted/1").text
    assert "另外贴了一次" in page
    assert "<textarea" not in page
    take(client, world)
    assert "接龙：" not in client.get("/field/").text


def test_lines_that_nobody_will_mend_are_let_go_and_what_was_taken_stays(world, cadre):
    client = world.sign_in(cadre)
    paste(client, CHAT)
    take(client, world)
    taken = len(reports(world))
    form_on(client.get("/imports/pasted/1").text, "/imports/1/discard")
    said = client.post("/imports/1/discard", follow_redirects=True).text
    assert "登记好的都还在" in said
    assert len(reports(world)) == taken > 0
    assert "接龙：" not in client.get("/field/").text
    assert "要改的行不要了" in client.get("/imports/pasted/1").text


def test_the_whole_text_is_mended_before_anything_is_taken(world, cadre):
    client = world.sign_in(cadre)
    text = given_back(paste(client, CHAT).text)
    assert "陈大山 三岔村 马蹄 2000斤" in text
    mended = text.replace("马蹄 500斤", "马蹄 500斤 1.5元/斤").replace("没这人", "陈大山")
    other = world.sign_in(world.user("cadre"))
    answer = other.post("/imports/paste/pasted?mends=1", data={"text": mended})
    assert answer.status_code == 404
    answer = client.post(
        "/imports/paste/pasted?mends=1", data={"text": mended}, follow_redirects=True
    )
    assert "看懂的 4 条" in answer.text  # 陈大山 has 马蹄 twice now, which is asked about
    assert "已放弃" in client.get("/imports/pasted/1").text
    take(client, world)
    assert len(reports(world)) == 4


def test_a_masked_name_is_called_by_its_name_and_the_product_too(world, cadre):
    page = paste(world.sign_in(cadre), "1. 孙** 松坪村 萝卜 300斤 1元/斤").text
    assert "“孙**”看不出是谁。请写户主的全名，或写户页上的户编号。" in page
    assert "“萝卜”不在品种表里" in page
    assert "“孙”不在" not in page


def test_an_amount_is_read_again_as_it_was_first_read(world, cadre):
    amounts = ("上千斤", "约300斤", "1000多斤", "300斤左右", "半吨", "两斤半", "1.5万斤")
    for name in NAMES[: len(amounts)]:
        world.household("990101102202", name=name, cadre=cadre)
    client = world.sign_in(cadre)
    lines = [f"{n} 石桥村 马蹄 {a} 1.5元/斤" for n, a in zip(NAMES, amounts, strict=False)]
    paste(client, "\n".join(lines))
    take(client, world)
    with world.transaction() as session:
        found = session.scalars(select(SupplyReport).order_by(SupplyReport.id)).all()
    meant = [parse_quantity(amount, base_unit="g") for amount in amounts]
    assert [(r.quantity_base, r.approximate) for r in found] == [
        (quantity.base, quantity.approximate) for quantity in meant
    ]
    assert {r.available_from for r in found} == {today()}


@pytest.mark.parametrize(
    "who", ["{number}", "{small} 李桂香", "李**", "李*香 三岔村", "李", "李家", "三岔村 李**"]
)
def test_a_household_is_known_by_its_number_or_as_lists_show_it(world, cadre, who):
    with world.transaction() as session:
        meant = next(h for h in session.scalars(select(Household)) if h.head_name == "李桂香")
        number = meant.household_no
    world.household(name="李有田", cadre=world.user("cadre"))  # in somebody else's care
    client = world.sign_in(cadre)
    said = who.format(number=number, small=number.lower())
    assert "看懂的 1 条" in paste(client, f"1. {said} 马蹄 300斤 1.5元/斤").text
    take(client, world)
    assert [row[:3] for row in reports(world)] == [("李桂香", "马蹄", 150_000)]


def test_who_is_still_unclear_is_asked_with_the_numbers_that_would_tell(world, cadre):
    second = world.household(name="李有田", cadre=cadre)
    elsewhere = world.household(name="周小满", cadre=world.user("cadre"))
    client = world.sign_in(cadre)
    page = paste(client, "1. 李** 马蹄 300斤 1.5元/斤").text
    assert "有 2 户叫“李**”" in page
    assert second.household_no in page
    page = paste(client, f"1. {second.household_no} 陈大山 马蹄 300斤 1.5元/斤").text
    assert "的户主不叫“陈大山”" in page
    page = paste(client, f"1. {elsewhere.household_no} 马蹄 300斤 1.5元/斤").text
    assert f"没有户编号 {elsewhere.household_no}，或不归您管" in page


def test_a_price_without_its_unit_is_shown_as_it_was_understood(world, cadre):
    client = world.sign_in(cadre)
    page = paste(client, "1. 陈大山 马蹄 半吨 2块5\n2. 李桂香 鸡蛋 200枚 1.2元").text
    assert "2.50元/斤，没写每什么，按每斤算" in page
    assert "1.20元/枚，没写每什么，按每枚算" in page
    take(client, world)
    assert [row[3:5] for row in reports(world)] == [(250, 500), (120, 1)]
    page = paste(client, "1. 陈大山 马蹄 300斤 450元").text  # a sum: 300 times the county's price
    assert "请写单价，不写总价，例如 1.5元/斤" in page
