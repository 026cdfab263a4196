"""Claims: asked by the buyer within the county's days, decided by the county, paid back by itself."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import format_when, now
from marketplace.core.codes import dated_code
from marketplace.core.county_settings import county_number
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope
from marketplace.notices.outbox import Message, enqueue
from marketplace.orders.claim_models import Claim
from marketplace.orders.endings import hold_round, lock_orders
from marketplace.orders.money_back import money_left
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.return_models import NEEDS_PHOTO, REASONS
from marketplace.orders.returning import parts_left, record_return
from marketplace.orders.worth import Place

CHANGED = "这个申请刚刚办过了，请刷新再看。"


def claim_until(session: Session, order: Order) -> datetime | None:
    """Until when the buyer may say that something was wrong; None before he has the goods."""
    if order.state != "closed" or order.ended_at is None:
        return None
    return order.ended_at + timedelta(days=county_number(session, "claim_days"))


def claims_of(session: Session, order: Order) -> Sequence[Claim]:
    return session.scalars(
        select(Claim)
        .join(OrderLine, OrderLine.id == Claim.order_line_id)
        .where(OrderLine.order_id == order.id)
        .options(joinedload(Claim.line).joinedload(OrderLine.listing), joinedload(Claim.decided_by))
        .order_by(Claim.id)
    ).all()


def file_claim(
    session: Session,
    actor: Actor,
    order: Order,
    place: Place,
    packs: int,
    reason: str,
    words: str = "",
    photo: str = "",
) -> Claim:
    """Raises Conflict too late or too early, InvalidInput for what cannot be."""
    hold_round(session, order.id)
    (order,) = lock_orders(session, Order.id == order.id)
    until = claim_until(session, order)
    if until is None:
        raise Conflict("货还没有收，先验收、取货。", code="wrong_state")
    if now() > until:
        raise Conflict(
            f"{format_when(until)} 前才能申请，现在过了。有事请打服务电话。", code="too_late"
        )
    part = next((one for one in parts_left(session, order) if one.place == place), None)
    if part is None:
        raise InvalidInput("请选是哪一样货。", code="missing", field="part")
    if reason not in REASONS:
        raise InvalidInput("请选怎么了。", code="missing", field="reason")
    most = part.packs - _waiting(session, place)
    if not 0 < packs <= most:
        words = f"最多能退 {most} 份。" if most else "这一样已经都申请过、退过了。"
        raise InvalidInput(words, code="too_many", field="packs")
    if reason in NEEDS_PHOTO and not photo:
        raise InvalidInput("请拍一张照片，处理的人要看。", code="photo_missing", field="photo")
    made = Claim(
        number=dated_code("C", now()),
        order_line_id=part.line.id,
        lot_id=part.lot.id,
        packs=packs,
        reason=reason,
        words=words.strip()[:200],
        photo=photo,
        at=now(),
        by_id=actor.user_id,
    )
    session.add(made)
    session.flush()
    audit.record(session, actor, "claim_filed", "claim", made.number, packs=packs)
    return made


def _waiting(session: Session, place: Place) -> int:
    asked = select(func.coalesce(func.sum(Claim.packs), 0)).where(
        Claim.order_line_id == place[0], Claim.lot_id == place[1], Claim.state == "open"
    )
    return int(session.scalar(asked) or 0)


def get_claim(session: Session, scope: Scope, number: str) -> Claim:
    found = session.scalar(
        select(Claim)
        .join(OrderLine, OrderLine.id == Claim.order_line_id)
        .where(
            Claim.number == number,
            OrderLine.order_id.in_(scope.visible(select(Order)).with_only_columns(Order.id)),
        )
        .options(
            joinedload(Claim.line).joinedload(OrderLine.listing),
            joinedload(Claim.line).joinedload(OrderLine.order),
            joinedload(Claim.lot),
            joinedload(Claim.by),
        )
    )
    if found is None:
        raise NotFound("没有这个申请。")
    return found


def grant_claim(
    session: Session, actor: Actor, claim: Claim, packs: int, fault: str, answer: str = ""
) -> int:
    """Take so many packs off the order at the cost of `fault`; returns the fen that go back."""
    if not 0 < packs <= claim.packs:
        raise InvalidInput(f"要在 1 到 {claim.packs} 份之间。", code="packs", field="packs")
    if fault == "unfetched":  # who claims has fetched
        raise InvalidInput("请选由谁承担。", code="missing", field="fault")
    order = claim.line.order
    words = REASONS[claim.reason].words
    said = f"{words}：{claim.words}" if claim.words else words
    fen = record_return(
        session,
        actor,
        order,
        {claim.order_line_id: packs},
        fault,
        said,
        reason=claim.reason,
        photo=claim.photo,
        lot_id=claim.lot_id,
    )
    _decide(session, actor, claim, "granted", answer, money_left(order), granted_packs=packs)
    return fen


def refuse_claim(session: Session, actor: Actor, claim: Claim, answer: str) -> None:
    if not answer.strip():
        raise InvalidInput("请写为什么不同意，买家会看到。", code="missing", field="answer")
    _decide(session, actor, claim, "refused", answer)


def grant_recalled(session: Session, actor: Actor, lot_id: int) -> None:
    """A recall has given back whatever buyers had of the lot: that answers what they still ask for."""
    asked = (
        select(Claim)
        .where(Claim.lot_id == lot_id, Claim.state == "open")
        .order_by(Claim.id)
        .with_for_update(of=Claim)
        .execution_options(populate_existing=True)
    )
    for claim in session.scalars(asked).all():
        words = "这批货召回了，收到的都退给您。"
        _decide(session, actor, claim, "granted", words, granted_packs=claim.packs)


def _decide(
    session: Session,
    actor: Actor,
    claim: Claim,
    state: str,
    answer: str,
    money: str = "",
    **more: int,
) -> None:
    """`money`: what it means for what the buyer pays."""
    move(
        session,
        claim,
        state,
        because=CHANGED,
        decided_at=now(),
        decided_by_id=actor.user_id,
        answer=answer.strip()[:200],
        **more,
    )
    audit.record(session, actor, f"claim_{state}", "claim", claim.number)
    order = claim.line.order
    goods = claim.line.listing.full_title
    words = f"同意退 {claim.granted_packs} 份" if state == "granted" else "没有同意"
    enqueue(
        session,
        Message(
            provider_key=f"claim:{claim.number}:{state}",
            kind=f"claim_{state}",
            subject=f"order:{order.id}",
            title=f"订单 {order.number} 的退货申请：{words}",
            body=f"{answer.strip() or f'{goods}，{words}'}。{money}".replace("。。", "。"),
            to_user_id=claim.by_id,
        ),
    )
