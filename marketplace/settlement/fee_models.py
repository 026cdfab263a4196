"""Invoices of packers and carriers, paid out of what a round took for service and freight."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Base, BigId
from marketplace.core.states import Moves, moves
from marketplace.identity.models import User
from marketplace.orders.round_models import Round

FEES = {"service": "服务费（分拣、包装）", "freight": "运费"}


class FeeInvoice(Base):
    """Who did the work and what it costs; proposed by one, approved by another, paid from the bank."""

    __tablename__ = "fee_invoice"
    __table_args__ = (
        CheckConstraint("kind IN ('service', 'freight')", name="kind"),
        CheckConstraint("state IN ('proposed', 'approved', 'rejected')", name="state"),
        CheckConstraint("fen > 0", name="fen"),
        CheckConstraint(
            "offset_fen BETWEEN 0 AND fen AND (offset_fen = 0 OR kind = 'freight')", name="offset"
        ),
        CheckConstraint(
            "state <> 'approved' OR decided_by_id <> proposed_by_id", name="two_people"
        ),
        Index(
            "uq_fee_invoice_number",
            "contractor",
            "invoice_no",
            unique=True,
            sqlite_where=text("state <> 'rejected'"),
            postgresql_where=text("state <> 'rejected'"),
        ),
        Index("ix_fee_invoice_round", "round_id"),
    )
    MOVES: ClassVar[Moves] = moves({"proposed": ["approved", "rejected"]})
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("order_round.id"))
    kind: Mapped[str] = mapped_column(String(10))
    contractor: Mapped[str] = mapped_column(String(60))
    invoice_no: Mapped[str] = mapped_column(String(40))
    fen: Mapped[int]
    offset_fen: Mapped[int] = mapped_column(default=0)
    """Of it, what the carrier does not get because he owes it for goods lost on the way."""
    state: Mapped[str] = mapped_column(String(10), default="proposed")
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    proposed_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(200), default="")

    round: Mapped[Round] = relationship()
    proposed_by: Mapped[User] = relationship(foreign_keys=[proposed_by_id])
    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])
