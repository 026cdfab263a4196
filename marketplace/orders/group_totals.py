"""What the entries of a group add up to: product by product, pickup point by pickup point."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from marketplace.orders.group_shares import lost_packs, why_lost
from marketplace.orders.group_submission import total_packs
from marketplace.orders.order_models import GroupEntry, Order
from marketplace.orders.round_models import Listing, PickupPoint


@dataclass(frozen=True)
class Total:
    """One product over all entries; `by_place` in the order of the page's places. `cut` packs of it
    do not come, and `why`."""

    listing: Listing
    packs: int
    by_place: tuple[int, ...]
    cut: int = 0
    why: str = ""

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
    why: dict[int, list[str]] = {}
    for order in orders:
        for line in order.lines:
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
        )
        for key, listing in sorted(listings.items())
    ]


def places_of(entries: list[GroupEntry]) -> list[PickupPoint]:
    found = {entry.pickup_point_id: entry.pickup_point for entry in entries}
    return [place for _, place in sorted(found.items())]
