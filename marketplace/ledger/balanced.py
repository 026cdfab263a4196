"""Triggers by which the database itself keeps every journal balanced and closed."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from marketplace.core.append_only import statements as append_only

_OPEN_SQLITE = """
CREATE TRIGGER ledger_entry_before_journal BEFORE INSERT ON ledger_entry
WHEN EXISTS (SELECT 1 FROM journal WHERE number = NEW.journal_number)
BEGIN SELECT RAISE(ABORT, 'the journal is closed'); END
"""
_BALANCE_SQLITE = """
CREATE TRIGGER journal_balances BEFORE INSERT ON journal
WHEN (SELECT coalesce(sum(fen), 1) FROM ledger_entry WHERE journal_number = NEW.number) <> 0
BEGIN SELECT RAISE(ABORT, 'the journal does not balance'); END
"""
_POSTGRES = """
CREATE FUNCTION refuse_entry_of_closed_journal() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
IF EXISTS (SELECT 1 FROM journal WHERE number = NEW.journal_number) THEN
RAISE EXCEPTION 'the journal is closed'; END IF;
RETURN NEW; END $$
---
CREATE TRIGGER ledger_entry_before_journal BEFORE INSERT ON ledger_entry
FOR EACH ROW EXECUTE FUNCTION refuse_entry_of_closed_journal()
---
CREATE FUNCTION refuse_unbalanced_journal() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN
IF (SELECT coalesce(sum(fen), 1) FROM ledger_entry WHERE journal_number = NEW.number) <> 0 THEN
RAISE EXCEPTION 'the journal does not balance'; END IF;
RETURN NEW; END $$
---
CREATE TRIGGER journal_balances BEFORE INSERT ON journal
FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced_journal()
"""


def statements(dialect: str) -> list[str]:
    """The DDL, after both tables are there; migrations execute the same."""
    if dialect == "postgresql":
        return [ddl.strip() for ddl in _POSTGRES.split("---")]
    return [_OPEN_SQLITE.strip(), _BALANCE_SQLITE.strip()]


def allow_accounts(op: Any, codes: Sequence[str]) -> None:
    """For migrations: these are the accounts that entries may name from now on.

    SQLite rebuilds the table, which takes its triggers away: those that guard it, and the one that reads
    it, are made again.
    """
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:
        op.execute("DROP TRIGGER journal_balances")
    else:
        op.execute(
            "SET CONSTRAINTS ALL IMMEDIATE"
        )  # what an earlier step wrote in this transaction
    name = op.f("ck_ledger_entry_account")
    with op.batch_alter_table("ledger_entry") as table:
        table.drop_constraint(name, type_="check")
        wanted = ", ".join(repr(code) for code in sorted(codes))
        table.create_check_constraint(name, f"account IN ({wanted})")
    if sqlite:
        for ddl in (*append_only("ledger_entry", "sqlite"), *statements("sqlite")):
            op.execute(text(ddl.replace(":", "\\:")))
