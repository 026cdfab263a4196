"""The cards of the shop: each is drawn once for what it says.

A card is made of nothing but the facts below, so a kept one cannot be out of date: when a pack is
sold the facts differ, and another card is drawn. Drawing was half of what the busiest page cost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from flask import current_app, request
from markupsafe import Markup

from marketplace.core.clock import format_day
from marketplace.orders.round_models import Listing, Round
from marketplace.orders.shop_queries import urgent_words, why_not

KEPT = 4096
"""About 2 kB each."""


@dataclass(frozen=True, slots=True)
class Card:
    """What one card says; money in fen for one pack. `of_round` is empty while one round is open."""

    script_root: str
    listing_id: int
    title: str
    pack_name: str
    place: str
    drawing: str
    urgent: str
    households: int
    left: int
    trouble: str
    of_round: str
    price_fen: int
    farmgate_fen: int
    service_fen: int
    freight_fen: int
    heaviest_g: int


def cards(listings: Sequence[Listing], rounds: Sequence[Round]) -> list[Markup]:
    """The listings of these open rounds as they stand in the shop, inside a request."""
    of_rounds = {found.id: _words_of(found) for found in rounds} if len(rounds) > 1 else {}
    return [_draw(_facts(listing, of_rounds.get(listing.round_id, ""))) for listing in listings]


def _words_of(found: Round) -> str:
    return f"第 {found.number} 期 · {format_day(found.delivers_on)}配送"


def _facts(listing: Listing, of_round: str) -> Card:
    left = listing.left_packs
    return Card(
        script_root=request.script_root,
        listing_id=listing.id,
        title=listing.title,
        pack_name=listing.pack_name,
        place=listing.origin_text,
        drawing=listing.product.drawing,
        urgent=urgent_words(listing) if left else "",
        households=listing.supported_households,
        left=left,
        trouble=why_not(listing),
        of_round=of_round,
        price_fen=listing.price_fen,
        farmgate_fen=listing.farmgate_fen,
        service_fen=listing.service_fen,
        freight_fen=listing.freight_fen,
        heaviest_g=listing.band_high_base or 0,
    )


@lru_cache(maxsize=KEPT)
def _draw(card: Card) -> Markup:
    html = current_app.jinja_env.get_template("shop/card.html").render(card=card)
    return Markup(html)  # noqa: S704 - the template escaped what people wrote
