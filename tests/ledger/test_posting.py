"""R6, R7: every journal balances, and neither people nor programs change what was written."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DatabaseError

from marketplace.core.errors import Conflict
from marketplace.identity.actor import SYSTEM
from marketplace.ledger import books
from marketplace.ledger.models import Journal, LedgerEntry
from marketplace.ledger.posting import Unbalanced, credit, debit, post, reverse

PAID = (debit("bank", 4500), credit("buyer_prepayment", 4500, "order:7"))


def _post(world, *lines, key="paid:7"):
    with world.transaction() as session:
        return post(session, SYSTEM, "paid", key, "order:7", lines or PAID)


def _balance(world, account, party=None):
    with world.transaction() as session:
        return books.balance(session, account, party)


def test_what_is_posted_stands_on_both_accounts(world):
    number = _post(world)
    assert (_balance(world, "bank"), _balance(world, "buyer_prepayment", "order:7")) == (
        4500,
        -4500,
    )
    assert _balance(world, "buyer_prepayment", "order:8") == 0
    with world.transaction() as session:
        journal = books.get_journal(session, number)
        assert [(e.account, e.fen) for e in journal.entries] == [
            ("bank", 4500), ("buyer_prepayment", -4500),
        ]  # fmt: skip
        assert [found.number for found in books.about(session, "order:7")] == [number]


@pytest.mark.parametrize(
    "lines",
    [
        (debit("bank", 4500), credit("suspense", 4499)),
        (debit("bank", 0), credit("suspense", 0)),
        (debit("bank", 1, "order:7"), credit("suspense", 1)),
        (debit("bank", 1), credit("buyer_prepayment", 1)),
    ],
)
def test_what_does_not_balance_or_is_nobodys_is_refused(world, lines):
    with pytest.raises(Unbalanced):
        _post(world, *lines)
    with world.transaction() as session:
        assert session.scalar(select(func.count()).select_from(LedgerEntry)) == 0


def test_one_key_is_one_journal(world):
    assert _post(world) == _post(world)
    assert _balance(world, "bank") == 4500
    with pytest.raises(Conflict):
        _post(world, debit("bank", 1), credit("suspense", 1))


def test_a_reversal_names_what_it_reverses_once_and_is_not_reversed(world):
    number = _post(world)
    with world.transaction() as session:
        mirror = reverse(session, SYSTEM, number, "mistaken")
    assert _balance(world, "bank") == 0
    with world.transaction() as session:
        assert session.get_one(Journal, mirror).reverses == number
        assert reverse(session, SYSTEM, number, "mistaken") == mirror
    with pytest.raises(Conflict), world.transaction() as session:
        reverse(session, SYSTEM, mirror, "mistaken")
    assert _balance(world, "bank") == 0


CHANGES = (
    "UPDATE ledger_entry SET fen = fen + 1",
    "DELETE FROM ledger_entry",
    "UPDATE journal SET reason = 'x'",
    "DELETE FROM journal",
    "INSERT INTO ledger_entry (journal_number, account, party, fen) SELECT number, 'bank', '', 1 FROM journal",
    "INSERT INTO journal (number, key, kind, subject, at, day, reason)"
    " SELECT 'J-x', 'k-x', kind, subject, at, day, '' FROM journal",
)
ON_SQLITE = (
    "INSERT OR REPLACE INTO ledger_entry SELECT id, journal_number, account, party, fen + 1 FROM ledger_entry",
    "INSERT INTO ledger_entry (id, journal_number, account, party, fen) SELECT id, 'J-y', account, party, 1"
    " FROM ledger_entry WHERE true ON CONFLICT (id) DO UPDATE SET fen = 1",
)
ON_POSTGRES = (
    "TRUNCATE ledger_entry", "TRUNCATE journal CASCADE",
    "INSERT INTO ledger_entry (id, journal_number, account, party, fen) SELECT id, 'J-y', account, party, 1"
    " FROM ledger_entry ON CONFLICT (id) DO UPDATE SET fen = 1",
)  # fmt: skip


def test_the_database_itself_refuses_every_change(world, database_url):
    _post(world)
    own = ON_SQLITE if database_url.startswith("sqlite") else ON_POSTGRES
    for statement in CHANGES + own:
        with pytest.raises(DatabaseError) as refused, world.transaction() as session:
            session.execute(text(statement))
        assert re.search("append-only|closed|does not balance", str(refused.value)), statement
    assert _balance(world, "bank") == 4500


def test_entries_without_a_journal_cannot_be_stored(world):
    with pytest.raises(DatabaseError), world.transaction() as session:
        session.execute(
            insert(LedgerEntry).values(journal_number="J-none", account="bank", party="", fen=5)
        )


MOVES = st.lists(
    st.tuples(
        st.sampled_from(("bank", "suspense", "alipay_clearing")), st.integers(-(10**9), 10**9)
    ),
    min_size=1,
    max_size=6,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(MOVES, max_size=4))
def test_whatever_is_posted_all_accounts_together_are_zero(world, journals):
    before = _sums(world)
    assert before[0] == before[1]
    for at, moves in enumerate(journals):
        lines = [debit(account, fen) for account, fen in moves]
        lines.append(credit("bank", sum(fen for _, fen in moves)))
        if any(line.fen for line in lines):
            _post(world, *lines, key=f"{at}:{id(journals)}:{before}")
    debited, credited = _sums(world)
    assert debited == credited


def _sums(world):
    with world.transaction() as session:
        rows = books.trial_balance(session)
    return sum(row.debit_fen for row in rows), sum(row.credit_fen for row in rows)
