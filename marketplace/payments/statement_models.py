"""What a unit owes on a day, on paper: a statement with its orders."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Base, BigId
from marketplace.identity.models import Organisation
from marketplace.identity.scope import Scope, Where
from marketplace.orders.order_models import Order


class Statement(Base):
    """A unit's open orders of a month (2026-11). `total_fen` is what was open when it was issued; what is
    open now follows from its orders."""

    __tablename__ = "statement"
    __table_args__ = (
        CheckConstraint("total_fen > 0", name="total"),
        Index("ix_statement_unit", "organisation_id", "id"),
        Index("ix_statement_due", "due_on"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    month: Mapped[str] = mapped_column(String(7))
    issued_at: Mapped[datetime]
    issued_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    due_on: Mapped[date]
    total_fen: Mapped[int]

    organisation: Mapped[Organisation] = relationship(innerjoin=True)
    lines: Mapped[list["StatementLine"]] = relationship(
        order_by="StatementLine.id", back_populates="statement"
    )

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return scope.either(scope.organisation_reach(cls.organisation_id))


class StatementLine(Base):
    """An order with what was open of it when the statement was issued, in fen."""

    __tablename__ = "statement_line"
    __table_args__ = (
        CheckConstraint("fen > 0", name="fen"),
        Index("ix_statement_line_statement", "statement_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    statement_id: Mapped[int] = mapped_column(ForeignKey("statement.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("preorder.id"), unique=True)
    fen: Mapped[int]

    statement: Mapped[Statement] = relationship(back_populates="lines", innerjoin=True)
    order: Mapped[Order] = relationship(innerjoin=True)
