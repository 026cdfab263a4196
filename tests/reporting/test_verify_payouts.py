"""Payments that were altered behind the program's back: paid twice, to somebody else, without a signature."""

import pytest
from sqlalchemy import text

from marketplace.reporting.verify import verify
from tests.settlement.payday import Payday
from tests.settlement.test_receipts import Pooled, _collects, _file, _waiting
from tests.settlement.test_recoveries import Asked, agreed
from tests.trace.test_streams import Forger

UNLIKE = "溯源记录与账目不符"


def _rules(world):
    with world.transaction() as session:
        found = verify(session)
    assert all(fault.where for fault in found)
    return {fault.what for fault in found}


def _pay(payday):
    number = payday.sent()
    for line in payday.lines(number):
        payday.paid(line)
    return number


@pytest.fixture
def paid(world):
    """Both households have their money of the first order; the second's is not here yet."""
    payday = Payday(world, paid=(0,))
    _pay(payday)
    assert _rules(world) == set()
    return payday


def test_what_was_paid_cannot_be_taken_out_of_its_run_to_be_paid_again(world, paid):
    Forger(world)(text("DELETE FROM payout_item"))
    assert {"付款批次没有分到户", "付款批次的总数不对"} <= _rules(world)
    _pay(paid)
    assert "批次的货款付多了" in _rules(world)


def test_what_was_paid_cannot_be_set_free_to_be_paid_again(world, paid):
    Forger(world)(text("UPDATE payout_item SET dropped = true"))
    assert _rules(world) == {"付过的货款还能再付"}


@pytest.mark.parametrize("column", ["fen", "advanced_fen"])
def test_a_run_says_what_it_comes_to(world, paid, column):
    Forger(world)(text(f"UPDATE payout_run SET {column} = {column} + 1"))
    assert _rules(world) == {"付款批次的总数不对"}


def test_a_run_that_was_refused_is_free_and_no_fault(world):
    payday = Payday(world)
    payday.reject(payday.propose())
    assert _rules(world) == set()
    _pay(payday)
    assert _rules(world) == set()


def test_a_payment_that_came_back_and_was_made_again_is_no_fault(world):
    payday = Payday(world)
    number = payday.sent()
    for line in payday.lines(number):
        payday.paid(line)
    payday.bounced(payday.line(number))
    payday.account(_owner(payday), "6222000000000000046")
    again = payday.sent()
    payday.paid(payday.line(again))
    assert _rules(world) == set()
    Forger(world)(
        text(f"UPDATE payout_line SET number = 'P9-0001' WHERE id = {_first(payday, again)}")
    )
    assert UNLIKE in _rules(world)


def _owner(payday):
    return payday.line(1).owner


def _first(payday, number):
    return payday.lines(number)[0].id


def _exchange(column, table, one, other):
    return text(
        f"UPDATE {table} SET {column} = CASE {column} WHEN {one} THEN {other} ELSE {one} END"
    )


def test_what_is_whose_cannot_be_exchanged(world, paid):
    one, other = (household.id for household in paid.households)
    Forger(world)(_exchange("household_id", "payout_part", one, other))
    assert _rules(world) == {"货款不是付给本人的", UNLIKE}


def test_a_payment_does_not_become_somebody_elses(world, paid):
    one, other = (household.id for household in paid.households)
    Forger(world)(
        _exchange("household_id", "payout_part", one, other),
        _exchange("household_id", "payout_line", one, other),
        _exchange("payee_id", "payout_line", *_payees(world)),
    )
    assert {"货款记在别人名下", UNLIKE} <= _rules(world)


def _payees(world):
    with world.transaction() as session:
        return session.scalars(text("SELECT id FROM payee ORDER BY id")).all()


def test_a_payment_goes_to_no_other_account_than_its_owners(world, paid):
    Forger(world)(_exchange("payee_id", "payout_line", *_payees(world)))
    assert _rules(world) == {"货款不是付给本人的"}


@pytest.fixture
def collected(world):
    """A cooperative has the money of its members; one of them has signed."""
    payday = Payday(world, supply=Pooled, paid=(0,), accounts=())
    _collects(payday)
    _file(payday, _waiting(payday)[:1])
    assert _rules(world) == set()
    return payday


def test_what_a_cooperative_collects_is_still_each_members(world, collected):
    with world.transaction() as session:
        fens = session.scalars(
            text("SELECT fen FROM payout_part WHERE household_id IS NOT NULL ORDER BY id")
        ).all()
    change = f"fen = CASE fen WHEN {fens[0]} THEN {fens[1]} ELSE {fens[0]} END"
    Forger(world)(text(f"UPDATE payout_part SET {change} WHERE household_id IS NOT NULL"))
    assert _rules(world) == {UNLIKE}


def test_nobody_has_signed_who_has_not(world, collected):
    signed = "received_on = '2026-01-01', received_by_id = 1"
    Forger(world)(text(f"UPDATE payout_part SET {signed} WHERE household_id IS NOT NULL"))
    assert _rules(world) == {UNLIKE}


def test_a_strangers_part_is_named_before_it_is_paid(world):
    payday = Payday(world, supply=Pooled, paid=(0,), accounts=())
    stranger = world.household()
    payday.propose()
    assert _rules(world) == set()
    first = payday.households[0].id
    Forger(world)(
        text(f"UPDATE payout_part SET household_id = {stranger.id} WHERE household_id = {first}"),
        text(f"UPDATE payout_line SET household_id = {stranger.id} WHERE household_id = {first}"),
    )
    assert _rules(world) == {UNLIKE}


def test_nothing_is_taken_off_when_the_signature_is_gone(world):
    asked = Asked(world, paid=(0,))
    number = agreed(asked)
    asked.payday.approve(number)
    assert _rules(world) == set()
    Forger(world)(text("DELETE FROM recovery_consent"))
    assert _rules(world) == {"没有签字就扣了货款"}
