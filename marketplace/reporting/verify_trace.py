"""The checks of `marketplace verify` that hold the streams of events against the books."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.catalog.lot_events import shares_data, taken_over_rows
from marketplace.catalog.models import Lot, LotMovement, LotShare
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.lot_events import packs_by_buyer
from marketplace.orders.order_models import Order, OrderLine
from marketplace.trace.canonical import canonical, sha256
from marketplace.trace.walking import Walked, broken_seals, walk

LOTS_AT_ONCE = 500
Packs = Mapping[str, int]


@dataclass
class Said:
    """What a lot's stream comes to."""

    taken_over: dict[str, Any] | None = None
    opened: dict[str, Any] | None = None
    moved: Counter[str] = field(default_factory=Counter)
    allocated: dict[int, Packs] = field(default_factory=dict)
    """By listing, as it was said last."""
    accepted: Counter[str] = field(default_factory=Counter)


def said_by(walked: Walked) -> Said:
    said = Said()
    for event in walked.events:
        kind, data = event["kind"], event["data"]
        if kind == "taken_over":
            said.taken_over = data
        elif kind == "opened":
            said.opened = data
        elif kind == "moved":
            said.moved[data["movement"]] += data["base"]
        elif kind == "allocated":
            said.allocated[data["listing"]] = _summed(data["packs"])
        elif kind == "allocation_undone":
            said.allocated.pop(data["listing"], None)
        elif kind == "accepted":
            said.accepted.update(_summed([[who, packs] for who, packs, _ in data["packs"]]))
    return said


def _summed(packs: Sequence[Sequence[Any]]) -> Packs:
    found: Counter[str] = Counter()
    for who, count in packs:
        found[who] += count
    return found


def broken_streams(session: Session) -> Iterator[str]:
    """The first wrong row of each stream that does not fit together."""
    yield from (walked.fault for walked in walk(session) if walked.fault)


def lots_unlike(session: Session) -> Iterator[str]:
    """Lots whose rows say otherwise than their streams, and lots without a stream."""
    streams = walk(session)
    seen = 0
    while some := list(islice(streams, LOTS_AT_ONCE)):
        seen += len(some)
        yield from _unlike(session, [one for one in some if not one.fault])
    if seen < (session.scalar(select(func.count()).select_from(Lot)) or 0):
        yield "有批次没有记录"


def _unlike(session: Session, some: Sequence[Walked]) -> Iterator[str]:
    ids = [int(one.subject.removeprefix("lot:")) for one in some]
    lots = {lot.id: lot for lot in session.execute(select(*Lot.__table__.c).where(Lot.id.in_(ids)))}
    books = _Books(session, ids)
    for lot_id, one in zip(ids, some, strict=True):
        if lot_id not in lots:
            yield f"溯源码 {one.code}：没有这批货"
        elif words := _compared(books, lots[lot_id], one):
            yield f"批次 {lots[lot_id].code}：{words}"


def _compared(books: "_Books", lot: Any, one: Walked) -> str:
    try:
        return books.unlike(lot, said_by(one))
    except (KeyError, TypeError, ValueError):  # a chain that fits, of events that say nothing
        return "记录读不懂"


class _Books:
    """What the rows of some lots say."""

    def __init__(self, session: Session, ids: Sequence[int]) -> None:
        self._shares: defaultdict[int, dict[int | None, int]] = defaultdict(dict)
        for share in session.execute(select(*LotShare.__table__.c).where(LotShare.lot_id.in_(ids))):
            self._shares[share.lot_id][share.household_id] = share.quantity_base
        self._moved: defaultdict[int, list[list[Any]]] = defaultdict(list)
        for lot_id, *row in session.execute(
            select(LotMovement.lot_id, LotMovement.id, LotMovement.kind, LotMovement.quantity_base)
            .where(LotMovement.lot_id.in_(ids))
            .order_by(LotMovement.id)
        ):
            self._moved[lot_id].append(row)
        self._given: defaultdict[int, defaultdict[int, list[tuple[int, int]]]]
        self._given = defaultdict(lambda: defaultdict(list))
        self._closed: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for lot_id, listing_id, line_id, packs, state in session.execute(
            select(
                Allocation.lot_id,
                OrderLine.listing_id,
                OrderLine.id,
                Allocation.packs,
                Order.state,
            )
            .join(OrderLine, OrderLine.id == Allocation.order_line_id)
            .join(Order, Order.id == OrderLine.order_id)
            .where(Allocation.lot_id.in_(ids))
        ):
            self._given[lot_id][listing_id].append((line_id, packs))
            if state == "closed":
                self._closed[lot_id].append((line_id, packs))

    def unlike(self, lot: Any, said: Said) -> str:
        """The first thing in which a lot's row differs, in words."""
        if said.opened and said.opened["shares"] != shares_data(lot.id, self._shares[lot.id]):
            return "是谁的和记录不一样"
        if said.taken_over and not self._as_taken_over(lot, said.taken_over):
            return "接管以前的行改过"
        since = said.taken_over["last_movement"] if said.taken_over else 0
        moved: Counter[str] = Counter()
        for number, kind, base in self._moved[lot.id]:
            moved[kind] += base if number > since else 0
        if +moved != +said.moved:
            return "流水和记录不一样"
        return "" if said.taken_over else self._sold_otherwise(lot, said)

    def _sold_otherwise(self, lot: Any, said: Said) -> str:
        """A lot that was taken over has sold before there were events: this is for the others."""
        given = {
            listing: packs_by_buyer(lot.id, rows) for listing, rows in self._given[lot.id].items()
        }
        if given != {listing: packs for listing, packs in said.allocated.items() if packs}:
            return "分到订单的和记录不一样"
        if packs_by_buyer(lot.id, self._closed[lot.id]) != said.accepted:
            return "送到的和记录不一样"
        return ""

    def _as_taken_over(self, lot: Any, data: Mapping[str, Any]) -> bool:
        moved = [row for row in self._moved[lot.id] if row[0] <= data["last_movement"]]
        rows = taken_over_rows(lot, self._shares[lot.id], moved)
        return bool(data["rows"] == sha256(canonical(rows)))


TRACE_CHECKS = (
    ("溯源记录接不上", broken_streams),
    ("封印对不上", broken_seals),
    ("溯源记录与账目不符", lots_unlike),
)
