"""Goods of some lots go to a processor on a day: planned, started, or cancelled with what is left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ScalarSelect, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.catalog.lot_processing import bring_back, take_to_process
from marketplace.catalog.lots import lock_lots
from marketplace.catalog.models import Lot
from marketplace.catalog.words import amount_words
from marketplace.core.clock import now, today
from marketplace.core.codes import dated_code
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.money import split_by_largest_remainder, value_fen
from marketplace.core.states import move
from marketplace.fulfilment.pooling import sellers_of
from marketplace.fulfilment.processing_lines import SHOWN, capacity_left, get_line
from marketplace.fulfilment.processing_models import (
    ProcessingInput,
    ProcessingLine,
    ProcessingOrder,
)
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope

FARTHEST = timedelta(days=90)
LOTS_SHOWN = 200
CHANGED = "这张加工单刚刚变了，请刷新再看。"


@dataclass(frozen=True)
class Plan:
    """`parts`: lot id → base units of input; `seller_id` 0 where one supplier gives everything."""

    line_id: int
    day: date
    parts: Mapping[int, int]
    seller_id: int = 0


def promised() -> ScalarSelect[int]:
    """What other orders that have not started will take of a lot."""
    return (
        select(func.coalesce(func.sum(ProcessingInput.base), 0))
        .join(ProcessingOrder, ProcessingOrder.id == ProcessingInput.order_id)
        .where(ProcessingInput.lot_id == Lot.id, ProcessingOrder.state == "planned")
        .correlate(Lot)
        .scalar_subquery()
    )


def lots_for(session: Session, scope: Scope, line: ProcessingLine) -> list[tuple[Lot, int]]:
    """Lots that the line can take with what is free of each and not planned elsewhere, the most urgent
    first."""
    rows = session.execute(
        scope.visible(select(Lot))
        .add_columns(Lot.free - promised())
        .where(Lot.product_id == line.input_product_id, Lot.state == "open")
        .where(Lot.available_until >= today(), Lot.free > promised())
        .options(
            joinedload(Lot.household),
            joinedload(Lot.organisation),
            joinedload(Lot.region),
            joinedload(Lot.product),
        )
        .order_by(Lot.available_until, Lot.id)
        .limit(LOTS_SHOWN)
    )
    return [(lot, int(left)) for lot, left in rows]


def plan(session: Session, actor: Actor, scope: Scope, given: Plan) -> ProcessingOrder:
    """Nothing moves yet. Who plans on the same line in the same moment waits for its row.

    Raises InvalidInput for what cannot go together, Conflict("capacity") beyond the day's rest and
    Conflict("not_enough") beyond what is free, each with the figure.
    """
    line = get_line(session, scope, given.line_id, for_update=True)
    if not line.active:
        raise Conflict("这条加工线停用了，请换一条。", code="inactive", field="line")
    if not today() <= given.day <= today() + FARTHEST:
        raise InvalidInput("请选今天以后、三个月以内的一天。", code="date", field="day")
    seller = _check_lots(session, scope, line, given)
    base = sum(given.parts.values())
    _refuse_beyond(session, line, given.day, base)
    order = ProcessingOrder(
        number=dated_code("G", now()),
        line_id=line.id,
        day=given.day,
        seller_id=seller,
        input_base=base,
        fee_fen=value_fen(line.fee_fen, base, line.fee_per_base),
        planned_at=now(),
        planned_by_id=actor.user_id,
        inputs=[ProcessingInput(lot_id=key, base=part) for key, part in given.parts.items()],
    )
    session.add(order)
    session.flush()
    audit.record(session, actor, "processing_planned", "processing_order", order.id, base=base)
    return order


def _refuse_beyond(session: Session, line: ProcessingLine, day: date, base: int) -> None:
    """The line's row is held, so that nobody else takes what is left of the day meanwhile."""
    left = capacity_left(session, line, day)
    if base > left:
        words = [amount_words(figure, line.input_product, base) for figure in (left, base)]
        raise Conflict(
            f"{day.month} 月 {day.day} 日还能加工 {words[0]}，这里是 {words[1]}。请改少，或换一天。",
            code="capacity",
        )


def _check_lots(session: Session, scope: Scope, line: ProcessingLine, given: Plan) -> int | None:
    """Who sells it, where that is not its only supplier."""
    rows = session.execute(
        scope.visible(select(Lot))
        .add_columns(Lot.free - promised())
        .where(Lot.id.in_(given.parts), Lot.product_id == line.input_product_id)
        .options(joinedload(Lot.product))
        .execution_options(populate_existing=True)
        .order_by(Lot.id)
    ).all()
    lots = [lot for lot, _ in rows]
    if not given.parts or {lot.id for lot in lots} != set(given.parts):
        raise InvalidInput("请至少写一批要加工多少。", code="missing")
    for lot, left in rows:
        wanted = given.parts[lot.id]
        if wanted <= 0:
            raise InvalidInput(f"批次 {lot.code} 请写加工多少。", code="quantity")
        if lot.state != "open" or lot.available_until < today():
            raise Conflict(f"批次 {lot.code} 停着或已过最晚可售日，不能加工。", code="wrong_state")
        if wanted > left:
            words = amount_words(max(0, left), lot.product, wanted)
            raise Conflict(f"批次 {lot.code} 只剩 {words} 能加工，请改少一些。", code="not_enough")
    if len({(lot.grade, lot.asked_fen * 10**6 // lot.asked_per_base) for lot in lots}) > 1:
        raise InvalidInput(
            "一张加工单只放同等级、同价钱的货，分钱才公平。不一样的请另开一张。", code="unlike"
        )
    return _seller(session, lots, given.seller_id)


def _seller(session: Session, lots: Sequence[Lot], seller_id: int) -> int | None:
    if len({(lot.household_id, lot.organisation_id) for lot in lots}) == 1:
        return None
    if any(lot.organisation_id for lot in lots):
        raise InvalidInput("合作社的货不能和别家的放进一张加工单，请分开开。", code="unlike")
    if seller_id not in {one.id for one in sellers_of(session, lots)}:
        raise InvalidInput(
            "几户的货加工成一批，要有村集体或这几户都参加的合作社出面卖。请选一个；没有的一户开一张。",
            code="no_seller",
            field="seller",
        )
    return seller_id


def hold_order(session: Session, scope: Scope, order_id: int) -> ProcessingOrder:
    """The order, held until the transaction ends: the second of two people sees what the first one did."""
    found = session.scalar(
        scope.visible(select(ProcessingOrder))
        .where(ProcessingOrder.id == order_id)
        .with_for_update(of=ProcessingOrder)
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("没有这张加工单，或不归您管。")
    return found


def get_order(session: Session, scope: Scope, order_id: int) -> ProcessingOrder:
    """With all that its page shows."""
    found = session.scalar(
        scope.visible(select(ProcessingOrder))
        .where(ProcessingOrder.id == order_id)
        .options(
            joinedload(ProcessingOrder.line).options(*SHOWN),
            joinedload(ProcessingOrder.seller),
            joinedload(ProcessingOrder.output_lot),
            joinedload(ProcessingOrder.planned_by),
            joinedload(ProcessingOrder.started_by),
            joinedload(ProcessingOrder.ended_by),
            selectinload(ProcessingOrder.inputs)
            .joinedload(ProcessingInput.lot)
            .options(
                joinedload(Lot.household), joinedload(Lot.organisation), joinedload(Lot.region)
            ),
        )
    )
    if found is None:
        raise NotFound("没有这张加工单，或不归您管。")
    return found


def parts_of(order: ProcessingOrder) -> dict[int, int]:
    return {one.lot_id: one.base for one in order.inputs}


def start(session: Session, actor: Actor, order: ProcessingOrder) -> None:
    """The goods leave their lots; `order` must come from hold_order. Later than planned it takes what is left of
    today: raises Conflict("capacity") with the figure."""
    if order.state == "planned" and order.day > today():
        raise Conflict(
            f"这张单排在 {order.day.month} 月 {order.day.day} 日，到那天再开工。", code="too_early"
        )
    if order.state == "planned" and order.day < today():
        session.refresh(order.line, with_for_update=True)
        _refuse_beyond(session, order.line, today(), order.input_base)
        order.day = today()
    parts = parts_of(order)
    lots = lock_lots(session, sorted(parts))
    move(session, order, "started", because=CHANGED, started_at=now(), started_by_id=actor.user_id)
    for lot in lots.values():
        if lot.available_until < today():
            raise Conflict(f"批次 {lot.code} 已过最晚可售日，不能加工。", code="expired")
    take_to_process(session, actor, lots, parts, order.number)
    audit.record(session, actor, "processing_started", "processing_order", order.id)


def cancel(
    session: Session, actor: Actor, order: ProcessingOrder, reason: str, left_base: int = 0
) -> None:
    """Before it has started nothing has moved; later `left_base` comes back, from each lot its part, and
    the rest is lost. `order` must come from hold_order."""
    reason = reason.strip()[:200]
    if not reason:
        raise InvalidInput("请写为什么取消。", code="missing", field="reason")
    if not 0 <= left_base <= order.input_base:
        raise InvalidInput("退回来的不能比送去的多，请核对。", code="quantity", field="left")
    begun = order.state == "started"
    move(
        session,
        order,
        "cancelled",
        because=CHANGED,
        ended_at=now(),
        ended_by_id=actor.user_id,
        reason=reason,
    )
    if begun:
        _bring_back(session, actor, order, left_base)
    audit.record(
        session, actor, "processing_cancelled", "processing_order", order.id, base=left_base, why=reason
    )  # fmt: skip


def _bring_back(session: Session, actor: Actor, order: ProcessingOrder, left_base: int) -> None:
    lots = lock_lots(session, sorted(parts_of(order)))
    inputs = list(order.inputs)
    back = split_by_largest_remainder(
        left_base,
        [one.base for one in inputs],
        tie_keys=[str(one.lot_id) for one in inputs],
        salt=order.number,
    )
    for one, part in zip(inputs, back, strict=True):
        one.returned_base = part
    session.flush()
    returned = {one.lot_id: one.returned_base for one in inputs}
    lost = {one.lot_id: one.base - one.returned_base for one in inputs}
    bring_back(session, actor, lots, returned, lost, order.number, "加工取消")
