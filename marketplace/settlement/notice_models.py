"""Notices that hang in a village before or after its households are paid, and what people say to them."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Base, BigId
from marketplace.core.secret_text import SecretText
from marketplace.identity.models import User
from marketplace.settlement.payout_models import PayoutLine


class PublicNotice(Base):
    """The masked list of a run's households in one village (公示): from when to when it hangs."""

    __tablename__ = "public_notice"
    __table_args__ = (
        UniqueConstraint("run_id", "region_code"),
        CheckConstraint("ends >= begins", name="dates"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("payout_run.id"))
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    begins: Mapped[date]
    ends: Mapped[date]
    posted_at: Mapped[datetime]
    posted_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    posted_by: Mapped[User] = relationship()


class Objection(Base):
    """What somebody said against a payment, and what it was answered."""

    __tablename__ = "payout_objection"
    __table_args__ = (
        CheckConstraint("(answered_at IS NULL) = (answered_by_id IS NULL)", name="answered"),
        CheckConstraint("(answered_at IS NULL) = (answer = '')", name="answer"),
        Index("ix_payout_objection_line", "line_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("payout_line.id"))
    heard_on: Mapped[date]
    said: Mapped[str] = mapped_column(SecretText)  # who said what: it may name people
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]
    answer: Mapped[str] = mapped_column(String(200), default="")
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    line: Mapped[PayoutLine] = relationship()
    by: Mapped[User] = relationship(foreign_keys=[by_id])
    answered_by: Mapped[User | None] = relationship(foreign_keys=[answered_by_id])
