"""Delivered goods that a buyer does not pay for: spoiled, short, taken back."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.catalog.models import Lot
from marketplace.core.append_only import append_only
from marketplace.core.db import Base, BigId
from marketplace.identity.models import User
from marketplace.orders.order_models import OrderLine

FAULTS = {
    "farm": "货的质量，农户同意少收",
    "transport": "运输中坏了",
    "goodwill": "平台承担",
    "unfetched": "买家没来取",
}
"""Who bears it. Only the first lowers what a household gets, and only before it is being paid; with the
last the buyer's deposit stays here."""


class GoodsReturn(Base):
    """Packs of one line from one lot, with who bears them; never changed."""

    __tablename__ = "goods_return"
    __table_args__ = (
        CheckConstraint("packs > 0", name="packs"),
        CheckConstraint(
            f"fault IN ({', '.join(repr(code) for code in sorted(FAULTS))})", name="fault"
        ),
        Index("ix_goods_return_line", "order_line_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_line_id: Mapped[int] = mapped_column(ForeignKey("order_line.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    packs: Mapped[int]
    fault: Mapped[str] = mapped_column(String(10))
    words: Mapped[str] = mapped_column(String(200))
    journal_number: Mapped[str] = mapped_column(ForeignKey("journal.number"))
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    line: Mapped[OrderLine] = relationship()
    lot: Mapped[Lot] = relationship()
    by: Mapped[User] = relationship()


assert isinstance(GoodsReturn.__table__, Table)
append_only(GoodsReturn.__table__)
