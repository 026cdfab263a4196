"""What the scales said at a collection point, line by line of the preparation sheets."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.catalog.models import Lot
from marketplace.core.db import Base, BigId
from marketplace.fulfilment.models import PreparationSheet
from marketplace.identity.models import User
from marketplace.orders.round_models import Listing

DEDUCTIONS = {"wet": "带水", "soil": "带泥", "rotten": "有坏的", "other": "其他"}
SHORT_REASONS = {"late": "没赶上，货还在", "gone": "没有这么多了", "grade": "等级不够，货还在"}
STAYS = frozenset({"late", "grade"})
"""What is short for these reasons stays in its lot; else it leaves it."""
FAR_MORE, FAR_LESS = 3, 10
"""More than so many times what the sheet asks for, or a part of it so small, is mostly a slip: 500 for 5."""


class WeighIn(Base):
    """One weighing of what a lot gives to a listing, in grams or pieces. A wrong one is set aside with who
    and why, never changed; one counts."""

    __tablename__ = "weigh_in"
    __table_args__ = (
        CheckConstraint(
            "gross_base >= 0 AND tare_base >= 0 AND deduction_base >= 0 "
            "AND net_base = gross_base - tare_base - deduction_base AND net_base >= 0",
            name="net",
        ),
        CheckConstraint("packs >= 0 AND packs <= asked_packs", name="packs"),
        CheckConstraint("(deduction_base > 0) = (deduction_reason <> '')", name="deduction"),
        CheckConstraint("(packs < asked_packs) = (short_reason <> '')", name="short"),
        CheckConstraint("mass_g > 0 OR (mass_g = 0 AND net_base = 0)", name="mass"),
        CheckConstraint("(void_at IS NULL) = (void_by_id IS NULL)", name="void"),
        Index(
            "ux_weigh_in_counts",
            "listing_id",
            "lot_id",
            unique=True,
            sqlite_where=text("void_at IS NULL"),
            postgresql_where=text("void_at IS NULL"),
        ),
        Index("ix_weigh_in_sheet", "sheet_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)  # on the household's receipt
    sheet_id: Mapped[int] = mapped_column(ForeignKey("preparation_sheet.id"))
    """The version that lay beside the scales."""
    listing_id: Mapped[int] = mapped_column(ForeignKey("listing.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    grade: Mapped[str] = mapped_column(String(10))  # as it was found
    gross_base: Mapped[int]
    tare_base: Mapped[int]
    deduction_base: Mapped[int]
    deduction_reason: Mapped[str] = mapped_column(String(10), default="")
    net_base: Mapped[int]
    asked_packs: Mapped[int]
    packs: Mapped[int]
    short_reason: Mapped[str] = mapped_column(String(10), default="")
    mass_g: Mapped[int | None]  # by weight: what the net weighs, goods that are counted too
    farmgate_fen: Mapped[int]  # for one pack
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    void_at: Mapped[datetime | None]
    void_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    void_why: Mapped[str] = mapped_column(String(200), default="")

    sheet: Mapped[PreparationSheet] = relationship()
    listing: Mapped[Listing] = relationship()
    lot: Mapped[Lot] = relationship()
    by: Mapped[User] = relationship(foreign_keys=[by_id])
    void_by: Mapped[User | None] = relationship(foreign_keys=[void_by_id])


class WeighPhoto(Base):
    """A re-encoded picture of what lay on the scales; the file lies below the data folder."""

    __tablename__ = "weigh_photo"
    __table_args__ = (UniqueConstraint("weigh_in_id", "sha256"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    weigh_in_id: Mapped[int] = mapped_column(ForeignKey("weigh_in.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    weigh_in: Mapped[WeighIn] = relationship()


class WeighSurplus(Base):
    """Whole packs beyond what the sheet asks for, which the household sells too. `added_base` of them were
    more than its lot had free, and of these `back_base` left it again when the weighing was set aside;
    `refilled_base` went to orders of the same round that were short; `listing_id`: what the rest was offered on to."""

    __tablename__ = "weigh_surplus"
    __table_args__ = (
        CheckConstraint("base > 0 AND added_base BETWEEN 0 AND base", name="quantity"),
        CheckConstraint("refilled_base BETWEEN 0 AND base", name="refilled"),
        CheckConstraint("back_base BETWEEN 0 AND added_base", name="back"),
        CheckConstraint(
            "(listing_id IS NULL) = (offered_at IS NULL) AND (listing_id IS NULL) = (offered_by_id IS NULL)",
            name="offered",
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    weigh_in_id: Mapped[int] = mapped_column(ForeignKey("weigh_in.id"), unique=True)
    base: Mapped[int]
    added_base: Mapped[int]
    refilled_base: Mapped[int] = mapped_column(default=0)
    back_base: Mapped[int] = mapped_column(default=0)
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    listing_id: Mapped[int | None] = mapped_column(ForeignKey("listing.id"))
    offered_at: Mapped[datetime | None]
    offered_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    weigh_in: Mapped[WeighIn] = relationship()

    @property
    def left_base(self) -> int:
        """What is to be offered on."""
        return self.base - self.refilled_base
