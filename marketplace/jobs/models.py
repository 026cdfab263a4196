"""When each due job ran last, and who runs it now."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.db import Base


class DueJob(Base):
    __tablename__ = "due_job"
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    next_at: Mapped[datetime]
    lease_until: Mapped[datetime | None]
    lease_owner: Mapped[str] = mapped_column(String(60), default="")
    finished_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(String(300), default="")


class Tick(Base):
    """The scheduler's last sign of life, read by /readyz."""

    __tablename__ = "tick"
    name: Mapped[str] = mapped_column(String(20), primary_key=True)
    at: Mapped[datetime]
