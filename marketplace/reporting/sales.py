"""Every pack sold, from an order, a household or a lot: for those who audit."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload

from marketplace.catalog.models import Lot, LotShare
from marketplace.core.errors import NotFound
from marketplace.households.models import Household
from marketplace.identity.scope import Scope
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.lot_withdrawal import get_own_lot
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.round_models import Round
from marketplace.orders.weight_models import AcceptedWeight

MOST_SALES = 2000
"""So many rows stand on one page, which then says that its sums are those of these rows."""


@dataclass(frozen=True)
class Sale:
    """Packs of one order line that came from one lot."""

    packs: int
    base: int
    grams: int | None
    """What the packs weigh that the buyer has, where they are sold by weight."""
    farmgate_fen: int
    lot: Lot
    line: OrderLine
    order: Order
    round_number: int


def _sales(session: Session, *where: object) -> list[Sale]:
    rows = session.execute(
        select(
            Allocation,
            OrderLine,
            Order,
            Round.number,
            _back(),
            _back(GoodsReturn.fault == "farm"),
            _weighed(AcceptedWeight.grams, _WITH_BUYERS),
            _weighed(AcceptedWeight.farmgate_off_fen),
        )
        .join(Lot, Lot.id == Allocation.lot_id)
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Round, Round.id == Order.round_id)
        .where(*where)  # type: ignore[arg-type]
        .options(
            joinedload(Allocation.lot).options(
                joinedload(Lot.product),
                joinedload(Lot.household),
                joinedload(Lot.organisation),
                joinedload(Lot.region),
            ),
            joinedload(OrderLine.listing),
            joinedload(Order.organisation),
        )
        .order_by(Allocation.id)
        .limit(MOST_SALES)
    )
    return [
        Sale(
            packs=allocation.packs - int(back),
            base=(allocation.packs - int(back)) * line.pack_base,
            grams=int(grams) if line.heaviest_g and grams else None,
            farmgate_fen=(allocation.packs - int(borne)) * line.farmgate_fen - int(off),
            lot=allocation.lot,
            line=line,
            order=order,
            round_number=number,
        )
        for allocation, line, order, number, back, borne, grams, off in rows
    ]


def _back(*which: ColumnElement[bool]) -> ScalarSelect[int]:
    """Packs of an allocation that did not stay with the buyer."""
    return (
        select(func.coalesce(func.sum(GoodsReturn.packs), 0))
        .where(GoodsReturn.order_line_id == Allocation.order_line_id)
        .where(GoodsReturn.lot_id == Allocation.lot_id, *which)
        .correlate(Allocation)
        .scalar_subquery()
    )


_WITH_BUYERS = or_(AcceptedWeight.goods_return_id.is_(None), AcceptedWeight.packs < 0)


def _weighed(what: InstrumentedAttribute[int], *which: ColumnElement[bool]) -> ScalarSelect[int]:
    """A sum over what was weighed of an allocation."""
    return (
        select(func.coalesce(func.sum(what), 0))
        .where(AcceptedWeight.order_line_id == Allocation.order_line_id)
        .where(AcceptedWeight.lot_id == Allocation.lot_id, *which)
        .correlate(Allocation)
        .scalar_subquery()
    )


def sales_of_order(session: Session, scope: Scope, number: str) -> tuple[Order, list[Sale]]:
    """Order → lots → households, for those who audit; the buyer's name and phone are not part of it.

    Whose reach ends at a town sees what came from there, and an order of which nothing did is none.
    """
    order = session.scalar(
        select(Order)
        .where(Order.number == number)
        .options(joinedload(Order.organisation), joinedload(Order.round), selectinload(Order.lines))
    )
    sales = _sales(session, Order.id == order.id, Lot.within(scope)) if order else []
    if order is None or not (sales or scope.covers_region(order.region_code)):
        raise NotFound("没有这个订单。")
    return order, sales


def sales_of_household(
    session: Session, scope: Scope, household_id: int
) -> tuple[Household, list[Lot], list[Sale]]:
    """Household → its lots (own, and those of cooperatives it shares in) → every pack sold of them.
    Of a cooperative's lot that is the whole, not the household's part."""
    household = session.scalar(
        scope.visible(select(Household).where(Household.id == household_id)).options(
            joinedload(Household.region)
        )
    )
    if household is None:
        raise NotFound("没有这一户。")
    lots = session.scalars(
        select(Lot)
        .join(LotShare, LotShare.lot_id == Lot.id)
        .where(LotShare.household_id == household_id)
        .options(joinedload(Lot.product), joinedload(Lot.organisation))
        .order_by(Lot.id.desc())
    ).all()
    return household, list(lots), _sales(session, Allocation.lot_id.in_([lot.id for lot in lots]))


def sales_of_lot(session: Session, scope: Scope, lot_id: int) -> tuple[Lot, list[Sale]]:
    lot = get_own_lot(session, scope, lot_id)
    return lot, _sales(session, Allocation.lot_id == lot.id)
