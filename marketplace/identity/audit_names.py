"""What the trail names by number, in the names that people know: one statement for a whole page."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Select, String, cast, literal, select, union_all
from sqlalchemy.orm import Session

from marketplace.identity.models import Organisation, User

Thing = tuple[str, str]
"""A subject with its id: ("lot", "12")."""
Names = Mapping[Thing, str]
_known: dict[str, tuple[Any, Any]] = {}


def named(subject: str, key: Any, name: Any) -> None:
    """A feature says under which name people know a subject: the column of its number and that of the name."""
    _known[subject] = (key, name)


named("account", User.id, User.display_name)
named("organisation", Organisation.id, Organisation.name)


def names_of(session: Session, things: Iterable[Thing]) -> dict[Thing, str]:
    """Names of those that have one and are still there."""
    wanted: dict[str, set[int]] = {}
    for subject, number in things:
        if subject in _known and number.isdecimal() and len(number) < 19:
            wanted.setdefault(subject, set()).add(int(number))
    statements = [
        _rows(subject).where(_known[subject][0].in_(numbers)) for subject, numbers in wanted.items()
    ]
    if not statements:
        return {}
    rows = session.execute(union_all(*statements))
    return {(subject, str(number)): str(name) for subject, number, name in rows}


def things_named(session: Session, name: str) -> set[Thing]:
    """What people call so; accounts are looked for as those who acted."""
    statements = [
        _rows(subject).where(cast(column, String(200)) == name)
        for subject, (_, column) in sorted(_known.items())
        if subject != "account"
    ]
    rows = session.execute(union_all(*statements))
    return {(subject, str(number)) for subject, number, _ in rows}


def _rows(subject: str) -> Select[Any]:
    key, name = _known[subject]
    return select(literal(subject, String(40)), key, cast(name, String(200)))
