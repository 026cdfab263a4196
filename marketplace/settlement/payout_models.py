"""Payout runs: what of which delivery is paid, split to the fen over whose it was, line by line."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.catalog.models import Lot
from marketplace.core.db import Base, BigId
from marketplace.core.states import Moves, moves
from marketplace.households.models import Household, supplier_within
from marketplace.identity.models import Organisation, User
from marketplace.identity.scope import Scope, Where
from marketplace.orders.order_models import Order
from marketplace.regions.models import Region
from marketplace.settlement.payee_models import ONE_OWNER, Payee
from marketplace.settlement.splitting import Owner

OPEN_LINES = ("held", "bounced")
"""A line in these was not paid: a later run takes it up again."""
LIVE_LINES = ("proposed", "approved", "sent", "paid")
"""What is taken off a line in one of these counts; else the line that follows takes off what is open then."""


class Advance(Base):
    """Working capital (周转金) that pays households before their buyers do, and is paid back."""

    __tablename__ = "advance"
    __table_args__ = (
        CheckConstraint("state IN ('proposed', 'approved', 'rejected', 'closed')", name="state"),
        CheckConstraint("limit_fen > 0", name="limit"),
        CheckConstraint(
            "decided_by_id IS NULL OR decided_by_id <> proposed_by_id", name="two_people"
        ),
    )
    MOVES: ClassVar[Moves] = moves({"proposed": ["approved", "rejected"], "approved": ["closed"]})
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(60))
    limit_fen: Mapped[int]
    repay_by: Mapped[date]
    state: Mapped[str] = mapped_column(String(10), default="proposed")
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    proposed_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(200), default="")

    proposed_by: Mapped[User] = relationship(foreign_keys=[proposed_by_id])
    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])

    @property
    def party(self) -> str:
        return f"advance:{self.number}"


class PayoutRun(Base):
    """One proposal to pay, decided by somebody else, sent to the bank as one file."""

    __tablename__ = "payout_run"
    __table_args__ = (
        CheckConstraint(
            "state IN ('proposed', 'approved', 'rejected', 'sent', 'done')", name="state"
        ),
        CheckConstraint(
            "state IN ('proposed', 'rejected') OR decided_by_id <> proposed_by_id",
            name="two_people",
        ),
        CheckConstraint("(state = 'proposed') = (decided_by_id IS NULL)", name="decided"),
        Index(
            "uq_payout_run_proposed",
            "state",
            unique=True,
            sqlite_where=text("state = 'proposed'"),
            postgresql_where=text("state = 'proposed'"),
        ),
    )
    MOVES: ClassVar[Moves] = moves(
        {
            "proposed": ["approved", "rejected"],
            "approved": ["sent", "done"],  # done at once when every line is held
            "sent": ["done"],
        }
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(String(10), default="proposed")
    advance_id: Mapped[int | None] = mapped_column(ForeignKey("advance.id"))
    fen: Mapped[int]
    advanced_fen: Mapped[int] = mapped_column(default=0)
    """What of `fen` is not yet paid by its buyers and comes from the advance."""
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    proposed_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(200), default="")
    file_taken_at: Mapped[datetime | None]
    """From then on the bank may have it: nothing in it is held back any more."""
    sent_at: Mapped[datetime | None]
    sent_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    advance: Mapped[Advance | None] = relationship()
    proposed_by: Mapped[User] = relationship(foreign_keys=[proposed_by_id])
    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])
    lines: Mapped[list["PayoutLine"]] = relationship(back_populates="run", order_by="PayoutLine.id")


class PayoutItem(Base):
    """What one order brought one lot, in the run that pays it. A dropped one is free for the next."""

    __tablename__ = "payout_item"
    __table_args__ = (
        CheckConstraint("fen > 0", name="fen"),
        Index(
            "uq_payout_item",
            "order_id",
            "lot_id",
            unique=True,
            sqlite_where=text("dropped = 0"),
            postgresql_where=text("NOT dropped"),
        ),
        Index("ix_payout_item_run", "run_id", "lot_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("payout_run.id"))
    order_id: Mapped[int] = mapped_column(ForeignKey("preorder.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    fen: Mapped[int]
    advanced: Mapped[bool] = mapped_column(default=False)
    dropped: Mapped[bool] = mapped_column(default=False)

    order: Mapped[Order] = relationship()
    lot: Mapped[Lot] = relationship()


class PayoutLine(Base):
    """One sum to one account. A line that was not paid is replaced by one of a later run."""

    __tablename__ = "payout_line"
    __table_args__ = (
        CheckConstraint(ONE_OWNER, name="one_owner"),
        CheckConstraint("fen > 0", name="fen"),
        CheckConstraint("deducted_fen BETWEEN 0 AND fen", name="deducted"),
        CheckConstraint(
            "state IN ('proposed', 'approved', 'rejected', 'sent', 'paid', 'bounced', 'held')",
            name="state",
        ),
        CheckConstraint(
            "state IN ('held', 'rejected') OR payee_id IS NOT NULL", name="has_account"
        ),
        CheckConstraint("state <> 'paid' OR paid_on IS NOT NULL", name="paid"),
        Index(
            "uq_payout_line_replaces",
            "replaces_id",
            unique=True,
            sqlite_where=text("state <> 'rejected'"),
            postgresql_where=text("state <> 'rejected'"),
        ),
        Index("ix_payout_line_run", "run_id", "state"),
        Index("ix_payout_line_household", "household_id"),
        Index("ix_payout_line_organisation", "organisation_id"),
        Index("ix_payout_line_state", "state"),
        Index("ix_payout_line_region", "region_code"),
    )
    MOVES: ClassVar[Moves] = moves(
        {
            "proposed": ["approved", "rejected", "held"],
            "held": ["rejected"],
            "approved": ["sent", "held"],
            "sent": ["paid", "bounced"],
            "paid": ["bounced"],  # days later
        }
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("payout_run.id"))
    household_id: Mapped[int | None] = mapped_column(ForeignKey("household.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    fen: Mapped[int]
    """Gross: what its parts come to."""
    deducted_fen: Mapped[int] = mapped_column(default=0, server_default="0")
    """What was to be taken off it when it was proposed, see PayoutDeduction."""
    state: Mapped[str] = mapped_column(String(10))
    payee_id: Mapped[int | None] = mapped_column(ForeignKey("payee.id"))
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("payout_line.id"))
    origin_id: Mapped[int | None] = mapped_column(ForeignKey("payout_line.id"))
    """The first of the lines that replace each other: its parts say what is paid."""
    accepted_on: Mapped[date]
    """When the first of its goods was delivered: waiting is counted from there."""
    held_since: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(80), default="")
    """Why it is held or came back, in words."""
    paid_on: Mapped[date | None]
    retry: Mapped[bool] = mapped_column(default=False)
    """Finance lets a line that came back go to the same account once more."""

    run: Mapped[PayoutRun] = relationship(back_populates="lines")
    household: Mapped[Household | None] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    region: Mapped[Region] = relationship()
    payee: Mapped[Payee | None] = relationship()
    parts: Mapped[list["PayoutPart"]] = relationship(
        back_populates="line", order_by="PayoutPart.id"
    )

    @property
    def off_fen(self) -> int:
        """What is taken off: nothing, where it is not paid after all."""
        return self.deducted_fen if self.state in LIVE_LINES else 0

    @property
    def net_fen(self) -> int:
        """What goes to the account."""
        return self.fen - self.off_fen

    @property
    def parts_line_id(self) -> int:
        """The line whose parts say what is paid: one that replaces another has none of its own."""
        return self.origin_id or self.id

    @property
    def owner(self) -> Owner:
        return Owner(self.household_id or 0, self.organisation_id or 0)

    @property
    def party(self) -> str:
        """The sub-account of what is owed to the owner and not yet paid."""
        if self.household_id:
            return f"household:{self.household_id}"
        return f"unit:{self.organisation_id}"

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return supplier_within(cls, scope)


class PayoutPart(Base):
    """What of a lot's sum in a run is whose: split once, then frozen."""

    __tablename__ = "payout_part"
    __table_args__ = (
        CheckConstraint("fen > 0", name="fen"),
        CheckConstraint("(received_on IS NULL) = (received_by_id IS NULL)", name="received"),
        UniqueConstraint("line_id", "lot_id", "household_id"),
        Index("ix_payout_part_lot", "lot_id"),
        Index("ix_payout_part_household", "household_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("payout_line.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    household_id: Mapped[int | None] = mapped_column(ForeignKey("household.id"))
    """Whose it is; nobody's where it is the cooperative's own."""
    fen: Mapped[int]
    received_on: Mapped[date | None]
    """When a member signed to his cooperative, which had collected for him."""
    received_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    receipt: Mapped[str] = mapped_column(String(120), default="")
    """Where the signed receipt is kept."""

    line: Mapped[PayoutLine] = relationship(back_populates="parts")
    lot: Mapped[Lot] = relationship()
    household: Mapped[Household | None] = relationship()
