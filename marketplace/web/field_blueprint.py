"""The one blueprint of the cadre's phone pages, and what stands in the list of today's work.

Its pages need things of several ranks (reports, then orders, then preparation sheets), but Flask
gives a name to one blueprint only. So it is made here, at the bottom; a feature attaches its views
with `from marketplace.web.field_blueprint import bp`, and `app.py` imports those modules before it
registers the blueprint. Its tasks of today reach the home page through `today_tasks` likewise.
"""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint
from sqlalchemy.orm import Session

bp = Blueprint("field", __name__, url_prefix="/field")


@dataclass(frozen=True)
class Task:
    """A line of the list: what is to be done, where, and how pressing it is (a tone of ui.tag)."""

    text: str
    href: str
    note: str = ""
    badge: str = ""
    tone: str = "leaf"


TaskSource = Callable[[Session], list[Task]]
_sources: list[TaskSource] = []


def today_tasks(source: TaskSource) -> TaskSource:
    """Decorator: `source` tells tasks of the signed-in person, in few statements (best: one)."""
    _sources.append(source)
    return source


def tasks_of_today(session: Session) -> list[Task]:
    return [task for source in _sources for task in source(session)]


PanelSource = Callable[[Session, int], str]
_panels: list[PanelSource] = []


def household_panel(source: PanelSource) -> PanelSource:
    """Decorator: `source` tells, as finished HTML, what more belongs on the page of the household with
    that id, whose reader was checked; in few statements, and nothing when there is nothing."""
    _panels.append(source)
    return source


def panels_of(session: Session, household_id: int) -> list[str]:
    return [panel for source in _panels if (panel := source(session, household_id))]
