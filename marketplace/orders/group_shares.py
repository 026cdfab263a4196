"""What comes to whom in a group, and what each pays of its order.

Nobody but the organiser can say who goes short, unless one person alone registered the product.
An order that was cancelled brings nothing. Once an order was accepted, what it owes for a product is shared
by packs, to the last fen; before, goods sold by weight cost at most what the heaviest do.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from marketplace.core.money import split_by_largest_remainder
from marketplace.orders.order_models import (
    COUNTED_STATES,
    GroupEntry,
    GroupEntryLine,
    Order,
    OrderLine,
)


@dataclass(frozen=True)
class Short:
    """Packs of one product in one order, how many people registered it there, and why less comes."""

    wanted: int
    coming: int
    people: int
    why: str

    @property
    def certain(self) -> bool:
        return self.people == 1 or self.coming == 0

    @property
    def words(self) -> str:
        said = f"{self.why}：登记 {self.wanted} 份，到 {self.coming} 份"
        return said if self.certain else f"{said}，各分多少由组织的人定"


class Shorts(dict[tuple[int, int], Short]):
    """Keyed by order and listing; products that come in full are not in it.

    `dues`: what a colleague's line costs, by its id, of orders that were accepted."""

    dues: Mapping[int, int] = MappingProxyType({})


@dataclass(frozen=True)
class Portion:
    """A line of a colleague; `packs` is None as long as the organiser has to say it."""

    line: GroupEntryLine
    packs: int | None
    short: Short | None
    due_fen: int | None = None

    @property
    def amount_fen(self) -> int | None:
        if self.packs is None or self.due_fen is not None:
            return self.due_fen
        return self.packs * self.line.listing.price_fen

    @property
    def at_most(self) -> bool:
        """Whether it is still to be weighed."""
        return self.line.listing.by_weight and bool(self.packs) and self.due_fen is None


@dataclass(frozen=True)
class Portions:
    """Of one colleague; `due_fen` leaves out what the organiser has to say."""

    lines: tuple[Portion, ...]

    @property
    def due_fen(self) -> int:
        return sum(portion.amount_fen or 0 for portion in self.lines)

    @property
    def at_most(self) -> bool:
        return any(portion.at_most for portion in self.lines)

    @property
    def open(self) -> bool:
        return any(portion.packs is None for portion in self.lines)


def lost_packs(order: Order, line: OrderLine) -> int:
    """Of the packs ordered, those that do not come."""
    return (line.cut_packs or 0) if order.state in COUNTED_STATES else line.packs


def why_lost(order: Order) -> str:
    return "货不够" if order.state in COUNTED_STATES else "订单取消了"


def shorts_of(entries: Sequence[GroupEntry], orders: Sequence[Order]) -> Shorts:
    """`entries` are all that are present of these orders."""
    people = Counter(
        (entry.order_id, line.listing_id)
        for entry in entries
        if entry.removed_at is None
        for line in entry.lines
    )
    shorts = Shorts(
        {
            key: Short(line.packs, line.packs - lost, people[key], why_lost(order))
            for order in orders
            for line in order.lines
            if (lost := lost_packs(order, line)) and (key := (order.id, line.listing_id))
        }
    )
    shorts.dues = _dues(entries, orders, shorts)
    return shorts


def _dues(
    entries: Sequence[GroupEntry], orders: Sequence[Order], shorts: Shorts
) -> Mapping[int, int]:
    """Line id → its part of what an accepted order owes for the product, unless the organiser divides it."""
    lines: dict[tuple[int, int], list[GroupEntryLine]] = {}
    for entry in entries:
        if entry.removed_at is None and entry.order_id:
            for line in entry.lines:
                lines.setdefault((entry.order_id, line.listing_id), []).append(line)
    dues: dict[int, int] = {}
    for order in orders:
        for ordered in order.lines if order.state == "closed" else ():
            key = order.id, ordered.listing_id
            here, short = lines.get(key, []), shorts.get(key)
            if here and (short is None or short.certain):
                packs, keys = [line.packs for line in here], [str(line.id) for line in here]
                parts = split_by_largest_remainder(
                    ordered.due_fen, packs, tie_keys=keys, salt=order.number
                )
                dues |= {line.id: fen for line, fen in zip(here, parts, strict=True)}
    return dues


def portions_of(entry: GroupEntry, shorts: Shorts) -> Portions:
    found = []
    for line in entry.lines:
        short = shorts.get((entry.order_id or 0, line.listing_id))
        packs: int | None = line.packs
        if short:
            packs = short.coming if short.certain else None
        due = None if packs is None else shorts.dues.get(line.id)
        found.append(Portion(line, packs, short, due))
    return Portions(tuple(found))


def own_portions(session: Session, entry: GroupEntry) -> Portions:
    """For the colleague's own page: the others are read only when something falls short, or is shared."""
    order = session.get(Order, entry.order_id) if entry.order_id else None
    shared = order is not None and order.state == "closed"
    if order is None or not (shared or any(lost_packs(order, line) for line in order.lines)):
        return portions_of(entry, Shorts())
    together = session.scalars(
        select(GroupEntry)
        .where(GroupEntry.order_id == entry.order_id)
        .options(selectinload(GroupEntry.lines))
    ).all()
    return portions_of(entry, shorts_of(together, [order]))
