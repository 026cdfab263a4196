"""Choosing a region in a form."""

from collections.abc import Callable, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import today
from marketplace.core.validity import in_force
from marketplace.regions.models import Region

Choices = dict[str, str | dict[str, str]]


def region_choices(session: Session, levels: Sequence[str] = ("county", "town")) -> Choices:
    """Regions in force for a select box: code to name, villages under their town. One statement."""
    rows = session.scalars(
        select(Region)
        .where(
            Region.level.in_(levels),
            in_force(Region, today()),
        )
        .order_by(Region.code)
    ).all()
    names = {row.code: row.name for row in rows}
    villages: dict[str, dict[str, str]] = {}
    choices: Choices = {}
    for row in rows:
        if row.level == "village":
            town = names.get(row.parent_code or "", "村")
            villages.setdefault(town, {})[row.code] = row.name
        else:
            choices[row.code] = row.name
    return choices | villages


def villages_within(session: Session, covers: Callable[[str], bool]) -> dict[str, dict[str, str]]:
    """Villages in force for a select box, under their towns: those whose code `covers` accepts."""
    found: dict[str, dict[str, str]] = {}
    for town, villages in region_choices(session, ("county", "town", "village")).items():
        if isinstance(villages, dict):
            here = {code: name for code, name in villages.items() if covers(code)}
            found |= {town: here} if here else {}
    return found
