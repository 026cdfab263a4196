"""What a feature says about a kind of file that people may bring."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from sqlalchemy.orm import Session

from marketplace.core.errors import InvalidInput
from marketplace.identity.actor import Actor
from marketplace.identity.county_reach import works_for_county

Cells = Mapping[str, str]
"""Heading → text of the cell, trimmed; every declared column is there, empty when it was missing."""
Value = TypeVar("Value")


@dataclass(frozen=True)
class Column:
    heading: str
    required: bool = False
    aliases: tuple[str, ...] = ()
    hint: str = ""
    example: str = ""


@dataclass(frozen=True)
class Problem:
    """`what` says what is wrong and how to mend it."""

    column: str
    what: str


class FaultyRow(Exception):
    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(problem.what for problem in problems))
        self.problems = problems


class Checker(Protocol):
    """One pass over one file, with everything looked up beforehand."""

    def check(self, cells: Cells) -> Any:
        """The row as a value; raises FaultyRow with every problem of the row."""

    def prepare(self, session: Session, values: Sequence[Any]) -> None:
        """Called before each slice of rows is taken: look up what they need, for all at once."""

    def apply(self, session: Session, value: Any) -> bool:
        """Take the row; False when everything was so already. May raise MarketplaceError."""


@dataclass(frozen=True)
class PastedText:
    """How rows come from a text that people paste, and how it looks when it goes back to be mended.

    `read` raises InvalidInput with the field `text`. `said` tells of a row what was understood: whose,
    and what. `give_back` takes rows with their problems and writes a text that can be pasted again.
    """

    read: Callable[[Session, str], "PastedRows"]
    said: Callable[[Cells], tuple[str, str]]
    give_back: Callable[[Sequence[tuple[Cells, Sequence[str]]]], str]
    hint: str
    example: str


@dataclass(frozen=True)
class PastedRows:
    """`rows` as a table would have them, by line number; `left_out` are lines that say nothing."""

    headings: tuple[str, ...]
    rows: list[tuple[int, list[str]]]
    left_out: tuple[int, ...]


@dataclass(frozen=True)
class Importer:
    """`start` loads what rows are compared with and gives the checker for one pass.

    With `pasted` the rows come from a text instead of a file. A file has one row for each value of
    the columns `once`; with `agree` it may have several, which say the same in those columns.
    """

    code: str
    title: str
    permission: str
    columns: tuple[Column, ...]
    start: Callable[[Session, Actor], Checker]
    note: str = ""
    once: tuple[str, ...] = ()
    agree: tuple[str, ...] = ()
    pasted: PastedText | None = None
    county: bool = False
    """Only for who holds the permission for the whole county."""

    def open_to(self, actor: Actor) -> bool:
        if self.county:
            return works_for_county(actor, self.permission)
        return actor.may(self.permission)


class RowByRow:
    """Base of checkers that need no preparation: each row looks up for itself."""

    def prepare(self, session: Session, values: Sequence[Any]) -> None:
        pass


IMPORTERS: dict[str, Importer] = {}


def register(importer: Importer) -> Importer:
    IMPORTERS[importer.code] = importer
    return importer


class RowReader:
    """Reads the cells of one row and collects every problem instead of stopping at the first."""

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.problems: list[Problem] = []

    def text(self, column: str, *, required: str = "", longest: int = 200) -> str:
        """The cell; `required` is the sentence shown when it is empty."""
        value = self.cells[column]
        if not value and required:
            self.problem(column, required)
        if len(value) > longest:
            self.problem(column, f"最多 {longest} 个字，请写短些。")
        return value

    def read(self, column: str, parse: Callable[[str], Value]) -> Value | None:
        """`parse` of the cell; None when it is empty or wrong (then a problem is noted)."""
        if not self.cells[column]:
            return None
        try:
            return parse(self.cells[column])
        except InvalidInput as error:
            self.problem(column, error.message)
            return None

    def choice(self, column: str, choices: Mapping[str, Value], default: Value) -> Value:
        """The value that the cell's word stands for; the problem names the words that are allowed."""
        word = self.cells[column]
        if not word:
            return default
        if word not in choices:
            self.problem(column, f"「{word}」不认识，请填：{'、'.join(choices)}。")
        return choices.get(word, default)

    def problem(self, column: str, what: str) -> None:
        self.problems.append(Problem(column, what))

    def finish(self) -> None:
        """Raises FaultyRow when any problem was noted."""
        if self.problems:
            raise FaultyRow(self.problems)
