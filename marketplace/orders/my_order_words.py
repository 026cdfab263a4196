"""What a buyer's order says about itself: where the goods stand, and apart from it the money."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, contains_eager, joinedload, selectinload

from marketplace.catalog.models import Lot
from marketplace.core.clock import format_deadline, format_when, now
from marketplace.core.identifiers import mask_phone
from marketplace.core.money import format_yuan
from marketplace.households.public_place import public_villages
from marketplace.identity.scope import Scope
from marketplace.orders.adding import linked_numbers
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.arrivals import arrived, on_its_way
from marketplace.orders.claims import claim_until, claims_of
from marketplace.orders.deposits import wanted_fen
from marketplace.orders.money_back import due_fen, how_it_comes_back
from marketplace.orders.money_steps import money_steps
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.paying import pay_by
from marketplace.orders.returning import why_returned
from marketplace.orders.round_models import Listing, Round
from marketplace.orders.shop_queries import pickup_of
from marketplace.orders.worth import Worth, worth, worth_by_weight

ARRIVING = Round.state == "delivering"
TOO_LATE = "已经截单，自己不能再改。要改请打服务电话说明原因。"


@dataclass(frozen=True)
class Said:
    """Words with a tone; `note` says what comes next."""

    words: str
    tone: str
    note: str = ""


@dataclass(frozen=True)
class LineLot:
    """Where packs of an order line come from: what the public may know, and the lot's public code."""

    packs: int
    place: str
    trace_code: str


def orders_of(scope: Scope, channel: str = "shop") -> Select[Order]:
    """The orders in reach, the newest first, with what a list shows of them."""
    return (
        scope.visible(select(Order))
        .where(Order.channel == channel)
        .options(
            joinedload(Order.round, innerjoin=True),
            joinedload(Order.pickup_point, innerjoin=True),
            selectinload(Order.lines)
            .joinedload(OrderLine.listing, innerjoin=True)
            .joinedload(Listing.product, innerjoin=True),
        )
        .order_by(Order.id.desc())
    )


def arriving(session: Session, scope: Scope) -> dict[str, bool]:
    """Numbers of the shop's orders in reach whose goods have set out → whether they are there."""
    orders = session.scalars(
        scope.visible(select(Order))
        .join(Order.round)
        .where(Order.channel == "shop", Order.state == "allocated", ARRIVING)
        .options(contains_eager(Order.round))
        .order_by(Order.id)
    ).all()
    there = arrived(session, orders)
    return {order.number: order.id in there for order in orders}


def still_open(found: Round) -> bool:
    """Before closing orders can be changed and cancelled, whoever the round is for."""
    return found.state == "open" and now() < found.closes_at


def changeable(order: Order) -> bool:
    """Whether its buyer can still cancel it, and mostly change it too."""
    waiting = {"confirmed", "awaiting_approval", "awaiting_payment"}
    return order.state in waiting and still_open(order.round)


def line_by_line(order: Order) -> bool:
    """Whether quantities can be changed in the order itself: a group's follow its registration, and
    while somebody pays the sum stands still."""
    return changeable(order) and order.channel != "group" and order.state != "awaiting_payment"


def order_page(session: Session, order: Order, viewer_id: int) -> dict[str, object]:
    """What the page of one order shows; colleagues of the buyer see the phone masked."""
    phone = order.contact_phone or ""
    adds_to, added = linked_numbers(session, order)
    there = order.id in arrived(session, [order])
    return {
        "order": order,
        "adds_to": adds_to,
        "added": added,
        "phone": phone if order.buyer_id == viewer_id else mask_phone(phone),
        "slot": pickup_of(session, order),
        "arriving": on_its_way(order),
        "there": there,
        "state": state_of(order, there=there),
        "money": money_of(order),
        "money_steps": money_steps(session, order),
        "deposit": deposit_of(order),
        "stages": stages_of(order, there=there),
        "changeable": changeable(order),
        "line_by_line": line_by_line(order),
        "lots": lots_of(session, order),
        "ended": order.state in _ENDED,
        "parts": price_parts(session, order),
        "total_fen": due_fen(order),
        "total_words": total_words(order),
        "returns": why_returned(session, order),
        "claim": claim_of(session, order),
    }


def states_of(session: Session, orders: Sequence[Order]) -> dict[int, Said]:
    """Where the goods of each order (by id) stand."""
    there = arrived(session, orders)
    return {order.id: state_of(order, there=order.id in there) for order in orders}


def price_parts(session: Session, order: Order) -> dict[int, Worth]:
    """Order line id → what is paid for it, by component; what is sold by weight only once it was weighed."""
    weighed = worth_by_weight(session, [line for line in order.lines if line.due_g])
    return {
        line.id: weighed.get(line.id) or worth(line, line.due_packs)
        for line in order.lines
        if line.due_packs
    }


@dataclass(frozen=True)
class MayClaim:
    """Until when the buyer may say that something was wrong; `asked` once he has."""

    until: datetime
    open: bool
    asked: bool


def claim_of(session: Session, order: Order) -> MayClaim | None:
    """None before he has the goods, and where nothing of them is left with him that he has not asked for."""
    until = claim_until(session, order)
    if until is None:
        return None
    asked = bool(claims_of(session, order))
    left = any(line.due_packs for line in order.lines)
    return MayClaim(until, left and now() <= until, asked) if left or asked else None


def total_words(order: Order) -> str:
    """What the sum of an order is called, where it is another one than when it was ordered."""
    if order.state in _ENDED:
        return "不用付了"
    return "实际合计" if order.collected_fen >= due_fen(order) else "现在应付"


_ENDED = {"cancelled": "已取消", "expired": "已作废", "rejected": "单位没有同意"}
_ON_ITS_WAY = {
    "allocated": Said("备货中", "leaf", "已分配到农户，农户正在按单备货。"),
    "collecting": Said("备货中", "leaf", "备货单发到了农户手里，农户正在备货。"),
    "delivering": Said("配送中", "ripe", "货在路上，到了提货点就能取。"),
    "settled": Said("已完成", "leaf", "谢谢您，货款会到农户手里。"),
}


def state_of(order: Order, *, there: bool = False) -> Said:
    """Where the goods stand; `there`: at the place where they are fetched, see arrivals."""
    found = order.round
    if order.state in _ENDED:
        when = f"{format_when(order.ended_at)}起，这些货留给别人订。" if order.ended_at else ""
        return Said(_ENDED[order.state], "plain", f"{when}{order.ended_because}")
    if found.state == "cancelled":
        return Said("这一期取消了", "bad", "货不送了，请等县里通知。")
    if order.state == "awaiting_approval":
        return Said("等单位审批", "warn", f"{format_deadline(found.closes_at)} 前要批好。")
    if order.state == "awaiting_payment":
        words = "等付押金" if order.deposit_fen else "等付款"
        return Said(words, "warn", f"{format_when(pay_by(order))} 前付好才算订上，过时自动作废。")
    if order.state in {"allocated", "closed"}:
        return _shared_out(order, there=there)
    return _ordered(found)


def _shared_out(order: Order, *, there: bool) -> Said:
    if order.state == "closed" and not any(line.due_packs for line in order.lines):
        return Said("没有收货", "plain", "这一单没有收货，不用付钱；付过的退给您。")
    if there and on_its_way(order):
        note = "货到了，请验收。" if order.channel == "canteen" else "货到提货点了，请按时去取。"
        return Said("货到了", "ripe", note)
    reached = "settled" if order.state == "closed" else order.round.state
    return _ON_ITS_WAY.get(reached, _ON_ITS_WAY["allocated"])


def _ordered(found: Round) -> Said:
    if still_open(found):
        return Said("已订好", "leaf", f"{format_deadline(found.closes_at)} 前可以自己改或取消。")
    return Said("已截单", "leaf", "正在把订单分配到农户，马上开始备货。")


def money_of(order: Order) -> Said:
    """Where the money stands, whatever happened to the goods."""
    due, paid = due_fen(order), order.collected_fen
    if paid > due:
        return Said(f"要退 {format_yuan(paid - due)} 元", "warn", how_it_comes_back(order))
    if due == 0:
        return Said("没有收款", "plain", "不用付钱。")
    if paid == due:
        return Said(f"已付清 {format_yuan(paid)} 元", "leaf")
    notes = {
        "unit": "由您单位统一收齐。",
        "pickup": "取货时在提货点付。",
        "account": "单位月结：月初出对账单，照对账单转账。",
    }
    if order.collected_how != "account" and order.channel == "canteen":
        note = "由单位统一结账。"
    else:
        note = notes.get(order.collected_how, "")
    return Said(f"还没付 {format_yuan(due - paid)} 元", "warn", note)


def deposit_of(order: Order) -> Said | None:
    """Where the deposit stands; None for an order that has none, or that ended before it was paid."""
    if order.deposit_kept_fen:
        kept = format_yuan(order.deposit_kept_fen)
        return Said(f"押金 {kept} 元不退", "bad", "货送到了没有来取，押金用来补这一期的损失。")
    held = format_yuan(order.deposit_held_fen)
    if order.deposit_held_fen and wanted_fen(order, due_fen(order)):
        return Said(f"押金 {held} 元留着", "sky", "货款付清，就原路退回支付宝。")
    if order.deposit_held_fen:
        return Said(f"押金 {held} 元正在退回", "warn", "原路退回支付宝，一般当天到账。")
    if not order.deposit_fen or order.state in _ENDED:
        return None
    asked = format_yuan(order.deposit_fen)
    waits = order.state in {"awaiting_approval", "awaiting_payment"}
    return Said(
        f"押金 {asked} 元" + ("还没付" if waits else "退了"), "warn" if waits else "leaf", ""
    )


def stages_of(order: Order, *, there: bool) -> list[dict[str, str]]:
    """The chain of one order; empty for one that has ended early."""
    found = order.round
    if order.state in _ENDED or found.state == "cancelled":
        return []
    before = _before_closing(order)
    reached = len(before) + (1 if still_open(found) else 2)
    if order.state == "awaiting_approval":
        reached = 1
    elif order.state == "awaiting_payment":
        reached = len(before)
    elif order.state == "allocated":
        reached = len(before) + {"delivering": 5 if there else 4, "settled": 6}.get(found.state, 2)
    elif order.state == "closed":
        reached = len(before) + 6
    delivered = f"{found.delivers_on.month}月{found.delivers_on.day}日"
    closing = format_deadline(found.stopped_at).split()[0]
    steps = [("下单", "已订"), *before, ("截单", closing), ("备货", ""), ("收货", ""), ("配送", "")]
    steps.append(("取货", delivered))
    return [
        {
            "label": label,
            "value": value,
            "state": "done" if at < reached else "now" if at == reached else "todo",
        }
        for at, (label, value) in enumerate(steps)
    ]


def _before_closing(order: Order) -> list[tuple[str, str]]:
    """Steps that only some orders have: the unit's consent, and what is paid before the order counts."""
    steps = []
    if order.approval:
        steps.append(("审批", "等单位" if order.state == "awaiting_approval" else "同意了"))
    if order.collected_how == "alipay" or order.deposit_fen:
        paid = {"awaiting_approval": "", "awaiting_payment": "等您付"}.get(order.state, "付了")
        steps.append(("付押金" if order.deposit_fen else "付款", paid))
    return steps


def lots_of(session: Session, order: Order) -> dict[int, list[LineLot]]:
    """Order line id → the lots its packs come from, once they are allocated."""
    if not any(line.allocated_packs for line in order.lines):
        return {}
    rows = session.execute(
        select(Allocation.order_line_id, Allocation.packs, Lot.trace_code, Lot.region_code)
        .join(Lot, Lot.id == Allocation.lot_id)
        .where(Allocation.order_line_id.in_([line.id for line in order.lines]))
        .order_by(Allocation.id)
    ).all()
    places = public_villages(session, {row.region_code for row in rows})
    found: dict[int, list[LineLot]] = {}
    for line_id, packs, trace_code, code in rows:
        found.setdefault(line_id, []).append(LineLot(packs, places[code].words, trace_code))
    return found
