"""Runs of the checks of `marketplace verify`, by night or because somebody asked."""

from datetime import datetime

from sqlalchemy import Index, Text, true
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.db import Base, BigId
from marketplace.identity.scope import Scope, Where


class CheckRun(Base):
    """One at a time: a run is asked for, started by the worker and finished by it; one that died with its
    worker is started again. `found` is JSON, a list with what each check said."""

    __tablename__ = "check_run"
    __table_args__ = (Index("ix_check_run_finished", "finished_at"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    asked_at: Mapped[datetime]
    asked_by_id: Mapped[int]  # 0: the system itself, by night
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    faults: Mapped[int] = mapped_column(default=0)
    found: Mapped[str] = mapped_column(Text, default="[]")

    @classmethod
    def within(cls, scope: Scope) -> Where:
        """The views ask for the reach of the whole county."""
        return true()
