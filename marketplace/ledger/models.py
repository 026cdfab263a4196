"""The ledger: journals and their entries, written once and never changed.

A journal is its own seal. Its entries are written first; the journal's row comes last, and the
database refuses it unless they balance. Afterwards it takes no further entry. So no journal that does
not balance can be stored, whatever the program does, on either database.
"""

from datetime import date, datetime

from sqlalchemy import (
    DDL,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Table,
    event,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.append_only import append_only
from marketplace.core.db import Base, BigId
from marketplace.identity.models import User
from marketplace.ledger.accounts import ACCOUNTS
from marketplace.ledger.balanced import statements


class Journal(Base):
    """One event in money. `subject` names what it is about (order:7); `key` what made it, once."""

    __tablename__ = "journal"
    __table_args__ = (Index("ix_journal_subject", "subject"), Index("ix_journal_day", "day"))
    number: Mapped[str] = mapped_column(String(20), primary_key=True)
    key: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime]
    day: Mapped[date]
    """In China: what a day's statement holds."""
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    reverses: Mapped[str | None] = mapped_column(ForeignKey("journal.number"), unique=True)
    reason: Mapped[str] = mapped_column(String(60), default="")

    entries: Mapped[list["LedgerEntry"]] = relationship(
        back_populates="journal", order_by="LedgerEntry.id", viewonly=True
    )
    by: Mapped[User | None] = relationship()

    @property
    def fen(self) -> int:
        """What it moves: the sum of either side."""
        return sum(entry.fen for entry in self.entries if entry.fen > 0)


class LedgerEntry(Base):
    """One side of a journal in fen: a debit above zero, a credit below."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        CheckConstraint("fen <> 0", name="fen"),
        CheckConstraint(
            f"account IN ({', '.join(repr(code) for code in sorted(ACCOUNTS))})", name="account"
        ),
        Index("ix_ledger_entry_account", "account", "party", "id"),
        Index("ix_ledger_entry_journal", "journal_number"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    journal_number: Mapped[str] = mapped_column(
        ForeignKey("journal.number", deferrable=True, initially="DEFERRED")
    )
    account: Mapped[str] = mapped_column(String(30))
    party: Mapped[str] = mapped_column(String(30), default="")
    fen: Mapped[int]

    journal: Mapped[Journal] = relationship(viewonly=True)


for _model in (Journal, LedgerEntry):
    assert isinstance(_model.__table__, Table)
    append_only(_model.__table__)
for _dialect in ("sqlite", "postgresql"):
    for _text in statements(_dialect):
        _ddl = DDL(_text.replace("%", "%%"))  # type: ignore[no-untyped-call]
        event.listen(LedgerEntry.__table__, "after_create", _ddl.execute_if(dialect=_dialect))
