"""Changing an order of which something was paid online, its price or a deposit: less goes back in part, more is
another order linked to it."""

from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.errors import InvalidInput
from marketplace.identity.actor import Actor
from marketplace.orders.order_models import Order
from marketplace.orders.ordering import OrderInput, change_order, place_order, take_version
from marketplace.orders.reserve import SoldOut


def change_or_add(
    session: Session, actor: Actor, order: Order, packs: Mapping[int, int], version: int
) -> str | None:
    """Give the order these packs (listing id → packs). What was paid online, or has a deposit, only ever
    shrinks: what is more becomes an order of its own, whose number is returned; it waits for its own payment.

    Raises what change_order and place_order raise; the transaction must then be rolled back whole.
    """
    held = {line.listing_id: line.packs for line in order.lines}
    more = {i: count - held.get(i, 0) for i, count in packs.items() if count > held.get(i, 0)}
    if not (order.collected_how == "alipay" or order.deposit_fen) or not more:
        change_order(session, actor, order, packs, version)
        return None
    if not more.keys() <= held.keys():
        raise InvalidInput("要加别的产品，请另下一单。", code="unknown_listing")
    less = {i: min(packs.get(i, 0), count) for i, count in held.items()}
    if less == held:
        take_version(session, order, version)
    else:
        change_order(session, actor, order, less, version)
    given = OrderInput(
        round_id=order.round_id,
        packs=more,
        pickup_point_id=order.pickup_point_id,
        contact_name=order.contact_name,
        contact_phone=order.contact_phone or "",
        idempotency_key=f"more:{order.number}:{version}",
        channel=order.channel,
        organisation_id=order.organisation_id,
        fund_source=order.lines[0].fund_source,
        pay_how=order.collected_how,
        together_fen=sum(line.price_fen * packs.get(line.listing_id, 0) for line in order.lines),
        extends_id=order.id,
    )
    try:
        return place_order(session, actor, given)
    except (
        SoldOut
    ) as error:  # the buyer typed the sum, and can have what he holds besides what is left
        lines = [
            (i, title, asked + held[i], left + held[i]) for i, title, asked, left in error.lines
        ]
        raise SoldOut(lines) from error


def linked_numbers(session: Session, order: Order) -> tuple[str | None, list[str]]:
    """The order that this one adds to, and those that add to it."""
    to = select(Order.number).where(Order.id == order.extends_id)
    added = select(Order.number).where(Order.extends_id == order.id).order_by(Order.id)
    return (session.scalar(to) if order.extends_id else None), list(session.scalars(added))
