"""Products, supply reports, the lots that verified produce becomes, whose they are, how they change."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Table, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.append_only import append_only
from marketplace.core.db import Base, BigId
from marketplace.core.states import Moves, moves
from marketplace.households.models import SUPPORT_KINDS, Household, supplier_within
from marketplace.identity.models import Organisation, User
from marketplace.identity.scope import Scope, Where
from marketplace.regions.models import Region

GRADES = ("特级", "一级", "二级", "统货")
POOLED = "pooled"
"""Channel of the report that stands for what several households put into one lot."""
PROCESSED = "processed"
"""Channel of the report that stands for what goods of other lots were made into."""
MADE_HERE = frozenset({POOLED, PROCESSED})
"""Such goods were reported and verified before, as others."""
NO_SUPPORT = "none"
"""The household had no support status when goods of the lot were first accepted."""
STOPPED = ("on_hold", "recalled")
"""States of a lot of which nothing is promised or given any more."""
SUPPLIER = "(household_id IS NULL) <> (organisation_id IS NULL)"


class Product(Base):
    __tablename__ = "product"
    __table_args__ = (
        CheckConstraint("base_unit IN ('g', 'piece')", name="base_unit"),
        CheckConstraint("reference_fen > 0 AND reference_per_base > 0", name="reference"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    aliases: Mapped[str] = mapped_column(String(200), default="")  # separated by spaces
    category: Mapped[str] = mapped_column(String(20))
    base_unit: Mapped[str] = mapped_column(String(5))
    piece_word: Mapped[str] = mapped_column(String(4), default="")  # 只, 枚, 个
    piece_mass_g: Mapped[int | None]  # declared 约重 of a piece
    shelf_days: Mapped[int]
    reference_fen: Mapped[int]  # the county's reference farm-gate price for reference_per_base
    reference_per_base: Mapped[int]
    yield_per_mu_base: Mapped[int | None]  # the most that one mu gives
    yield_per_bird_base: Mapped[int | None]  # the most that one bird gives in a report's span
    drawing: Mapped[str] = mapped_column(String(40), default="produce")
    active: Mapped[bool] = mapped_column(default=True)


class SupplyReport(Base):
    """What a household or cooperative cannot sell, as a person reported it."""

    __tablename__ = "supply_report"
    __table_args__ = (
        CheckConstraint(SUPPLIER, name="one_supplier"),
        CheckConstraint("quantity_base > 0", name="quantity"),
        CheckConstraint("asked_fen > 0 AND asked_per_base > 0", name="price"),
        CheckConstraint("available_until >= available_from", name="dates"),
        CheckConstraint(
            "state IN ('draft', 'submitted', 'returned', 'verified', 'withdrawn')", name="state"
        ),
        Index("ix_supply_report_queue", "state", "region_code"),
        Index("ix_supply_report_household", "household_id", "product_id"),
        Index("ix_supply_report_submitted_by", "submitted_by_id", "state"),
    )
    MOVES: ClassVar[Moves] = moves(
        {
            "draft": ["submitted", "withdrawn"],
            "submitted": ["verified", "returned", "withdrawn"],
            "returned": ["submitted", "withdrawn"],
        }
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    client_uuid: Mapped[str] = mapped_column(String(36), unique=True)  # sending twice is one report
    receipt_no: Mapped[str] = mapped_column(String(20), unique=True)
    state: Mapped[str] = mapped_column(String(12), default="submitted")
    household_id: Mapped[int | None] = mapped_column(ForeignKey("household.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))  # the supplier's village
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    grade: Mapped[str] = mapped_column(String(10))
    typed_quantity: Mapped[str] = mapped_column(String(60))  # as the person wrote it
    quantity_base: Mapped[int]
    approximate: Mapped[bool] = mapped_column(default=False)  # 上千斤
    asked_fen: Mapped[int]  # farm-gate price for asked_per_base
    asked_per_base: Mapped[int]
    available_from: Mapped[date]
    available_until: Mapped[date]
    cause: Mapped[str] = mapped_column(String(200), default="")  # why it does not sell
    measures: Mapped[str] = mapped_column(String(200), default="")  # what was tried
    channel: Mapped[str] = mapped_column(
        String(20), default="form"
    )  # form, paste, import, MADE_HERE
    submitted_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    submitted_at: Mapped[datetime]
    reviewed_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    reviewed_at: Mapped[datetime | None]
    return_reason: Mapped[str] = mapped_column(String(200), default="")
    spot_check: Mapped[bool] = mapped_column(default=False)  # drawn for a check on the spot

    product: Mapped[Product] = relationship()
    household: Mapped[Household | None] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    region: Mapped[Region] = relationship()
    submitted_by: Mapped[User] = relationship(foreign_keys=[submitted_by_id])
    reviewed_by: Mapped[User | None] = relationship(foreign_keys=[reviewed_by_id])
    photos: Mapped[list["ReportPhoto"]] = relationship(back_populates="report")
    shares: Mapped[list["ReportShare"]] = relationship(back_populates="report")
    revisions: Mapped[list["ReportRevision"]] = relationship(back_populates="report")

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return scope.either([supplier_within(cls, scope)], scope.own_reach(cls.submitted_by_id))


class ReportShare(Base):
    """Whose a cooperative's produce is; no household: the part of non-supported members."""

    __tablename__ = "report_share"
    __table_args__ = (
        CheckConstraint("quantity_base > 0", name="quantity"),
        UniqueConstraint("report_id", "household_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("supply_report.id"))
    household_id: Mapped[int | None] = mapped_column(ForeignKey("household.id"))
    quantity_base: Mapped[int]

    report: Mapped[SupplyReport] = relationship(back_populates="shares")
    household: Mapped[Household | None] = relationship()


class ReportRevision(Base):
    """What a report said before a correction, and who changed it."""

    __tablename__ = "report_revision"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("supply_report.id"), index=True)
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    note: Mapped[str] = mapped_column(String(200), default="")
    before: Mapped[str] = mapped_column(Text)  # JSON of the changed columns

    report: Mapped[SupplyReport] = relationship(back_populates="revisions")
    by: Mapped[User] = relationship()


class ReportPhoto(Base):
    """A re-encoded picture without place or device data; the file lies under the data folder."""

    __tablename__ = "report_photo"
    __table_args__ = (UniqueConstraint("report_id", "sha256"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    report_id: Mapped[int] = mapped_column(ForeignKey("supply_report.id"))
    sha256: Mapped[str] = mapped_column(String(64))
    width: Mapped[int]
    height: Mapped[int]
    at: Mapped[datetime]

    report: Mapped[SupplyReport] = relationship(back_populates="photos")


class Lot(Base):
    """One product, one grade, one supplier, one payee. Base units: grams or pieces."""

    __tablename__ = "lot"
    __table_args__ = (
        CheckConstraint(SUPPLIER, name="one_supplier"),
        CheckConstraint(
            "verified + surplus + adjusted = free + committed + sold + donated + withdrawn + lost + processed",
            name="mass_balance",
        ),
        CheckConstraint(
            "verified >= 0 AND surplus >= 0 AND free >= 0 AND committed >= 0 AND sold >= 0 AND donated >= 0 "
            "AND withdrawn >= 0 AND lost >= 0 AND processed >= 0",
            name="not_negative",
        ),
        CheckConstraint(
            "state IN ('open', 'exhausted', 'expired', 'withdrawn', 'on_hold', 'recalled')",
            name="state",
        ),
        UniqueConstraint("report_id", "grade"),  # another grade is found at the scales
        Index("ix_lot_product", "product_id", "state"),
        Index("ix_lot_household", "household_id"),
        Index("ix_lot_organisation", "organisation_id"),
        Index("ix_lot_region", "region_code"),
    )
    MOVES: ClassVar[Moves] = moves(
        {
            "open": ["exhausted", "expired", "withdrawn", "on_hold", "recalled"],
            "exhausted": ["open", "on_hold", "recalled"],
            "on_hold": ["open", "exhausted", "recalled", "withdrawn"],
            "expired": ["recalled", "on_hold"],  # some of it may be at a processor's
            "withdrawn": ["recalled"],  # some of it may have gone into another lot
        }
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)  # people read it
    trace_code: Mapped[str] = mapped_column(String(20), unique=True)  # public, random
    report_id: Mapped[int] = mapped_column(ForeignKey("supply_report.id"))
    state: Mapped[str] = mapped_column(String(12), default="open")
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    grade: Mapped[str] = mapped_column(String(10))
    household_id: Mapped[int | None] = mapped_column(ForeignKey("household.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    asked_fen: Mapped[int]
    asked_per_base: Mapped[int]
    available_from: Mapped[date]
    available_until: Mapped[date]
    verified: Mapped[int] = mapped_column(default=0)
    surplus: Mapped[int] = mapped_column(default=0)
    adjusted: Mapped[int] = mapped_column(default=0)  # signed
    free: Mapped[int] = mapped_column(default=0)
    committed: Mapped[int] = mapped_column(default=0)
    sold: Mapped[int] = mapped_column(default=0)
    donated: Mapped[int] = mapped_column(default=0)
    withdrawn: Mapped[int] = mapped_column(default=0)
    lost: Mapped[int] = mapped_column(default=0)
    processed: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]

    report: Mapped[SupplyReport] = relationship()
    product: Mapped[Product] = relationship()
    household: Mapped[Household | None] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    region: Mapped[Region] = relationship()
    shares: Mapped[list["LotShare"]] = relationship(back_populates="lot")
    movements: Mapped[list["LotMovement"]] = relationship(
        back_populates="lot", order_by="LotMovement.id"
    )

    @property
    def claimant(self) -> str:
        """Who competes for demand: the supplier, however many lots it has."""
        return f"h:{self.household_id}" if self.household_id else f"o:{self.organisation_id}"

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return supplier_within(cls, scope)


class LotShare(Base):
    """Whose the lot is. Σ shares = the lot's quantity; see AcceptedSupport for its status."""

    __tablename__ = "lot_share"
    __table_args__ = (
        CheckConstraint("quantity_base > 0", name="quantity"),
        UniqueConstraint("lot_id", "household_id"),
        Index("ix_lot_share_household", "household_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    household_id: Mapped[int | None] = mapped_column(ForeignKey("household.id"))
    quantity_base: Mapped[int]

    lot: Mapped[Lot] = relationship(back_populates="shares")
    household: Mapped[Household | None] = relationship()


class AcceptedSupport(Base):
    """A support status that a shareholder had on the day goods of the lot were first accepted with his
    share in it: one row for each kind then in force, or one of NO_SUPPORT. Never changed, whatever becomes
    of the status."""

    __tablename__ = "accepted_support"
    __table_args__ = (
        CheckConstraint(
            f"kind IN ({', '.join(repr(k) for k in sorted({*SUPPORT_KINDS, NO_SUPPORT}))})",
            name="kind",
        ),
        UniqueConstraint("lot_id", "household_id", "kind"),
        Index("ix_accepted_support_household", "household_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    household_id: Mapped[int] = mapped_column(ForeignKey("household.id"))
    kind: Mapped[str] = mapped_column(String(30))
    day: Mapped[date]


MOVEMENT_KINDS = {
    "verified": "核实入账",
    "adjusted": "更正",
    "surplus": "多出",
    "committed": "上架",
    "released": "退回可用",
    "sold": "售出",
    "donated": "捐赠",
    "withdrawn": "撤回",
    "lost": "损失",
    "processed": "加工",
}


class LotMovement(Base):
    """Every change of a lot, never altered. Quantities are positive except for `adjusted`."""

    __tablename__ = "lot_movement"
    __table_args__ = (
        CheckConstraint(
            "quantity_base <> 0 AND (quantity_base > 0 OR kind = 'adjusted')", name="quantity"
        ),
        CheckConstraint(
            f"kind IN ({', '.join(repr(k) for k in sorted(MOVEMENT_KINDS))})", name="kind"
        ),
        Index("ix_lot_movement_lot", "lot_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    kind: Mapped[str] = mapped_column(String(12))
    quantity_base: Mapped[int]
    reason: Mapped[str] = mapped_column(String(60), default="")
    reference: Mapped[str] = mapped_column(String(60), default="")  # e.g. listing:12
    by_id: Mapped[int]  # account, 0 for the system
    at: Mapped[datetime]

    lot: Mapped[Lot] = relationship(back_populates="movements")


for _model in (LotMovement, AcceptedSupport):
    assert isinstance(_model.__table__, Table)
    append_only(_model.__table__)
