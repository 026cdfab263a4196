"""What is on hold now, and which lots that covers."""

from collections.abc import Collection

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot
from marketplace.core.errors import NotFound
from marketplace.core.identifiers import subtree_range
from marketplace.fulfilment.affected import Touched, touched_by_lots, touched_by_stop
from marketplace.fulfilment.lot_lineage import came_of
from marketplace.fulfilment.processing_models import ProcessingInput, ProcessingOrder
from marketplace.identity.scope import Scope, Where
from marketplace.orders.hold_models import OF_GOODS, Hold, HoldLot
from marketplace.orders.round_models import PickupPoint

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


def lots_to_hold(session: Session, hold: Hold) -> list[int]:
    """What a hold that is put on now stops: all that can still be offered or given out, held already or
    not, and what may come back from a processor; none for a stop. What is wrong with goods is wrong with
    what came out of them; before a cause is said it may be that."""
    covered: Where = Lot.id == (hold.lot_id or 0)
    if hold.kind == "region":
        covered = Lot.region_code.between(*subtree_range(hold.region_code))
    if not hold.cause or hold.cause in OF_GOODS:
        covered = came_of(covered)
    at_work = (
        select(ProcessingInput.lot_id)
        .join(ProcessingOrder, ProcessingOrder.id == ProcessingInput.order_id)
        .where(ProcessingOrder.state == "started")
    )
    stoppable = or_(
        Lot.state.in_(("open", "on_hold")),
        and_(Lot.state.in_(("exhausted", "expired")), Lot.id.in_(at_work)),
    )
    return list(session.scalars(select(Lot.id).where(covered, stoppable).order_by(Lot.id)))


def lots_of(session: Session, hold: Hold) -> list[int]:
    """What a hold has stopped, whatever became of it since."""
    mine = select(HoldLot.lot_id).where(HoldLot.hold_id == hold.id)
    return list(session.scalars(mine.order_by(HoldLot.lot_id)))


def lots_held(session: Session, hold: Hold) -> list[int]:
    """What stands still because of a hold."""
    mine = select(HoldLot.lot_id).join(Lot, Lot.id == HoldLot.lot_id)
    mine = mine.where(HoldLot.hold_id == hold.id, Lot.state == "on_hold")
    return list(session.scalars(mine.order_by(HoldLot.lot_id)))


def still_held(session: Session, but: Hold, lots: Collection[int]) -> set[int]:
    """Lots that another hold keeps."""
    return set(
        session.scalars(
            select(HoldLot.lot_id)
            .join(Hold, Hold.id == HoldLot.hold_id)
            .where(Hold.lifted_at.is_(None), Hold.id != but.id, HoldLot.lot_id.in_(lots))
        )
    )


def holds_of(session: Session, lot_id: int) -> list[Hold]:
    """Those in force that keep a lot."""
    return list(
        session.scalars(
            select(Hold)
            .join(HoldLot, HoldLot.hold_id == Hold.id)
            .where(HoldLot.lot_id == lot_id, Hold.lifted_at.is_(None))
            .options(joinedload(Hold.region), joinedload(Hold.lot).joinedload(Lot.product))
            .order_by(Hold.id)
        )
    )


def closed_places(session: Session, hold: Hold) -> list[PickupPoint]:
    """Pickup points in use to which nothing is driven, because their town is held."""
    if not hold.closes_places:
        return []
    inside = PickupPoint.region_code.between(*subtree_range(hold.region_code))
    statement = select(PickupPoint).where(inside, PickupPoint.active)
    return list(session.scalars(statement.order_by(PickupPoint.name)))


def touched_by(session: Session, hold: Hold) -> list[Touched]:
    """Orders whose goods are still to come."""
    if hold.pickup_point_id:
        return touched_by_stop(session, hold.pickup_point_id)
    lots = lots_held(session, hold) if hold.id else lots_to_hold(session, hold)
    rows = touched_by_lots(session, lots)
    return [row for row in rows if row.stage != "received"]
