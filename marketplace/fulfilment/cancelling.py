"""A buyer leaves after closing: his packs go to waiting buyers first, a household's sheet shrinks last."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import null, select, update
from sqlalchemy.orm import Session

from marketplace.catalog.lots import lock_lots
from marketplace.core.errors import InvalidInput
from marketplace.fulfilment import telling
from marketplace.fulfilment.answering import cuts_of, weighed_in
from marketplace.fulfilment.issuing import reissue
from marketplace.fulfilment.portions import Supplier, suppliers_of
from marketplace.identity.actor import Actor
from marketplace.orders.endings import cancel_by_operator, end_orders, lock_orders
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_models import Commitment
from marketplace.orders.round_refill import share_out_anew
from marketplace.orders.rounds import lock_round

NOBODY = Supplier(0, 0)


@dataclass(frozen=True)
class Left:
    """How many packs waiting buyers took over, and how many sheets changed."""

    taken_over: int
    sheets: int


@dataclass(frozen=True)
class Freed:
    """Packs that waiting buyers gained, by order line, and the new sheets."""

    gained: Mapping[int, int]
    made: Mapping[Supplier, int]


def cancel_order_of(session: Session, actor: Actor, order: Order, reason: str) -> Left:
    """The county cancels for a buyer, whatever stage his order has reached, until the goods set out.

    Raises InvalidInput without a reason, Conflict for an order that has ended or is on its way.
    """
    lock_round(session, order.round)  # nobody allocates it, or sends it off, meanwhile
    (order,) = lock_orders(session, Order.id == order.id)
    if order.state != "allocated":
        cancel_by_operator(session, actor, order, reason)
        return Left(0, 0)
    if not reason.strip():
        raise InvalidInput("请写取消的原因，买家会看到。", code="missing", field="reason")
    return cancel_allocated(session, actor, order, reason.strip()[:200])


def cancel_allocated(session: Session, actor: Actor, order: Order, reason: str) -> Left:
    """End an order whose packs were shared out already, in one transaction with what follows from it. The
    caller has locked its round and the order."""
    freed = end_allocated(session, actor, order, reason)
    telling.tell_changed(session, actor, order.round, freed.made, own=NOBODY)
    telling.tell_more(session, order.round, freed.gained, str(order.id), "有买家退订")
    return Left(sum(freed.gained.values()), len(freed.made))


def end_allocated(session: Session, actor: Actor, order: Order, reason: str) -> Freed:
    """The same, before anybody is told."""
    in_round = order.round
    listings = sorted(line.listing_id for line in order.lines)
    end_orders(session, actor, [order], "cancelled", reason)
    session.execute(
        update(OrderLine)
        .where(OrderLine.order_id == order.id)
        .values(allocated_packs=null(), cut_packs=null(), cut_reason="")
        .execution_options(synchronize_session="fetch")
    )
    commitments = session.scalars(
        select(Commitment).where(Commitment.listing_id.in_(listings)).order_by(Commitment.id)
    ).all()
    lock_lots(session, sorted({row.lot_id for row in commitments}))
    weighed = weighed_in(session, listings)
    settled = {row.id for row in commitments if (row.listing_id, row.lot_id) in weighed}
    before, touched = cuts_of(session, listings), set[int]()
    for listing_id in listings:
        done = share_out_anew(session, actor, in_round, listing_id, settled=settled)
        touched |= {
            one
            for one in {*done.before, *done.after}
            if done.before.get(one, 0) != done.after.get(one, 0)
        }
    after = cuts_of(session, listings)
    more = {line: packs - after.get(line, 0) for line, packs in before.items()}
    made = {}
    if in_round.state == "collecting":
        made = reissue(session, actor, in_round, suppliers_of(session, touched))
    return Freed({line: packs for line, packs in more.items() if packs > 0}, made)
