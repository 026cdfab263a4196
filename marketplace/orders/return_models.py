"""Goods that reached a buyer and that he does not pay for: rejected when they came, or taken back later."""

from dataclasses import dataclass
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
"""Who is to bear it. Only the first touches what a household gets; with the last the buyer's deposit stays
here."""
RECOVERY = "recovery"
"""What becomes of `farm` where the household was paid already: it is asked to give it back."""
FAULT_WORDS = FAULTS | {RECOVERY: "货的质量，货款已经付了，要向农户收回"}
BORNE_BY = {
    "farm": "这批货的农户",
    RECOVERY: "这批货的农户（货款付了，要收回）",
    "transport": "承运方",
    "goodwill": "平台",
    "unfetched": "平台",
}


@dataclass(frozen=True)
class Reason:
    """Why packs are not accepted as they come. The reason decides who bears it."""

    words: str
    fault: str


REASONS = {
    "crushed": Reason("压坏、摔坏了", "transport"),
    "missing": Reason("少送了", "transport"),
    "late": Reason("送晚了，不新鲜", "transport"),
    "rotten": Reason("腐烂、变质、有虫", "farm"),
    "light": Reason("分量不足", "farm"),
    "unlike": Reason("和说的等级、样子不一样", "farm"),
    "wrong": Reason("送错了货", "goodwill"),
    "papers": Reason("证件不全", "goodwill"),
}
NEEDS_PHOTO = frozenset(code for code, reason in REASONS.items() if reason.fault == "farm")
"""A household that loses money by it may see why."""
UNFETCHED = "unfetched"
RECALLED = "recalled"
"""Said by the recall of the lot and by nobody else."""
SAID = {code: reason.words for code, reason in REASONS.items()} | {
    UNFETCHED: "没有来取",
    RECALLED: "这批货召回了",
}


class GoodsReturn(Base):
    """Packs of one line from one lot, with who bears them; never changed."""

    __tablename__ = "goods_return"
    __table_args__ = (
        CheckConstraint("packs > 0", name="packs"),
        CheckConstraint(
            f"fault IN ({', '.join(repr(code) for code in sorted(FAULT_WORDS))})", name="fault"
        ),
        CheckConstraint("stage IN ('acceptance', 'later')", name="stage"),
        Index("ix_goods_return_line", "order_line_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_line_id: Mapped[int] = mapped_column(ForeignKey("order_line.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    packs: Mapped[int]
    fault: Mapped[str] = mapped_column(String(10))
    words: Mapped[str] = mapped_column(String(200))
    stage: Mapped[str] = mapped_column(String(10), default="later", server_default="later")
    reason: Mapped[str] = mapped_column(String(10), default="", server_default="")  # of REASONS
    photo: Mapped[str] = mapped_column(String(64), default="", server_default="")
    """SHA-256 of the kept picture."""
    journal_number: Mapped[str | None] = mapped_column(ForeignKey("journal.number"))
    """None where nothing was posted: all of an order was rejected, and households bear it."""
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    line: Mapped[OrderLine] = relationship()
    lot: Mapped[Lot] = relationship()
    by: Mapped[User] = relationship()


assert isinstance(GoodsReturn.__table__, Table)
append_only(GoodsReturn.__table__)
