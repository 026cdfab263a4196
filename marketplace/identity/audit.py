"""The audit trail: one row for each sensitive or refused action, never changed, no personal data."""

import json
from datetime import datetime

from flask import g, has_request_context
from sqlalchemy import Index, String, Table, Text
from sqlalchemy.orm import Mapped, Session, mapped_column

from marketplace.core.append_only import append_only
from marketplace.core.clock import now
from marketplace.core.db import Base, BigId
from marketplace.identity.actor import Actor

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
