"""What the person who reported should still hear, below the receipt; it never blocks.

Features of a higher rank add what they know (`report_note`), as with the tasks of today.
"""

from collections.abc import Callable

from sqlalchemy.orm import Session

from marketplace.catalog.models import SupplyReport
from marketplace.catalog.report_queue import signals_of
from marketplace.core.county_settings import county_number
from marketplace.identity.actor import Actor

TOLD = ("twice", "price", "days")
"""Doubts of the township that whoever reports can clear up at once; land and poultry were asked before."""

Note = Callable[[Session, SupplyReport], str]
_notes: list[Note] = []


def report_note(note: Note) -> Note:
    """Decorator: `note` gives one sentence about a report that can still be corrected, or nothing."""
    _notes.append(note)
    return note


def notes_of(session: Session, actor: Actor, report: SupplyReport) -> list[str]:
    """Sentences about a report that waits; about any other there is nothing left to do."""
    if report.state not in {"submitted", "returned"}:
        return []
    alarm = county_number(session, "price_alarm_percent")
    flags = signals_of(session, actor, [report], alarm)[report.id].flags
    doubts = [f"{flag.evidence}写错了就点“更正”。" for flag in flags if flag.code in TOLD]
    return doubts + list(filter(None, (note(session, report) for note in _notes)))
