"""Bank transfers: kept once, placed where that is certain, settled by a person, taken back by reversal."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from marketplace.core.errors import Conflict, InvalidInput
from marketplace.orders.collecting import record_collected, undo_collected
from marketplace.orders.endings import cancel_by_operator
from marketplace.orders.order_models import Order
from marketplace.payments.aliases import end_alias, remember
from marketplace.payments.bank_models import BankRow, PayerAlias, Placing
from marketplace.payments.bank_rows import BankFacts, keep_row
from marketplace.payments.credits import held_too_much, return_credit, units_in_credit, use_credit
from marketplace.payments.placing import place, undo_placing
from marketplace.payments.transfers import _matched, match_new, not_ours, reopen, repeated
from marketplace.reporting.verify import verify
from tests.payments.banking import PRICE, Banking, days_ago
from tests.support.meanwhile import meanwhile

ALL = 20 * PRICE


@pytest.fixture
def banking(world):
    return Banking(world)


def by_number(session, number):
    return session.query(Order).filter_by(number=number).one()


def test_one_transfer_with_the_statements_number_settles_its_orders(banking):
    number = banking.statement()
    assert banking.stand() == {"buyer_receivable": ALL}
    banking.pay(ALL, f"货款{number}谢谢", payer="清源县财政局国库支付中心")
    assert banking.states() == ["matched"]
    assert banking.stand() == {"bank": ALL}
    assert banking.collected(banking.numbers[0]) == (10 * PRICE, "transfer")


def test_numbers_of_orders_are_read_however_they_are_written(banking):
    first, second, _ = banking.numbers
    written = f"支付{first.replace('-', '')}、{second.replace('-', '－')}"
    banking.pay(14 * PRICE, written, payer="某人")
    assert banking.states() == ["matched"]
    assert banking.stand() == {"bank": 14 * PRICE, "buyer_receivable": 6 * PRICE}


def test_the_payers_name_and_the_whole_sum_are_enough(banking):
    banking.pay(ALL, "货款")
    assert banking.states() == ["matched"]
    assert banking.stand() == {"bank": ALL}


def test_the_same_file_again_changes_nothing_and_rows_without_number_count_their_repeats(banking):
    rows = [
        banking.row(500, "a", serial=""),
        banking.row(500, "a", serial=""),
        banking.row(700, "b", serial="X1"),
        banking.row(700, "b", serial="X1"),
        banking.row(900, "付工资", payer="职工", out=True),
    ]
    first = banking.bring(*rows)
    assert (first.applied, first.unchanged, first.faulty) == (4, 1, 0)
    assert banking.states() == ["unmatched", "duplicate", "unmatched", "outgoing"]
    again = banking.bring(*rows)
    assert (again.applied, again.unchanged, again.faulty) == (0, 5, 0)
    assert banking.stand() == {"bank": 1700, "suspense": 1700, "buyer_receivable": ALL}


@pytest.mark.parametrize(
    "day", ["2026-01-05 14:03:22", "20260105", "2026年1月5日", "2026/1/5", "2026-01-05T14:03:22"]
)
def test_days_are_read_as_banks_write_them(banking, day):
    assert banking.bring([day, "1", "甲", "", "1,000.50", "-", "", ""]).applied == 1
    (row,) = banking.all(BankRow)
    assert (row.day.isoformat(), row.fen) == ("2026-01-05", 100050)


def test_a_serial_number_that_says_something_else_is_refused_with_words(banking):
    banking.bring(banking.row(500, "a", serial="X1"))
    batch = banking.bring(banking.row(501, "a", serial="X1"), banking.row(1, "", serial="X2"))
    assert (batch.applied, batch.faulty) == (1, 1)
    assert len(banking.all(BankRow)) == 2


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["不是日期", "1", "甲", "", "1.00", "", "", ""], "看不懂"),
        (["2026-01-01", "1", "甲", "", "", "", "", ""], "请填收入金额"),
        (["2026-01-01", "1", "甲", "", "1.00", "2.00", "", ""], "只能填一个"),
        (["2026-01-01", "1", "甲", "", "一些", "", "", ""], "看不懂"),
        (["2026-01-01", "1", "", "", "1.00", "", "", ""], "请填对方户名"),
        (["2199-01-01", "1", "甲", "", "1.00", "", "", ""], "还没有到"),
        (["", "1", "甲", "", "-5", "", "", ""], "不能是负数"),
    ],
)
def test_bad_rows_say_what_is_wrong(banking, cells, words):
    batch = banking.bring(cells, banking.row(100))
    assert (batch.applied, batch.faulty) == (1, 1)
    browser = banking.sign_in()
    assert words in browser.get(f"/imports/{batch.id}").text


def test_another_sum_waits_with_a_proposal_and_what_is_over_becomes_credit(banking):
    number = banking.statement()
    transfer = banking.pay(ALL + 300, number)
    assert banking.states() == ["wrong_amount"]
    assert banking.stand()["suspense"] == ALL + 300
    parts = dict(zip(banking.numbers, (10 * PRICE, 4 * PRICE, 6 * PRICE), strict=True))
    banking.act(place, transfer, parts, credit_unit=banking.unit.id, credit_fen=300)
    assert banking.states() == ["placed"]
    assert banking.stand() == {"bank": ALL + 300, "buyer_credit": 300}
    with banking.world.transaction() as session:
        (one,) = units_in_credit(session)
        assert (one.unit.id, one.fen, one.since is not None) == (banking.unit.id, 300, True)


def test_a_part_of_an_order_can_be_paid_and_the_rest_waits(banking):
    transfer = banking.pay(5 * PRICE, "一部分")
    banking.act(place, transfer, {banking.numbers[0]: 3 * PRICE})
    assert banking.states() == ["unmatched"]
    assert banking.transfers()[0].placed_fen == 3 * PRICE
    banking.act(place, transfer, {banking.numbers[0]: PRICE, banking.numbers[1]: PRICE})
    assert banking.states() == ["placed"]
    assert banking.collected(banking.numbers[0]) == (4 * PRICE, "transfer")
    assert banking.stand() == {"bank": 5 * PRICE, "buyer_receivable": 15 * PRICE}


def test_nothing_is_placed_beyond_the_row_or_the_order(banking):
    transfer = banking.pay(5 * PRICE, "一部分")
    first, second, _ = banking.numbers
    for parts, fault in (
        ({}, InvalidInput),
        ({first: 0}, InvalidInput),
        ({first: -1, second: 2}, InvalidInput),
        ({first: 6 * PRICE}, InvalidInput),
        ({second: 5 * PRICE}, Conflict),
        ({"D000000-AAAAAA": PRICE}, InvalidInput),
    ):
        with pytest.raises(fault):
            banking.act(place, transfer, parts)
    with pytest.raises(InvalidInput):
        banking.act(place, transfer, {first: PRICE}, credit_fen=PRICE)
    assert banking.stand() == {"bank": 5 * PRICE, "suspense": 5 * PRICE, "buyer_receivable": ALL}


def test_a_wrong_placing_is_reversed_and_its_money_waits_again(banking):
    banking.pay(ALL, "货款")
    placing = banking.all(Placing)[0]
    banking.act(undo_placing, placing.id, "wrong_order")
    assert banking.states() == ["unmatched"]
    assert banking.collected(banking.numbers[0]) == (0, "account")
    assert banking.stand() == {"bank": ALL, "suspense": 10 * PRICE, "buyer_receivable": 10 * PRICE}
    with pytest.raises(Conflict):
        banking.act(undo_placing, placing.id, "wrong_order")
    with pytest.raises(InvalidInput):
        banking.act(undo_placing, placing.id, "because")
    banking.act(place, banking.transfers()[0].id, {banking.numbers[0]: 10 * PRICE})
    assert banking.states() == ["placed"]
    assert banking.stand() == {"bank": ALL}


def test_money_that_comes_before_the_goods_is_held_and_owed_again_when_taken_back(world):
    banking = Banking(world, delivered=False)
    banking.pay(10 * PRICE, banking.numbers[0])
    assert banking.stand() == {"bank": 10 * PRICE, "buyer_prepayment": 10 * PRICE}
    banking.deliver()
    assert banking.stand() == {"bank": 10 * PRICE, "buyer_receivable": 10 * PRICE}
    banking.act(undo_placing, banking.all(Placing)[0].id, "wrong_unit")
    stand = {"bank": 10 * PRICE, "suspense": 10 * PRICE, "buyer_receivable": ALL}
    assert banking.stand() == stand


def test_money_for_a_cancelled_order_waits_for_a_person(world):
    banking = Banking(world, delivered=False)
    with world.transaction() as session:
        cancel_by_operator(session, banking.finance, by_number(session, banking.numbers[0]), "停课")
    transfer = banking.pay(10 * PRICE, banking.numbers[0])
    assert banking.states() == ["unmatched"]
    assert "不能收转账" in banking.transfers()[0].why
    with pytest.raises(Conflict):
        banking.act(place, transfer, {banking.numbers[0]: 10 * PRICE})
    banking.act(place, transfer, {}, credit_unit=banking.unit.id, credit_fen=10 * PRICE)
    assert banking.stand() == {"bank": 10 * PRICE, "buyer_credit": 10 * PRICE}


def test_another_number_with_the_same_facts_is_for_a_person(banking):
    banking.bring(banking.row(500, "a"), banking.row(500, "a"), banking.row(ALL, "货款"))
    assert banking.states() == ["unmatched", "duplicate", "matched"]
    second = banking.transfers()[1].id
    with pytest.raises(InvalidInput):
        banking.act(repeated, second, " ")
    banking.act(repeated, second, "银行打了两遍")
    assert banking.stand() == {"bank": ALL + 500, "suspense": 500}
    with pytest.raises(Conflict):
        banking.act(repeated, second, "再来")


def test_what_is_not_ours_stays_in_suspense_with_words_and_can_be_looked_at_again(banking):
    transfer = banking.pay(500, "退税", payer="国家税务局")
    banking.act(not_ours, transfer, "税务局退的，转综合科")
    assert banking.states() == ["not_ours"]
    assert banking.stand()["suspense"] == 500
    with pytest.raises(Conflict):
        banking.act(place, transfer, {banking.numbers[0]: 500})
    banking.act(reopen, transfer)
    assert banking.states() == ["unmatched"]


def test_credit_pays_open_orders_of_its_unit_or_goes_back_and_never_twice(world):
    banking = Banking(world, others=(5,))
    transfer = banking.pay(7 * PRICE, "多付")
    banking.act(place, transfer, {}, credit_unit=banking.unit.id, credit_fen=7 * PRICE)
    with pytest.raises(InvalidInput):
        banking.act(use_credit, banking.unit.id, {banking.others[0]: PRICE})
    with pytest.raises(InvalidInput):
        banking.act(use_credit, banking.unit.id, {banking.numbers[0]: 8 * PRICE})
    banking.act(use_credit, banking.unit.id, {banking.numbers[1]: 4 * PRICE})
    assert banking.collected(banking.numbers[1]) == (4 * PRICE, "transfer")
    with pytest.raises(InvalidInput):
        banking.act(return_credit, banking.unit.id, 3 * PRICE, "")
    banking.act(return_credit, banking.unit.id, 3 * PRICE, "退回原账户")
    rest = {"bank": 4 * PRICE, "buyer_receivable": 21 * PRICE}
    assert banking.stand() == rest
    came, used, _returned = banking.all(Placing)
    with pytest.raises(Conflict):
        banking.act(undo_placing, came.id, "wrong_unit")
    banking.act(undo_placing, used.id, "wrong_order")
    assert banking.stand() == {**rest, "buyer_credit": 4 * PRICE, "buyer_receivable": 25 * PRICE}


def test_a_treasury_centre_pays_for_several_units_and_the_sum_decides(world):
    banking = Banking(world, others=(5,))
    centre = "清源县国库集中支付中心"
    banking.pay(5 * PRICE, "10月货款", payer=centre)
    assert banking.states() == ["unmatched"]
    assert banking.act(remember, centre, banking.unit.id)
    assert banking.act(remember, centre, banking.other.id)
    assert not banking.act(remember, f" {centre} ", banking.other.id)
    with world.app.app_context():
        assert match_new() == 1
    assert banking.collected(banking.others[0]) == (5 * PRICE, "transfer")
    banking.pay(PRICE, "11月", payer=centre)
    assert banking.states() == ["matched", "unmatched"]
    for alias in banking.all(PayerAlias):
        banking.act(end_alias, alias.id)
    banking.pay(ALL, "12月", payer=centre, day=days_ago(1))
    assert banking.states()[-1] == "unmatched"


def test_notes_by_hand_and_transfers_are_taken_back_each_on_its_own_page(banking):
    number = banking.numbers[0]
    transfer = banking.pay(4 * PRICE, "一部分")
    banking.act(place, transfer, {number: 4 * PRICE})
    with banking.world.transaction() as session, pytest.raises(Conflict, match="银行流水"):
        undo_collected(session, banking.finance, by_number(session, number), "mistaken")
    with banking.world.transaction() as session:
        order = by_number(session, number)
        assert record_collected(session, banking.finance, order, "unit", 6 * PRICE)
    assert banking.stand()["collected"] == 6 * PRICE
    with banking.world.transaction() as session:
        undo_collected(session, banking.finance, by_number(session, number), "mistaken")
    assert banking.collected(number) == (4 * PRICE, "transfer")
    assert banking.stand() == {"bank": 4 * PRICE, "buyer_receivable": 16 * PRICE}


def test_taking_back_a_note_leaves_a_prepayment_by_bank_alone(world):
    banking = Banking(world, delivered=False)
    number = banking.numbers[0]
    transfer = banking.pay(4 * PRICE, "一部分")
    banking.act(place, transfer, {number: 4 * PRICE})
    with world.transaction() as session:
        record_collected(session, banking.finance, by_number(session, number), "unit", 6 * PRICE)
    with world.transaction() as session:
        undo_collected(session, banking.finance, by_number(session, number), "mistaken")
    assert banking.stand() == {"bank": 4 * PRICE, "buyer_prepayment": 4 * PRICE}


def test_two_people_place_the_same_transfer_in_the_same_moment(banking):
    transfer = banking.pay(5 * PRICE, "一部分")
    first, second, _ = banking.numbers
    with pytest.raises(Conflict):
        meanwhile(
            banking.world,
            lambda session: place(session, banking.finance, transfer, {first: 5 * PRICE}),
            lambda session: place(session, banking.finance, transfer, {second: 4 * PRICE}),
        )
    assert banking.placings() == [("order", 5 * PRICE, False)]


def test_two_transfers_for_the_same_order_in_the_same_moment(banking):
    one, two = banking.pay(4 * PRICE, "甲"), banking.pay(4 * PRICE, "乙")
    number = banking.numbers[1]
    with pytest.raises(Conflict):
        meanwhile(
            banking.world,
            lambda session: place(session, banking.finance, one, {number: 4 * PRICE}),
            lambda session: place(session, banking.finance, two, {number: 4 * PRICE}),
        )
    assert banking.collected(number) == (4 * PRICE, "transfer")


def test_the_same_credit_is_not_used_twice_in_the_same_moment(banking):
    transfer = banking.pay(4 * PRICE, "多付")
    unit = banking.unit.id
    banking.act(place, transfer, {}, credit_unit=unit, credit_fen=4 * PRICE)
    with pytest.raises(InvalidInput):
        meanwhile(
            banking.world,
            lambda session: use_credit(session, banking.finance, unit, {banking.numbers[0]: 4000}),
            lambda session: return_credit(session, banking.finance, unit, 4 * PRICE, "退"),
        )


def test_two_people_bring_the_same_row_in_the_same_moment(banking):
    facts = BankFacts(days_ago(1), "X9", "in", 500, "某公司", "", "货款")
    meanwhile(
        banking.world,
        lambda session: keep_row(session, banking.finance, facts),
        lambda session: keep_row(session, banking.finance, facts),
    )
    assert banking.stand()["bank"] == 500


def test_the_matching_and_a_person_take_a_row_in_the_same_moment(banking):
    banking.bring(banking.row(ALL, "货款"), match=False)
    (transfer,) = banking.transfers()
    meanwhile(
        banking.world,
        lambda session: place(session, banking.finance, transfer.id, {banking.numbers[0]: 500}),
        lambda session: _matched(session, transfer.id),
    )
    assert banking.placings() == [("order", 500, False)]
    assert banking.states() == ["unmatched"]


def test_an_order_that_is_cut_after_it_was_paid_is_listed_until_its_money_is_placed_anew(world):
    banking = Banking(world, delivered=False)
    number = banking.numbers[0]
    banking.pay(10 * PRICE, number)
    with world.transaction() as session:
        assert held_too_much(session) == []
        cancel_by_operator(session, banking.finance, by_number(session, number), "停课")
    with world.transaction() as session:
        (one,) = held_too_much(session)
        assert (one.number, one.over_fen, one.transfer_id) == (number, 10 * PRICE, 1)
    assert number in banking.sign_in().get("/ledger/credits").text
    banking.act(undo_placing, banking.all(Placing)[0].id, "ended")
    banking.act(place, 1, {banking.numbers[2]: 6 * PRICE}, credit_unit=banking.unit.id,
                credit_fen=4 * PRICE)  # fmt: skip
    with world.transaction() as session:
        assert held_too_much(session) == []
    stand = {"bank": 10 * PRICE, "buyer_prepayment": 6 * PRICE, "buyer_credit": 4 * PRICE}
    assert banking.stand() == stand


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        ("UPDATE transfer SET placed_fen = placed_fen - 1", "银行来款认的数不对"),
        ("UPDATE transfer SET state = 'unmatched'", "银行来款认的数不对"),
        ("UPDATE bank_placing SET fen = fen + 1", "认款与凭证不符"),
        ("UPDATE bank_placing SET undone_at = at", "认款与凭证不符"),
        ("UPDATE preorder SET collected_fen = collected_fen + 1", "收款与账本不符"),
        ("UPDATE statement SET total_fen = total_fen + 1", "对账单与订单不符"),
        ("UPDATE statement_line SET fen = fen + 1", "对账单与订单不符"),
        ("UPDATE transfer SET state = 'repeated', placed_fen = 0", "银行来款没有正好记一次"),
    ],
)
def test_verify_names_what_no_longer_agrees(banking, spoil, what):
    number = banking.statement()
    banking.pay(ALL, number)
    banking.stand()
    with banking.world.transaction() as session:
        session.execute(text(spoil))
    with banking.world.transaction() as session:
        assert what in {fault.what for fault in verify(session)}


def test_the_banks_rows_are_never_changed(banking):
    banking.pay(500, "x")
    for spoil in ("UPDATE bank_row SET fen = 1", "DELETE FROM bank_row"):
        with pytest.raises(DBAPIError), banking.world.transaction() as session:
            session.execute(text(spoil))
