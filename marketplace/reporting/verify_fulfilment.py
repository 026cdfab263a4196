"""The checks of `marketplace verify` from the preparation sheets to the buyer's word."""

from sqlalchemy import (
    Select,
    and_,
    case,
    func,
    not_,
    or_,
    select,
)

from marketplace.fulfilment.delivery_models import ON_THE_WAY, Delivery, Manifest
from marketplace.fulfilment.models import PreparationSheet, SheetLine
from marketplace.fulfilment.weighing_models import WeighIn, WeighSurplus
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.round_models import Commitment, Listing
from marketplace.reporting.verify_money import named

Query = Select[str]


def sheet_packs() -> Query:
    """The sheets in force ask for what was allocated: not a pack more, not a pack less."""
    asked = (
        select(
            SheetLine.listing_id.label("listing_id"),
            SheetLine.lot_id.label("lot_id"),
            func.sum(SheetLine.packs).label("packs"),
        )
        .join(PreparationSheet, PreparationSheet.id == SheetLine.sheet_id)
        .where(PreparationSheet.current)
        .group_by(SheetLine.listing_id, SheetLine.lot_id)
        .subquery()
    )
    return (
        select(named("上架占用 ", Commitment.id))
        .join(Listing, Listing.id == Commitment.listing_id)
        .outerjoin(
            asked,
            and_(asked.c.listing_id == Commitment.listing_id, asked.c.lot_id == Commitment.lot_id),
        )
        .where(
            Listing.round_id.in_(select(PreparationSheet.round_id)),
            func.coalesce(asked.c.packs, 0) != func.coalesce(Commitment.allocated_packs, 0),
        )
    )


def weighed_enough() -> Query:
    """Nobody is asked for more than he has brought to the scales."""
    return (
        select(named("过磅单 ", WeighIn.number))
        .join(
            Commitment,
            and_(Commitment.listing_id == WeighIn.listing_id, Commitment.lot_id == WeighIn.lot_id),
        )
        .join(Listing, Listing.id == WeighIn.listing_id)
        .outerjoin(WeighSurplus, WeighSurplus.weigh_in_id == WeighIn.id)
        .where(
            WeighIn.void_at.is_(None),
            (Commitment.allocated_packs - WeighIn.packs) * Listing.pack_base
            > func.coalesce(WeighSurplus.refilled_base, 0),
        )
    )


def deliveries_said() -> Query:
    """An order whose goods set out ends with its delivery, and what was not accepted of it says how."""
    sent = func.coalesce(func.sum(OrderLine.allocated_packs), 0)
    not_taken = (
        select(func.coalesce(func.sum(GoodsReturn.packs), 0))
        .join(OrderLine, OrderLine.id == GoodsReturn.order_line_id)
        .where(OrderLine.order_id == Order.id, GoodsReturn.stage == "acceptance")
        .correlate(Order)
        .scalar_subquery()
    )
    right = case(
        (Delivery.state.in_(ON_THE_WAY), Order.state == "allocated"),
        (Delivery.state == "accepted", not_taken == 0),
        (Delivery.state == "partly_accepted", and_(not_taken > 0, not_taken < sent)),
        else_=not_taken == sent,
    )
    ended = or_(Delivery.state.in_(ON_THE_WAY), Order.state == "closed")
    return (
        select(named("订单 ", Order.number))
        .join(Delivery, Delivery.order_id == Order.id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .group_by(Order.id, Delivery.id)
        .having(not_(and_(right, ended)))
    )


def deliveries_there() -> Query:
    """In a round that set out every order that was given something has a delivery."""
    given = select(OrderLine.id).where(
        OrderLine.order_id == Order.id, OrderLine.allocated_packs > 0
    )
    return (
        select(named("订单 ", Order.number))
        .outerjoin(Delivery, Delivery.order_id == Order.id)
        .where(
            Order.state.in_(("allocated", "closed")),
            Order.round_id.in_(select(Manifest.round_id)),
            Delivery.id.is_(None),
            given.exists(),
        )
    )


FULFILMENT_CHECKS = (
    ("备货单与分配不符", sheet_packs),
    ("分配的比过磅的多", weighed_enough),
    ("验收与配送单不符", deliveries_said),
    ("送出的订单没有配送单", deliveries_there),
)
