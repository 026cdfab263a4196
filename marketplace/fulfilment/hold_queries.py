"""What is on hold now, and which lots that covers."""

from collections.abc import Collection

from sqlalchemy import and_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot
from marketplace.core.errors import NotFound
from marketplace.core.identifiers import subtree_range
from marketplace.fulfilment.affected import Touched, touched_by_lots, touched_by_stop
from marketplace.fulfilment.hold_models import Hold
from marketplace.identity.scope import Scope, Where

SHOWN_LIFTED = 20


def holds(session: Session, scope: Scope, *, lifted: bool) -> list[Hold]:
    """The newest first; of those that ended the last ones."""
    statement = scope.visible(select(Hold)).options(
        joinedload(Hold.region),
        joinedload(Hold.lot).joinedload(Lot.product),
        joinedload(Hold.point),
        joinedload(Hold.by),
    )
    if lifted:
        statement = statement.where(Hold.lifted_at.is_not(None)).limit(SHOWN_LIFTED)
    else:
        statement = statement.where(Hold.lifted_at.is_(None))
    return list(session.scalars(statement.order_by(Hold.id.desc())))


def get_hold(session: Session, scope: Scope, hold_id: int, *, for_update: bool = False) -> Hold:
    """`for_update`: nobody else lifts it or acts on it meanwhile."""
    statement = scope.visible(select(Hold)).where(Hold.id == hold_id)
    if for_update:
        statement = statement.with_for_update(of=Hold)
    found = session.scalar(statement.execution_options(populate_existing=for_update))
    if found is None:
        raise NotFound("没有这条暂停。")
    return found


def lots_of(hold: Hold) -> Where:
    """Lots that a hold covers, whatever their state; none for a stop."""
    if hold.kind == "region":
        return Lot.region_code.between(*subtree_range(hold.region_code))
    return Lot.id == (hold.lot_id or 0)


def held_lots(
    session: Session, hold: Hold, states: Collection[str] = ("open", "on_hold")
) -> list[int]:
    """Those in these states: all that can still be offered or given out, held already or not."""
    statement = select(Lot.id).where(lots_of(hold), Lot.state.in_(states))
    return list(session.scalars(statement.order_by(Lot.id)))


def held_stops(session: Session, points: Collection[int]) -> dict[int, Hold]:
    """Those of the pickup points that are on hold now."""
    rows = session.scalars(
        select(Hold).where(Hold.pickup_point_id.in_(points), Hold.lifted_at.is_(None))
    )
    return {row.pickup_point_id: row for row in rows if row.pickup_point_id}


def still_covered(session: Session, but: Hold, lots: Collection[int]) -> set[int]:
    """Lots that another hold keeps."""
    others = session.scalars(
        select(Hold).where(Hold.lifted_at.is_(None), Hold.id != but.id, Hold.kind != "stop")
    ).all()
    covered: set[int] = set()
    for one in others:
        covered |= set(session.scalars(select(Lot.id).where(and_(lots_of(one), Lot.id.in_(lots)))))
    return covered


def touched_by(session: Session, hold: Hold) -> list[Touched]:
    """Orders whose goods are still to come."""
    if hold.pickup_point_id:
        return touched_by_stop(session, hold.pickup_point_id)
    states = ("on_hold",) if hold.id else ("open", "on_hold")
    rows = touched_by_lots(session, held_lots(session, hold, states))
    return [row for row in rows if row.stage != "received"]
