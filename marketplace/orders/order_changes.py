"""Changing an order with what a page sent: the quantities as typed, and every refusal in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, MarketplaceError
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope
from marketplace.orders import basket as baskets
from marketplace.orders.adding import change_or_add
from marketplace.orders.order_models import Order
from marketplace.orders.ordering import get_order
from marketplace.orders.reserve import SoldOut
from marketplace.web.addresses import row_number


@dataclass(frozen=True)
class RefusedChange:
    """What was typed, and why it was not taken: nothing has changed."""

    typed: dict[int, str]
    said: list[str]
    status: int
    wrong: dict[int, str] = field(default_factory=dict)
    """Listing id → what is said beside its quantity."""


@dataclass(frozen=True)
class Changed:
    """`more` is the number of the order that holds what was added, and waits for its payment."""

    more: str | None


def change_as_typed(
    actor: Actor, scope: Scope, number: str, form: Mapping[str, str]
) -> RefusedChange | Changed:
    """Take the quantities packs-<listing> of the page with its `version`; 0 takes a line out.

    Raises NotFound for an order out of reach.
    """
    typed = baskets.typed_packs(form)
    version = form.get("version", "")
    packs, wrong = baskets.read_packs(typed)
    if wrong:
        return RefusedChange(typed, [], 422, wrong)
    try:
        with transaction() as session:
            found = get_order(session, scope, number)
            if found.channel == "group":
                raise Conflict("团购订单的数量跟着登记表走，不能单独改。", code="group_order")
            held = {line.listing_id: line.packs for line in found.lines}
            more = change_or_add(session, actor, found, held | packs, row_number(version))
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        found = get_order(db.session, scope, number)
        said = _short_lines(error, found) if isinstance(error, SoldOut) else [error.message]
        return RefusedChange(typed, said, error.http_status)
    return Changed(more)


def _short_lines(error: SoldOut, found: Order) -> list[str]:
    """What is left for this buyer: what others left plus what the order already holds."""
    held = {line.listing_id: line.packs for line in found.lines}
    return [
        f"{title}最多能订 {left} 份，您填了 {asked} 份。"
        if left
        else f"{title}现在不能再订，原来订的 {held.get(listing_id, 0)} 份还在。"
        for listing_id, title, asked, left in error.lines
    ]
