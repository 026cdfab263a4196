"""What is with its buyers: packs of an allocation that were not turned away when they came."""

from sqlalchemy import ColumnElement, case, func, select

from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.weight_models import AcceptedWeight

IS_ACCEPTED = Order.state == "closed"


def accepted_packs() -> ColumnElement[int]:
    """Of an `Allocation` whose order is accepted. What comes back later was accepted all the same."""
    refused = (
        select(func.coalesce(func.sum(GoodsReturn.packs), 0))
        .where(
            GoodsReturn.order_line_id == Allocation.order_line_id,
            GoodsReturn.lot_id == Allocation.lot_id,
            GoodsReturn.stage == "acceptance",
        )
        .correlate(Allocation)
        .scalar_subquery()
    )
    return Allocation.packs - refused


def accepted_base() -> ColumnElement[int]:
    """The same in base units; beside `OrderLine`. What is sold by weight, in grams, is what it weighed."""
    grams = (
        select(func.coalesce(func.sum(AcceptedWeight.grams), 0))
        .where(
            AcceptedWeight.order_line_id == Allocation.order_line_id,
            AcceptedWeight.lot_id == Allocation.lot_id,
            AcceptedWeight.goods_return_id.is_(None),
        )
        .correlate(Allocation)
        .scalar_subquery()
    )
    in_grams = OrderLine.pack_base == OrderLine.heaviest_g
    return case((in_grams, grams), else_=accepted_packs() * OrderLine.pack_base)
