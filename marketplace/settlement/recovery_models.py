"""What households were paid for goods that came back: asked back, agreed to on paper, taken off, written off."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Table, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.append_only import append_only
from marketplace.core.db import Base, BigId
from marketplace.core.states import Moves, moves
from marketplace.households.models import Household, supplier_within
from marketplace.identity.models import Organisation, User
from marketplace.identity.scope import Scope, Where
from marketplace.orders.return_models import GoodsReturn
from marketplace.regions.models import Region
from marketplace.settlement.payee_models import ONE_OWNER
from marketplace.settlement.payout_models import PayoutLine
from marketplace.settlement.splitting import Owner

SIGNERS = {"head": "户主本人", "family": "户主委托的家里人", "manager": "单位负责人"}


class Recovery(Base):
    """One owner's part of goods that came back after he was paid for them; never changed. What is still
    open is `fen` less what was taken off and written off."""

    __tablename__ = "household_recovery"
    __table_args__ = (
        CheckConstraint(ONE_OWNER, name="one_owner"),
        CheckConstraint("fen > 0", name="fen"),
        UniqueConstraint("return_id", "household_id", "organisation_id"),
        Index("ix_household_recovery_household", "household_id"),
        Index("ix_household_recovery_organisation", "organisation_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    household_id: Mapped[int | None] = mapped_column(ForeignKey("household.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    return_id: Mapped[int] = mapped_column(ForeignKey("goods_return.id"))
    fen: Mapped[int]
    at: Mapped[datetime]

    household: Mapped[Household | None] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    region: Mapped[Region] = relationship()
    returned: Mapped[GoodsReturn] = relationship()
    consent: Mapped["RecoveryConsent | None"] = relationship(back_populates="recovery")

    @property
    def owner(self) -> Owner:
        return Owner(self.household_id or 0, self.organisation_id or 0)

    @property
    def party(self) -> str:
        return party_of(self.owner)

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return supplier_within(cls, scope)


def party_of(owner: Owner) -> str:
    """The sub-account of an owner."""
    if owner.household_id:
        return f"household:{owner.household_id}"
    return f"unit:{owner.organisation_id}"


class RecoveryConsent(Base):
    """The owner has signed that it may be taken off the next payment; never changed. The picture's hash names
    its file and proves it."""

    __tablename__ = "recovery_consent"
    __table_args__ = (
        CheckConstraint(
            f"signed_by IN ({', '.join(repr(code) for code in sorted(SIGNERS))})", name="signed_by"
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    recovery_id: Mapped[int] = mapped_column(ForeignKey("household_recovery.id"), unique=True)
    signed_by: Mapped[str] = mapped_column(String(10))
    signed_on: Mapped[date]
    photo: Mapped[str] = mapped_column(String(64))  # SHA-256 of the kept picture
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    recovery: Mapped[Recovery] = relationship(back_populates="consent")
    by: Mapped[User] = relationship()


class PayoutDeduction(Base):
    """What of a recovery a payment is less; never changed. It counts while its line is on its way or paid."""

    __tablename__ = "payout_deduction"
    __table_args__ = (
        CheckConstraint("fen > 0", name="fen"),
        UniqueConstraint("line_id", "recovery_id"),
        Index("ix_payout_deduction_recovery", "recovery_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    line_id: Mapped[int] = mapped_column(ForeignKey("payout_line.id"))
    recovery_id: Mapped[int] = mapped_column(ForeignKey("household_recovery.id"))
    fen: Mapped[int]

    line: Mapped[PayoutLine] = relationship()
    recovery: Mapped[Recovery] = relationship()


class RecoveryWriteOff(Base):
    """Proposed by one, decided by another: the county bears what is still open."""

    __tablename__ = "recovery_write_off"
    __table_args__ = (
        CheckConstraint("fen > 0", name="fen"),
        CheckConstraint("state IN ('proposed', 'approved', 'rejected')", name="state"),
        CheckConstraint("(state = 'proposed') = (decided_by_id IS NULL)", name="decided"),
        CheckConstraint(
            "state <> 'approved' OR decided_by_id <> proposed_by_id", name="two_people"
        ),
        Index(
            "uq_recovery_write_off_proposed",
            "recovery_id",
            unique=True,
            sqlite_where=text("state = 'proposed'"),
            postgresql_where=text("state = 'proposed'"),
        ),
        Index("ix_recovery_write_off_recovery", "recovery_id"),
    )
    MOVES: ClassVar[Moves] = moves({"proposed": ["approved", "rejected"]})
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    recovery_id: Mapped[int] = mapped_column(ForeignKey("household_recovery.id"))
    fen: Mapped[int]
    reason: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(10), default="proposed")
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    proposed_at: Mapped[datetime]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    decided_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(String(200), default="")

    recovery: Mapped[Recovery] = relationship()
    proposed_by: Mapped[User] = relationship(foreign_keys=[proposed_by_id])
    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])


for _model in (Recovery, RecoveryConsent, PayoutDeduction):
    assert isinstance(_model.__table__, Table)
    append_only(_model.__table__)
