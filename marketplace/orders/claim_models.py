"""A buyer says, within a set time, that something was wrong with what he had accepted."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.catalog.models import Lot
from marketplace.core.db import Base, BigId
from marketplace.core.states import Moves, moves
from marketplace.identity.models import User
from marketplace.orders.order_models import OrderLine

CLAIM_STATES = {"open": "等平台处理", "granted": "同意了", "refused": "没有同意"}


class Claim(Base):
    """Packs of one line from one lot. Decided once, by somebody of the county, with a reason when refused."""

    __tablename__ = "claim"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'granted', 'refused')", name="state"),
        CheckConstraint("packs > 0", name="packs"),
        CheckConstraint("granted_packs BETWEEN 0 AND packs", name="granted"),
        CheckConstraint("(state = 'open') = (decided_at IS NULL)", name="decided"),
        Index("ix_claim_line", "order_line_id"),
        Index("ix_claim_state", "state"),
    )
    MOVES: ClassVar[Moves] = moves({"open": ["granted", "refused"]})
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    order_line_id: Mapped[int] = mapped_column(ForeignKey("order_line.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    state: Mapped[str] = mapped_column(String(10), default="open")
    packs: Mapped[int]
    reason: Mapped[str] = mapped_column(String(10))  # of return_models.REASONS
    words: Mapped[str] = mapped_column(String(200), default="")
    photo: Mapped[str] = mapped_column(String(64), default="")  # SHA-256 of the kept picture
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    granted_packs: Mapped[int] = mapped_column(default=0)
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    answer: Mapped[str] = mapped_column(String(200), default="")

    line: Mapped[OrderLine] = relationship()
    lot: Mapped[Lot] = relationship()
    by: Mapped[User] = relationship(foreign_keys=[by_id])
    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])
