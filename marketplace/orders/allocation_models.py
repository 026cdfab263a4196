"""What the allocation decided, with the input it decided on, and the operator's pins."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.catalog.models import Lot
from marketplace.core.db import Base, BigId
from marketplace.orders.order_models import OrderLine
from marketplace.orders.round_models import Commitment, Listing, Round


class AllocationRun(Base):
    """One allocation of one listing. The texts replay byte for byte; an undone run stays."""

    __tablename__ = "allocation_run"
    __table_args__ = (
        Index("ix_allocation_run_listing", "listing_id"),
        Index("ix_allocation_run_round", "round_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("order_round.id"))
    listing_id: Mapped[int] = mapped_column(ForeignKey("listing.id"))
    policy: Mapped[str] = mapped_column(String(30))
    policy_version: Mapped[int]
    input_text: Mapped[str] = mapped_column(Text)
    outcome_text: Mapped[str] = mapped_column(Text)
    outcome_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    created_by_id: Mapped[int]
    undone_at: Mapped[datetime | None]

    round: Mapped[Round] = relationship()
    listing: Mapped[Listing] = relationship()


class Allocation(Base):
    """Packs of one order line from one lot."""

    __tablename__ = "allocation"
    __table_args__ = (
        UniqueConstraint("order_line_id", "commitment_id"),
        CheckConstraint("packs > 0", name="packs"),
        Index("ix_allocation_lot", "lot_id"),
        Index("ix_allocation_run", "run_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("allocation_run.id"))
    order_line_id: Mapped[int] = mapped_column(ForeignKey("order_line.id"))
    commitment_id: Mapped[int] = mapped_column(ForeignKey("commitment.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    packs: Mapped[int]
    reason: Mapped[str] = mapped_column(String(40), default="")

    line: Mapped[OrderLine] = relationship()
    commitment: Mapped[Commitment] = relationship()
    lot: Mapped[Lot] = relationship()


class AllocationPin(Base):
    """The operator fixes how many packs a supplier sells, with a reason."""

    __tablename__ = "allocation_pin"
    __table_args__ = (
        UniqueConstraint("listing_id", "claimant"),
        CheckConstraint("packs >= 0", name="packs"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listing.id"))
    claimant: Mapped[str] = mapped_column(String(30))  # h:household or o:organisation
    packs: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]
