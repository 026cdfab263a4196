"""Triggers by which the database itself keeps every journal balanced and closed."""

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
        return [text.strip() for text in _POSTGRES.split("---")]
    return [_OPEN_SQLITE.strip(), _BALANCE_SQLITE.strip()]
