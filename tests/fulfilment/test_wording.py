"""The words of a sheet: short, complete, and never about somebody else's money."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.clock import use_clock
from marketplace.fulfilment.wording import (
    SMS_LENGTH,
    Change,
    Handover,
    Prepared,
    changes,
    short_message,
    village_text,
)

FROM = datetime(2026, 11, 20, 0, tzinfo=UTC)
SLOT = Handover(FROM, FROM + timedelta(hours=2), "青石集货点", "000-0000 0001")


def _line(listing_id=1, title="马蹄", packs=96, base=2500, unit="g", word="", fen=1500, **changes):
    return Prepared(
        listing_id, title, "5 斤装", unit, word, changes.get("by_weight", False),
        packs, packs * base, fen, packs * fen,
    )  # fmt: skip


def _short(*lines, who="陈家", slot=SLOT, changed=False):
    with use_clock(lambda: FROM):
        return short_message(who, list(lines), slot, number=12, changed=changed)


def test_a_message_says_whose_what_when_where_for_how_much_and_whom_to_call():
    assert _short(_line()) == (
        "陈家请备马蹄96份共480斤，11月20日(周五)上午8–10点送青石集货点，得1,440.00元。备不齐打000-0000 0001"
    )


def test_a_changed_sheet_says_so_and_a_cancelled_one_needs_no_place():
    assert _short(_line(), changed=True).startswith("陈家备货改为马蹄")
    assert _short() == "陈家：第12期的货取消了，不用备，不用送。有疑问打000-0000 0001"


def test_several_products_give_up_packs_and_the_weekday_before_themselves():
    eggs = _line(2, "鸡蛋", 30, 30, "piece", "枚", 3000)
    assert "马蹄480斤、鸡蛋900枚，11月20日上午" in _short(_line(), eggs, who="欧阳桂香家")
    melon = _line(3, "高山冬瓜王", 30)
    assert "马蹄480斤等3样，11月20日上午" in _short(_line(), eggs, melon)


def test_two_packs_of_one_product_are_one_product():
    small = _line(1, "天堂姜", 220)
    large = replace(_line(2, "天堂姜", 31), pack_name="10 斤装", quantity_base=155_000)
    assert "请备天堂姜1,410斤，11月20日(周五)上午" in _short(small, large)


@given(
    who=st.text(min_size=1, max_size=40),
    titles=st.lists(st.text(min_size=1, max_size=60), max_size=8),
    packs=st.integers(1, 100_000),
    place=st.text(min_size=1, max_size=60),
    hours=st.integers(1, 30),
    minute=st.integers(0, 59),
    changed=st.booleans(),
)
def test_a_message_is_never_longer_than_one_and_keeps_the_number(
    who, titles, packs, place, hours, minute, changed
):
    start = FROM + timedelta(minutes=minute)
    slot = Handover(start, start + timedelta(hours=hours), place, "000-0000 0001")
    lines = [_line(n, title, packs) for n, title in enumerate(titles)]
    words = _short(*lines, who=who, slot=slot, changed=changed)
    assert len(words) <= SMS_LENGTH
    assert words.endswith("打000-0000 0001")


def test_the_village_hears_totals_and_neither_names_nor_money():
    lines = [_line(), _line(packs=4), _line(2, "土鸡", 12, 1250, fen=5000, by_weight=True)]
    with use_clock(lambda: FROM):
        words = village_text("三岔村", 12, 3, lines, SLOT)
    assert "一共土鸡 约 30 斤、马蹄 500 斤" in words
    assert "11月20日(周五)上午 8–10 点送到青石集货点" in words
    assert "000-0000 0001" in words
    assert "元" not in words
    assert "陈" not in words


def test_a_difference_names_more_less_new_and_gone():
    before = [_line(1, "马蹄", 10), _line(2, "鸡蛋", 5), _line(4, "大米", 7)]
    after = [_line(1, "马蹄", 4), _line(3, "冬瓜", 2), _line(4, "大米", 7)]
    found = changes(before, after)
    assert found == [
        Change("马蹄", "5 斤装", 10, 4),
        Change("鸡蛋", "5 斤装", 5, 0),
        Change("冬瓜", "5 斤装", 0, 2),
    ]
    assert [change.words for change in found] == [
        "马蹄 5 斤装原来 10 份，现在 4 份",
        "鸡蛋 5 斤装原来 5 份，现在不用备",
        "新增冬瓜 5 斤装 2 份",
    ]
