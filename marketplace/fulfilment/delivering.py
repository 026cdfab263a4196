"""A round's goods set out for their stops; what nobody has accepted line by line is said to be there.

From acceptance on households are owed (acceptance.py). A round is settled when no delivery is on its way.
"""

import secrets
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import case, func, insert, or_, select
from sqlalchemy.orm import Session

from marketplace.catalog.lots import deliver_committed, lock_lots
from marketplace.catalog.models import Lot
from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict
from marketplace.core.money import format_yuan
from marketplace.core.states import move, move_many
from marketplace.fulfilment.acceptance import accept_without_recalled
from marketplace.fulfilment.delivery_models import ON_THE_WAY, Delivery, Manifest
from marketplace.identity import audit
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.arrivals import arrival_check
from marketplace.orders.endings import lock_orders
from marketplace.orders.held_places import held_places
from marketplace.orders.lot_events import ORDERS_AT_ONCE, record_accepted
from marketplace.orders.missing_papers import refuse_missing
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.order_money import post_delivered
from marketplace.orders.return_models import RECALLED
from marketplace.orders.round_models import Round
from marketplace.orders.rounds import CHANGED, lock_round
from marketplace.orders.stopped_goods import refuse_stopped

Stop = tuple[int, int | None]
"""Pickup point, and the unit whose canteen it is."""


@arrival_check
def handed_over(session: Session, orders: Collection[int]) -> Collection[int]:
    """Of these orders those that stand at their stop."""
    there = select(Delivery.order_id).where(Delivery.state == "handed_over")
    return session.scalars(there.where(Delivery.order_id.in_(orders))).all()


def stop_of(order: Order) -> Stop:
    return order.pickup_point_id, order.organisation_id if order.channel == "canteen" else None


def set_out(session: Session, actor: Actor, found: Round) -> int:
    """The goods leave: every stop gets its manifest, every order its delivery. Returns how many stops.
    Raises Conflict while a paper that a buyer asks for is missing, or a lot is on hold."""
    lock_round(session, found)
    refuse_stopped(session, found)
    refuse_missing(session, found)
    move(session, found, "delivering", because=CHANGED)
    stops: defaultdict[Stop, list[Order]] = defaultdict(list)
    empty = []
    for order in lock_orders(session, Order.round_id == found.id, Order.state == "allocated"):
        if any(line.allocated_packs for line in order.lines):
            stops[stop_of(order)].append(order)
        else:
            empty.append(order.id)
    _close(session, Order.id.in_(empty))
    manifests = [
        Manifest(
            number=f"M{found.number}-{at:03d}",
            round_id=found.id,
            pickup_point_id=point,
            organisation_id=unit,
        )
        for at, (point, unit) in enumerate(sorted(stops, key=lambda s: (s[0], s[1] or 0)), 1)
    ]
    session.add_all(manifests)
    session.flush()
    for manifest in manifests:
        _plan(session, manifest, stops[manifest.pickup_point_id, manifest.organisation_id])
    audit.record(session, actor, "round_set_out", "round", found.id, stops=len(manifests))
    return len(manifests)


def _plan(session: Session, manifest: Manifest, orders: Sequence[Order]) -> None:
    codes = secrets.SystemRandom().sample(range(100_000, 1_000_000), len(orders))
    session.execute(
        insert(Delivery),
        [
            {
                "order_id": order.id,
                "manifest_id": manifest.id,
                "state": "planned",
                "pickup_code": str(code),
            }
            for order, code in zip(orders, codes, strict=True)
        ],
    )


def _close(session: Session, which: object) -> int:
    return move_many(session, Order, which, "allocated", "closed", ended_at=now())


def accept_rest(session: Session, actor: Actor, found: Round) -> tuple[int, int]:
    """Whatever nobody has accepted yet is with its buyers, whole: orders end, the money is posted, the round
    is done. Returns how many orders, and the fen that households are owed for them. Raises Conflict while
    goods wait for a stop that is on hold."""
    lock_round(session, found)
    _refuse_held(session, found)
    move(session, found, "settled", because=CHANGED)
    orders = lock_orders(session, Order.round_id == found.id, Order.state == "allocated")
    done = len(orders)
    orders, farmgate = _one_by_one(session, actor, orders)
    farmgate += sum(
        post_delivered(session, actor, orders[start : start + ORDERS_AT_ONCE]).farmgate_fen
        for start in range(0, len(orders), ORDERS_AT_ONCE)
    )
    ids = [order.id for order in orders]
    deliver_committed(session, actor, _bases(session, ids), {}, f"round:{found.id}")
    record_accepted(session, ids)
    _close(session, Order.round_id == found.id)
    of_round = Delivery.manifest_id.in_(select(Manifest.id).where(Manifest.round_id == found.id))
    for state in ON_THE_WAY:
        move_many(
            session,
            Delivery,
            of_round,
            state,
            "accepted",
            ended_at=now(),
            ended_by_id=actor.user_id or None,
        )
    audit.record(session, actor, "round_delivered", "round", found.id, orders=done, fen=farmgate)
    return done, farmgate


def _refuse_held(session: Session, found: Round) -> None:
    points = session.scalars(
        select(Manifest.pickup_point_id)
        .join(Delivery, Delivery.manifest_id == Manifest.id)
        .where(Manifest.round_id == found.id, Delivery.state == "planned")
    )
    if held := held_places(session, set(points)):
        names = "、".join(hold.what for hold in held.values())
        raise Conflict(f"{names}停着，货还没有送。先改提货点，或者恢复。", code="held")


def _one_by_one(session: Session, actor: Actor, orders: list[Order]) -> tuple[list[Order], int]:
    """Orders with packs of a recalled lot end one by one, without those packs, and so do those with packs
    sold by weight; returns the others, and the fen that households are owed for these."""
    ids = [order.id for order in orders]
    hit: set[int] = set()
    for start in range(0, len(ids), ORDERS_AT_ONCE):
        hit |= set(
            session.scalars(
                select(OrderLine.order_id)
                .join(Allocation, Allocation.order_line_id == OrderLine.id)
                .join(Lot, Lot.id == Allocation.lot_id)
                .where(OrderLine.order_id.in_(ids[start : start + ORDERS_AT_ONCE]))
                .where(or_(Lot.state == RECALLED, OrderLine.heaviest_g.is_not(None)))
            )
        )
    if hit:
        lock_lots(session, sorted(_bases(session, ids)))
    fen = sum(accept_without_recalled(session, actor, order) for order in orders if order.id in hit)
    return [order for order in orders if order.id not in hit], fen


def _bases(session: Session, orders: Sequence[int]) -> dict[int, int]:
    """Base units by lot that these orders were given."""
    bases: Counter[int] = Counter()
    for start in range(0, len(orders), ORDERS_AT_ONCE):
        for lot_id, base in session.execute(
            select(Allocation.lot_id, func.sum(Allocation.packs * OrderLine.pack_base))
            .join(OrderLine, OrderLine.id == Allocation.order_line_id)
            .where(OrderLine.order_id.in_(orders[start : start + ORDERS_AT_ONCE]))
            .group_by(Allocation.lot_id)
        ):
            bases[lot_id] += int(base)
    return dict(bases)


def rest_question(session: Session, found: Round) -> str:
    """What it would mean to say so now: asked before it is done, because nothing brings it back."""
    orders, weighed, fen = session.execute(
        select(
            func.count(func.distinct(Order.id)),
            func.count(OrderLine.heaviest_g),
            func.sum(
                case((Lot.state == RECALLED, 0), else_=Allocation.packs * OrderLine.farmgate_fen)
            ),
        )
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Allocation, Allocation.order_line_id == OrderLine.id)
        .join(Lot, Lot.id == Allocation.lot_id)
        .where(Order.round_id == found.id, Order.state == "allocated")
    ).one()
    most = "最多 " if weighed else ""
    return (
        f"第 {found.number} 期还有 {orders} 个订单没有验收。都收齐了吗？确定后应付农户 "
        f"{most}{format_yuan(int(fen or 0))} 元，记进账本，不能撤回。"
        f"{'按重量卖的照过磅的重量算。' if weighed else ''}"
    )


def settle_finished_rounds() -> None:
    """The due job: rounds of which nothing is on its way any more."""
    on_its_way = select(Delivery.id).where(
        Delivery.manifest_id == Manifest.id, Delivery.state.in_(ON_THE_WAY)
    )
    open_stop = select(Manifest.id).where(Manifest.round_id == Round.id, on_its_way.exists())
    due = select(Round.id).where(Round.state == "delivering", ~open_stop.exists())
    for round_id in db.session.scalars(due.order_by(Round.id)).all():
        with transaction() as session:
            found = session.get_one(Round, round_id)
            lock_round(session, found)
            if session.scalar(due.where(Round.id == round_id)) is not None:
                _close(session, Order.round_id == round_id)  # what was cut whole
                move(session, found, "settled", because=CHANGED)
                audit.record(session, SYSTEM, "round_delivered", "round", round_id)
