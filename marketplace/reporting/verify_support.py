"""The checks of `marketplace verify` on whom accepted goods helped."""

from collections.abc import Callable

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from marketplace.catalog.models import NO_SUPPORT, AcceptedSupport, Lot, LotMovement, LotShare
from marketplace.reporting.verify_money import named

Query = Select[str]


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


SUPPORT_CHECKS: tuple[tuple[str, Callable[[], Query]], ...] = (
    ("验收的货没有留下户类别", support_kept),
    ("留下的户类别不对", support_sensible),
)
