import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.core.errors import InvalidInput
from marketplace.core.money import (
    MAX_FEN,
    amount_in_words,
    format_yuan,
    parse_yuan,
    split_by_largest_remainder,
    value_fen,
)


@pytest.mark.parametrize(
    ("written", "fen"),
    [
        ("19.8", 1980),
        ("19.80", 1980),
        ("￥19.80", 1980),
        ("¥ 19.8", 1980),
        ("19.8元", 1980),
        ("19元8角", 1980),
        ("19元8角5分", 1985),
        ("19块8", 1980),
        ("19块8毛5分", 1985),
        ("十九块八", 1980),
        ("两块半", 250),
        ("19元零5分", 1905),
        ("8毛", 80),
        ("5角", 50),
        ("5分", 5),
        ("1,200.00", 120_000),
        ("1，200.00元", 120_000),
        ("１９．８", 1980),
        ("1.2万元", 1_200_000),
        ("1.234万", 1_234_000),
        ("两千元", 200_000),
        ("100元整", 10_000),
        ("人民币100元", 10_000),
        ("0.01", 1),
    ],
)
def test_a_sum_is_read_as_people_write_it(written, fen):
    assert parse_yuan(written) == fen


@pytest.mark.parametrize(
    ("written", "code", "cure"),
    [
        ("", "money_missing", "请写多少元"),
        ("￥", "money_missing", "请写多少元"),
        ("-1", "number_negative", "大于零"),
        ("-0.01元", "number_negative", "大于零"),
        ("0", "money_not_positive", "大于零"),
        ("0.00元", "money_not_positive", "大于零"),
        ("NaN", "number_unreadable", "请写一个数，例如 1.8、19元8角 或 三块五。"),
        ("inf", "number_unreadable", "请写一个数"),
        ("1e309", "number_unreadable", "请写一个数"),
        ("0.001", "money_too_fine", "最多写两位小数"),
        ("19.805", "money_too_fine", "最多写两位小数"),
        ("19.800元", "money_too_fine", "最多写两位小数"),
        ("1.200", "money_too_fine", "最多写两位小数"),
        ("19,8", "number_unreadable", "请写一个数"),
        ("19.8元8角", "money_unreadable", "只写一种"),
        ("约20元", "money_approximate", "写准"),
        ("20多块", "money_approximate", "写准"),
        ("1.5-2", "number_range", "只写一个"),
        ("两三块", "number_range", "只写一个"),
        ("两亿", "money_too_large", "多写了零"),
        ("9999999999999999", "number_too_large", "多写了零"),
        ("九块九毛九毛", "number_unreadable", "请写一个数"),
    ],
)
def test_a_sum_that_cannot_be_taken_is_refused_with_its_cure(written, code, cure):
    with pytest.raises(InvalidInput) as caught:
        parse_yuan(written)
    assert caught.value.code == code
    assert cure in caught.value.message
    assert caught.value.field == "price"


def test_zero_is_a_sum_where_the_caller_allows_it():
    assert parse_yuan("0", allow_zero=True) == 0


def test_a_caller_can_set_a_lower_limit():
    assert parse_yuan("500", max_fen=50_000) == 50_000
    with pytest.raises(InvalidInput, match=re.escape("最多 500.00 元")):
        parse_yuan("500.01", max_fen=50_000)


@pytest.mark.parametrize(
    ("fen", "shown"),
    [
        (0, "0.00"),
        (5, "0.05"),
        (1980, "19.80"),
        (144_000, "1,440.00"),
        (-144_000, "-1,440.00"),
        (-5, "-0.05"),
        (123_456_789_012, "1,234,567,890.12"),
    ],
)
def test_a_sum_is_shown_with_two_places_and_separators(fen, shown):
    assert format_yuan(fen) == shown


@settings(deadline=None)
@given(st.integers(min_value=1, max_value=MAX_FEN))
def test_what_is_shown_can_be_typed_again(fen):
    assert parse_yuan(format_yuan(fen)) == fen
    assert parse_yuan(f"￥{format_yuan(fen)}元") == fen


@settings(deadline=None)
@given(st.text(alphabet="0123456789.,- ¥￥元块角毛分一二两三十百千万半多约", max_size=14))
def test_whatever_is_typed_is_either_a_whole_sum_or_a_sentence(text):
    try:
        outcome = parse_yuan(text)
    except InvalidInput as error:
        outcome = error.message
    assert outcome.endswith("。") if isinstance(outcome, str) else 0 < outcome <= MAX_FEN


@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (0, "零元整"),
        (1, "壹分"),
        (10, "壹角"),
        (15, "壹角伍分"),
        (100, "壹元整"),
        (101, "壹元零壹分"),
        (110, "壹元壹角"),
        (1000, "壹拾元整"),
        (1010, "壹拾元壹角"),
        (10_001, "壹佰元零壹分"),
        (30_500, "叁佰零伍元整"),
        (100_500, "壹仟零伍元整"),
        (101_010, "壹仟零壹拾元壹角"),
        (144_000, "壹仟肆佰肆拾元整"),
        (168_032, "壹仟陆佰捌拾元叁角贰分"),
        (1_000_000, "壹万元整"),
        (10_000_505, "壹拾万零伍元零伍分"),
        (10_000_500, "壹拾万零伍元整"),
        (123_456_789, "壹佰贰拾叁万肆仟伍佰陆拾柒元捌角玖分"),
        (2_003_000_050, "贰仟零叁万元伍角"),
        (10_001_000_000, "壹亿零壹万元整"),
        (100_000_000_100, "壹拾亿零壹元整"),
        (10_000_000_000_110, "壹仟亿零壹元壹角"),
        (-150, "负壹元伍角"),
    ],
)
def test_a_sum_is_written_in_the_words_of_vouchers(fen, words):
    assert amount_in_words(fen) == words


def test_a_sum_beyond_vouchers_is_a_fault_of_the_program():
    with pytest.raises(ValueError, match="too large"):
        amount_in_words(10**14)


def read_voucher(words):
    """A reader of 人民币大写 that knows nothing of the writer."""
    yuan, _, rest = words.rpartition("元")
    fen = 0
    for mark, worth in (("角", 10), ("分", 1)):
        if found := re.search(rf"(.){mark}", rest):
            fen += "零壹贰叁肆伍陆柒捌玖".index(found[1]) * worth
    total = 0
    group = digit = 0
    for character in yuan:
        if character in "零壹贰叁肆伍陆柒捌玖":
            digit = "零壹贰叁肆伍陆柒捌玖".index(character)
        elif character in "拾佰仟":
            group += digit * 10 ** ("拾佰仟".index(character) + 1)
            digit = 0
        else:
            total += (group + digit) * {"万": 10**4, "亿": 10**8}[character]
            group = digit = 0
    return (total + group + digit) * 100 + fen


@settings(deadline=None)
@given(
    st.one_of(
        st.integers(min_value=1, max_value=10**14 - 1),
        st.integers(min_value=1, max_value=10**6),
        st.builds(lambda a, b: a * 10**b, st.integers(1, 9999), st.integers(0, 10)),
    )
)
def test_the_words_of_a_voucher_say_exactly_the_sum(fen):
    words = amount_in_words(fen)
    assert read_voucher(words) == fen
    assert "零零" not in words
    assert not words.startswith("零")
    assert words.endswith("整") == (fen % 100 == 0)


weighted = st.lists(
    st.tuples(st.integers(min_value=0, max_value=10**6), st.uuids().map(str)),
    min_size=1,
    max_size=30,
    unique_by=lambda pair: pair[1],
).filter(lambda pairs: sum(weight for weight, _ in pairs) > 0)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=10**12), weighted, st.randoms(use_true_random=False))
def test_a_split_adds_up_stays_within_one_of_its_share_and_ignores_the_order(total, pairs, random):
    weights, keys = [w for w, _ in pairs], [k for _, k in pairs]
    parts = split_by_largest_remainder(total, weights, tie_keys=keys, salt="run-1")
    whole = sum(weights)
    assert sum(parts) == total
    assert all(
        abs(part * whole - total * weight) < whole
        for part, weight in zip(parts, weights, strict=True)
    )
    by_key = dict(zip(keys, parts, strict=True))
    random.shuffle(pairs)
    again = split_by_largest_remainder(
        total, [w for w, _ in pairs], tie_keys=[k for _, k in pairs], salt="run-1"
    )
    assert dict(zip([k for _, k in pairs], again, strict=True)) == by_key


def test_a_weight_of_zero_gets_nothing():
    assert split_by_largest_remainder(10, [0, 3, 0], tie_keys=["a", "b", "c"], salt="") == [
        0,
        10,
        0,
    ]


def test_the_odd_fen_goes_round_from_run_to_run():
    winners = {
        split_by_largest_remainder(100, [1, 1, 1], tie_keys=["a", "b", "c"], salt=f"run-{n}").index(
            34
        )
        for n in range(40)
    }
    assert winners == {0, 1, 2}


def test_the_split_of_a_stored_run_never_changes():
    keys = ["H-1", "H-2", "H-3"]
    parts = split_by_largest_remainder(100_001, [1, 1, 1], tie_keys=keys, salt="2026-R7")
    assert parts == [33_334, 33_334, 33_333]


def test_a_reversal_splits_as_the_sum_it_reverses():
    keys = ["a", "b", "c"]
    there = split_by_largest_remainder(100, [1, 1, 1], tie_keys=keys, salt="x")
    back = split_by_largest_remainder(-100, [1, 1, 1], tie_keys=keys, salt="x")
    assert [a + b for a, b in zip(there, back, strict=True)] == [0, 0, 0]


def test_a_split_that_makes_no_sense_is_a_fault_of_the_program():
    with pytest.raises(ValueError, match="zero"):
        split_by_largest_remainder(1, [0, 0], tie_keys=["a", "b"], salt="")
    with pytest.raises(ValueError, match="negative"):
        split_by_largest_remainder(1, [2, -1], tie_keys=["a", "b"], salt="")
    with pytest.raises(ValueError, match="distinct"):
        split_by_largest_remainder(1, [1, 1], tie_keys=["a", "a"], salt="")
    with pytest.raises(ValueError, match="distinct"):
        split_by_largest_remainder(1, [1, 1], tie_keys=["a"], salt="")
    assert split_by_largest_remainder(0, [0, 0], tie_keys=["a", "b"], salt="") == [0, 0]


@pytest.mark.parametrize(
    ("price_fen", "accepted", "pack", "fen"),
    [
        (24_000, 99_200, 100_000, 23_808),  # 200 斤 of greens that weighed 198.4
        (9000, 1500, 1500, 9000),
        (1, 1, 2, 1),  # exactly half goes up
        (1, 1, 3, 0),
        (3, 1, 2, 2),
        (1980, 0, 500, 0),
        (0, 500, 500, 0),
    ],
)
def test_a_delivery_by_weight_is_valued_half_up(price_fen, accepted, pack, fen):
    assert value_fen(price_fen, accepted, pack) == fen


@settings(deadline=None)
@given(
    st.integers(min_value=0, max_value=10**9),
    st.integers(min_value=0, max_value=10**11),
    st.integers(min_value=1, max_value=10**9),
)
def test_a_value_is_never_more_than_half_a_fen_off(price_fen, accepted, pack):
    assert abs(2 * pack * value_fen(price_fen, accepted, pack) - 2 * price_fen * accepted) <= pack


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=10**9), st.integers(1, 10**6), st.integers(1, 1000))
def test_whole_packs_are_valued_exactly(price_fen, pack, count):
    assert value_fen(price_fen, pack * count, pack) == price_fen * count


def test_a_negative_value_is_a_fault_of_the_program():
    for arguments in ((-1, 1, 1), (1, -1, 1), (1, 1, 0)):
        with pytest.raises(ValueError, match="cannot value"):
            value_fen(*arguments)
