"""The checks of `marketplace verify` on whom accepted goods helped."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from marketplace.catalog.models import NO_SUPPORT, AcceptedSupport, Lot, LotMovement, LotShare
from marketplace.core.clock import shanghai_date
from marketplace.households.models import SupportStatus
from marketplace.reporting.verify_money import named

Query = Select[str]
MIDNIGHT = timedelta(minutes=1)
"""What is accepted at midnight is noted a moment before the day is looked at."""


def support_kept() -> Query:
    """Whoever shared in a lot when goods of it were last accepted has his support status kept with it. Who
    came into the lot since waits for the next acceptance."""
    return (
        select(named("批次 ", Lot.code))
        .join(LotShare, LotShare.lot_id == Lot.id)
        .outerjoin(
            AcceptedSupport,
            and_(
                AcceptedSupport.lot_id == Lot.id,
                AcceptedSupport.household_id == LotShare.household_id,
            ),
        )
        .where(LotShare.household_id.is_not(None), AcceptedSupport.id.is_(None))
        .where(_last_moved("sold") > func.coalesce(_last_moved("adjusted", "surplus"), 0))
        .distinct()
    )


def _last_moved(*kinds: str) -> ColumnElement[int]:
    return (
        select(func.max(LotMovement.id))
        .where(LotMovement.lot_id == Lot.id, LotMovement.kind.in_(kinds))
        .correlate(Lot)
        .scalar_subquery()
    )


def support_sensible() -> Query:
    """Only lots of which something was accepted keep any, and nobody has a status and none."""
    other = aliased(AcceptedSupport)
    both = select(other.id).where(
        other.lot_id == AcceptedSupport.lot_id,
        other.household_id == AcceptedSupport.household_id,
        other.kind != NO_SUPPORT,
    )
    return (
        select(named("批次 ", Lot.code))
        .join(AcceptedSupport, AcceptedSupport.lot_id == Lot.id)
        .where(or_(Lot.sold == 0, and_(AcceptedSupport.kind == NO_SUPPORT, both.exists())))
        .distinct()
    )


class SupportBooks:
    """Days of the statuses that some lots keep."""

    def __init__(self, session: Session, ids: Sequence[int]) -> None:
        self._days: defaultdict[int, set[date]] = defaultdict(set)
        for lot_id, day in session.execute(
            select(AcceptedSupport.lot_id, AcceptedSupport.day)
            .where(AcceptedSupport.lot_id.in_(ids))
            .distinct()
        ):
            self._days[lot_id].add(day)

    def unlike(self, lot_id: int, sold: Collection[datetime]) -> str:
        """What differs, in words. `sold`: when goods of the lot were accepted."""
        days = {shanghai_date(at + later) for at in sold for later in (timedelta(), MIDNIGHT)}
        return "" if self._days[lot_id] <= days else "留下户类别的日子没有验收过"


def support_known() -> Query:
    """Nobody has a status kept that was not known of him then. One may be ended, or begun, with an earlier day
    later on: whether it was in force, or another one too, cannot be told any more."""
    known = select(SupportStatus.id).where(
        SupportStatus.household_id == AcceptedSupport.household_id,
        SupportStatus.kind == AcceptedSupport.kind,
        SupportStatus.valid_from <= AcceptedSupport.day,
    )
    return (
        select(named("批次 ", Lot.code))
        .join(AcceptedSupport, AcceptedSupport.lot_id == Lot.id)
        .where(AcceptedSupport.kind != NO_SUPPORT, ~known.exists())
        .distinct()
    )


SUPPORT_CHECKS: tuple[tuple[str, Callable[[], Query]], ...] = (
    ("验收的货没有留下户类别", support_kept),
    ("留下的户类别不对", support_sensible),
    ("留下的户类别从来没有记过", support_known),
)
