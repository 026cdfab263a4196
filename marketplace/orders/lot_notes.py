"""What features of a higher rank know of a lot, beside what its page says itself."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot


@dataclass(frozen=True)
class LotNote:
    """`links`: label and address."""

    title: str
    words: str
    links: tuple[tuple[str, str], ...] = ()


Notes = Callable[[Session, Lot], list[LotNote]]
_notes: list[Notes] = []


def lot_notes(notes: Notes) -> Notes:
    """Decorator: `notes` tells what a feature knows of a lot, for the person who looks at it."""
    _notes.append(notes)
    return notes


def notes_of(session: Session, lot: Lot) -> list[LotNote]:
    return [note for notes in _notes for note in notes(session, lot)]
