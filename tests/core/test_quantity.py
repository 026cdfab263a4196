from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.core.errors import InvalidInput
from marketplace.core.quantity import (
    MAX_BASE,
    PIECE_UNITS,
    format_quantity,
    format_quantity_short,
    parse_quantity,
)
from marketplace.core.spoken_number import read_count

JIN = 500
TON = 1_000_000


@pytest.mark.parametrize(
    ("written", "grams", "number", "unit", "approximate"),
    [
        ("300斤", 300 * JIN, "300", "斤", False),
        ("300 斤", 300 * JIN, "300", "斤", False),
        ("2万斤", 20_000 * JIN, "2万", "斤", False),
        ("１２０斤", 120 * JIN, "120", "斤", False),
        ("1 000 斤", 1000 * JIN, "1 000", "斤", False),
        ("1,000斤", 1000 * JIN, "1,000", "斤", False),
        ("1，200，000克", 1_200_000, "1,200,000", "克", False),
        ("一千二百斤", 1200 * JIN, "一千二百", "斤", False),
        ("1千5百斤", 1500 * JIN, "1千5百", "斤", False),
        ("一千五斤", 1500 * JIN, "一千五", "斤", False),
        ("二百五斤", 250 * JIN, "二百五", "斤", False),
        ("一百零五斤", 105 * JIN, "一百零五", "斤", False),
        ("1万05斤", 10_005 * JIN, "1万05", "斤", False),
        ("2万5斤", 25_000 * JIN, "2万5", "斤", False),
        ("1万2000斤", 12_000 * JIN, "1万2000", "斤", False),
        ("三万零五十斤", 30_050 * JIN, "三万零五十", "斤", False),
        ("十五斤", 15 * JIN, "十五", "斤", False),
        ("一百一十五斤", 115 * JIN, "一百一十五", "斤", False),
        ("一百十五斤", 115 * JIN, "一百十五", "斤", False),
        ("十万八千斤", 108_000 * JIN, "十万八千", "斤", False),
        ("十二点五斤", 6250, "十二点五", "斤", False),
        ("一点二五万斤", 12_500 * JIN, "一点二五万", "斤", False),
        ("198.4斤", 99_200, "198.4", "斤", False),
        ("198．4市斤", 99_200, "198.4", "市斤", False),
        ("0.002斤", 1, "0.002", "斤", False),
        ("50公斤", 50_000, "50", "公斤", False),
        ("50KG", 50_000, "50", "kg", False),
        ("50 ㎏", 50_000, "50", "kg", False),
        ("3千克", 3000, "3", "千克", False),
        ("80.6吨", 80_600_000, "80.6", "吨", False),
        ("20t", 20 * TON, "20", "t", False),
        ("半吨", 500_000, "半", "吨", False),
        ("半斤", 250, "半", "斤", False),
        ("五两", 250, "五", "两", False),
        ("二两", 100, "二", "两", False),
        ("两两", 100, "两", "两", False),
        ("一百两", 5000, "一百", "两", False),
        ("两斤", 1000, "两", "斤", False),
        ("两斤半", 1250, "2.5", "斤", False),
        ("1吨半", 1_500_000, "1.5", "吨", False),
        ("3斤2两", 1600, "3.2", "斤", False),
        ("三斤六两", 1800, "3.6", "斤", False),
        ("2吨300斤", 2_150_000, "2.15", "吨", False),
        ("壹仟贰佰斤", 1200 * JIN, "一千二百", "斤", False),
        ("两萬斤", 20_000 * JIN, "两万", "斤", False),
        ("上千斤", 1000 * JIN, "上千", "斤", True),
        ("上百万斤", 1_000_000 * JIN, "上百万", "斤", True),
        ("万把斤", 10_000 * JIN, "万把", "斤", True),
        ("80多吨", 80 * TON, "80多", "吨", True),
        ("80吨多", 80 * TON, "80", "吨", True),
        ("1000多斤", 1000 * JIN, "1000多", "斤", True),
        ("一千多斤", 1000 * JIN, "一千多", "斤", True),
        ("三百来斤", 300 * JIN, "三百来", "斤", True),
        ("百余斤", 100 * JIN, "百余", "斤", True),
        ("约300斤", 300 * JIN, "约300", "斤", True),
        ("大概 300 斤", 300 * JIN, "大概 300", "斤", True),
        ("300斤左右", 300 * JIN, "300", "斤", True),
        ("至少300斤", 300 * JIN, "至少300", "斤", True),
        ("300斤以上", 300 * JIN, "300", "斤", True),
        ("约两斤半", 1250, "约2.5", "斤", True),
    ],
)
def test_a_weight_is_read_as_people_write_it(written, grams, number, unit, approximate):
    read = parse_quantity(written, base_unit="g")
    assert (read.base, read.typed_number, read.typed_unit) == (grams, number, unit)
    assert (read.base_unit, read.approximate) == ("g", approximate)


@pytest.mark.parametrize(
    ("written", "pieces", "approximate"),
    [
        ("60只", 60, False),
        ("1.5万只", 15_000, False),
        ("一万五只", 15_000, False),
        ("25000枚", 25_000, False),
        ("2.5万枚", 25_000, False),
        ("上百只", 100, True),
        ("十来只", 10, True),
        ("3万多只", 30_000, True),
        ("两头", 2, False),
        ("3 隻", 3, False),
        ("十个", 10, False),
        ("40羽", 40, False),
        ("3,000 条", 3000, False),
    ],
)
def test_a_count_is_read_as_people_write_it(written, pieces, approximate):
    read = parse_quantity(written, base_unit="piece")
    assert (read.base, read.base_unit, read.approximate) == (pieces, "piece", approximate)


@pytest.mark.parametrize(
    ("written", "code", "cure"),
    [
        ("", "quantity_missing", "请写数量和单位"),
        ("   ", "quantity_missing", "请写数量和单位"),
        ("斤", "quantity_missing", "请写数量和单位"),
        ("很多斤", "number_vague", "拿得准的数"),
        ("-1斤", "number_negative", "大于零"),
        ("−1 斤", "number_negative", "大于零"),
        ("－１斤", "number_negative", "大于零"),
        ("负五斤", "number_negative", "大于零"),
        ("0斤", "quantity_not_positive", "大于零"),
        ("零斤", "quantity_not_positive", "大于零"),
        ("0.0吨", "quantity_not_positive", "大于零"),
        ("NaN斤", "number_unreadable", "请写一个数"),
        ("1e309斤", "number_unreadable", "请写一个数"),
        ("1e3斤", "number_unreadable", "请写一个数"),
        ("0x10斤", "number_unreadable", "请写一个数"),
        ("1,5斤", "number_unreadable", "请写一个数"),
        ("1.2.3斤", "number_unreadable", "请写一个数"),
        ("٣斤", "number_unreadable", "请写一个数"),
        ("三千二万斤", "number_unreadable", "请写一个数"),
        ("2万3万斤", "number_unreadable", "请写一个数"),
        ("百五十斤", "number_unreadable", "请写一个数"),
        ("9" * 30 + "斤", "number_unreadable", "请写一个数"),
        ("9" * 400 + "斤", "number_unreadable", "请只写一个数"),
        ("1" + " " * 100_000 + "斤", "number_unreadable", "请只写一个数"),
        ("9999999999999999斤", "number_too_large", "多写了零"),
        ("0.001斤", "quantity_not_whole", "少写几位小数"),
        ("1.5克", "quantity_not_whole", "少写几位小数"),
        ("一亿吨", "quantity_too_large", "多写了零"),
        ("100001吨", "quantity_too_large", "10 万吨"),
        ("3-4百斤", "number_range", "只写一个拿得准的数"),
        ("300~400斤", "number_range", "只写一个拿得准的数"),
        ("300到400斤", "number_range", "只写一个拿得准的数"),
        ("三四百斤", "number_range", "只写一个拿得准的数"),
        ("一两百斤", "number_range", "只写一个拿得准的数"),
        ("七八十斤", "number_range", "只写一个拿得准的数"),
        ("几百斤", "number_vague", "拿得准的数"),
        ("十几斤", "number_vague", "拿得准的数"),
        ("数千斤", "number_vague", "拿得准的数"),
        ("不到300斤", "number_vague", "拿得准的数"),
        ("300斤以内", "number_vague", "拿得准的数"),
        ("300", "quantity_unit_missing", "写上单位，例如 300斤"),
        ("两万", "quantity_unit_missing", "写上单位，例如 两万斤"),
        ("3担", "quantity_unit_unknown", "请改用斤、公斤、吨"),
        ("5亩", "quantity_unit_unknown", "“亩”"),
        ("60只", "quantity_wrong_dimension", "请写斤、公斤或吨"),
        ("20箱", "quantity_container_undeclared", "每箱装多少"),
    ],
)
def test_a_weight_that_cannot_be_known_is_refused_with_its_cure(written, code, cure):
    with pytest.raises(InvalidInput) as caught:
        parse_quantity(written, base_unit="g")
    assert caught.value.code == code
    assert cure in caught.value.message
    assert caught.value.field == "quantity"
    assert caught.value.http_status == 422
    assert len(caught.value.message) < 100


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("200斤", "quantity_wrong_dimension"),
        ("1.5只", "quantity_not_whole"),
        ("三只半", "quantity_unit_unknown"),
        ("半只", "quantity_not_whole"),
        ("0只", "quantity_not_positive"),
        ("2亿只", "quantity_too_large"),
        ("5盒", "quantity_container_undeclared"),
    ],
)
def test_a_count_that_cannot_be_known_is_refused(written, code):
    with pytest.raises(InvalidInput) as caught:
        parse_quantity(written, base_unit="piece")
    assert caught.value.code == code


def test_a_number_alone_takes_the_unit_the_form_shows():
    read = parse_quantity("两万", base_unit="g", default_unit="斤")
    assert (read.base, read.typed_number, read.typed_unit) == (20_000 * JIN, "两万", "斤")
    assert parse_quantity("两", base_unit="piece", default_unit="只").base == 2
    assert parse_quantity("300多", base_unit="g", default_unit="斤").approximate


def test_a_unit_that_is_typed_beats_the_unit_the_form_shows():
    assert parse_quantity("2吨", base_unit="g", default_unit="斤").base == 2 * TON


def test_a_container_counts_only_by_its_declared_content():
    boxes = {"箱": 10 * JIN}
    assert parse_quantity("20箱", base_unit="g", containers=boxes).base == 200 * JIN
    assert parse_quantity("半箱", base_unit="g", containers=boxes).base == 5 * JIN
    assert parse_quantity("12盒", base_unit="piece", containers={"盒": 30}).base == 360
    with pytest.raises(InvalidInput) as caught:
        parse_quantity("20袋", base_unit="g", containers=boxes)
    assert caught.value.code == "quantity_container_undeclared"


def test_counting_a_product_kept_by_mass_needs_a_declared_mass_and_is_an_estimate():
    read = parse_quantity("60只", base_unit="g", approx_piece_mass_g=1600)
    assert (read.base, read.approximate, read.typed_unit) == (96_000, True, "只")
    with pytest.raises(InvalidInput) as caught:
        parse_quantity("1.5只", base_unit="g", approx_piece_mass_g=1600)
    assert caught.value.code == "quantity_not_whole"


def test_the_field_of_the_form_is_named_in_the_refusal():
    with pytest.raises(InvalidInput) as caught:
        parse_quantity("abc", base_unit="g", field="lines-3-quantity")
    assert caught.value.field == "lines-3-quantity"


@pytest.mark.parametrize(
    ("base", "shown"),
    [
        (0, "0 斤"),
        (1, "0.002 斤"),
        (500, "1 斤"),
        (240_000, "480 斤"),
        (99_200, "198.4 斤"),
        (241_600, "483.2 斤"),
        (6_200_001, "12,400.002 斤"),
        (10_000_000, "20,000 斤"),
        (10_000_001, "10.000001 吨"),
        (64_000_000, "64 吨"),
        (80_600_000, "80.6 吨"),
        (-1500, "-3 斤"),
    ],
)
def test_an_exact_weight_is_shown_in_the_unit_people_say(base, shown):
    assert format_quantity(base, "g") == shown


def test_an_exact_count_is_shown_with_its_own_word():
    assert format_quantity(12_400, "piece") == "12,400 只"
    assert format_quantity(360, "piece", piece_word="枚") == "360 枚"


def test_a_weight_can_be_shown_in_a_given_unit():
    assert format_quantity(99_200, "g", unit="公斤") == "99.2 公斤"
    assert format_quantity(99_200, "g", unit="克") == "99,200 克"


@pytest.mark.parametrize(
    ("base", "base_unit", "shown"),
    [
        (12_400, "piece", "1.2 万只"),
        (12_500, "piece", "1.3 万只"),
        (9_999, "piece", "9,999 只"),
        (200_000, "piece", "20 万只"),
        (241_600, "g", "483 斤"),
        (49_200, "g", "98.4 斤"),
        (6_200_000, "g", "1.2 万斤"),
        (80_640_000, "g", "80.6 吨"),
        (10, "g", "0.02 斤"),
        (0, "g", "0 斤"),
        (-241_600, "g", "-483 斤"),
    ],
)
def test_a_board_shows_a_rounded_figure_but_never_zero_for_something(base, base_unit, shown):
    assert format_quantity_short(base, base_unit) == shown


def test_beside_tons_every_mass_is_said_in_tons():
    shown = [
        format_quantity_short(g, "g", most=32_000_000) for g in (32_000_000, 7_000_000, 20_000, 0)
    ]
    assert shown == ["32 吨", "7 吨", "0.02 吨", "0 吨"]


@settings(deadline=None)
@given(
    st.integers(min_value=1, max_value=MAX_BASE["g"]),
    st.sampled_from(["斤", "公斤", "吨", "克", "两"]),
)
def test_no_gram_is_lost_between_showing_and_reading(grams, unit):
    assert parse_quantity(format_quantity(grams, "g"), base_unit="g").base == grams
    assert parse_quantity(format_quantity(grams, "g", unit=unit), base_unit="g").base == grams


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=MAX_BASE["piece"]), st.sampled_from(sorted(PIECE_UNITS)))
def test_no_piece_is_lost_between_showing_and_reading(pieces, word):
    shown = format_quantity(pieces, "piece", piece_word=word)
    assert parse_quantity(shown, base_unit="piece").base == pieces


@settings(deadline=None)
@given(
    st.text(
        alphabet="0123456789.,-~ 零〇一二两三四五六七八九十百千万亿点半多约上来几到斤两吨kg只箱",
        max_size=14,
    )
)
def test_whatever_is_typed_is_either_a_positive_whole_quantity_or_a_sentence(text):
    for base_unit in ("g", "piece"):
        try:
            outcome = parse_quantity(text, base_unit=base_unit, default_unit="斤").base
        except InvalidInput as error:
            outcome = error.message
        if isinstance(outcome, str):
            assert outcome.endswith("。")
        else:
            assert 0 < outcome <= MAX_BASE[base_unit]


@settings(deadline=None)
@given(st.text(max_size=80))
def test_no_text_at_all_breaks_the_reader(text):
    with suppress(InvalidInput):
        assert parse_quantity(text, base_unit="g", default_unit="斤").base > 0


@pytest.mark.parametrize(
    ("written", "count"),
    [
        ("30", 30),
        (" ３０ ", 30),
        ("三十", 30),
        ("1,200", 1200),
        ("0", 0),
        ("30.0", 30),
        ("百五", None),
    ]
    + [
        (bad, None)
        for bad in ("", "约30", "三四", "2.5", "-1", "NaN", "1e3", "1201", "上百", "9" * 400)
    ],
)
def test_a_count_is_whole_and_exactly_known(written, count):
    if count is None:
        with pytest.raises(InvalidInput, match="份数要"):
            read_count(written, "份数", most=1200)
    else:
        assert read_count(written, "份数", most=1200) == count


def test_a_count_below_zero_is_out_of_range_and_not_unreadable():
    with pytest.raises(InvalidInput, match="人口要在 1 到 50 之间"):
        read_count("-1", "人口", least=1, most=50)
