"""A lot is recalled with every lot that its goods went into: nobody gets any more of them, and whoever got
some has his money back."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.states import move
from marketplace.fulfilment.lot_lineage import family_of
from marketplace.fulfilment.one_message import OneMessage, plain
from marketplace.fulfilment.taking_back import CHANGED, TakenBack, lock_all, take_back
from marketplace.fulfilment.telling import keepers_of, owners_of
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.claims import grant_recalled
from marketplace.orders.lot_events import record_recalled
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.return_models import RECALLED, GoodsReturn
from marketplace.orders.returning import is_being_paid, record_return

REASONS = {
    "food_safety": "食品安全有问题",
    "wrong_papers": "证明不对",
    "other": "其他",
}


@dataclass(frozen=True)
class Recalled:
    """What a recall did: lots, rounds to allocate anew by number, packs that came back, people told."""

    lots: int
    undone: tuple[int, ...]
    cut_packs: int
    returned_packs: int
    told: int


def recall(session: Session, actor: Actor, lot_id: int, reason: str, words: str) -> Recalled | None:
    """Take a lot, and all lots that hold goods of it, back from wherever they are, whatever that cuts. None
    when they were recalled before.

    Raises InvalidInput without a reason, or without words for `other`; Conflict when goods of it went on in
    this moment.
    """
    if reason not in REASONS:
        raise InvalidInput("请选为什么召回。", code="missing", field="reason")
    words = words.strip()[:100]
    if reason == "other" and not words:
        raise InvalidInput("选了“其他”，请写清楚为什么。", code="missing", field="words")
    family = [one.lot.id for one in family_of(session, lot_id)]
    rounds, _ = lock_all(session, family)
    members = family_of(session, lot_id)  # nothing leaves a locked lot any more
    if {one.lot.id for one in members} != set(family):
        raise Conflict(CHANGED, code="changed")
    taking = [one for one in members if one.lot.state != "recalled"]
    if not taking:
        return None
    lots = [one.lot for one in taking]
    for lot in lots:
        move(session, lot, "recalled", because=CHANGED)
    record_recalled(
        session,
        {one.lot.id: one.parent.trace_code if one.parent else "" for one in taking},
        reason,
    )
    done = take_back(session, actor, rounds, [lot.id for lot in lots])
    why = REASONS[reason] + (f"，{words}" if words else "")
    on_its_way = _packs(session, lots, "allocated")
    returned = Counter[int]()
    for lot in lots:
        returned += _give_back(session, actor, lot, why)
    told = _tell(session, lots, why, done, on_its_way, returned)
    audit.record(
        session, actor, "lot_recalled", "lot", lot_id, reason=reason, lots=len(lots), cut=done.cut.total(),
        undone=done.unshared.total(), on_its_way=on_its_way.total(), returned=returned.total(),
    )  # fmt: skip
    undone = tuple(one.number for one in done.undone)
    return Recalled(len(lots), undone, done.cut.total(), returned.total(), told)


def _packs(session: Session, lots: Sequence[Lot], state: str) -> Counter[int]:
    """Packs by order line that orders in this state were given of the lots."""
    rows = session.execute(
        select(OrderLine.id, func.sum(Allocation.packs))
        .join(Allocation, Allocation.order_line_id == OrderLine.id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Allocation.lot_id.in_([lot.id for lot in lots]), Order.state == state)
        .group_by(OrderLine.id)
    )
    return Counter({line_id: int(packs) for line_id, packs in rows})


def received_of(session: Session, lot: Lot) -> Counter[int]:
    """Packs by order line that buyers have of the lot, without those that came back."""
    received = _packs(session, [lot], "closed")
    for line_id, packs in session.execute(
        select(GoodsReturn.order_line_id, func.sum(GoodsReturn.packs))
        .where(GoodsReturn.lot_id == lot.id)
        .group_by(GoodsReturn.order_line_id)
    ):
        received[line_id] -= int(packs)
    return +received


def _give_back(session: Session, actor: Actor, lot: Lot, why: str) -> Counter[int]:
    """No buyer pays for what he received of it. A household that is being paid keeps that."""
    received = received_of(session, lot)
    of_lot = Allocation.lot_id == lot.id
    orders = session.scalars(
        select(Order)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(OrderLine.id.in_(select(Allocation.order_line_id).where(of_lot)))
        .where(Order.state == "closed")
        .order_by(Order.id)
        .distinct()
    ).all()
    for order in orders:
        packs = {line.id: received[line.id] for line in order.lines if received[line.id]}
        if not packs:
            continue
        fault = "goodwill" if is_being_paid(session, order.id, lot.id) else "farm"
        record_return(
            session, actor, order, packs, fault, f"召回：{why}", reason=RECALLED, lot_id=lot.id
        )
    grant_recalled(session, actor, lot.id)
    return received


def _tell(
    session: Session,
    lots: Sequence[Lot],
    why: str,
    done: TakenBack,
    on_its_way: Counter[int],
    returned: Counter[int],
) -> int:
    words = OneMessage()
    words.say_lines(
        session,
        returned,
        f"订单 {{order}} 的{{goods}}有 {{packs}} 份要召回：{plain(why)}。请不要吃、不要分发，先单独放好。"
        "这些不收钱，付过的退给您。",
    )
    words.say_lines(
        session,
        on_its_way,
        f"订单 {{order}} 的{{goods}}有 {{packs}} 份在路上要召回：{plain(why)}。到了请不要收，这些不收钱。",
    )
    owners = owners_of(session, lots)
    keepers = keepers_of(session, {owner for found in owners.values() for owner in found})
    for lot in lots:
        for owner in sorted(owners[lot.id]):
            for user in keepers.get(owner, ()):
                words.say(
                    user, f"批次 {lot.code} 召回了：{why}。没有送出的不用再备，请告诉这一户。"
                )
    done.tell(session, words, f"召回了，{why}")
    first = lots[0]
    more = f"等 {len(lots)} 批" if len(lots) > 1 else ""
    title = f"召回：{first.product.name}，批次 {first.code}{more}"
    return words.send(session, f"recall:{first.id}", "lot_recalled", f"lot:{first.id}", title)
