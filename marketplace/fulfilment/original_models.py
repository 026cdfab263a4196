"""Photographed papers with signatures, filed under archive numbers; what auditors ask for years later."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.append_only import append_only
from marketplace.core.db import Base, BigId
from marketplace.fulfilment.delivery_models import Manifest
from marketplace.fulfilment.models import PreparationSheet
from marketplace.identity.models import User
from marketplace.orders.order_models import Order

ORIGINALS = {
    "manifest": "配送单",
    "order": "订单、验收单",
    "sheet": "备货单、过磅单",
}
ONE_SUBJECT = " + ".join(f"CASE WHEN {name}_id IS NULL THEN 0 ELSE 1 END" for name in ORIGINALS)


class SignedOriginal(Base):
    """One photographed page; never changed. The picture's hash names its file and proves it."""

    __tablename__ = "signed_original"
    __table_args__ = (
        CheckConstraint(f"{ONE_SUBJECT} = 1", name="one_subject"),
        Index("ix_signed_original_manifest", "manifest_id"),
        Index("ix_signed_original_order", "order_id"),
        Index("ix_signed_original_sheet", "sheet_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)  # A2026-000012
    manifest_id: Mapped[int | None] = mapped_column(ForeignKey("manifest.id"))
    order_id: Mapped[int | None] = mapped_column(ForeignKey("preorder.id"))
    sheet_id: Mapped[int | None] = mapped_column(ForeignKey("preparation_sheet.id"))
    photo: Mapped[str] = mapped_column(String(64))  # SHA-256 of the kept picture
    note: Mapped[str] = mapped_column(String(100), default="")
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    manifest: Mapped[Manifest | None] = relationship()
    order: Mapped[Order | None] = relationship()
    sheet: Mapped[PreparationSheet | None] = relationship()
    by: Mapped[User] = relationship()

    @property
    def of(self) -> str:
        """What it is the original of, by its own number."""
        if self.manifest:
            return self.manifest.number
        if self.order:
            return self.order.number
        return self.sheet.code if self.sheet else ""

    @property
    def kind(self) -> str:
        return next(name for name in ORIGINALS if getattr(self, f"{name}_id"))


assert isinstance(SignedOriginal.__table__, Table)
append_only(SignedOriginal.__table__)
