"""Goods whose households have their money: how far a lot, or a round, has come on the last step of its way."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Select, func, select

from marketplace.orders.accepted_goods import IS_ACCEPTED, accepted_base
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.lot_figures import later_stage
from marketplace.orders.order_models import Order, OrderLine
from marketplace.settlement.payout_models import PayoutItem, PayoutLine, PayoutPart


def is_paid() -> ColumnElement[bool]:
    """Whether all that an order brought a lot is in the accounts it was to go to; beside `Allocation` and
    `Order`. A lot of several households waits for the last of them."""
    arrived = select(func.coalesce(PayoutLine.origin_id, PayoutLine.id)).where(
        PayoutLine.state == "paid"
    )
    waits = (
        select(PayoutPart.id)
        .join(PayoutLine, PayoutLine.id == PayoutPart.line_id)
        .where(
            PayoutLine.run_id == PayoutItem.run_id,
            PayoutPart.lot_id == PayoutItem.lot_id,
            PayoutPart.line_id.not_in(arrived),
        )
        .correlate(PayoutItem)
    )
    item = select(PayoutItem.id).where(
        PayoutItem.order_id == Order.id,
        PayoutItem.lot_id == Allocation.lot_id,
        ~PayoutItem.dropped,
        ~waits.exists(),
    )
    return item.correlate(Order, Allocation).exists()


@later_stage("到账")
def _of_lots(lots: Collection[int]) -> Select[int, int]:
    return (
        select(Allocation.lot_id, func.sum(accepted_base()))
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Allocation.lot_id.in_(lots), IS_ACCEPTED, is_paid())
        .group_by(Allocation.lot_id)
    )
