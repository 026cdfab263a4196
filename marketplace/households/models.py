"""Households with dated support status, their cadres over time, cooperatives' members, consent."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    Select,
    String,
    UniqueConstraint,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.clock import today
from marketplace.core.db import Base, BigId
from marketplace.core.identifiers import mask_name
from marketplace.core.secret_text import SecretText
from marketplace.core.validity import in_force
from marketplace.identity.models import Organisation, User
from marketplace.identity.scope import Scope, Where
from marketplace.regions.models import Region

OUT_OF_POVERTY_SINCE = date(2020, 12, 31)
"""The county's file says whether a household is 脱贫户, not since when: all had left poverty by then."""
SUPPORT_KINDS = {
    "povertyexit": "脱贫户",
    "unstable_exit": "脱贫不稳定户",
    "marginal_risk": "边缘易致贫户",
    "sudden_hardship": "突发严重困难户",
    "dibao": "低保",
    "tekun_home": "特困分散供养",
    "tekun_centre": "特困集中供养",
    "serious_illness": "重病",
    "severe_disability": "重残",
    "temporary_relief": "临时救助",
}
MONITOR_KINDS = frozenset({"unstable_exit", "marginal_risk", "sudden_hardship"})
SUPPORTED_KINDS = MONITOR_KINDS | {"povertyexit"}
"""With one of these in force a household counts as supported; the others are tags."""


class Household(Base):
    __tablename__ = "household"
    __table_args__ = (
        Index("ix_household_region", "region_code"),
        Index("ix_household_name", "region_code", "head_name_hash"),
        Index("ix_household_phone", "phone_hash"),
        Index("ix_household_identity", "identity_hash"),
        CheckConstraint("persons >= 1", name="persons"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    household_no: Mapped[str] = mapped_column(String(30), unique=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    head_name: Mapped[str] = mapped_column(SecretText)
    head_name_hash: Mapped[str] = mapped_column(String(64))
    identity_no: Mapped[str | None] = mapped_column(SecretText)
    identity_hash: Mapped[str | None] = mapped_column(String(64))
    phone: Mapped[str | None] = mapped_column(SecretText)  # several households may share one
    phone_hash: Mapped[str | None] = mapped_column(String(64))
    persons: Mapped[int] = mapped_column(default=1)
    land_mu_hundredths: Mapped[int | None]  # 0.01 mu
    poultry: Mapped[int | None]  # birds kept, for the check of what a flock can give
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]

    region: Mapped[Region] = relationship()
    statuses: Mapped[list["SupportStatus"]] = relationship(back_populates="household")
    assignments: Mapped[list["CadreAssignment"]] = relationship(back_populates="household")

    @property
    def masked_name(self) -> str:
        return mask_name(self.head_name)

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return scope.either(scope.region_reach(cls.region_code), household_reach(scope, cls.id))


class SupportStatus(Base):
    """What counts is the status on the day of sale, so each has dates and none is overwritten."""

    __tablename__ = "support_status"
    __table_args__ = (
        Index("ix_support_status_household", "household_id"),
        CheckConstraint("valid_until IS NULL OR valid_until >= valid_from", name="dates"),
        CheckConstraint(
            f"kind IN ({', '.join(repr(k) for k in sorted(SUPPORT_KINDS))})", name="kind"
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    household_id: Mapped[int] = mapped_column(ForeignKey("household.id"))
    kind: Mapped[str] = mapped_column(String(30))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    source: Mapped[str] = mapped_column(String(120), default="")

    household: Mapped[Household] = relationship(back_populates="statuses")


class CadreAssignment(Base):
    """One cadre per household at a time; the successor takes over with the history."""

    __tablename__ = "cadre_assignment"
    __table_args__ = (
        Index("ix_cadre_assignment_user", "user_id", "household_id"),
        Index("ix_cadre_assignment_household", "household_id"),
        CheckConstraint("valid_until IS NULL OR valid_until >= valid_from", name="dates"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    household_id: Mapped[int] = mapped_column(ForeignKey("household.id"))
    user_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]

    household: Mapped[Household] = relationship(back_populates="assignments")
    user: Mapped[User] = relationship()


class CooperativeMember(Base):
    __tablename__ = "cooperative_member"
    __table_args__ = (
        UniqueConstraint("organisation_id", "household_id", "valid_from"),
        Index("ix_cooperative_member_household", "household_id"),
        CheckConstraint("valid_until IS NULL OR valid_until >= valid_from", name="dates"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    household_id: Mapped[int] = mapped_column(ForeignKey("household.id"))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]

    organisation: Mapped[Organisation] = relationship()
    household: Mapped[Household] = relationship()


class Consent(Base):
    """Recorded consent of a household, withdrawable at once."""

    __tablename__ = "consent"
    __table_args__ = (
        Index("ix_consent_household", "household_id", "kind"),
        CheckConstraint("kind IN ('public_name')", name="kind"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    household_id: Mapped[int] = mapped_column(ForeignKey("household.id"))
    kind: Mapped[str] = mapped_column(String(20))
    given_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]
    recorded_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    how: Mapped[str] = mapped_column(String(120))  # signed form, call, visit

    household: Mapped[Household] = relationship()


def reached_households(scope: Scope) -> Select[tuple[int]] | None:
    """Ids of the households assigned today to those for whom the scope's person works, and of the
    members of the scope's cooperatives; None when the scope has neither."""
    parts = []
    if scope.cadre_for:
        parts.append(
            select(CadreAssignment.household_id).where(
                CadreAssignment.user_id.in_(scope.cadre_for), in_force(CadreAssignment, today())
            )
        )
    if scope.organisations:
        parts.append(
            select(CooperativeMember.household_id).where(
                CooperativeMember.organisation_id.in_(scope.organisations),
                in_force(CooperativeMember, today()),
            )
        )
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else parts[0].union(parts[1])  # type: ignore[return-value]


def household_reach(scope: Scope, column: Any) -> list[Where]:
    ids = reached_households(scope)
    return [] if ids is None else [column.in_(ids)]


def supplier_within(model: Any, scope: Scope) -> Where:
    """Reach of what belongs to a supplier: `model` has region_code, household_id, organisation_id."""
    assigned = household_reach(scope, model.household_id) if scope.cadre_for else []
    return scope.either(
        scope.region_reach(model.region_code),
        scope.organisation_reach(model.organisation_id),
        assigned,
    )
