"""What the rows of sale say of some lots, beside what their streams say: which packs went to which order line,
at what the farm gets for them, and which were not taken or came back, why and at whose cost."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.orders.allocation_models import Allocation
from marketplace.orders.lot_events import buyer, packs_by_buyer
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.weight_models import AcceptedWeight

Packs = Mapping[str, int]
SOLD_EVENTS = {"allocated", "allocation_undone", "accepted", "rejected", "returned"}


@dataclass
class Sold:
    """What a lot's stream says of its sale; buyers are codes of order lines."""

    allocated: dict[int, Packs] = field(default_factory=dict)
    """By listing, as it was said last."""
    accepted: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Buyer and fen that the farm gets for a pack → packs."""
    weighed: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Buyer → grams that were accepted, and what the farm gets for them."""
    rejected: list[tuple[str, int, str, str, str]] = field(default_factory=list)
    """Buyer, packs, who bears them, why, which picture."""
    returned: list[tuple[str, int, str]] = field(default_factory=list)
    grams: Counter[str] = field(default_factory=Counter)
    """Of what is sold by weight and with its buyers."""

    def note(self, kind: str, data: Mapping[str, Any]) -> None:
        if kind == "allocated":
            self.allocated[data["listing"]] = _summed(data["packs"])
        elif kind == "allocation_undone":
            self.allocated.pop(data["listing"], None)
        elif kind == "accepted":
            for who, packs, fen, *weighed in data["packs"]:
                self.accepted[who, fen] += packs
                if weighed:
                    self.weighed[who] = weighed[0], weighed[1]
                    self.grams[who] += weighed[0]
        else:
            self._note_back(kind, data)

    def _note_back(self, kind: str, data: Mapping[str, Any]) -> None:
        for who, packs, *grams in data["packs"]:
            if kind == "rejected":
                self.rejected.append((who, packs, data["fault"], data["reason"], data["photo"]))
            else:
                self.returned.append((who, packs, data["fault"]))
            self.grams[who] -= sum(grams)


def _summed(packs: Iterable[Sequence[Any]]) -> Packs:
    found: Counter[str] = Counter()
    for who, count in packs:
        found[who] += count
    return found


class SoldBooks:
    def __init__(self, session: Session, ids: Sequence[int]) -> None:
        self._given = _by_lot(
            session,
            select(
                Allocation.lot_id,
                Allocation.packs,
                OrderLine.id.label("line_id"),
                OrderLine.listing_id,
                OrderLine.farmgate_fen,
                Order.state,
            )
            .join(OrderLine, OrderLine.id == Allocation.order_line_id)
            .join(Order, Order.id == OrderLine.order_id)
            .where(Allocation.lot_id.in_(ids)),
        )
        self._back = _by_lot(
            session, select(*GoodsReturn.__table__.c).where(GoodsReturn.lot_id.in_(ids))
        )
        self._weights = _by_lot(
            session, select(*AcceptedWeight.__table__.c).where(AcceptedWeight.lot_id.in_(ids))
        )

    def unlike(self, lot_id: int, sold: Sold) -> str:
        """The first thing that differs, in words."""
        if self._allocated(lot_id) != {
            one: packs for one, packs in sold.allocated.items() if packs
        }:
            return "分到订单的和记录不一样"
        rejected, returned = self._came_back(lot_id)
        if rejected != sorted(sold.rejected) or self._accepted(lot_id) != sold.accepted:
            return "验收的和记录不一样"
        if returned != sorted(sold.returned):
            return "退回的和记录不一样"
        if self._weighed(lot_id) != sold.weighed or self._grams(lot_id) != sold.grams:
            return "实重和记录不一样"
        return ""

    def _allocated(self, lot_id: int) -> dict[int, Packs]:
        given: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        for row in self._given[lot_id]:
            given[row.listing_id].append((row.line_id, row.packs))
        return {listing: packs_by_buyer(lot_id, rows) for listing, rows in given.items()}

    def _accepted(self, lot_id: int) -> Counter[tuple[str, int]]:
        """What orders that have ended were given, less what was not taken of it."""
        packs: Counter[int] = Counter()
        fens = {row.line_id: row.farmgate_fen for row in self._given[lot_id]}
        for row in self._given[lot_id]:
            packs[row.line_id] += row.packs if row.state == "closed" else 0
        for row in self._back[lot_id]:
            packs[row.order_line_id] -= row.packs if row.stage == "acceptance" else 0
        return Counter({(buyer(lot_id, line), fens.get(line, 0)): n for line, n in packs.items()})

    def _came_back(
        self, lot_id: int
    ) -> tuple[list[tuple[str, int, str, str, str]], list[tuple[str, int, str]]]:
        rejected, returned = [], []
        for row in self._back[lot_id]:
            who = buyer(lot_id, row.order_line_id)
            if row.stage == "acceptance":
                rejected.append((who, row.packs, row.fault, row.reason, row.photo))
            elif row.stage == "later":
                returned.append((who, row.packs, row.fault))
        return sorted(rejected), sorted(returned)

    def _weighed(self, lot_id: int) -> dict[str, tuple[int, int]]:
        return {
            buyer(lot_id, row.order_line_id): (row.grams, row.farmgate_fen)
            for row in self._weights[lot_id]
            if row.goods_return_id is None
        }

    def _grams(self, lot_id: int) -> Counter[str]:
        found: Counter[str] = Counter()
        for row in self._weights[lot_id]:
            if row.goods_return_id is None or row.packs < 0:
                found[buyer(lot_id, row.order_line_id)] += row.grams
        return found


def _by_lot(session: Session, rows: Any) -> defaultdict[int, list[Any]]:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    for row in session.execute(rows):
        found[row.lot_id].append(row)
    return found
