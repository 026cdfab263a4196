"""The matching alone: what is certain is placed, nothing else, and never above what is open."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.codes import ALPHABET
from marketplace.payments.bank_days import Movement, compare
from marketplace.payments.matching import (
    Book,
    OpenOrder,
    OpenStatement,
    match,
    numbers_in,
    split,
)

DUE = date(2026, 11, 1)
codes = st.builds(
    lambda letter, day, tail: f"{letter}{day:06d}-{tail}",
    st.sampled_from("DS"),
    st.integers(200101, 991231),
    st.text(ALPHABET, min_size=6, max_size=6),
)
betweens = st.sampled_from(["", "-", "－", " ", "—", "_", " - ", "　", "/"])
glue = st.sampled_from(["、", "，", " ", ";", "和", "+", "货款", "（", "\u3000"])


@st.composite
def books(draw):
    """Some orders of up to three units, some on statements; a payer known for some units."""
    count = draw(st.integers(1, 6))
    orders = {}
    for at in range(count):
        number = f"D261101-{'ABCDEFGH'[at] * 6}"
        orders[number] = OpenOrder(
            number,
            draw(st.sampled_from([1, 2, 3, None])),
            draw(st.integers(0, 50)),
            date(2026, 11, draw(st.integers(1, 5))),
            takes=draw(st.integers(0, 5)) > 0,
            delivered=draw(st.booleans()),
        )
    statements = {}
    for unit in (1, 2):
        mine = [n for n, one in orders.items() if one.unit == unit]
        if mine and draw(st.booleans()):
            number = f"S261101-{str(unit + 1) * 6}"
            statements[number] = OpenStatement(number, unit, DUE, tuple(mine[:2]))
    payers = draw(st.frozensets(st.sampled_from([1, 2, 3])))
    return Book(orders, statements, payers)


def remarks(book):
    named = st.sampled_from(sorted([*book.orders, *book.statements, "D261101-ZZZZZZ"]))
    return st.lists(named, max_size=3).map("、".join)


@given(st.data(), books(), st.integers(1, 120))
def test_what_is_placed_or_proposed_is_open_and_no_more_than_came(data, book, fen):
    verdict = match(fen, data.draw(remarks(book)), book)
    assert verdict.placed_fen <= fen
    assert len(dict(verdict.parts)) == len(verdict.parts)
    for number, part in verdict.parts:
        assert 0 < part <= book.orders[number].open_fen
        assert book.orders[number].takes
    if verdict.state == "matched":
        assert verdict.placed_fen == fen


@given(st.data(), books(), st.integers(1, 120))
def test_the_order_in_which_things_are_known_does_not_matter(data, book, fen):
    remark = data.draw(remarks(book))
    turned = Book(
        dict(reversed(book.orders.items())),
        dict(reversed(book.statements.items())),
        book.payer_units,
    )
    assert match(fen, remark, turned) == match(fen, remark, book)


@given(st.data(), books())
def test_numbers_whose_open_sum_came_are_always_matched(data, book):
    good = [n for n, one in book.orders.items() if one.takes and one.open_fen]
    named = data.draw(st.lists(st.sampled_from(good), unique=True, min_size=1)) if good else []
    fen = sum(book.orders[number].open_fen for number in named)
    if named:
        verdict = match(fen, " ".join(named), book)
        assert (verdict.state, set(dict(verdict.parts))) == ("matched", set(named))
        more = match(fen + 1, " ".join(named), book)
        assert (more.state, more.placed_fen) == ("wrong_amount", fen)


@given(st.lists(st.tuples(codes, betweens, glue), min_size=1, max_size=4, unique_by=lambda t: t[0]))
def test_a_number_is_found_however_it_is_written(parts):
    written = "".join(
        f"{before}{code[0]}{code[1:7]}{between}{code[8:]}" for code, between, before in parts
    )
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in written)
    for text in (written, wide, written.lower()):
        found = numbers_in(text)
        assert [code for code, _, _ in parts if code not in found] == []


@given(st.text(max_size=200))
def test_any_words_can_be_read(text):
    for number in numbers_in(text):
        assert len(number) == 14


def orders_of(*opens):
    return {
        f"D261101-{'ABCDEFGH'[at] * 6}": OpenOrder(
            f"D261101-{'ABCDEFGH'[at] * 6}", unit, fen, date(2026, 11, 9 - at)
        )
        for at, (unit, fen) in enumerate(opens)
    }


def test_a_split_begins_with_what_is_due_first():
    orders = orders_of((1, 10), (1, 20), (1, 30))
    assert split(45, orders.values()) == (("D261101-CCCCCC", 30), ("D261101-BBBBBB", 15))


def test_one_known_payer_needs_a_statement_or_everything():
    orders = orders_of((1, 10), (1, 20), (2, 7))
    statement = OpenStatement("S261101-222222", 1, DUE, ("D261101-AAAAAA",))
    book = Book(orders, {statement.number: statement}, frozenset({1}))
    assert match(10, "", book).parts == (("D261101-AAAAAA", 10),)
    assert match(30, "", book).state == "matched"
    assert match(20, "", book).state == "unmatched"
    assert match(20, "", book).placed_fen == 20, "proposed"
    assert match(7, "", book).state == "unmatched"


def test_a_sum_that_two_units_of_a_payer_owe_waits():
    orders = orders_of((1, 10), (2, 10), (3, 5))
    assert match(10, "", Book(orders, {}, frozenset({1, 2}))).parts == ()
    assert match(10, "", Book(orders, {}, frozenset({1, 3}))).unit == 1


def test_an_order_named_beside_its_statement_counts_once():
    orders = orders_of((1, 10), (1, 20))
    statement = OpenStatement("S261101-222222", 1, DUE, tuple(orders))
    book = Book(orders, {statement.number: statement}, frozenset())
    assert match(30, "S261101-222222 D261101-AAAAAA", book).state == "matched"


days = st.integers(1, 20).map(lambda day: date(2026, 11, day))
sums = st.sampled_from([-30, -20, 10, 20, 30])


@given(st.lists(st.tuples(days, sums), max_size=8))
def test_a_bank_that_says_what_the_ledger_says_differs_in_nothing(moves):
    bank = [Movement(day, fen, str(at), at) for at, (day, fen) in enumerate(moves)]
    named = [Movement(day, fen, f"J{at}", at) for at, (day, fen) in enumerate(moves)]
    loose = [Movement(day, fen, f"J{at}") for at, (day, fen) in enumerate(moves)]
    assert compare(bank, named) == []
    assert compare(bank, loose) == []
    assert len(compare(bank, [])) == len(moves)
    assert len(compare([], loose)) == len(moves)


@given(st.lists(st.tuples(days, sums), max_size=8), st.lists(st.tuples(days, sums), max_size=8))
def test_the_differences_explain_the_whole_distance_of_the_sides(theirs, ours):
    bank = [Movement(day, fen, str(at), at) for at, (day, fen) in enumerate(theirs)]
    ledger = [Movement(day, fen, f"J{at}") for at, (day, fen) in enumerate(ours)]
    unlike = compare(bank, ledger)
    signed = sum(one.fen if one.side == "bank" else -one.fen for one in unlike)
    assert signed == sum(fen for _, fen in theirs) - sum(fen for _, fen in ours)


@given(st.lists(st.integers(1, 500), min_size=2, max_size=8), st.integers(0, 5))
def test_a_batch_is_one_row_of_the_bank_or_many(paid, later):
    batch = [Movement(DUE, -fen, f"J{at}", batch="paid_out") for at, fen in enumerate(paid)]
    day = DUE + timedelta(days=later)
    as_one = [Movement(day, -sum(paid), "1", 1)]
    as_many = [Movement(day, -fen, str(at), at) for at, fen in enumerate(paid)]
    assert compare(as_one, batch) == compare(as_many, batch) == []
    short = compare([Movement(day, -sum(paid) - 1, "1", 1)], batch)
    assert {one.about for one in short} == {"1", *(one.about for one in batch)}
