"""What streams of lots say of their sale: which packs went to which order line, arrived, or came back."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.catalog.lot_events import subject_of
from marketplace.orders.allocation import Outcome, Problem
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.round_models import Commitment, Listing
from marketplace.orders.weight_models import AcceptedWeight
from marketplace.orders.worth import Place
from marketplace.trace.streams import Event, append, opaque

ORDERS_AT_ONCE = 1000  # a statement names so many; databases take some ten thousand


def buyer(lot_id: int, line_id: int) -> str:
    """The code for an order line in the lot's stream."""
    return opaque(subject_of(lot_id), f"line:{line_id}")


def record_allocated(session: Session, problem: Problem, outcome: Outcome, digest: str) -> None:
    """For every lot of the listing all that it gives now, nothing included: it replaces what its stream
    said of this listing before. `digest` is that of the outcome, which can be replayed."""
    lots = {supply.commitment_id: supply.lot_id for supply in problem.supplies}
    given: dict[int, list[list[Any]]] = {lot_id: [] for lot_id in lots.values()}
    for cell in outcome.cells:
        lot_id = lots[cell.commitment_id]
        given[lot_id].append([buyer(lot_id, cell.line_id), cell.packs])
    append(
        session,
        [
            Event(
                subject_of(lot_id),
                "allocated",
                {"listing": problem.listing_id, "outcome": digest, "packs": sorted(packs)},
            )
            for lot_id, packs in given.items()
        ],
    )


def record_undone(session: Session, round_id: int) -> None:
    """The allocation of a whole round was taken back."""
    rows = session.execute(
        select(Commitment.lot_id, Commitment.listing_id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Listing.round_id == round_id)
        .order_by(Commitment.id)
    )
    events = [Event(subject_of(lot), "allocation_undone", {"listing": one}) for lot, one in rows]
    append(session, events)


def record_accepted(
    session: Session,
    orders: Sequence[int],
    rejected: Mapping[tuple[int, int], int] = MappingProxyType({}),
) -> None:
    """The packs of these orders are with their buyers, at what the farm gets for each in fen; without
    those `rejected` (order line id, lot id → packs). Sold by weight: for the heaviest, then the grams and
    what the farm gets for them."""
    accepted: defaultdict[int, list[list[Any]]] = defaultdict(list)
    weights = _weights(session, orders)
    for start in range(0, len(orders), ORDERS_AT_ONCE):
        rows = session.execute(
            select(
                Allocation.lot_id,
                func.sum(Allocation.packs),
                OrderLine.id,
                OrderLine.farmgate_fen,
            )
            .join(OrderLine, OrderLine.id == Allocation.order_line_id)
            .where(OrderLine.order_id.in_(orders[start : start + ORDERS_AT_ONCE]))
            .group_by(Allocation.lot_id, OrderLine.id)
            .order_by(func.min(Allocation.id))
        )
        for lot_id, given, line_id, fen in rows:
            packs = int(given) - rejected.get((line_id, lot_id), 0)
            if packs:
                said = [buyer(lot_id, line_id), packs, fen]
                if (line_id, lot_id) in weights:
                    grams, off = weights[line_id, lot_id]
                    said += [grams, packs * fen - off]
                accepted[lot_id].append(said)
    append(
        session,
        [Event(subject_of(lot), "accepted", {"packs": packs}) for lot, packs in accepted.items()],
    )


def _weights(session: Session, orders: Sequence[int]) -> dict[Place, tuple[int, int]]:
    """Grams and what households get less for them, by place, of what was just accepted by weight."""
    rows = session.execute(
        select(AcceptedWeight)
        .join(OrderLine, OrderLine.id == AcceptedWeight.order_line_id)
        .where(OrderLine.order_id.in_(orders), AcceptedWeight.goods_return_id.is_(None))
    )
    return {(row.order_line_id, row.lot_id): (row.grams, row.farmgate_off_fen) for (row,) in rows}


def record_rejected(session: Session, rows: Iterable[GoodsReturn]) -> None:
    """Packs that came and were not accepted: why, who bears it, and which picture shows it."""
    append(
        session,
        [
            Event(
                subject_of(row.lot_id),
                "rejected",
                {
                    "fault": row.fault,
                    "packs": [[buyer(row.lot_id, row.order_line_id), row.packs]],
                    "photo": row.photo,
                    "reason": row.reason,
                },
            )
            for row in rows
        ],
    )


def record_recalled(session: Session, lots: Mapping[int, str], reason: str) -> None:
    """Lot id → public code of the lot its goods came from, with which it is recalled; empty where the recall
    began."""
    append(
        session,
        [
            Event(
                subject_of(lot_id), "recalled", {"reason": reason} | ({"lot": lot} if lot else {})
            )
            for lot_id, lot in lots.items()
        ],
    )


def hold_code(lot_id: int, hold_id: int) -> str:
    """The code for a hold in the lot's stream."""
    return opaque(subject_of(lot_id), f"hold:{hold_id}")


def record_held(session: Session, hold_id: int, cause: str, lots: Iterable[int]) -> None:
    append(
        session,
        [
            Event(subject_of(one), "held", {"cause": cause, "hold": hold_code(one, hold_id)})
            for one in lots
        ],
    )


def record_hold_lifted(session: Session, hold_id: int, lots: Iterable[int]) -> None:
    append(
        session,
        [Event(subject_of(one), "hold_lifted", {"hold": hold_code(one, hold_id)}) for one in lots],
    )


def record_returned(session: Session, rows: Sequence[GoodsReturn]) -> None:
    """Packs that came back later, with their grams where they are sold by weight, and who bears them."""
    ids = [row.id for row in rows]
    grams = {
        row.goods_return_id: -row.grams
        for row in session.scalars(
            select(AcceptedWeight).where(AcceptedWeight.goods_return_id.in_(ids))
        )
    }
    append(
        session,
        [
            Event(
                subject_of(row.lot_id),
                "returned",
                {
                    "fault": row.fault,
                    "packs": [
                        [
                            buyer(row.lot_id, row.order_line_id),
                            row.packs,
                            *([grams[row.id]] if row.id in grams else []),
                        ]
                    ],
                },
            )
            for row in rows
        ],
    )


def packs_by_buyer(lot_id: int, rows: Iterable[tuple[int, int]]) -> Mapping[str, int]:
    """What (order line id, packs) rows of the books come to in the stream's own codes."""
    found: defaultdict[str, int] = defaultdict(int)
    for line_id, packs in rows:
        found[buyer(lot_id, line_id)] += packs
    return dict(found)
