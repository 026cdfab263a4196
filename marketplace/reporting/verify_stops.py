"""The checks of `marketplace verify` for lots that are recalled or on hold."""

from collections.abc import Callable

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import aliased

from marketplace.catalog.models import STOPPED, Lot
from marketplace.fulfilment.lot_lineage import shifts
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.reporting.verify_money import named

Query = Select[str]


def stopped_lots_offered() -> Query:
    """No listing offers anything of a lot that is stopped, and no round will ask for a recalled one."""
    offered = and_(Commitment.quantity_base > 0, Commitment.allocated_packs.is_(None))
    asked = and_(
        Lot.state == "recalled",
        Commitment.allocated_packs > 0,
        Round.state.in_(("allocated", "collecting")),
    )
    return (
        select(named("批次 ", Lot.code))
        .join(Commitment, Commitment.lot_id == Lot.id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .join(Round, Round.id == Listing.round_id)
        .where(Lot.state.in_(STOPPED), or_(offered, asked))
        .distinct()
    )


def recalled_lots_kept() -> Query:
    """Whatever buyers were given of a recalled lot came back or was never accepted."""
    back = (
        select(func.coalesce(func.sum(GoodsReturn.packs), 0))
        .where(GoodsReturn.lot_id == Lot.id, GoodsReturn.order_line_id == OrderLine.id)
        .correlate(Lot, OrderLine)
        .scalar_subquery()
    )
    return (
        select(named("订单 ", Order.number))
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Allocation, Allocation.order_line_id == OrderLine.id)
        .join(Lot, Lot.id == Allocation.lot_id)
        .where(Lot.state == "recalled", Order.state == "closed")
        .group_by(Order.id, OrderLine.id, Lot.id)
        .having(func.sum(Allocation.packs) != back)
        .distinct()
    )


def goods_of_recalled_lots() -> Query:
    """What came out of a recalled lot is recalled, through however many lots it went."""
    went, source = shifts(), aliased(Lot)
    return (
        select(named("批次 ", Lot.code))
        .join(went, went.c.target == Lot.id)
        .join(source, source.id == went.c.source)
        .where(source.state == "recalled", Lot.state != "recalled")
        .distinct()
    )


STOP_CHECKS: tuple[tuple[str, Callable[[], Query]], ...] = (
    ("停着的批次还在供货", stopped_lots_offered),
    ("召回的批次还有人收了", recalled_lots_kept),
    ("召回的货变成的批次没有召回", goods_of_recalled_lots),
)
