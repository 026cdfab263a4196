"""What the entries of a group add up to: product by product, pickup point by pickup point."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from marketplace.orders.group_shares import lost_packs, why_lost
from marketplace.orders.group_submission import total_packs
from marketplace.orders.order_models import COUNTED_STATES, GroupEntry, Order
from marketplace.orders.round_models import Listing, PickupPoint


@dataclass(frozen=True)
class Total:
    """One product over all entries; `by_place` in the order of the page's places. `cut` packs of it
    do not come, and `why`; `returned` ones are not paid for. `due_fen`: what the orders owe for it."""

    listing: Listing
    packs: int
    by_place: tuple[int, ...]
    cut: int = 0
    why: str = ""
    returned: int = 0
    due_fen: int | None = None
    weighed: bool = False

    @property
    def fen(self) -> int:
        return self.coming * self.listing.price_fen if self.due_fen is None else self.due_fen

    @property
    def at_most(self) -> bool:
        """Whether it is still to be weighed."""
        return self.listing.by_weight and not self.weighed and self.fen > 0

    @property
    def coming(self) -> int:
        return self.packs - self.cut

    @property
    def short(self) -> int:
        return max(0, self.packs - self.listing.packs_on_sale)


def totals(
    entries: list[GroupEntry], places: list[PickupPoint], orders: Sequence[Order] = ()
) -> list[Total]:
    listings = {line.listing_id: line.listing for entry in entries for line in entry.lines}
    by_place: dict[int, Counter[int]] = {
        place.id: total_packs([e for e in entries if e.pickup_point_id == place.id])
        for place in places
    }
    whole, cut = total_packs(entries), Counter[int]()
    returned, due = Counter[int](), Counter[int]()
    why: dict[int, list[str]] = {}
    for order in orders:
        for line in order.lines:
            returned[line.listing_id] += line.returned_packs
            due[line.listing_id] += line.due_fen if order.state in COUNTED_STATES else 0
            if lost := lost_packs(order, line):
                cut[line.listing_id] += lost
                why.setdefault(line.listing_id, []).append(why_lost(order))
    return [
        Total(
            listing,
            whole[key],
            tuple(by_place[place.id][key] for place in places),
            cut[key],
            "，".join(dict.fromkeys(why.get(key, []))),
            returned[key],
            due[key] if orders else None,
            _weighed(orders, key),
        )
        for key, listing in sorted(listings.items())
    ]


def _weighed(orders: Sequence[Order], listing_id: int) -> bool:
    lines = [line for order in orders for line in order.lines if line.listing_id == listing_id]
    return bool(lines) and all(line.due_g or not line.due_packs for line in lines)


def places_of(entries: list[GroupEntry]) -> list[PickupPoint]:
    found = {entry.pickup_point_id: entry.pickup_point for entry in entries}
    return [place for _, place in sorted(found.items())]
