"""The audit trail: one row for each sensitive or refused action, never changed, no personal data."""

import json
from datetime import datetime

from flask import g, has_request_context
from sqlalchemy import Index, String, Table, Text, select, true
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.core.append_only import append_only
from marketplace.core.clock import now
from marketplace.core.db import Base, BigId
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation, RoleGrant, User
from marketplace.identity.scope import Scope, Where

Detail = str | int | bool | None


class AuditRow(Base):
    __tablename__ = "audit_row"
    __table_args__ = (
        Index("ix_audit_row_subject", "subject", "subject_id"),
        Index("ix_audit_row_actor", "actor_id", "at"),
        Index("ix_audit_row_action", "action", "at"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    at: Mapped[datetime]
    actor_id: Mapped[int]  # 0: the system itself; no foreign key, the trail outlives accounts
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(40), default="")
    subject_id: Mapped[str] = mapped_column(String(60), default="")
    refused: Mapped[bool] = mapped_column(default=False)
    detail: Mapped[str] = mapped_column(Text, default="{}")  # JSON of plain values
    request_id: Mapped[str] = mapped_column(String(40), default="")

    @classmethod
    def within(cls, scope: Scope) -> Where:
        """A county's auditor sees the whole trail; one of a smaller region what its people did."""
        if any(low.endswith("000000") for low, _high in scope.regions):
            return true()
        by_unit = (
            select(User.id)
            .join(User.organisation)
            .where(scope.either(scope.region_reach(Organisation.region_code)))
        )
        by_role = select(RoleGrant.user_id).where(
            scope.either(scope.region_reach(RoleGrant.region_code))
        )
        return scope.either(
            [cls.actor_id.in_(by_unit.union(by_role))], scope.own_reach(cls.actor_id)
        )


assert isinstance(AuditRow.__table__, Table)
append_only(AuditRow.__table__)


def record(
    session: Session,
    actor: Actor,
    action: str,
    subject: str = "",
    subject_id: int | str = "",
    *,
    refused: bool = False,
    **detail: Detail,
) -> None:
    """Write one row in the running transaction. `detail` must hold no name, phone, ID or account."""
    session.add(
        AuditRow(
            at=now(),
            actor_id=actor.user_id,
            action=action,
            subject=subject,
            subject_id=str(subject_id),
            refused=refused,
            detail=json.dumps(detail, ensure_ascii=False, sort_keys=True),
            request_id=getattr(g, "request_id", "") if has_request_context() else "",
        )
    )
