"""Submitting a canteen's sheet: one order per round, all of them or none.

The unit's limit holds for the sheet's sum: goods of two rounds are not two small orders to nobody's consent.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.errors import InvalidInput
from marketplace.identity.actor import Actor
from marketplace.orders.listings import lock_listings
from marketplace.orders.order_models import Order
from marketplace.orders.ordering import OrderInput, place_order

CANTEEN_FUNDS = ("canteen", "union")


@dataclass(frozen=True)
class SheetInput:
    """`packs` and `seen_fen` (the price that the page showed) by listing; `places` and `listings_of` by round."""

    organisation_id: int
    packs: Mapping[int, int]
    seen_fen: Mapping[int, int]
    listings_of: Mapping[int, frozenset[int]]
    places: Mapping[int, int]
    contact_name: str
    contact_phone: str
    fund_source: str
    note: str
    whole_or_nothing: frozenset[int]
    key: str


@dataclass(frozen=True)
class Placed:
    number: str
    round_id: int
    state: str  # confirmed, or waiting for the unit's approval or for a deposit


def place_sheet(session: Session, actor: Actor, given: SheetInput) -> list[Placed]:
    """Order what stands on the sheet, once; raises as `place_order`, then nothing is ordered."""
    if given.fund_source not in CANTEEN_FUNDS:
        raise InvalidInput("请选资金来源。", code="unknown_fund", field="fund_source")
    on_sheet = frozenset[int]().union(*given.listings_of.values())
    if not given.packs.keys() <= on_sheet:
        raise InvalidInput("有产品已不在这一期，请看过新的货单再提交。", code="unknown_listing")
    chosen = {
        round_id: {i: given.packs[i] for i in sorted(listings & given.packs.keys())}
        for round_id, listings in sorted(given.listings_of.items())
    }
    wanted = {round_id: packs for round_id, packs in chosen.items() if packs}
    if not wanted:
        raise InvalidInput("还没有填数量。", code="empty", field="packs")
    together = 0
    if len(wanted) > 1:  # rows are locked in id order over all rounds
        listings = lock_listings(session, sorted(given.packs))
        together = sum(one.price_fen * given.packs[i] for i, one in listings.items())
    numbers = [
        place_order(session, actor, _order(given, round_id, packs, together))
        for round_id, packs in wanted.items()
    ]
    rows = session.execute(
        select(Order.number, Order.round_id, Order.state)
        .where(Order.number.in_(numbers))
        .order_by(Order.id)
    )
    return [Placed(row.number, row.round_id, row.state) for row in rows]


def _order(
    given: SheetInput, round_id: int, packs: Mapping[int, int], together_fen: int
) -> OrderInput:
    if round_id not in given.places:
        raise InvalidInput("请选送到哪里。", code="unknown_pickup", field="places")
    return OrderInput(
        round_id=round_id,
        packs=packs,
        pickup_point_id=given.places[round_id],
        contact_name=given.contact_name,
        contact_phone=given.contact_phone,
        idempotency_key=f"{given.key}-{round_id}",
        channel="canteen",
        organisation_id=given.organisation_id,
        fund_source=given.fund_source,
        note=given.note,
        shown_fen=sum(given.seen_fen.get(i, 0) * count for i, count in packs.items()),
        together_fen=together_fen,
        whole_or_nothing=given.whole_or_nothing & packs.keys(),
    )
