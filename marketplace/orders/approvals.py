"""The unit's consent to a canteen order: by somebody else than who ordered."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.clock import now, shanghai_date
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import Deputy, RoleGrant
from marketplace.identity.permissions import ORDER_CANTEEN, roles_with
from marketplace.identity.scope import Scope
from marketplace.orders.endings import CHANGED, end_order
from marketplace.orders.order_models import Approval, Order, OrderLine
from marketplace.orders.round_models import Listing, Round

OWN_ORDER = "自己下的单要请别人审批。"


def waiting_orders(scope: Scope) -> Select[Order]:
    """What the unit has to decide, the oldest first, with what the page shows."""
    return (
        scope.visible(select(Order))
        .where(Order.state == "awaiting_approval")
        .options(
            joinedload(Order.round, innerjoin=True),
            joinedload(Order.pickup_point, innerjoin=True),
            joinedload(Order.buyer, innerjoin=True),
            joinedload(Order.organisation),
            joinedload(Order.approval),
            selectinload(Order.lines)
            .joinedload(OrderLine.listing, innerjoin=True)
            .joinedload(Listing.product, innerjoin=True),
        )
        .order_by(Order.placed_at, Order.id)
    )


def decided_orders(scope: Scope) -> Select[Order]:
    """What the unit decided, the newest first."""
    return (
        scope.visible(select(Order))
        .join(Approval, Approval.order_id == Order.id)
        .where(Approval.decision != "waiting")
        .options(
            joinedload(Order.buyer, innerjoin=True),
            joinedload(Order.approval).joinedload(Approval.decided_by),
        )
        .order_by(Approval.decided_at.desc(), Order.id.desc())
    )


def own_orders(session: Session, actor: Actor, orders: list[Order]) -> set[int]:
    """Those the actor must not decide: ordered by himself, by somebody he stands in for, or by who
    orders in the name of one of these."""
    own = actor.principals
    askers = {o.approval.requested_by_id for o in orders if o.approval} | {
        o.buyer_id for o in orders
    }
    standing_in: dict[int, list[Deputy]] = {}
    for row in session.scalars(
        select(Deputy)
        .join(RoleGrant, RoleGrant.id == Deputy.grant_id)
        .where(
            Deputy.deputy_id.in_(askers - own),
            RoleGrant.user_id.in_(own),
            RoleGrant.role.in_(roles_with(ORDER_CANTEEN)),
        )
    ):
        standing_in.setdefault(row.deputy_id, []).append(row)
    return {order.id for order in orders if _is_own(order, own, standing_in)}


def _is_own(order: Order, own: frozenset[int], standing_in: dict[int, list[Deputy]]) -> bool:
    if order.approval is None:
        return False
    asked = order.approval.requested_by_id
    if {asked, order.buyer_id} & own:
        return True
    day = shanghai_date(order.approval.requested_at)
    return any(
        row.valid_from <= day <= row.valid_until
        for person in (asked, order.buyer_id)
        for row in standing_in.get(person, ())
    )


def decide(
    session: Session,
    actor: Actor,
    order: Order,
    *,
    approve: bool,
    reason: str = "",
    version: int | None = None,
) -> None:
    """Approve or reject; raises Conflict when the decider or his principal placed the order.

    `version` is the one that the page showed: nobody consents to what he has not seen.
    """
    session.refresh(order, with_for_update={"of": Order})
    approval = order.approval
    if approval is None or order.state != "awaiting_approval":
        raise Conflict("这张单已经有人批过，或者已经取消。", code="wrong_state")
    if version is not None and order.version != version:
        raise Conflict("采购员刚改过这张单，请看过新的再批。", code="changed")
    if own_orders(session, actor, [order]):
        raise Conflict(OWN_ORDER, code="own_order")
    if not approve and not reason.strip():
        raise InvalidInput("请写不同意的原因。", code="missing", field="reason")
    in_round = session.get_one(Round, order.round_id)
    if in_round.state != "open" or in_round.closes_at <= now():
        raise Conflict("这一期已经截单，不能再审批。", code="round_closed")
    approval.decision = "approved" if approve else "rejected"
    approval.decided_at, approval.decided_by_id = now(), actor.user_id
    approval.reason = reason.strip()
    if approve:
        if order.deposit_fen > order.deposit_held_fen:
            move(session, order, "awaiting_payment", because=CHANGED)
        else:
            move(session, order, "confirmed", because=CHANGED, confirmed_at=now())
        audit.record(session, actor, "order_approved", "order", order.number)
    else:
        end_order(session, actor, order, "rejected", reason.strip())
