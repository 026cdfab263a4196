"""Giving money that came by bank its place: with orders, or as credit of a unit; and taking that back.

Locks are taken in one order: the transfer, then orders by id, then units by id. Every placing is one
journal, so each can be taken back alone.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.money import format_yuan
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.identity.models import Organisation
from marketplace.ledger import books
from marketplace.ledger.posting import Line, credit, debit, post, reverse
from marketplace.orders.collecting import due_fen
from marketplace.orders.endings import lock_orders
from marketplace.orders.order_models import Order
from marketplace.orders.order_money import post_transferred, reverse_transferred
from marketplace.payments.bank_models import OPEN_STATES, Placing, Transfer
from marketplace.payments.open_items import takes

CHANGED = "这笔流水刚刚有人处理过，请刷新再看。"
WRONG_PLACING = {
    "wrong_order": "认错了订单",
    "wrong_unit": "认错了单位",
    "wrong_sum": "金额分错了",
    "ended": "订单后来取消或减少了",
    "repeated": "银行流水重复的一行",
    "booked": "账本里已经另外记了",
}
"""Why a journal is taken back: what finance chooses from for a placing is all but the last two."""


def by_whom(actor: Actor) -> int | None:
    return None if actor is SYSTEM else actor.user_id


def lock_transfer(session: Session, transfer_id: int) -> Transfer:
    """The transfer as it is now, locked; raises NotFound."""
    found = session.scalar(
        select(Transfer)
        .where(Transfer.id == transfer_id)
        .options(joinedload(Transfer.row, innerjoin=True))
        .with_for_update(of=Transfer)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("没有这笔流水。")
    return found


def lock_unit(session: Session, unit_id: int) -> Organisation:
    """Who changes a unit's credit or bills its orders holds its row; orders may still be placed."""
    found = session.scalar(
        select(Organisation).where(Organisation.id == unit_id).with_for_update(key_share=True)
    )
    if found is None:
        raise InvalidInput("没有这个单位。", code="unknown_unit", field="unit")
    return found


def place(
    session: Session,
    actor: Actor,
    transfer_id: int,
    parts: Mapping[str, int],
    *,
    credit_unit: int | None = None,
    credit_fen: int = 0,
) -> None:
    """Place money of a transfer: order number → fen, and what is over as credit of a unit.

    What is left stays in suspense. Raises Conflict when somebody was quicker or an order cannot take so
    much, InvalidInput for nothing or more than there is.
    """
    transfer = lock_transfer(session, transfer_id)
    if transfer.state not in {"new", *OPEN_STATES}:
        raise Conflict(CHANGED, code="changed")
    total = sum(parts.values()) + credit_fen
    if total <= 0 or min((*parts.values(), credit_fen), default=0) < 0:
        raise InvalidInput("还没有勾选订单，也没有写金额。", code="empty", field="parts")
    if total > transfer.rest_fen:
        raise InvalidInput(
            f"一共分了 {format_yuan(total)} 元，这笔只剩 {format_yuan(transfer.rest_fen)} 元。",
            code="too_much",
            field="parts",
        )
    for order in wanted_orders(session, parts):
        made = new_placing(
            session, actor, "order", parts[order.number], order=order, transfer=transfer
        )
        key = f"transferred:{transfer.id}:{order.number}:{made.id}"
        give(session, actor, order, made, debit("suspense", made.fen), key)
    if credit_fen:
        _keep_as_credit(session, actor, transfer, credit_unit, credit_fen)
    _count(session, actor, transfer, total)


def wanted_orders(session: Session, parts: Mapping[str, int]) -> Sequence[Order]:
    """The orders of these numbers, locked in id order."""
    if not all(parts.values()):
        raise InvalidInput("勾选的订单要写金额。", code="empty", field="parts")
    orders = lock_orders(session, Order.number.in_(parts)) if parts else []
    if len(orders) != len(parts):
        raise InvalidInput("勾选的订单里有查不到的。", code="unknown_order", field="parts")
    return orders


def new_placing(
    session: Session,
    actor: Actor,
    kind: str,
    fen: int,
    *,
    order: Order | None = None,
    unit_id: int | None = None,
    transfer: Transfer | None = None,
    note: str = "",
) -> Placing:
    made = Placing(
        kind=kind,
        order_id=order.id if order else None,
        organisation_id=order.organisation_id if order else unit_id,
        transfer_id=transfer.id if transfer else None,
        fen=fen,
        at=now(),
        by_id=by_whom(actor),
        note=note,
    )
    session.add(made)
    session.flush()
    return made


def give(
    session: Session, actor: Actor, order: Order, placing: Placing, came_from: Line, key: str
) -> None:
    """The order, locked by the caller, has so much more; raises Conflict when it cannot take it."""
    if not takes(order):
        raise Conflict(f"订单 {order.number} 现在不能收转账。", code="takes_none")
    before = order.collected_fen
    open_fen = due_fen(session, order) - before
    if placing.fen > open_fen:
        raise Conflict(
            f"订单 {order.number} 只差 {format_yuan(max(0, open_fen))} 元，请刷新再看。",
            code="more_than_open",
        )
    _set_collected(session, order, before, before + placing.fen, by_whom(actor))
    placing.journal_number = post_transferred(session, actor, order, came_from, key)
    audit.record(session, actor, "order_transferred", "order", order.number, fen=placing.fen)


def _set_collected(
    session: Session, order: Order, before: int, after: int, by_id: int | None
) -> None:
    """The sum and how it came, in one conditional UPDATE."""
    values: dict[str, object] = {"collected_fen": after}
    if after > before:
        values |= {"collected_how": "transfer", "collected_at": now(), "collected_by_id": by_id}
    elif not after:
        values |= {"collected_at": None, "collected_by_id": None, "collected_how": _said(order)}
    hit = session.execute(
        update(Order)
        .where(Order.id == order.id, Order.collected_fen == before)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    if hit.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict(CHANGED, code="changed")
    session.refresh(order)


def _said(order: Order) -> str:
    """How an order without money is to be paid."""
    if order.channel == "group":
        return "unit"
    return "account" if order.organisation and order.organisation.on_account else ""


def _keep_as_credit(
    session: Session, actor: Actor, transfer: Transfer, unit_id: int | None, fen: int
) -> None:
    if unit_id is None:
        raise InvalidInput("多出来的钱记给哪个单位？请先选单位。", code="no_unit", field="unit")
    unit = lock_unit(session, unit_id)
    made = new_placing(session, actor, "credit", fen, unit_id=unit.id, transfer=transfer)
    party = f"unit:{unit.id}"
    lines = [debit("suspense", fen), credit("buyer_credit", fen, party)]
    key = f"credited:{transfer.id}:{made.id}"
    made.journal_number = post(session, actor, "credited", key, party, lines)


def _count(session: Session, actor: Actor, transfer: Transfer, fen: int) -> None:
    """So much more of a transfer has its place. One that is not placed whole waits for a person."""
    before, after = transfer.placed_fen, transfer.placed_fen + fen
    hit = session.execute(
        update(Transfer)
        .where(Transfer.id == transfer.id, Transfer.placed_fen == before)
        .values(placed_fen=after)
        .execution_options(synchronize_session=False)
    )
    if hit.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict(CHANGED, code="changed")
    session.refresh(transfer, ["placed_fen"])
    if after == transfer.row.fen:
        state = "matched" if actor is SYSTEM else "placed"
        settled = {"settled_at": now(), "settled_by_id": by_whom(actor)}
        move(session, transfer, state, because=CHANGED, **settled)
    elif transfer.state != "unmatched":
        move(session, transfer, "unmatched", because=CHANGED, why="还有一部分没认完")
    audit.record(session, actor, "transfer_placed", "transfer", transfer.id, fen=fen)


def undo_placing(session: Session, actor: Actor, placing_id: int, reason: str) -> Placing:
    """Take one placing back by a reversal; its money waits again where it came from. `reason` is one of
    WRONG_PLACING. Raises Conflict when it was taken back, or a credit was used meanwhile."""
    if reason not in WRONG_PLACING:
        raise InvalidInput("请选为什么撤销。", code="missing", field="reason")
    known = session.get(Placing, placing_id)
    if known is None:
        raise NotFound("没有这条记录。")
    transfer = lock_transfer(session, known.transfer_id) if known.transfer_id else None
    order = lock_orders(session, Order.id == known.order_id)[0] if known.order_id else None
    if known.organisation_id:
        lock_unit(session, known.organisation_id)
    session.refresh(known, with_for_update=True)
    if known.undone_at is not None:
        raise Conflict("这条已经撤销过了。", code="undone")
    known.undone_at, known.undone_by_id, known.undone_why = now(), by_whom(actor), reason
    session.flush()
    if order is not None:
        before = order.collected_fen
        if before < known.fen:
            raise Conflict(CHANGED, code="changed")
        _set_collected(session, order, before, before - known.fen, None)
        reverse_transferred(session, actor, order, known.journal_number, reason)
        audit.record(
            session,
            actor,
            "order_transfer_undone",
            "order",
            order.number,
            fen=known.fen,
            why=reason,
        )
    else:
        reverse(session, actor, known.journal_number, reason)
    _refuse_less_than_nothing(session, known)
    if transfer is not None:
        _reopen(session, actor, transfer, known.fen, reason)
    return known


def _refuse_less_than_nothing(session: Session, undone: Placing) -> None:
    """A credit that was used or given back cannot go back into suspense."""
    if undone.kind == "credit" and credit_fen_of(session, undone.organisation_id or 0) < 0:
        raise Conflict("这笔多付款已经用掉了，请先撤销用它的那一条。", code="credit_used")


def credit_fen_of(session: Session, unit_id: int) -> int:
    """What a unit has paid too much and may still use, in fen."""
    return -books.balance(session, "buyer_credit", f"unit:{unit_id}")


def _reopen(session: Session, actor: Actor, transfer: Transfer, fen: int, reason: str) -> None:
    session.execute(
        update(Transfer)
        .where(Transfer.id == transfer.id)
        .values(placed_fen=Transfer.placed_fen - fen)
        .execution_options(synchronize_session=False)
    )
    session.refresh(transfer, ["placed_fen"])
    if transfer.state in {"matched", "placed"}:
        back = {"settled_at": None, "settled_by_id": None, "why": WRONG_PLACING[reason]}
        move(session, transfer, "unmatched", because=CHANGED, **back)
    audit.record(
        session, actor, "transfer_placing_undone", "transfer", transfer.id, fen=fen, why=reason
    )
