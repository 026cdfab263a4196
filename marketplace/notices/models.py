"""The outbox: what is to be told to whom. Written in the use case's transaction, sent afterwards."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.db import Base, BigId
from marketplace.core.secret_text import SecretText
from marketplace.core.states import Moves, moves

STATES = {
    "queued": "待发送",
    "sent": "已发送",
    "failed": "没有发出",
    "unknown": "不确定是否送达",
    "acknowledged": "已确认收到",
}


class Notice(Base):
    """`subject` names what it is about (sheet:12, order:7); body and address are personal data."""

    __tablename__ = "notice"
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(repr(k) for k in sorted(STATES))})", name="state"),
        Index("ix_notice_due", "state", "next_at"),
        Index("ix_notice_subject", "subject"),
    )
    MOVES: ClassVar[Moves] = moves(
        {
            "queued": ["sent", "failed", "unknown", "acknowledged"],
            "sent": ["acknowledged"],
            "failed": ["queued", "acknowledged"],
            "unknown": ["queued", "acknowledged"],
        }
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    provider_key: Mapped[str] = mapped_column(
        String(60), unique=True
    )  # the same effect is never queued twice
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(60))
    channel: Mapped[str] = mapped_column(String(10))  # console, email, sms
    to_user_id: Mapped[int | None]  # shown on that person's home page
    address: Mapped[str | None] = mapped_column(SecretText)
    title: Mapped[str] = mapped_column(SecretText)
    body: Mapped[str] = mapped_column(SecretText)
    state: Mapped[str] = mapped_column(String(12), default="queued")
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(String(200), default="")
