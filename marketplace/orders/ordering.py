"""Placing, changing and cancelling an order before its round closes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import Table, bindparam, insert, select, update
from sqlalchemy.orm import Session, selectinload

from marketplace.core.clock import now
from marketplace.core.codes import dated_code
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.idempotency import claim
from marketplace.core.identifiers import normalise_phone
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation
from marketplace.identity.scope import Scope
from marketplace.orders.deposits import asked_fen
from marketplace.orders.endings import held_packs, hold_round
from marketplace.orders.held_places import refuse_held
from marketplace.orders.order_models import (
    FUND_SOURCES,
    SAID_WAYS,
    Approval,
    Order,
    OrderChange,
    OrderLine,
)
from marketplace.orders.reserve import give_back, reserve
from marketplace.orders.round_models import Listing, PickupPoint, Round, RoundPickup

CHANGED = "订单刚刚变了，请刷新再看。"
AUDIENCE = {"shop": "open_to_staff", "canteen": "open_to_canteens", "group": "open_to_groups"}


class BelowMinimum(InvalidInput):
    """Some lines of a canteen are too small; `lines` are (listing id, title, asked, minimum)."""

    default_code = "minimum"

    def __init__(self, lines: list[tuple[int, str, int, int]]) -> None:
        self.lines = lines
        words = "；".join(f"{title}至少订 {minimum} 份" for _, title, _, minimum in lines)
        super().__init__(f"{words}。", field="packs")


@dataclass(frozen=True)
class OrderInput:
    """`packs` is listing id → packs. `idempotency_key` is made by the form: sent twice, ordered once.

    `pay_how` is one of SAID_WAYS, or empty where the channel does not ask; a canteen whose unit has terms
    is on account. `shown_fen` is the total
    that the buyer saw: when prices have changed since, the order is refused instead of costing more.
    `together_fen` is the sum of all orders that were sent as one: the unit's limit holds for that sum.
    """

    round_id: int
    packs: Mapping[int, int]
    pickup_point_id: int
    contact_name: str
    contact_phone: str
    idempotency_key: str
    channel: str = "shop"
    organisation_id: int | None = None
    fund_source: str = "own"
    note: str = ""
    pay_how: str = ""
    shown_fen: int | None = None
    together_fen: int = 0
    extends_id: int | None = None
    whole_or_nothing: frozenset[int] = field(default=frozenset())


def get_order(session: Session, scope: Scope, number: str) -> Order:
    order = session.scalar(
        scope.visible(select(Order).where(Order.number == number)).options(
            selectinload(Order.lines).selectinload(OrderLine.listing).selectinload(Listing.product)
        )
    )
    if order is None:
        raise NotFound("没有这个订单。")
    return order


def place_order(session: Session, actor: Actor, given: OrderInput) -> str:
    """Order once; returns the order's number, also when the same key comes again.

    Raises SoldOut, Conflict (round closed, in progress) or InvalidInput; the transaction must then be
    rolled back whole.
    """
    if not given.packs:
        raise InvalidInput("还没有选产品。", code="empty", field="packs")
    number = dated_code("D", now())
    owner = f"user:{actor.user_id}"
    claimed = claim(session, owner, given.idempotency_key, _body(given), number)
    if claimed.result is not None:
        return claimed.result
    in_round, region_code = _round_and_place(session, given)
    refuse_held(session, given.pickup_point_id)
    phone = normalise_phone(given.contact_phone, field="contact_phone")
    listings = reserve(session, in_round, given.packs)
    _check_minimums(given.channel, given.packs, listings)
    order = Order(
        number=number,
        channel=given.channel,
        round_id=in_round.id,
        buyer_id=actor.user_id,
        organisation_id=given.organisation_id,
        region_code=region_code,
        pickup_point_id=given.pickup_point_id,
        contact_name=given.contact_name.strip(),
        contact_phone=phone,
        note=given.note.strip(),
        total_fen=_total(given, listings),
        collected_how=_pay_way(session, given),
        placed_at=now(),
        state="confirmed",
        confirmed_at=now(),
        extends_id=given.extends_id,
    )
    _refuse_late_payer(in_round, given)
    order.deposit_fen = asked_fen(in_round, order.channel, order.collected_how, order.total_fen)
    if given.pay_how == "alipay" or order.deposit_fen:
        order.state, order.confirmed_at = "awaiting_payment", None
    if _needs_approval(session, order, given.together_fen):
        order.state, order.confirmed_at = "awaiting_approval", None
        order.approval = Approval(requested_at=now(), requested_by_id=actor.user_id)
    session.add(order)
    session.flush()
    _insert_lines(session, order.id, given, listings)
    audit.record(session, actor, "order_placed", "order", number)
    return number


def change_order(
    session: Session, actor: Actor, order: Order, packs: Mapping[int, int], version: int
) -> None:
    """Replace what an order holds, before closing: gives back and reserves again, all or nothing.

    `version` is the one that the buyer's page showed; raises Conflict when the order moved on.
    Listings with 0 packs leave the order, none comes in: other goods are another order. An order
    without any is to be cancelled instead.
    """
    wanted = {i: n for i, n in packs.items() if n}
    if not wanted:
        raise InvalidInput("全都不要了的话，请取消订单。", code="empty", field="packs")
    take_version(session, order, version)
    in_round = session.get_one(Round, order.round_id)
    held = {line.listing_id: line.packs for line in order.lines}
    if not wanted.keys() <= held.keys():
        raise InvalidInput("要加别的产品，请另下一单。", code="unknown_listing")
    if any(count > held[i] for i, count in wanted.items()):
        refuse_held(session, order.pickup_point_id, "现在不能加，减少或取消都可以。")
    give_back(session, held)
    listings = reserve(session, in_round, wanted)
    _check_minimums(order.channel, wanted, listings)
    before_fen = order.total_fen
    before = json.dumps({str(i): n for i, n in held.items()}, sort_keys=True)
    session.add(OrderChange(order_id=order.id, at=now(), by_id=actor.user_id, before=before))
    for line in list(order.lines):
        if line.listing_id in wanted:
            line.packs = wanted[line.listing_id]
        else:
            session.delete(line)
    session.flush()
    session.expire(order, ["lines"])
    order.total_fen = sum(line.amount_fen for line in order.lines)
    session.flush()
    _ask_again(session, actor, order, grown=order.total_fen > before_fen)
    audit.record(session, actor, "order_changed", "order", order.number)


def take_version(session: Session, order: Order, version: int) -> None:
    """Of two changes of one page only the first gets the next version; the other finds no row."""
    hold_round(session, order.id)
    hit = session.execute(
        update(Order)
        .where(
            Order.id == order.id,
            Order.version == version,
            Order.state.in_(("confirmed", "awaiting_approval")),
        )
        .values(version=version + 1)
        .execution_options(synchronize_session=False)
    )
    if hit.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict(CHANGED, code="wrong_state")
    session.refresh(order)


def _ask_again(session: Session, actor: Actor, order: Order, *, grown: bool) -> None:
    """A change above the unit's limit needs its consent again; so does more of what needed it once."""
    if not _needs_approval(session, order) and not (grown and order.approval):
        return
    if order.approval is None:
        order.approval = Approval(requested_at=now(), requested_by_id=actor.user_id)
    order.approval.requested_at, order.approval.requested_by_id = now(), actor.user_id
    order.approval.decision, order.approval.decided_at = "waiting", None
    order.approval.decided_by_id, order.approval.reason = None, ""
    if order.state == "confirmed":
        move(session, order, "awaiting_approval", because=CHANGED, confirmed_at=None)


def cancel_order(session: Session, actor: Actor, order: Order, reason: str = "") -> None:
    """Before closing a buyer cancels alone; what was reserved can be ordered by others at once."""
    in_round = session.get_one(Round, order.round_id)
    if in_round.state != "open" or in_round.closes_at <= now():
        raise Conflict("已经截单，不能自己取消，请打服务电话说明原因。", code="round_closed")
    move(session, order, "cancelled", because=CHANGED, ended_at=now(), ended_because=reason.strip())
    give_back(session, held_packs(session, order.id))
    audit.record(session, actor, "order_cancelled", "order", order.number)


def _body(given: OrderInput) -> dict[str, object]:
    return {
        "round": given.round_id,
        "packs": sorted(given.packs.items()),
        "pickup": given.pickup_point_id,
        "name": given.contact_name,
        "phone": given.contact_phone,
        "channel": given.channel,
        "unit": given.organisation_id,
        "fund": given.fund_source,
        "note": given.note,
        "pay": given.pay_how,
        "whole": sorted(given.whole_or_nothing),
    }


_ROUND_AND_PLACE = (
    select(Round, PickupPoint.region_code)
    .join(RoundPickup, RoundPickup.round_id == Round.id)
    .join(PickupPoint, PickupPoint.id == RoundPickup.pickup_point_id)
    .where(Round.id == bindparam("round"), PickupPoint.id == bindparam("point"))
    .with_for_update(of=Round, key_share=True, read=True)  # see rounds.stop_orders
    .execution_options(populate_existing=True)
)


def _round_and_place(session: Session, given: OrderInput) -> tuple[Round, str]:
    """The round and the pickup point's region; both must belong together and to this channel."""
    asked = {"round": given.round_id, "point": given.pickup_point_id}
    row = session.execute(_ROUND_AND_PLACE, asked).first()
    if row is None:
        raise InvalidInput("请选这一期的提货点。", code="unknown_pickup", field="pickup_point_id")
    if not given.contact_name.strip():
        raise InvalidInput("请填取货人姓名。", code="missing", field="contact_name")
    if given.pay_how not in {"", *SAID_WAYS}:
        raise InvalidInput("请选怎么付款。", code="unknown_pay_way", field="pay_how")
    if given.fund_source not in FUND_SOURCES:
        raise InvalidInput("请选资金来源。", code="unknown_fund", field="fund_source")
    in_round: Round = row[0]
    if not getattr(in_round, AUDIENCE[given.channel]):
        raise Conflict("这一期不对这类买家开放。", code="other_audience")
    return in_round, str(row[1])


def _check_minimums(
    channel: str, packs: Mapping[int, int], listings: Mapping[int, Listing]
) -> None:
    if channel != "canteen":
        return
    low = [
        (i, listings[i].title, packs[i], listings[i].minimum_packs)
        for i in sorted(packs)
        if packs[i] < listings[i].minimum_packs
    ]
    if low:
        raise BelowMinimum(low)


def _total(given: OrderInput, listings: Mapping[int, Listing]) -> int:
    total = sum(listings[i].price_fen * packs for i, packs in given.packs.items())
    if given.shown_fen is not None and given.shown_fen != total:
        raise Conflict("价格刚刚变了，请看过新的合计再提交。", code="price_changed")
    return total


def _refuse_late_payer(in_round: Round, given: OrderInput) -> None:
    if in_round.unpaid_rule == "expire" and given.pay_how == "pickup":
        raise InvalidInput(
            "这一期要在截单前付清，不能取货时付，请另选。",
            code="pay_before_closing",
            field="pay_how",
        )


def _pay_way(session: Session, given: OrderInput) -> str:
    """What a unit's canteen orders is on account where the unit has terms; nobody types it."""
    if given.channel != "canteen" or given.organisation_id is None:
        return given.pay_how
    terms = select(Organisation.on_account).where(Organisation.id == given.organisation_id)
    return "account" if session.scalar(terms) else given.pay_how


def _needs_approval(session: Session, order: Order, together_fen: int = 0) -> bool:
    if order.channel != "canteen" or order.organisation_id is None:
        return False
    above = session.scalar(
        select(Organisation.approval_above_fen).where(Organisation.id == order.organisation_id)
    )
    return above is not None and max(order.total_fen, together_fen) > above


def _insert_lines(
    session: Session, order_id: int, given: OrderInput, listings: Mapping[int, Listing]
) -> None:
    session.execute(
        insert(cast("Table", OrderLine.__table__)),
        [
            {
                "order_id": order_id,
                "listing_id": listing_id,
                "packs": packs,
                "pack_base": listings[listing_id].pack_base,
                "price_fen": listings[listing_id].price_fen,
                "farmgate_fen": listings[listing_id].farmgate_fen,
                "service_fen": listings[listing_id].service_fen,
                "freight_fen": listings[listing_id].freight_fen,
                "heaviest_g": listings[listing_id].band_high_base,
                "fund_source": given.fund_source,
                "whole_or_nothing": listing_id in given.whole_or_nothing,
            }
            for listing_id, packs in sorted(given.packs.items())
        ],
    )
