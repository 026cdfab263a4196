"""The last steps of a round: its goods set out, and they are there. From then on households are owed."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.money import format_yuan
from marketplace.core.states import move, move_many
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.endings import lock_orders
from marketplace.orders.lot_events import ORDERS_AT_ONCE, record_accepted
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.order_money import post_delivered
from marketplace.orders.round_models import Round
from marketplace.orders.rounds import CHANGED, lock_round


@dataclass(frozen=True)
class Delivered:
    """What delivering meant: orders done, and what is owed to households from now on, in fen."""

    orders: int
    farmgate_fen: int


def set_out(session: Session, actor: Actor, found: Round) -> None:
    """The goods are on their way."""
    move(session, found, "delivering", because=CHANGED)
    audit.record(session, actor, "round_set_out", "round", found.id)


def record_delivered(session: Session, actor: Actor, found: Round) -> Delivered:
    """Everything that was allocated is with its buyers: orders end, the money is posted, the round is
    done. Households are owed what their packs bring, whether the buyer has paid or still owes."""
    lock_round(session, found)
    move(session, found, "settled", because=CHANGED)
    orders = lock_orders(session, Order.round_id == found.id, Order.state == "allocated")
    farmgate = sum(
        post_delivered(session, actor, orders[start : start + ORDERS_AT_ONCE])
        for start in range(0, len(orders), ORDERS_AT_ONCE)
    )
    record_accepted(session, [order.id for order in orders])
    done = move_many(
        session, Order, Order.round_id == found.id, "allocated", "closed", ended_at=now()
    )
    audit.record(session, actor, "round_delivered", "round", found.id, orders=done, fen=farmgate)
    return Delivered(done, farmgate)


def delivered_question(session: Session, found: Round) -> str:
    """What it would mean to say so now: asked before it is done, because nothing brings it back."""
    orders, fen = session.execute(
        select(
            func.count(func.distinct(Order.id)), func.sum(Allocation.packs * OrderLine.farmgate_fen)
        )
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Allocation, Allocation.order_line_id == OrderLine.id)
        .where(Order.round_id == found.id, Order.state == "allocated")
    ).one()
    return (
        f"第 {found.number} 期的 {orders} 个订单都送到了吗？确定后应付农户 {format_yuan(int(fen or 0))} 元，"
        "记进账本，不能撤回。"
    )
