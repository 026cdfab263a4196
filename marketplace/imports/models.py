"""Files that people bring: parsed once, previewed, taken. Cells are personal data: encrypted."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from marketplace.core.db import Base, BigId
from marketplace.core.secret_text import SecretText
from marketplace.core.states import Moves, moves
from marketplace.identity.scope import Scope, Where


class ImportBatch(Base):
    """One file on its way: reading → previewed → applying → done; failed says why."""

    __tablename__ = "import_batch"
    __table_args__ = (
        CheckConstraint(
            "state IN ('reading', 'previewed', 'applying', 'done', 'failed', 'discarded')",
            name="state",
        ),
        Index("ix_import_batch_by", "created_by_id", "id"),
    )
    MOVES: ClassVar[Moves] = moves(
        {
            "reading": ["previewed", "failed", "discarded"],
            "previewed": ["applying", "discarded"],
            "applying": ["done", "failed"],
        }
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(30))
    file_name: Mapped[str] = mapped_column(String(120))
    file_hash: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(10), default="reading")
    take: Mapped[str] = mapped_column(String(5), default="")  # all, good
    columns: Mapped[str] = mapped_column(Text, default="[]")  # JSON: headings in the file's order
    total: Mapped[int] = mapped_column(default=0)
    checked: Mapped[int] = mapped_column(default=0)
    faulty: Mapped[int] = mapped_column(default=0)
    applied: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    message: Mapped[str] = mapped_column(String(300), default="")
    lease_until: Mapped[datetime | None]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return cls.created_by_id == scope.user_id


class ImportRow(Base):
    __tablename__ = "import_row"
    __table_args__ = (
        UniqueConstraint("batch_id", "row_no"),
        CheckConstraint(
            "state IN ('waiting', 'good', 'faulty', 'applied', 'unchanged')", name="state"
        ),
        Index("ix_import_row_state", "batch_id", "state", "row_no"),
    )
    MOVES: ClassVar[Moves] = moves(
        {"waiting": ["good", "faulty"], "good": ["applied", "unchanged", "faulty"]}
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("import_batch.id"))
    row_no: Mapped[int]  # as the spreadsheet counts
    cells: Mapped[str] = mapped_column(SecretText)  # JSON list of texts
    problems: Mapped[str] = mapped_column(Text, default="[]")  # JSON: column, what is wrong, cure
    state: Mapped[str] = mapped_column(String(10), default="waiting")
