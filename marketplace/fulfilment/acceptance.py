"""A buyer says what he received, line by line and lot by lot: from then on households are owed.

What is not accepted has a reason, and the reason decides who bears it. One acceptance counts: of two
people who accept one delivery the second hears what the first one said.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.lots import lock_lots
from marketplace.catalog.models import Lot
from marketplace.core.clock import format_when, now
from marketplace.core.errors import Conflict, NotFound
from marketplace.core.states import move
from marketplace.fulfilment.accepted_weights import (
    goods_of,
    keep_weights,
    leave_lots,
    weigh_parts,
)
from marketplace.fulfilment.delivery_models import ENDS, ON_THE_WAY, Delivery
from marketplace.fulfilment.said_received import (
    NotTaken,
    Scaled,
    Signed,
    check_not_taken,
    check_signed,
    check_weights,
)
from marketplace.fulfilment.telling import tell_returned
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.permissions import HAND_OVER, LOT_VIEW, ORDER_CANTEEN, ORDER_OWN
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.deposits import keep_deposit
from marketplace.orders.endings import CHANGED, hold_round, lock_orders
from marketplace.orders.lot_events import record_accepted, record_rejected
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.order_money import post_delivered
from marketplace.orders.return_models import (
    RECALLED,
    SAID,
    UNFETCHED,
    GoodsReturn,
)
from marketplace.orders.returning import Part
from marketplace.orders.shop_queries import pickup_of
from marketplace.orders.worth import Place

NO_CODE = "没带码，核对了姓名电话"


class AcceptedBefore(Conflict):
    """Somebody was first: his word counts."""

    default_code = "accepted"

    def __init__(self, delivery: Delivery) -> None:
        who = delivery.ended_by.display_name if delivery.ended_by else ""
        when = format_when(delivery.ended_at) if delivery.ended_at else ""
        super().__init__(
            f"{who} {when} 已经验收过：{ENDS[delivery.state]}。没有重复记；数不对请走“有问题”。"
        )


def get_delivery(session: Session, order: Order) -> Delivery:
    """Raises NotFound before the goods have set out."""
    found = session.scalar(
        select(Delivery)
        .where(Delivery.order_id == order.id)
        .options(joinedload(Delivery.manifest), joinedload(Delivery.ended_by))
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("这个订单的货还没有出发。")
    return found


def parts_of(session: Session, order: Order) -> list[Part]:
    """What was dispatched, in the order of the lines."""
    rows = session.execute(
        select(OrderLine, Lot, func.sum(Allocation.packs))
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .join(Lot, Lot.id == Allocation.lot_id)
        .where(OrderLine.order_id == order.id)
        .group_by(OrderLine.id, Lot.id)
        .order_by(OrderLine.id, func.min(Allocation.id))
    )
    return [Part(line, lot, int(packs)) for line, lot, packs in rows]


def accept(
    session: Session,
    actor: Actor,
    order: Order,
    not_taken: Sequence[NotTaken],
    signed: Signed,
    weights: Mapping[Place, Scaled] = MappingProxyType({}),
) -> Delivery:
    """Everything of the order was received but what is `not_taken` and what is recalled, whatever is said
    of that. `weights`: what was received of goods sold by weight.

    Raises AcceptedBefore when it has been said, InvalidInput for what cannot be (its field is that of the
    part), Conflict before the goods set out.
    """
    order, delivery = _locked(session, order)
    check_signed(order, signed)
    parts = parts_of(session, order)
    back = _recalled(session, parts)
    places = {one.place for one in back}
    not_taken = [one for one in not_taken if one.place not in places]
    check_not_taken(parts, not_taken)
    not_taken = [*not_taken, *back]
    grams = check_weights(parts, not_taken, weights)
    _end(session, actor, order, delivery, parts, not_taken, signed, grams)
    return delivery


def accept_without_recalled(session: Session, actor: Actor, order: Order) -> int:
    """The county says that it has arrived, and weighs what it weighed at the collection point; nobody signs.
    Returns the fen that households are owed."""
    order, delivery = _locked(session, order)
    parts = parts_of(session, order)
    return _end(session, actor, order, delivery, parts, _recalled(session, parts), Signed())


def _recalled(session: Session, parts: Sequence[Part]) -> list[NotTaken]:
    """What nobody can accept. Asked after the order is locked: a recall locks it too."""
    lots = [part.lot.id for part in parts]
    found = set(session.scalars(select(Lot.id).where(Lot.id.in_(lots), Lot.state == RECALLED)))
    return [NotTaken(part.place, part.packs, RECALLED) for part in parts if part.lot.id in found]


def record_not_collected(session: Session, actor: Actor, order: Order) -> Delivery:
    """Nobody came for it: the buyer does not pay, his deposit stays here, the households get their money.
    Raises Conflict while he can still come."""
    order, delivery = _locked(session, order)
    slot = pickup_of(session, order)
    if slot is not None and now() < slot.until_at:
        raise Conflict(
            f"取货时间到 {format_when(slot.until_at)}，还没有过，先留着。", code="too_early"
        )
    parts = parts_of(session, order)
    back = _recalled(session, parts)
    places = {one.place for one in back}
    left = [
        NotTaken(part.place, part.packs, UNFETCHED) for part in parts if part.place not in places
    ]
    _end(session, actor, order, delivery, parts, [*left, *back], Signed())
    if left:
        keep_deposit(session, actor, order)
    return delivery


def _locked(session: Session, order: Order) -> tuple[Order, Delivery]:
    hold_round(session, order.id)
    (order,) = lock_orders(session, Order.id == order.id)
    session.execute(select(Delivery.id).where(Delivery.order_id == order.id).with_for_update())
    delivery = get_delivery(session, order)
    if delivery.state not in ON_THE_WAY:
        raise AcceptedBefore(delivery)
    return order, delivery


def _end(
    session: Session,
    actor: Actor,
    order: Order,
    delivery: Delivery,
    parts: Sequence[Part],
    not_taken: Sequence[NotTaken],
    signed: Signed,
    grams: Mapping[Place, int] | None = None,
) -> int:
    """`grams`: of what was accepted by weight, by place; None: as it was weighed in."""
    missing = Counter({one.place: one.packs for one in not_taken})
    lock_lots(session, sorted({part.lot.id for part in parts}))  # before rows that name them
    weighed = weigh_parts(session, parts, missing, grams)
    goods = goods_of(parts, {one.place: (one.packs, one.fault) for one in not_taken}, weighed)
    posted = post_delivered(session, actor, [order], {order.id: goods})
    rows = _store(session, actor, not_taken, posted.journals.get(order.id))
    keep_weights(session, actor, parts, rows, weighed)
    leave_lots(session, actor, parts, missing, weighed, f"order:{order.number}")
    record_accepted(session, [order.id], missing)
    record_rejected(session, rows)
    tell_returned(session, rows)
    move(session, order, "closed", because=CHANGED, ended_at=now())
    end = _end_of(parts, not_taken)
    move(
        session,
        delivery,
        end,
        because=CHANGED,
        ended_at=now(),
        ended_by_id=actor.user_id or None,
        inspector=signed.inspector or None,
        second_inspector=signed.second or None,
    )
    _record_ended(session, actor, order, end, not_taken=len(not_taken), no_code=signed.no_code)
    return posted.farmgate_fen


def _record_ended(
    session: Session, actor: Actor, order: Order, end: str, *, not_taken: int, no_code: bool
) -> None:
    if no_code:
        audit.record(
            session, actor, "delivery_ended", "order", order.number,
            end=end, not_taken=not_taken, how=NO_CODE,
        )  # fmt: skip
    else:
        audit.record(
            session, actor, "delivery_ended", "order", order.number, end=end, not_taken=not_taken
        )


def _end_of(parts: Sequence[Part], not_taken: Sequence[NotTaken]) -> str:
    missing = sum(one.packs for one in not_taken)
    if any(one.reason == UNFETCHED for one in not_taken):
        return "not_collected"
    if not missing:
        return "accepted"
    return "refused" if missing == sum(part.packs for part in parts) else "partly_accepted"


def _store(
    session: Session, actor: Actor, not_taken: Sequence[NotTaken], journal: str | None
) -> list[GoodsReturn]:
    rows = []
    for one in not_taken:
        line_id, lot_id = one.place
        session.execute(
            update(OrderLine)
            .where(OrderLine.id == line_id)
            .values(returned_packs=OrderLine.returned_packs + one.packs)
        )
        said = SAID[one.reason]
        rows.append(
            GoodsReturn(
                order_line_id=line_id,
                lot_id=lot_id,
                packs=one.packs,
                fault=one.fault,
                words=f"{said}：{one.words.strip()}"[:200] if one.words.strip() else said,
                stage="acceptance",
                reason=one.reason,
                photo=one.photo,
                journal_number=journal,
                at=now(),
                by_id=actor.user_id,
            )
        )
    session.add_all(rows)
    session.flush()
    return rows


def get_return(session: Session, actor: Actor, return_id: int) -> GoodsReturn:
    """A rejection whose order or whose lot is in the person's reach."""
    may_see = (
        (HAND_OVER, Order.within),
        (ORDER_CANTEEN, Order.within),
        (ORDER_OWN, Order.within),
        (LOT_VIEW, Lot.within),
    )
    seen = [within(actor.scope_for(held)) for held, within in may_see if actor.may(held)]
    found = session.scalar(
        select(GoodsReturn)
        .join(GoodsReturn.line)
        .join(OrderLine.order)
        .join(GoodsReturn.lot)
        .where(GoodsReturn.id == return_id, or_(*seen))
    )
    if found is None:
        raise NotFound("没有这张照片。")
    return found
