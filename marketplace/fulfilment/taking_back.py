"""Lots stop: what rounds hold of them comes out, in whatever stage before the goods set out.

Locks everything that may change first: rounds, orders, listings, lots, each in id order.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.catalog.lots import lock_lots
from marketplace.catalog.models import Lot
from marketplace.core.errors import Conflict
from marketplace.fulfilment.answering import lower_lots
from marketplace.fulfilment.one_message import OneMessage, plain
from marketplace.fulfilment.portions import Supplier
from marketplace.identity.actor import Actor
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.endings import lock_orders
from marketplace.orders.listings import lock_listings
from marketplace.orders.order_models import HOLDING_STATES, Order, OrderLine
from marketplace.orders.round_allocation import promised_elsewhere, undo_allocation
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.orders.stopping import take_out

CHANGED = "这批货刚刚又上了架或变了，请再点一次。"
BEFORE_SETTING_OUT = ("allocated", "collecting")


@dataclass
class TakenBack:
    """What followed: rounds to allocate anew, packs by order line that were to come from the lots there,
    packs cut elsewhere, new sheets by round, listings that are short now."""

    undone: list[Round] = field(default_factory=list)
    unshared: Counter[int] = field(default_factory=Counter)
    cut: Counter[int] = field(default_factory=Counter)
    made: dict[Round, Mapping[Supplier, int]] = field(default_factory=dict)
    short: dict[int, Listing] = field(default_factory=dict)

    def tell(self, session: Session, words: OneMessage, why: str) -> None:
        """`why`: what stopped, in words that buyers hear."""
        because = f"（{plain(why)}）"
        words.say_lines(
            session,
            self.unshared,
            f"订单 {{order}} 的{{goods}}要重新分配{because}，分好在订单里看。",
        )
        words.say_lines(
            session,
            self.cut,
            f"订单 {{order}} 的{{goods}}少 {{packs}} 份{because}，少的不收钱，付过的退给您。",
        )
        words.say_lines(
            session,
            _waiting(session, self.short),
            f"订单 {{order}} 订的{{goods}}货不够了{because}，补不上的截单后减，少的不收钱。",
        )
        for in_round, made in self.made.items():
            words.say_changed(session, in_round, made)


def lock_all(session: Session, lots: Collection[int]) -> tuple[list[Round], dict[int, Lot]]:
    """The rounds that hold anything of the lots, and the lots, as they are now. Raises Conflict when one was
    offered somewhere else meanwhile."""
    of_lots = select(Listing.round_id).join(Commitment, Commitment.listing_id == Listing.id)
    of_lots = of_lots.where(Commitment.lot_id.in_(lots))
    rounds = list(
        session.scalars(
            select(Round)
            .where(Round.id.in_(of_lots))
            .order_by(Round.id)
            .with_for_update(of=Round, key_share=True)
            .execution_options(populate_existing=True)
        )
    )
    ids = [one.id for one in rounds if one.state in BEFORE_SETTING_OUT]
    given = select(OrderLine.order_id).join(Allocation, Allocation.order_line_id == OrderLine.id)
    to_undo = Order.round_id.in_([one.id for one in rounds if one.state == "allocated"])
    lock_orders(
        session,
        Order.id.in_(given.where(Allocation.lot_id.in_(lots)))
        | (to_undo & (Order.state == "allocated")),
    )
    held = session.scalars(select(Commitment.listing_id).where(Commitment.lot_id.in_(lots)))
    listings = lock_listings(session, sorted(set(held)))
    beside = session.scalars(
        select(Commitment.lot_id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Listing.round_id.in_(ids))
    )
    found = lock_lots(session, sorted({*lots, *beside}))
    late = select(Commitment.id).where(Commitment.lot_id.in_(lots))
    if session.scalar(late.where(Commitment.listing_id.not_in(listings)).limit(1)):
        raise Conflict(CHANGED, code="changed")
    return rounds, {lot_id: found[lot_id] for lot_id in lots}


def take_back(
    session: Session, actor: Actor, rounds: Collection[Round], lots: Collection[int]
) -> TakenBack:
    """Nothing of the lots is asked for any more in `rounds`, which lock_all has locked: allocated ones are to
    be allocated anew where that can be, else what they ask for is refilled or cut."""
    done = TakenBack()
    for in_round in rounds:
        if in_round.state not in BEFORE_SETTING_OUT:
            continue
        given = _given(session, in_round, lots)
        if not given:
            continue
        if in_round.state == "allocated" and not promised_elsewhere(session, in_round):
            done.unshared += _lines(session, in_round, lots)
            undo_allocation(session, actor, in_round)
            done.undone.append(in_round)
            continue
        made, cut = lower_lots(session, actor, in_round, given, "")
        done.made[in_round] = made
        done.cut.update(cut)
    offer_no_more(session, actor, lots, done)
    return done


def offer_no_more(session: Session, actor: Actor, lots: Collection[int], done: TakenBack) -> None:
    """What is not allocated leaves its listings; `done` hears which are short."""
    for listing in take_out(session, actor, lots):
        if listing.shortfall_packs:
            done.short[listing.id] = listing


def _given(session: Session, in_round: Round, lots: Collection[int]) -> dict[int, dict[int, int]]:
    """Listing → lot → 0, where a lot gives anything now."""
    found: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for listing_id, lot_id in session.execute(
        select(Commitment.listing_id, Commitment.lot_id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Listing.round_id == in_round.id, Commitment.lot_id.in_(lots))
        .where(Commitment.allocated_packs > 0)
        .order_by(Commitment.listing_id, Commitment.lot_id)
    ):
        found[listing_id][lot_id] = 0
    return dict(found)


def _lines(session: Session, in_round: Round, lots: Collection[int]) -> Counter[int]:
    """Packs of order lines of a round that were to come from the lots."""
    rows = session.execute(
        select(OrderLine.id, func.sum(Allocation.packs))
        .join(Allocation, Allocation.order_line_id == OrderLine.id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.round_id == in_round.id, Allocation.lot_id.in_(lots))
        .group_by(OrderLine.id)
    )
    return Counter({line_id: int(packs) for line_id, packs in rows})


def _waiting(session: Session, listings: Collection[int]) -> dict[int, int]:
    """Ordered packs by line, of listings that are short."""
    rows = session.execute(
        select(OrderLine.id, OrderLine.packs)
        .join(Order, Order.id == OrderLine.order_id)
        .where(OrderLine.listing_id.in_(listings), Order.state.in_(HOLDING_STATES))
        .where(OrderLine.allocated_packs.is_(None))
    )
    return {line_id: packs for line_id, packs in rows}  # noqa: C416  # rows are no pairs to mypy
