"""Money collected by the buyer's unit or at pickup: noted by the operator, whole, once.

What is due follows from the lines: packs allocated once there is an allocation, packs ordered before.
An order's money and its goods are separate: a cancelled order whose money is still here says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput, MarketplaceError
from marketplace.core.money import format_yuan
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope
from marketplace.orders.order_models import COLLECTED_WAYS, COUNTED_STATES, Order, OrderLine
from marketplace.orders.order_money import noted_fen, post_collected, reverse_collected

UNDO_REASONS = {"mistaken": "记错了订单", "amount": "金额不对", "returned": "钱已退给买家"}
CHANGED = "这个订单的收款刚刚变了，请刷新再看。"


def due_column() -> ColumnElement[int]:
    """What a buyer owes for an order, in fen, as a column of a SELECT from Order."""
    lines = (
        select(func.sum(OrderLine.due_fen))
        .where(OrderLine.order_id == Order.id)
        .correlate(Order)
        .scalar_subquery()
    )
    still_wanted = Order.state.in_(COUNTED_STATES)
    return case((still_wanted, func.coalesce(lines, 0)), else_=0)


def due_fen(session: Session, order: Order) -> int:
    return int(session.scalar(select(due_column()).where(Order.id == order.id)) or 0)


def record_collected(
    session: Session, actor: Actor, order: Order, how: str, amount_fen: int
) -> bool:
    """Note that the whole open sum was collected; False when it already was (asked twice).

    Raises InvalidInput("partial") for any other sum, Conflict for an order that has ended.
    """
    if how not in COLLECTED_WAYS:
        raise InvalidInput("请选钱是怎么收的。", code="unknown_way", field="how")
    if order.state in {"cancelled", "rejected", "expired"}:
        raise Conflict("这个订单已经结束，不能再记收款。", code="ended")
    if order.state not in {"confirmed", "allocated", "closed"}:
        raise Conflict("这个订单还没有确认，先不收款。", code="wrong_state")
    due = due_fen(session, order)
    before = order.collected_fen
    if before >= due:
        return False
    if amount_fen != due - before:
        raise InvalidInput(
            f"这个订单应收 {format_yuan(due - before)} 元，要一次收齐，"
            f"不能记 {format_yuan(amount_fen)} 元。",
            code="partial",
            field="amount",
        )
    hit = session.execute(
        update(Order)
        .where(Order.id == order.id, Order.collected_fen == before, Order.version == order.version)
        .values(
            collected_fen=due,
            collected_how=how,
            collected_at=now(),
            collected_by_id=actor.user_id,
        )
        .execution_options(synchronize_session=False)
    )
    if hit.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict(CHANGED, code="changed")
    session.refresh(order)
    post_collected(session, actor, order, due - before)
    audit.record(
        session, actor, "order_collected", "order", order.number, fen=due - before, how=how
    )
    return True


@dataclass
class Collected:
    """How a list of orders came out: one that is refused stops no other."""

    recorded: int = 0
    already: int = 0
    refused: list[str] = field(default_factory=list)


def record_many(
    session: Session, actor: Actor, scope: Scope, wanted: Iterable[tuple[str, int]], how: str
) -> Collected:
    """`wanted` are order numbers with the open sum that the page showed, in fen."""
    if how not in COLLECTED_WAYS:
        raise InvalidInput("请选钱是怎么收的。", code="unknown_way", field="how")
    sums = dict(wanted)
    if not sums:
        raise InvalidInput("还没有勾选订单。", code="empty", field="pick")
    orders = session.scalars(
        scope.visible(select(Order)).where(Order.number.in_(sums)).order_by(Order.id)
    ).all()
    came = Collected(
        refused=[f"{n}：没有这个订单。" for n in set(sums) - {o.number for o in orders}]
    )
    for order in orders:
        try:
            if record_collected(session, actor, order, how, sums[order.number]):
                came.recorded += 1
            else:
                came.already += 1
        except MarketplaceError as error:
            came.refused.append(f"{order.number}：{error.message}")
    return came


def undo_collected(session: Session, actor: Actor, order: Order, reason: str) -> None:
    """Take back a note; the trail keeps both. `reason` is one of UNDO_REASONS."""
    if reason not in UNDO_REASONS:
        raise InvalidInput("请选为什么撤销。", code="missing", field="reason")
    before = order.collected_fen
    if not before:
        raise Conflict("这个订单没有收款记录。", code="not_collected")
    if order.collected_how == "alipay":
        raise Conflict("支付宝付的钱只能原路退回，不能撤销。", code="paid_online")
    noted = noted_fen(session, order)
    if not noted:
        raise Conflict("这是银行转账来的钱，要到“银行流水”里撤销。", code="by_bank")
    values: dict[str, object] = {"collected_fen": before - noted}
    if before == noted:
        values |= {"collected_at": None, "collected_by_id": None}
    else:  # the rest came by bank
        values["collected_how"] = "transfer"
    hit = session.execute(
        update(Order)
        .where(Order.id == order.id, Order.collected_fen == before)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    if hit.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict(CHANGED, code="changed")
    session.refresh(order)
    reverse_collected(session, actor, order, reason)
    audit.record(
        session, actor, "order_collection_undone", "order", order.number, fen=noted, why=reason
    )
