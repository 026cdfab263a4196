"""Payments asked of Alipay, what went back, and every message that came to the door."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Table, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.append_only import append_only
from marketplace.core.db import Base, BigId
from marketplace.core.states import Moves, moves
from marketplace.orders.order_models import Order

OPEN_STATES = ("created", "unknown")
"""In these nobody knows yet whether money comes."""
PENDING_STATES = ("requested", "sent", "unknown")
"""In these money is on its way back."""


class Payment(Base):
    """One attempt to pay an order at Alipay. `number` is what Alipay calls out_trade_no."""

    __tablename__ = "payment"
    __table_args__ = (
        CheckConstraint("state IN ('created', 'unknown', 'paid', 'closed')", name="state"),
        CheckConstraint("fen > 0", name="fen"),
        CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL)", name="paid"),
        Index(
            "uq_payment_open",
            "order_id",
            unique=True,
            sqlite_where=text("state IN ('created', 'unknown')"),
            postgresql_where=text("state IN ('created', 'unknown')"),
        ),
        Index("ix_payment_due", "state", "ask_at"),
        Index("ix_payment_order", "order_id"),
    )
    MOVES: ClassVar[Moves] = moves(
        {
            "created": ["unknown", "paid", "closed"],
            "unknown": ["created", "paid", "closed"],
            "closed": ["paid"],  # late
        }
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("preorder.id"))
    fen: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default="created")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ask_at: Mapped[datetime]
    asked: Mapped[int] = mapped_column(default=0)
    trade_no: Mapped[str] = mapped_column(String(64), default="")  # Alipay's own
    paid_at: Mapped[datetime | None]

    order: Mapped[Order] = relationship()
    refunds: Mapped[list["Refund"]] = relationship(order_by="Refund.id", back_populates="payment")


class Refund(Base):
    """Money on its way back to where it came from. `number` is what Alipay calls out_request_no."""

    __tablename__ = "refund"
    __table_args__ = (
        CheckConstraint(
            "state IN ('requested', 'sent', 'unknown', 'done', 'failed')", name="state"
        ),
        CheckConstraint("fen > 0", name="fen"),
        CheckConstraint("(state = 'done') = (done_at IS NOT NULL)", name="done"),
        Index("ix_refund_due", "state", "try_at"),
        Index("ix_refund_payment", "payment_id"),
    )
    MOVES: ClassVar[Moves] = moves(
        {
            "requested": ["sent"],
            "sent": ["unknown", "done", "failed"],
            "unknown": ["sent", "done", "failed"],
            "failed": ["requested"],  # an operator asks again
        }
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    payment_id: Mapped[int] = mapped_column(ForeignKey("payment.id"))
    fen: Mapped[int]
    reason: Mapped[str] = mapped_column(String(60))
    state: Mapped[str] = mapped_column(String(10), default="requested")
    created_at: Mapped[datetime]
    try_at: Mapped[datetime]
    tries: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(String(80), default="")

    payment: Mapped[Payment] = relationship(back_populates="refunds")


class AlipayMessage(Base):
    """What came to the door that Alipay reports to, and what became of it; never changed."""

    __tablename__ = "alipay_message"
    __table_args__ = (Index("ix_alipay_message_number", "out_trade_no"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    out_trade_no: Mapped[str] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(20))
    body: Mapped[str] = mapped_column(Text)


assert isinstance(AlipayMessage.__table__, Table)
append_only(AlipayMessage.__table__)
