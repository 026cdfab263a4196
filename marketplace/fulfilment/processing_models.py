"""Who processes what (slaughter, milling, drying) at which yield and fee, and what went in and came out."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.catalog.models import Lot, Product
from marketplace.core.db import Base, BigId
from marketplace.core.states import Moves, moves
from marketplace.identity.models import Organisation, User
from marketplace.identity.scope import Scope, Where

SLAUGHTER = "slaughter"
PROCESSES = {SLAUGHTER: "屠宰", "milling": "碾米磨粉", "drying": "烘干"}


class ProcessingLine(Base):
    """A processor's way from one product to another. Yields are base units of output for 1000 base units of
    input, whatever the two units are."""

    __tablename__ = "processing_line"
    __table_args__ = (
        CheckConstraint("kind IN ('drying', 'milling', 'slaughter')", name="kind"),
        CheckConstraint("input_product_id <> output_product_id", name="products"),
        CheckConstraint(
            "low_permille > 0 AND yield_permille BETWEEN low_permille AND high_permille",
            name="yield",
        ),
        CheckConstraint("fee_fen >= 0 AND fee_per_base > 0", name="fee"),
        CheckConstraint("daily_base > 0", name="capacity"),
        UniqueConstraint(
            "organisation_id",
            "kind",
            "input_product_id",
            "output_product_id",
            name="uq_processing_line_way",
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    kind: Mapped[str] = mapped_column(String(10))  # a key of PROCESSES
    input_product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    output_product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    yield_permille: Mapped[int]
    low_permille: Mapped[int]
    high_permille: Mapped[int]
    fee_fen: Mapped[int]  # for fee_per_base of input
    fee_per_base: Mapped[int]
    daily_base: Mapped[int]  # input a day
    active: Mapped[bool] = mapped_column(default=True)

    organisation: Mapped[Organisation] = relationship()
    input_product: Mapped[Product] = relationship(foreign_keys=[input_product_id])
    output_product: Mapped[Product] = relationship(foreign_keys=[output_product_id])

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return cls.organisation.has(Organisation.within(scope))

    @property
    def both_mass(self) -> bool:
        """Only then what is lost can be said."""
        return self.input_product.base_unit == self.output_product.base_unit == "g"


class ProcessingOrder(Base):
    """Goods of some lots that a line makes into one new lot on a day."""

    __tablename__ = "processing_order"
    __table_args__ = (
        CheckConstraint("state IN ('planned', 'started', 'finished', 'cancelled')", name="state"),
        CheckConstraint("input_base > 0 AND fee_fen >= 0", name="quantity"),
        CheckConstraint("(state = 'finished') = (output_lot_id IS NOT NULL)", name="output"),
        CheckConstraint("(output_lot_id IS NULL) = (output_base IS NULL)", name="output_base"),
        CheckConstraint("(state IN ('finished', 'cancelled')) = (ended_at IS NOT NULL)", name="ended"),
        CheckConstraint("state <> 'planned' OR started_at IS NULL", name="planned"),
        CheckConstraint("invoice_no = '' OR state = 'finished'", name="invoice"),
        Index("ix_processing_order_day", "line_id", "day"),
    )  # fmt: skip
    MOVES: ClassVar[Moves] = moves(
        {"planned": ["started", "cancelled"], "started": ["finished", "cancelled"]}
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    state: Mapped[str] = mapped_column(String(10), default="planned")
    line_id: Mapped[int] = mapped_column(ForeignKey("processing_line.id"))
    day: Mapped[date]
    seller_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    """Who sells what several households put in; none: its only supplier."""
    input_base: Mapped[int]
    fee_fen: Mapped[int]  # as agreed when it was planned
    planned_at: Mapped[datetime]
    planned_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    started_at: Mapped[datetime | None]
    started_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    output_base: Mapped[int | None]
    output_lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.id"), unique=True)
    reason: Mapped[str] = mapped_column(String(200), default="")  # why it was cancelled
    invoice_no: Mapped[str] = mapped_column(String(40), default="")  # none: the fee is still open

    line: Mapped[ProcessingLine] = relationship()
    seller: Mapped[Organisation | None] = relationship()
    output_lot: Mapped[Lot | None] = relationship()
    planned_by: Mapped[User] = relationship(foreign_keys=[planned_by_id])
    started_by: Mapped[User | None] = relationship(foreign_keys=[started_by_id])
    ended_by: Mapped[User | None] = relationship(foreign_keys=[ended_by_id])
    inputs: Mapped[list["ProcessingInput"]] = relationship(
        back_populates="order", order_by="ProcessingInput.lot_id"
    )

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return cls.line.has(ProcessingLine.within(scope))

    @property
    def permille(self) -> int:
        """The yield it came to, rounded half up; 0 while it is not known."""
        return permille_of(self.output_base or 0, self.input_base)

    @property
    def loss_base(self) -> int | None:
        """Grams that went in and did not come out; None where that is not known or cannot be said."""
        if self.output_base is None or not self.line.both_mass:
            return None
        return self.input_base - self.output_base


class ProcessingInput(Base):
    """What one lot gives; `returned_base` of it came back when the order was cancelled after its start."""

    __tablename__ = "processing_input"
    __table_args__ = (
        CheckConstraint("base > 0 AND returned_base BETWEEN 0 AND base", name="quantity"),
        UniqueConstraint("order_id", "lot_id"),
        Index("ix_processing_input_lot", "lot_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("processing_order.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    base: Mapped[int]
    returned_base: Mapped[int] = mapped_column(default=0)

    order: Mapped[ProcessingOrder] = relationship(back_populates="inputs")
    lot: Mapped[Lot] = relationship()


def permille_of(output_base: int, input_base: int) -> int:
    """Base units of output for 1000 of input, rounded half up."""
    return (2000 * output_base + input_base) // (2 * input_base)
