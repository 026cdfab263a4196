"""Accounts, organisations, roles with their reach, deputies, sessions, login attempts."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, false, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.clock import today
from marketplace.core.db import Base, BigId
from marketplace.core.secret_text import SecretText
from marketplace.identity.permissions import ACCOUNT_MANAGE, ROLES
from marketplace.identity.scope import Scope, Where
from marketplace.regions.models import Region

ORGANISATION_KINDS = {
    "government": "机关",
    "school": "学校",
    "hospital": "医院",
    "institution": "事业单位",
    "enterprise": "企业",
    "cooperative": "合作社",
    "leading_enterprise": "龙头企业",
    "county_company": "县属平台公司",
    "community": "社区",
}
SUPPLIER_KINDS = frozenset({"cooperative", "leading_enterprise"})
"""They pool the produce of members."""
PROCESSOR_KINDS = SUPPLIER_KINDS | {"enterprise", "county_company"}
"""They may work on what others grew."""
SELLER_KINDS = SUPPLIER_KINDS | {"county_company"}
"""They may sell in their own name, and collect."""


class Organisation(Base):
    """A unit: who buys with a canteen or a union, or who pools members' produce."""

    __tablename__ = "organisation"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(120), unique=True)
    kind: Mapped[str] = mapped_column(String(30))
    uscc: Mapped[str | None] = mapped_column(String(18), unique=True)
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    has_canteen: Mapped[bool] = mapped_column(default=False)
    approval_above_fen: Mapped[int | None]  # none: no approval; 0: every order
    address: Mapped[str] = mapped_column(String(200), default="")
    active: Mapped[bool] = mapped_column(default=True)
    on_account: Mapped[bool] = mapped_column(default=False, server_default=false())
    """What its canteen orders is paid after a monthly statement."""
    account_days: Mapped[int] = mapped_column(default=30, server_default="30")
    """So many days after the statement it is due."""
    two_inspectors: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Two people sign for what its canteen receives."""

    region: Mapped[Region] = relationship()

    @classmethod
    def within(cls, scope: Scope) -> Where:
        if scope.permission == ACCOUNT_MANAGE:
            return true()
        return scope.either(scope.region_reach(cls.region_code), scope.organisation_reach(cls.id))


class User(Base):
    __tablename__ = "account"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    login_name: Mapped[str] = mapped_column(String(60), unique=True)  # lower case
    display_name: Mapped[str] = mapped_column(String(60))
    phone: Mapped[str | None] = mapped_column(SecretText)
    password_hash: Mapped[str | None] = mapped_column(String(200))  # none until activated
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    active: Mapped[bool] = mapped_column(default=True)
    demo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime]

    organisation: Mapped[Organisation | None] = relationship()
    grants: Mapped[list["RoleGrant"]] = relationship(back_populates="user", order_by="RoleGrant.id")

    @classmethod
    def within(cls, scope: Scope) -> Where:
        """Accounts are the administrator's whole business; everybody else sees the own one."""
        return (
            true() if scope.permission == ACCOUNT_MANAGE else scope.either(scope.own_reach(cls.id))
        )


def _phase(first: date, last: date | None) -> str:
    """Where today stands between two days, both included: later, now or over."""
    if today() < first:
        return "later"
    return "over" if last is not None and last < today() else "now"


class RoleGrant(Base):
    """A role with its reach and dates."""

    __tablename__ = "role_grant"
    __table_args__ = (
        CheckConstraint(
            f"role IN ({', '.join(repr(role) for role in sorted(ROLES))})", name="role"
        ),
        CheckConstraint("valid_until IS NULL OR valid_until >= valid_from", name="dates"),
        Index("ix_role_grant_user", "user_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    role: Mapped[str] = mapped_column(String(20))
    region_code: Mapped[str | None] = mapped_column(ForeignKey("region.code"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]

    user: Mapped[User] = relationship(back_populates="grants")
    region: Mapped[Region | None] = relationship()
    organisation: Mapped[Organisation | None] = relationship()

    @property
    def phase(self) -> str:
        return _phase(self.valid_from, self.valid_until)


class Deputy(Base):
    """From day to day, `deputy_id` may do what this grant allows. Not what countersigns either."""

    __tablename__ = "deputy"
    __table_args__ = (
        CheckConstraint("valid_until >= valid_from", name="dates"),
        Index("ix_deputy_deputy", "deputy_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    grant_id: Mapped[int] = mapped_column(ForeignKey("role_grant.id"))
    deputy_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    revoked_at: Mapped[datetime | None]

    grant: Mapped[RoleGrant] = relationship()
    deputy: Mapped[User] = relationship()

    @property
    def phase(self) -> str:
        if self.revoked_at is not None:
            return "over"
        last = min(self.valid_until, self.grant.valid_until or self.valid_until)
        return _phase(self.valid_from, last)


class Activation(Base):
    """A one-time code on a printed slip with which a person sets the first password."""

    __tablename__ = "activation"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()


class LoginSession(Base):
    """A sign-in that can be listed and revoked. The cookie holds the token, this row its hash."""

    __tablename__ = "login_session"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    device: Mapped[str] = mapped_column(String(120), default="")

    user: Mapped[User] = relationship()


class LoginAttempt(Base):
    """Wrong passwords, counted across processes. The name is a keyed hash: people mistype
    passwords into the name field."""

    __tablename__ = "login_attempt"
    __table_args__ = (Index("ix_login_attempt_name_at", "name_hash", "at"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name_hash: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
