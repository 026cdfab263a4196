"""Finding a household by its head's name: whole names by their hash, parts only inside one village."""

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.secret_text import keyring
from marketplace.households.models import Household
from marketplace.identity.scope import Scope, Where
from marketplace.regions.models import Region


def villages_of(session: Session, scope: Scope) -> list[tuple[str, str]]:
    """Villages in which somebody in reach lives: code, and name with the town."""
    codes = scope.visible(select(Household)).with_only_columns(Household.region_code).distinct()
    rows = session.scalars(
        select(Region)
        .where(Region.code.in_(codes))
        .options(joinedload(Region.parent))
        .order_by(Region.code)
    )
    return [(r.code, f"{r.parent.name}{r.name}" if r.parent else r.name) for r in rows]


def whole_name(words: str) -> Where:
    matches: Where = Household.head_name_hash == keyring.lookup(words)
    return matches


def part_of_name(session: Session, scope: Scope, words: str, village: str) -> Where:
    """Names are encrypted: those of one village, and only those, are read and compared here."""
    rows = session.execute(
        scope.visible(select(Household))
        .where(Household.region_code == village, Household.active)
        .with_only_columns(Household.id, Household.head_name)
    )
    return Household.id.in_([row.id for row in rows if words in row.head_name])
