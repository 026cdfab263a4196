"""Payments asked of Alipay, what went back, and every message that came to the door."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Table, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.append_only import append_only
from marketplace.core.db import Base, BigId
from marketplace.core.states import Moves, moves
from marketplace.identity.models import User
from marketplace.orders.order_models import Order

OPEN_STATES = ("created", "unknown")
"""In these nobody knows yet whether money comes."""
PENDING_STATES = ("requested", "sent", "unknown")
"""In these money is on its way back."""


class Payment(Base):
    """One attempt to pay an order, or its deposit, at Alipay. `number` is what Alipay calls out_trade_no."""

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
    for_deposit: Mapped[bool] = mapped_column(default=False)
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


class BillDay(Base):
    """A day whose bill was fetched and compared."""

    __tablename__ = "bill_day"
    day: Mapped[date] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    lines: Mapped[int]
    fen: Mapped[int]  # what came in less what went back


class BillLine(Base):
    """A line of a bill as Alipay wrote it; never changed."""

    __tablename__ = "bill_line"
    __table_args__ = (Index("ix_bill_line_day", "day"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    day: Mapped[date] = mapped_column(ForeignKey("bill_day.day"))
    out_trade_no: Mapped[str] = mapped_column(String(64))
    request_no: Mapped[str] = mapped_column(String(64), default="")
    fen: Mapped[int]


class BillDifference(Base):
    """What one side knows and the other does not, or otherwise; open until `settled_at`."""

    __tablename__ = "bill_difference"
    __table_args__ = (
        CheckConstraint("kind IN ('missing', 'extra', 'amount', 'twice')", name="kind"),
        Index("ix_bill_difference_day", "day"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    day: Mapped[date] = mapped_column(ForeignKey("bill_day.day"))
    kind: Mapped[str] = mapped_column(String(10))
    out_trade_no: Mapped[str] = mapped_column(String(64))
    request_no: Mapped[str] = mapped_column(String(64), default="")
    ours_fen: Mapped[int]
    theirs_fen: Mapped[int]
    settled_at: Mapped[datetime | None]
    settled_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    settled_how: Mapped[str] = mapped_column(String(200), default="")

    settled_by: Mapped[User | None] = relationship()


for _model in (AlipayMessage, BillDay, BillLine):
    assert isinstance(_model.__table__, Table)
    append_only(_model.__table__)
