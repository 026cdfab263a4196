"""What went from one lot into another after verification, and who of the household agreed, how."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.catalog.models import Lot
from marketplace.core.db import Base, BigId
from marketplace.fulfilment.weighing_models import WeighIn
from marketplace.identity.models import User

SHIFTS = {"regraded": "改等级", "pooled": "拼批"}
CONSENTS = {
    "head_present": "户主本人在场同意",
    "head_phone": "户主电话里同意",
    "family_present": "家里人在场同意",
    "family_phone": "家里人电话里同意",
    "manager_present": "合作社负责人在场同意",
    "manager_phone": "合作社负责人电话里同意",
}
"""Who agreed, and how."""
OF_HOUSEHOLDS = {key: words for key, words in CONSENTS.items() if not key.startswith("manager")}
OF_ORGANISATIONS = {key: words for key, words in CONSENTS.items() if key.startswith("manager")}


class LotShift(Base):
    """Base units that left one lot for another, at the price that was agreed to. Never changed."""

    __tablename__ = "lot_shift"
    __table_args__ = (
        CheckConstraint("kind IN ('pooled', 'regraded')", name="kind"),
        CheckConstraint("base > 0 AND fen > 0 AND per_base > 0", name="quantity"),
        CheckConstraint("from_lot_id <> to_lot_id", name="lots"),
        CheckConstraint("(kind = 'regraded') = (weigh_in_id IS NOT NULL)", name="weigh_in"),
        UniqueConstraint("weigh_in_id", "to_lot_id"),
        Index("ix_lot_shift_from", "from_lot_id"),
        Index("ix_lot_shift_to", "to_lot_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    from_lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    to_lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    weigh_in_id: Mapped[int | None] = mapped_column(ForeignKey("weigh_in.id"))
    base: Mapped[int]
    fen: Mapped[int]  # farm-gate price for per_base
    per_base: Mapped[int]
    consent: Mapped[str] = mapped_column(String(15))  # a key of CONSENTS
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    source: Mapped[Lot] = relationship(foreign_keys=[from_lot_id])
    target: Mapped[Lot] = relationship(foreign_keys=[to_lot_id])
    weigh_in: Mapped[WeighIn | None] = relationship()
    by: Mapped[User] = relationship()
