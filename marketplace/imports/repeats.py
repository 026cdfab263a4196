"""Rows of one file that speak of the same thing: the last one must not win in silence."""

import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.imports.importer import Cells, Importer, Problem
from marketplace.imports.models import ImportBatch, ImportRow


class Repeats:
    """Remembers each row's key (the importer's `once`) while a file is checked from top to bottom."""

    def __init__(self, importer: Importer) -> None:
        self._columns, self._agree = importer.once, importer.agree
        self._headings = [column.heading for column in importer.columns]
        self._first: dict[tuple[str, ...], tuple[int, Cells]] = {}

    def resume(self, session: Session, batch: ImportBatch) -> None:
        """Rows that another worker had checked before it died; usually there are none."""
        if not self._columns:
            return
        headings: list[str] = json.loads(batch.columns)
        for row in session.scalars(
            select(ImportRow)
            .where(ImportRow.batch_id == batch.id, ImportRow.state != "waiting")
            .order_by(ImportRow.row_no)
            .execution_options(yield_per=500)
        ):
            given = dict(zip(headings, json.loads(row.cells), strict=False))
            self.problems(row.row_no, {name: given.get(name, "") for name in self._headings})

    def problems(self, row_no: int, cells: Cells) -> list[Problem]:
        """What speaks against this row after those above it; a row without its key is not compared."""
        key = tuple(cells[column].lower() for column in self._columns)
        if not key or not all(key):
            return []
        agreed = {column: cells[column] for column in self._agree}
        first_no, first = self._first.setdefault(key, (row_no, agreed))
        if first_no == row_no:
            return []
        same = f"和第 {first_no} 行的{'、'.join(self._columns)}一样"
        last = self._columns[-1]
        if not self._agree:
            return [Problem(last, f"{same}。请改{last}，或只留一行。")]
        return [
            Problem(column, f"{same}，{column}却不同。请核对。")
            for column in self._agree
            if agreed[column] != first[column]
        ]
