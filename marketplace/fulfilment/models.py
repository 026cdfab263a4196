"""Preparation sheets, who was told, what the household answered."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.catalog.models import SUPPLIER, Lot
from marketplace.core.db import Base, BigId
from marketplace.households.models import Household, supplier_within
from marketplace.identity.models import Organisation, User
from marketplace.identity.scope import Scope, Where
from marketplace.orders.round_models import Listing, Round, RoundCollection
from marketplace.regions.models import Region

ANSWERS = {"yes": "能备齐", "less": "备不齐", "no": "备不了"}
TOLD_HOW = {
    "visit": "上门",
    "call": "电话",
    "message": "短信或微信",
    "loudspeaker": "村广播",
    "paper": "纸质备货单",
}


class PreparationSheet(Base):
    """What one supplier prepares for one round. A changed sheet is a new version."""

    __tablename__ = "preparation_sheet"
    __table_args__ = (
        CheckConstraint(SUPPLIER, name="one_supplier"),
        UniqueConstraint("round_id", "household_id", "organisation_id", "version"),
        Index("ix_preparation_sheet_household", "household_id"),
        Index("ix_preparation_sheet_round", "round_id", "region_code"),
        Index(
            "ux_preparation_sheet_current_household",
            "round_id",
            "household_id",
            unique=True,
            sqlite_where=text("current"),
            postgresql_where=text("current"),
        ),
        Index(
            "ux_preparation_sheet_current_organisation",
            "round_id",
            "organisation_id",
            unique=True,
            sqlite_where=text("current"),
            postgresql_where=text("current"),
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)  # random, in the sheet's QR
    round_id: Mapped[int] = mapped_column(ForeignKey("order_round.id"))
    household_id: Mapped[int | None] = mapped_column(ForeignKey("household.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    collection_id: Mapped[int] = mapped_column(ForeignKey("round_collection.id"))
    version: Mapped[int]
    current: Mapped[bool] = mapped_column(default=True)
    amount_fen: Mapped[int]
    issued_at: Mapped[datetime]
    issued_by_id: Mapped[int]

    round: Mapped[Round] = relationship()
    household: Mapped[Household | None] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    region: Mapped[Region] = relationship()
    collection: Mapped[RoundCollection] = relationship()
    lines: Mapped[list["SheetLine"]] = relationship(back_populates="sheet", order_by="SheetLine.id")
    told: Mapped[list["SheetTold"]] = relationship(back_populates="sheet", order_by="SheetTold.id")
    answers: Mapped[list["SheetAnswer"]] = relationship(
        back_populates="sheet", order_by="SheetAnswer.id"
    )

    @property
    def versions(self) -> Where:
        """WHERE part: the sheets of this supplier in this round."""
        cls = PreparationSheet
        mine = (
            cls.household_id == self.household_id
            if self.household_id
            else cls.organisation_id == self.organisation_id
        )
        return (cls.round_id == self.round_id) & mine

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return supplier_within(cls, scope)


class SheetLine(Base):
    __tablename__ = "sheet_line"
    __table_args__ = (
        UniqueConstraint("sheet_id", "listing_id", "lot_id"),
        CheckConstraint("packs > 0 AND quantity_base > 0", name="quantity"),
        Index("ix_sheet_line_lot", "lot_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sheet_id: Mapped[int] = mapped_column(ForeignKey("preparation_sheet.id"))
    listing_id: Mapped[int] = mapped_column(ForeignKey("listing.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    packs: Mapped[int]
    quantity_base: Mapped[int]
    farmgate_fen: Mapped[int]  # for one pack
    amount_fen: Mapped[int]

    sheet: Mapped[PreparationSheet] = relationship(back_populates="lines")
    listing: Mapped[Listing] = relationship()
    lot: Mapped[Lot] = relationship()


class SheetTold(Base):
    """Somebody recorded that the household was told: only then a sheet counts as delivered."""

    __tablename__ = "sheet_told"
    __table_args__ = (
        CheckConstraint(f"how IN ({', '.join(repr(k) for k in sorted(TOLD_HOW))})", name="how"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sheet_id: Mapped[int] = mapped_column(ForeignKey("preparation_sheet.id"), index=True)
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]
    how: Mapped[str] = mapped_column(String(20))
    note: Mapped[str] = mapped_column(String(200), default="")

    sheet: Mapped[PreparationSheet] = relationship(back_populates="told")
    by: Mapped[User] = relationship()


class SheetAnswer(Base):
    """Yes, less or no. The latest answer of the current version counts."""

    __tablename__ = "sheet_answer"
    __table_args__ = (CheckConstraint("answer IN ('yes', 'less', 'no')", name="answer"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    sheet_id: Mapped[int] = mapped_column(ForeignKey("preparation_sheet.id"), index=True)
    answer: Mapped[str] = mapped_column(String(5))
    reason: Mapped[str] = mapped_column(String(200), default="")
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]

    sheet: Mapped[PreparationSheet] = relationship(back_populates="answers")
    by: Mapped[User] = relationship()
    lines: Mapped[list["SheetAnswerLine"]] = relationship(back_populates="answer")


class SheetAnswerLine(Base):
    """How many packs of a line the household can bring when the answer is less."""

    __tablename__ = "sheet_answer_line"
    __table_args__ = (
        UniqueConstraint("answer_id", "sheet_line_id"),
        CheckConstraint("packs >= 0", name="packs"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    answer_id: Mapped[int] = mapped_column(ForeignKey("sheet_answer.id"))
    sheet_line_id: Mapped[int] = mapped_column(ForeignKey("sheet_line.id"))
    packs: Mapped[int]

    answer: Mapped[SheetAnswer] = relationship(back_populates="lines")
    line: Mapped[SheetLine] = relationship()
