"""A buyer's own orders: what was ordered, where it stands, change and cancel before the deadline."""

from collections.abc import Sequence
from datetime import timedelta

from flask import render_template
from werkzeug import Response

from marketplace.core.clock import now
from marketplace.core.county_settings import county_number
from marketplace.core.db import db
from marketplace.identity.access import current_actor, requires, signed_in
from marketplace.identity.permissions import ORDER_OWN
from marketplace.orders import my_order_words as words
from marketplace.orders.money_back import due_fen
from marketplace.orders.order_models import Order
from marketplace.orders.order_pages import (
    change_page,
    order_page,
    order_paper,
    take_cancel,
    take_change,
)
from marketplace.orders.shop_views import bp
from marketplace.web.paging import paginate


@bp.get("/mine")
@signed_in
def mine() -> str:
    actor = current_actor()
    page = None
    if actor.may(ORDER_OWN):
        page = paginate(db.session, words.orders_of(actor.scope_for(ORDER_OWN)), 20)
    return render_template(
        "shop/mine.html",
        page=page,
        claimable=_claimable(page.items if page else []),
        states=words.states_of(db.session, page.items) if page else {},
        money_of=words.money_of,
        due_fen=due_fen,
    )


def _claimable(orders: Sequence[Order]) -> set[str]:
    """Numbers of those whose buyer may still say that something was wrong."""
    days = timedelta(days=county_number(db.session, "claim_days"))
    return {
        order.number
        for order in orders
        if order.state == "closed" and order.ended_at and now() <= order.ended_at + days
    }


@bp.get("/orders/<number>")
@requires(ORDER_OWN)
def order(number: str) -> str:
    return order_page("shop", number)


@bp.get("/orders/<number>/paper")
@requires(ORDER_OWN)
def paper(number: str) -> str:
    return order_paper("shop", number)


@bp.get("/orders/<number>/change")
@requires(ORDER_OWN)
def change(number: str) -> str | Response:
    return change_page("shop", number)


@bp.post("/orders/<number>/change")
@requires(ORDER_OWN)
def save_change(number: str) -> Response | tuple[str, int]:
    return take_change("shop", number)


@bp.post("/orders/<number>/cancel")
@requires(ORDER_OWN)
def cancel(number: str) -> Response | tuple[str, int]:
    return take_cancel("shop", number)
