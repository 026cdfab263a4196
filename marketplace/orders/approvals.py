"""The unit's consent to a canteen order: by somebody else than who ordered."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.permissions import ORDER_APPROVE
from marketplace.orders.endings import CHANGED, end_order
from marketplace.orders.order_models import Order
from marketplace.orders.round_models import Round


def waiting_orders(session: Session, actor: Actor) -> list[Order]:
    scope = actor.scope_for(ORDER_APPROVE)
    statement = select(Order).where(Order.state == "awaiting_approval").order_by(Order.placed_at)
    return list(session.scalars(scope.visible(statement)))


def decide(
    session: Session, actor: Actor, order: Order, *, approve: bool, reason: str = ""
) -> None:
    """Approve or reject; raises Conflict when the decider or his principal placed the order."""
    approval = order.approval
    if approval is None or order.state != "awaiting_approval":
        raise Conflict(CHANGED, code="wrong_state")
    if {approval.requested_by_id, order.buyer_id} & actor.principals:
        raise Conflict("自己下的单要请别人审批。", code="own_order")
    if not approve and not reason.strip():
        raise InvalidInput("请写不同意的原因。", code="missing", field="reason")
    in_round = session.get_one(Round, order.round_id)
    if in_round.state != "open" or in_round.closes_at <= now():
        raise Conflict("这一期已经截单,不能再审批。", code="round_closed")
    approval.decision = "approved" if approve else "rejected"
    approval.decided_at, approval.decided_by_id = now(), actor.user_id
    approval.reason = reason.strip()
    if approve:
        move(session, order, "confirmed", because=CHANGED, confirmed_at=now())
        audit.record(session, actor, "order_approved", "order", order.number)
    else:
        end_order(session, actor, order, "rejected", reason.strip())
