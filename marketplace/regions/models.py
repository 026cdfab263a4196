"""Administrative divisions: 12-digit codes, revised yearly, so each has dates of validity."""

from datetime import date

from sqlalchemy import CheckConstraint, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Base


class Region(Base):
    """A county, town or village. A subtree is a range of codes, so scope needs no join."""

    __tablename__ = "region"
    __table_args__ = (
        CheckConstraint("length(code) = 12", name="code_length"),
        CheckConstraint("level IN ('county', 'town', 'village')", name="level"),
    )
    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(60))
    level: Mapped[str] = mapped_column(String(10))
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("region.code"))
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]  # last day; none while in force

    parent: Mapped["Region | None"] = relationship(remote_side=[code])
