from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.catalog.paste import MAX_LINES, parse_pasted_lines
from marketplace.catalog.paste_fields import PasteProduct
from marketplace.core.errors import InvalidInput
from marketplace.core.money import format_yuan
from marketplace.core.quantity import format_quantity

TODAY = date(2026, 11, 20)
JIN = 500

PRODUCTS = [
    PasteProduct("water-chestnut", "马蹄", "g", ("荸荠",)),
    PasteProduct("hen", "土鸡", "piece", ("雪毛鸡",)),
    PasteProduct("egg", "鸡蛋", "piece", ("土鸡蛋",), containers={"箱": 360}),
    PasteProduct("ginger", "生姜", "g", ("天堂姜", "姜")),
    PasteProduct("cabbage", "白菜", "g", ("青菜",)),
    PasteProduct("small-cabbage", "小白菜", "g", ("青菜",)),
    PasteProduct("goose", "白鹅", "g", approx_piece_mass_g=4000),
]


def read(text, **options):
    return parse_pasted_lines(text, PRODUCTS, today=TODAY, **options)


def read_one(line, **options):
    (only,) = read(line, **options)
    return only


def test_a_whole_chat_becomes_a_preview():
    lines = read(
        """#接龙
三岔村本周待售，请大家按格式填
例：陈小二 三岔村 马蹄 2000斤 1.5元/斤

1. 陈大山 三岔村 马蹄 2000斤 1.5元/斤
2、李桂香家 土鸡60只 每只90
③ 王有福，三岔村，土鸡蛋，2000枚，一块五一个
"""
    )
    assert [(line.line_number, line.household_name) for line in lines] == [
        (5, "陈大山"),
        (6, "李桂香"),
        (7, "王有福"),
    ]
    first, second, third = lines
    assert (first.village, first.product_code) == ("三岔村", "water-chestnut")
    assert (first.quantity.base, first.price_fen, first.price_unit) == (2000 * JIN, 150, "斤")
    assert first.problems == ()
    assert first.raw == "1. 陈大山 三岔村 马蹄 2000斤 1.5元/斤"
    assert (second.product_code, second.quantity.base, second.price_fen) == ("hen", 60, 9000)
    assert second.problems == ("没有写哪个村。请补上村名，例如 三岔村。",)
    assert (third.product_code, third.quantity.base, third.price_unit) == ("egg", 2000, "个")


@pytest.mark.parametrize(
    "line",
    [
        "陈大山 三岔村 马蹄 2000斤 1.5元/斤",
        "1. 陈大山 三岔村 马蹄 2000斤 1.5元/斤",
        "12、陈大山，三岔村，马蹄，2000斤，1.5元/斤",
        "① 陈大山 三岔村 马蹄 2000斤 1.5元/斤",
        "1️⃣ 陈大山 三岔村 马蹄 2000斤 1.5元/斤",
        "(3)陈大山 三岔村 马蹄 2000斤 1.5元/斤",
        "15 陈大山 三岔村 马蹄 2000斤 1.5元/斤",
        "陈大山👍 三岔村 马蹄２０００斤 １．５元／斤",
        "陈大山-三岔村-马蹄-2000斤-1.5元/斤",
        "陈大山；三岔村；荸荠；两千斤；1块5一斤",
        "三岔村 陈大山家 马蹄2000斤，每斤1.5",
        "三岔村陈大山 2000斤马蹄 一斤一块五",
        "户主：陈大山　村：三岔村　品种：马蹄　数量：2000斤　单价：1.5元/斤",
        "马蹄一千公斤 ¥1.5/斤 三岔村 陈大山",
        "陈大山 三岔村 马蹄还有2000斤 价格1.5一斤",
        "陈大山 三岔村 马蹄1吨 1元5角每斤",
    ],
)
def test_the_same_report_is_read_however_it_is_written(line):
    report = read_one(line)
    assert report.problems == ()
    assert (report.household_name, report.village) == ("陈大山", "三岔村")
    assert (report.product_code, report.quantity.base) == ("water-chestnut", 2000 * JIN)
    assert (report.price_fen, report.price_unit, report.remark) == (150, "斤", "")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("陈大山 三岔村 马蹄 2000斤", "没有写价钱。请补上"),
        ("陈大山 三岔村 马蹄 2000斤 1.5", "“1.5”是不是价钱？请写成 1.5元/斤。"),
        ("韩来顺 三岔村 马蹄 半吨 2.9", "“2.9”是不是价钱？请写成 2.9元/斤。"),
        ("陈大山 三岔村 土鸡 60只 90", "“90”是不是价钱？请写成 90元/只。"),
        ("陈大山 三岔村 马蹄 很多 3元/斤", "“很多”里没有数"),
        ("陈大山 三岔村 马蹄 很多 3块", "“很多”里没有数"),
        ("陈大山 三岔村 鸡蛋 20箱 300元", "没写是每什么的价钱"),
        ("陈大山 三岔村 马蹄 2000斤 3000元", "请写单价，不写总价"),
        ("陈大山 三岔村 马蹄 2000斤 1.5元/斤 1.8元/斤", "写了几个价钱"),
        ("陈大山 三岔村 马蹄 2000斤 0元/斤", "价钱：“0元”不行"),
        ("陈大山 三岔村 马蹄 2000 1.5元/斤", "没有写单位"),
        ("陈大山 三岔村 马蹄 1.5元/斤", "没有写数量。请补上"),
        ("陈大山 三岔村 马蹄 3-4百斤 1.5元/斤", "像是一个范围"),
        ("陈大山 三岔村 马蹄 -1斤 1.5元/斤", "是负数"),
        ("陈大山 三岔村 马蹄 0.001斤 1.5元/斤", "不是整克"),
        ("陈大山 三岔村 马蹄 50箱 每箱20斤 1.5元/斤", "写了几个数量（50箱、20斤）"),
        ("陈大山 三岔村 马蹄 50箱 1.5元/斤", "请先写明每箱装多少"),
        ("陈大山 三岔村 土鸡 100斤 20元/斤", "请写有多少只"),
        ("陈大山 三岔村 2000斤 1.5元/斤", "没有写品种。请补上"),
        ("陈大山 三岔村 雪莲果 2000斤 1.5元/斤", "“雪莲果”不在品种表里。请"),
        ("陈大山 三岔村 马蹄粉 200斤 12元/斤", "“马蹄粉”不在品种表里。如果就是马蹄"),
        ("陈大山 三岔村 青菜 200斤 1元/斤", "“青菜”可能是白菜、小白菜。请写全名。"),
        ("陈大山 三岔村 马蹄和土鸡 200斤 1元/斤", "请每样各写一行"),
        ("三岔村 马蹄 2000斤 1.5元/斤", "请把户主姓名写在最前面"),
        ("陈大山 马蹄 2000斤 1.5元/斤", "没有写哪个村。请补上村名"),
        ("陈大山 三岔村 马蹄 2000斤 1.5元/斤 2月30日前", "不存在。请改成真有的一天"),
        ("陈大山 三岔村 马蹄 20斤 1.5元/斤 2026年12月5日-2026年11月20日", "前后颠倒"),
    ],
)
def test_what_is_missing_or_unclear_is_said_with_its_cure(line, problem):
    report = read_one(line)
    assert len(report.problems) == 1
    assert problem in report.problems[0]
    assert report.raw == line


@pytest.mark.parametrize("price", ["1.8元", "3块", "2块5", "三块", "¥1.8"])
@pytest.mark.parametrize(
    ("goods", "unit"), [("马蹄 300斤", "斤"), ("马蹄 半吨", "斤"), ("土鸡 60只", "只")]
)
def test_a_price_for_nothing_named_is_for_one_jin_or_piece_and_marked(goods, unit, price):
    report = read_one(f"陈大山 三岔村 {goods} {price}")
    assert (report.problems, report.price_unit, report.unit_assumed) == ((), unit, True)
    assert not read_one(f"陈大山 三岔村 {goods} {price}/{unit}").unit_assumed


def test_a_bare_price_beside_a_vague_amount_is_not_the_amount():
    report = read_one("陈大山 三岔村 马蹄 很多 3")
    assert report.quantity is None
    assert report.problems == (
        "“3”是不是价钱？请写成 3元/斤。",
        "数量：“很多”里没有数。请写数量和单位，例如 300斤。",
    )


def test_an_unclear_number_is_never_guessed():
    assert read_one("陈大山 三岔村 马蹄 3-4百斤 1.5元/斤").quantity is None
    assert read_one("陈大山 三岔村 马蹄 50箱 每箱20斤 1.5元/斤").quantity is None
    assert read_one("陈大山 三岔村 马蹄 2000斤 1.5元/斤 1.8元/斤").price_fen is None


@pytest.mark.parametrize(
    "line",
    [
        "陈大山 三岔村 马蹄 2000斤 1.5元/斤 土鸡 60只 90元/只",
        "陈大山 三岔村 马蹄2000斤1.5元/斤、散养土鸡60只90元/只",
        "陈大山 三岔村 2000斤马蹄1.5元/斤 60只土鸡 每只90元",
        "马蹄2000斤一斤1块5，土鸡60只一只90元，三岔村，陈大山",
    ],
)
def test_two_products_in_one_line_become_two_reports_of_one_household(line):
    chestnuts, hens = read(line)
    assert chestnuts.line_number == hens.line_number == 1
    for report in (chestnuts, hens):
        assert (report.household_name, report.village) == ("陈大山", "三岔村")
        assert report.problems == ()
    assert (chestnuts.product_code, chestnuts.quantity.base) == ("water-chestnut", 2000 * JIN)
    assert (chestnuts.price_fen, chestnuts.price_unit) == (150, "斤")
    assert (hens.product_code, hens.quantity.base) == ("hen", 60)
    assert (hens.price_fen, hens.price_unit) == (9000, "只")


@pytest.mark.parametrize(
    ("written", "start", "end"),
    [
        ("11月25日起", date(2026, 11, 25), None),
        ("11月25日", date(2026, 11, 25), None),
        ("12月5日前", None, date(2026, 12, 5)),
        ("11月25日-12月5日", date(2026, 11, 25), date(2026, 12, 5)),
        ("11月25日至30日", date(2026, 11, 25), date(2026, 11, 30)),
        ("12月20日到1月5日", date(2026, 12, 20), date(2027, 1, 5)),
        ("11.25-12.5", date(2026, 11, 25), date(2026, 12, 5)),
        ("11/25", date(2026, 11, 25), None),
        ("2027年1月5日起", date(2027, 1, 5), None),
        ("2027-01-05", date(2027, 1, 5), None),
        ("3月1日起", date(2027, 3, 1), None),
    ],
)
def test_the_days_it_can_be_sold_are_read(written, start, end):
    report = read_one(f"陈大山 三岔村 马蹄 2000斤 1.5元/斤 {written}")
    assert (report.available_from, report.available_until) == (start, end)
    assert report.problems == ()
    assert report.remark == ""


def test_a_village_alone_on_a_line_holds_for_the_lines_below():
    lines = read("三岔村：\n陈大山 马蹄 2000斤 1.5元/斤\n平安寨\n4组李桂香 马蹄 100斤 1.5元/斤")
    assert [line.village for line in lines] == ["三岔村", "平安寨4组"]


def test_the_village_of_the_cadre_can_be_the_default():
    report = read_one("陈大山 马蹄 2000斤 1.5元/斤", default_village="三岔村")
    assert (report.village, report.problems) == ("三岔村", ())


def test_persons_and_villages_are_not_taken_for_products_or_quantities():
    report = read_one("1. 姜大山 三头村3组 老姜 一千二百斤 2.8元/斤")
    assert (report.household_name, report.village) == ("姜大山", "三头村3组")
    assert (report.product_code, report.quantity.base) == ("ginger", 1200 * JIN)
    assert report.remark == "老"


def test_a_phone_number_is_not_a_quantity():
    report = read_one("陈大山 三岔村 000-0000 0042 马蹄 2000斤 1.5元/斤")
    assert report.phone == "00000000042"
    assert report.quantity.base == 2000 * JIN


def test_what_only_describes_stays_in_the_remark():
    report = read_one("冉光 三岔村 土鸡60只 约180斤 每只90 带脚环")
    assert (report.quantity.base, report.remark, report.problems) == (60, "带脚环 约180斤", ())


def test_a_product_kept_by_mass_can_be_counted_when_its_mass_is_declared():
    report = read_one("冉光 三岔村 白鹅 上百只 150元/只")
    assert (report.quantity.base, report.quantity.approximate) == (400_000, True)
    assert read_one("冉光 三岔村 鸡蛋 20箱 320元/箱").quantity.base == 7200


def test_the_same_household_with_the_same_product_twice_is_asked_about():
    first, second, third = read(
        "1. 陈大山 三岔村 马蹄 2000斤 1.5元/斤\n"
        "2. 陈大山 三岔村 马蹄 2000斤 1.5元/斤\n"
        "3. 陈大山 三岔村 土鸡 60只 90元/只"
    )
    assert first.problems == third.problems == ()
    assert second.problems == ("和第 1 行是同一户同一样。请删掉重复的，或者改数量。",)


def test_nothing_pasted_is_an_empty_preview():
    assert read("") == []
    assert read("\n\n#接龙\n") == []
    assert read("大家好，请接龙\n谢谢！") == []


def test_far_too_much_at_once_is_refused():
    with pytest.raises(InvalidInput) as caught:
        read("马蹄 1斤\n" * (MAX_LINES + 1))
    assert caught.value.code == "paste_too_long"


def test_a_line_without_end_is_cut_and_says_so():
    report = read_one("陈大山 三岔村 马蹄 2000斤 1.5元/斤 " + "很好吃" * 200)
    assert "太长" in report.problems[-1]
    assert len(report.remark) < 400


names = st.sampled_from(["陈大山", "李桂香", "欧阳兰", "王有福家", "吴二"])
separators = st.sampled_from([" ", "，", "、", ";", "  ", "\t"])


@settings(deadline=None)
@given(
    names,
    st.sampled_from(["三岔村", "平安寨", "大坪社区"]),
    st.integers(min_value=1, max_value=10**9),
    st.integers(min_value=1, max_value=10**6),
    st.permutations(["who", "where", "what", "price"]),
    separators,
    st.sampled_from(["", "7. ", "7、", "⑦"]),
)
def test_any_order_of_the_pieces_is_read_back(name, village, grams, fen, order, separator, number):
    pieces = {
        "who": name,
        "where": village,
        "what": f"马蹄{format_quantity(grams, 'g')}",
        "price": f"{format_yuan(fen)}元/斤",
    }
    report = read_one(number + separator.join(pieces[piece] for piece in order))
    assert report.household_name == name.removesuffix("家")
    assert report.village == village
    assert report.quantity.base == grams
    assert (report.price_fen, report.price_unit) == (fen, "斤")
    assert report.problems == ()


@settings(deadline=None)
@given(
    st.lists(
        st.text(
            alphabet="陈大山三岔村马蹄土鸡姜0123456789一两千万半.,-/~ 斤只箱元块角每约月日起前#：",
            max_size=60,
        ),
        max_size=4,
    )
)
def test_whatever_is_pasted_gives_a_preview_whose_figures_are_sound(lines):
    for report in read("\n".join(lines)):
        assert report.quantity is None or report.quantity.base > 0
        assert report.price_fen is None or report.price_fen > 0
        assert all(problem.endswith("。") for problem in report.problems)
        assert report.product_code or report.problems


@settings(deadline=None)
@given(st.text(max_size=200))
def test_no_text_at_all_breaks_the_preview(text):
    read(text)
