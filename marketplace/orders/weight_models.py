"""What packs sold by weight weighed when they were accepted, and by how much less they cost for it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Table
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.append_only import append_only
from marketplace.core.db import Base, BigId


class AcceptedWeight(Base):
    """Packs of one line from one lot with their grams; never changed, a return takes its part off.

    A pack costs what the heaviest one does: `off_fen` is what the buyer pays less than that,
    `farmgate_off_fen` what the households get less. Both are sums over packs and may be added up.
    """

    __tablename__ = "accepted_weight"
    __table_args__ = (
        CheckConstraint(
            "(packs > 0 AND grams > 0) OR (packs < 0 AND grams <= 0 AND goods_return_id IS NOT NULL)",
            name="packs",
        ),
        Index("ix_accepted_weight_line", "order_line_id"),
        Index("ix_accepted_weight_lot", "lot_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_line_id: Mapped[int] = mapped_column(ForeignKey("order_line.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    goods_return_id: Mapped[int | None] = mapped_column(ForeignKey("goods_return.id"), unique=True)
    """None: accepted. Packs above zero: not accepted, and paid to the households by somebody else.
    Packs below zero: came back later."""
    packs: Mapped[int]
    grams: Mapped[int]
    farmgate_fen: Mapped[int]
    """What they are worth to the households, whoever bears it; below zero for what came back."""
    off_fen: Mapped[int]
    farmgate_off_fen: Mapped[int]
    at: Mapped[datetime]
    by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))


assert isinstance(AcceptedWeight.__table__, Table)
append_only(AcceptedWeight.__table__)
