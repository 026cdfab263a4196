"""How orders end before goods move: refused by the unit, expired at closing, cancelled by the county.

Locks are taken in one order everywhere: orders by id, then listings by id. A buyer who changes an
order at the same moment takes its row first too, so neither waits for the other in a circle.
"""

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Where
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.reserve import give_back
from marketplace.orders.round_models import Round

CHANGED = "订单刚刚变了，请刷新再看。"
UNAPPROVED = "截单时还没有审批"
UNPAID = "截单时还没有付清，这一期说好了要先付清"


def hold_round(session: Session, order_id: int) -> None:
    """Nobody closes the order's round meanwhile. Before the order is locked: PostgreSQL looks at the
    round again when a transaction updates an order twice, and who closes waits for that order."""
    session.execute(
        select(Round.id)
        .join(Order, Order.round_id == Round.id)
        .where(Order.id == order_id)
        .with_for_update(of=Round, key_share=True, read=True)  # see rounds.stop_orders
    )


def lock_orders(session: Session, *which: Where) -> list[Order]:
    """The orders with their lines as they are now, locked in id order. Lock listings afterwards."""
    return list(
        session.scalars(
            select(Order)
            .where(*which)
            .options(selectinload(Order.lines))
            .order_by(Order.id)
            .with_for_update(of=Order)
            .execution_options(populate_existing=True)
        )
    )


def end_orders(
    session: Session, actor: Actor, orders: Iterable[Order], state: str, because: str
) -> None:
    """Move locked orders that hold goods to `state`; what they held goes back at once, in one step."""
    held: Counter[int] = Counter()
    for order in orders:
        for line in order.lines:
            held[line.listing_id] += line.packs
        move(session, order, state, because=CHANGED, ended_at=now(), ended_because=because)
        audit.record(session, actor, f"order_{state}", "order", order.number)
    if held:
        give_back(session, held)


def held_packs(session: Session, order_id: int) -> dict[int, int]:
    """Listing id → packs as stored now: ask after the order's move, which waits for a change that is
    on its way; lines read before it may be old."""
    lines = select(OrderLine.listing_id, OrderLine.packs).where(OrderLine.order_id == order_id)
    return {row.listing_id: row.packs for row in session.execute(lines)}


def end_order(session: Session, actor: Actor, order: Order, state: str, because: str) -> None:
    """One order ends, with what it holds at this moment and not what a page showed a while ago."""
    end_orders(session, actor, lock_orders(session, Order.id == order.id), state, because)


def cancel_by_operator(session: Session, actor: Actor, order: Order, reason: str) -> None:
    """The county cancels for a buyer before his packs are allocated; afterwards see fulfilment/cancelling."""
    if not reason.strip():
        raise InvalidInput("请写取消的原因，买家会看到。", code="missing", field="reason")
    if not order.holds_goods or order.state == "allocated":
        raise Conflict("这个订单已经结束，不用再取消。", code="wrong_state")
    end_order(session, actor, order, "cancelled", reason.strip())


def ending_at_closing(in_round: Round) -> Where:
    """The orders of a round that end when it closes: what the unit has not approved and, where the round
    says so, what nobody has paid. Who may be paying in this moment has his time."""
    ends = Order.state == "awaiting_approval"
    if in_round.unpaid_rule == "expire":
        unpaid = (Order.collected_fen < Order.total_fen) & (Order.collected_how != "account")
        ends |= (Order.state == "confirmed") & unpaid
    return (Order.round_id == in_round.id) & ends


def ended_with_round(order: Order) -> bool:
    """Whether an order that begins to count only now would have ended when its round closed: a deposit
    came in the last minutes, and the price never did."""
    unpaid = order.collected_fen < order.total_fen and order.collected_how != "account"
    return order.round.state != "open" and order.round.unpaid_rule == "expire" and unpaid


def expire_at_closing(session: Session, actor: Actor, in_round: Round) -> int:
    """Ends them, with the reason; returns how many. The caller has closed the round's listings, so that
    no new order can come."""
    ending = lock_orders(session, ending_at_closing(in_round))
    waiting = [order for order in ending if order.state == "awaiting_approval"]
    end_orders(session, actor, waiting, "expired", UNAPPROVED)
    end_orders(session, actor, [one for one in ending if one not in waiting], "expired", UNPAID)
    return len(ending)
