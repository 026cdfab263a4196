"""The bank's own statement row by row, what became of each row, and who pays for whom."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Table, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.append_only import append_only
from marketplace.core.db import Base, BigId
from marketplace.core.secret_text import SecretText
from marketplace.core.states import Moves, moves
from marketplace.identity.models import Organisation, User
from marketplace.orders.order_models import Order

OPEN_STATES = ("unmatched", "wrong_amount", "duplicate")
"""In these a person has to look."""
STATES = ("new", "matched", "placed", *OPEN_STATES, "not_ours", "repeated", "booked", "outgoing")
COUNTED_ELSEWHERE = ("repeated", "booked")
"""Rows whose own journal was reversed: the bank said them twice, or the books had the money already."""
PLACING_KINDS = ("order", "credit", "credit_used", "credit_returned")


class BankRow(Base):
    """A row as the bank wrote it, once and for ever. `facts_hash` covers what `Transfer` keeps of it
    encrypted; `key_hash` is the serial number, or the facts where the bank gives none."""

    __tablename__ = "bank_row"
    __table_args__ = (
        CheckConstraint("direction IN ('in', 'out')", name="direction"),
        CheckConstraint("fen > 0", name="fen"),
        Index("ix_bank_row_day", "day"),
        Index("ix_bank_row_facts", "facts_hash"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    facts_hash: Mapped[str] = mapped_column(String(64))
    serial_no: Mapped[str] = mapped_column(String(64), default="")
    day: Mapped[date]
    direction: Mapped[str] = mapped_column(String(3))
    fen: Mapped[int]
    stored_at: Mapped[datetime]
    stored_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))


class Transfer(Base):
    """What became of a bank row. `placed_fen` of its money stands with orders or as a unit's credit; the
    rest is in suspense."""

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(s) for s in STATES)})", name="state"),
        CheckConstraint("placed_fen >= 0", name="placed"),
        Index("ix_transfer_state", "state", "id"),
        Index("ix_transfer_payer", "payer_hash"),
    )
    MOVES: ClassVar[Moves] = moves(
        {
            "new": ["matched", "placed", "not_ours", *OPEN_STATES],
            "unmatched": ["new", "placed", "not_ours", "booked"],
            "wrong_amount": ["placed", "unmatched", "not_ours", "booked"],
            "duplicate": ["placed", "unmatched", "not_ours", "repeated", "booked"],
            "matched": ["unmatched"],  # a placing was taken back
            "placed": ["unmatched"],
            "not_ours": ["unmatched"],
        }
    )
    id: Mapped[int] = mapped_column(ForeignKey("bank_row.id"), primary_key=True)
    state: Mapped[str] = mapped_column(String(12))
    payer_name: Mapped[str] = mapped_column(SecretText)
    payer_hash: Mapped[str] = mapped_column(String(64))
    payer_account: Mapped[str] = mapped_column(SecretText)
    remark: Mapped[str] = mapped_column(SecretText)
    placed_fen: Mapped[int] = mapped_column(default=0)
    why: Mapped[str] = mapped_column(String(120), default="")
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    settled_how: Mapped[str] = mapped_column(String(200), default="")

    row: Mapped[BankRow] = relationship(innerjoin=True)
    settled_by: Mapped[User | None] = relationship()
    placings: Mapped[list["Placing"]] = relationship(
        order_by="Placing.id", back_populates="transfer"
    )

    @property
    def rest_fen(self) -> int:
        """What nobody has placed yet."""
        return self.row.fen - self.placed_fen


class Placing(Base):
    """Money given a place: of a transfer to an order or a unit's credit; of a credit to an order or back
    to the bank. Wrong ones are taken back by a reversal, the row stays."""

    __tablename__ = "bank_placing"
    __table_args__ = (
        CheckConstraint(f"kind IN ({', '.join(repr(k) for k in PLACING_KINDS)})", name="kind"),
        CheckConstraint("fen > 0", name="fen"),
        CheckConstraint(
            "(order_id IS NOT NULL) = (kind IN ('order', 'credit_used'))", name="order"
        ),
        CheckConstraint("(transfer_id IS NOT NULL) = (kind IN ('order', 'credit'))", name="source"),
        Index("ix_bank_placing_transfer", "transfer_id"),
        Index("ix_bank_placing_order", "order_id"),
        Index("ix_bank_placing_unit", "organisation_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(16))
    transfer_id: Mapped[int | None] = mapped_column(ForeignKey("transfer.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("preorder.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    fen: Mapped[int]
    journal_number: Mapped[str] = mapped_column(String(20), default="")
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    note: Mapped[str] = mapped_column(String(200), default="")
    undone_at: Mapped[datetime | None]
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    undone_why: Mapped[str] = mapped_column(String(20), default="")

    transfer: Mapped[Transfer | None] = relationship(back_populates="placings")
    order: Mapped[Order | None] = relationship()
    organisation: Mapped[Organisation | None] = relationship()


class PayerAlias(Base):
    """This payer pays for that unit, until it is ended; a treasury centre pays for several."""

    __tablename__ = "payer_alias"
    __table_args__ = (
        Index(
            "uq_payer_alias_open",
            "name_hash",
            "organisation_id",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(SecretText)
    name_hash: Mapped[str] = mapped_column(String(64))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    made_at: Mapped[datetime]
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    ended_at: Mapped[datetime | None]

    organisation: Mapped[Organisation] = relationship(innerjoin=True)


assert isinstance(BankRow.__table__, Table)
append_only(BankRow.__table__)
