"""A buyer's own orders: what was ordered, where it stands, change and cancel before the deadline."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug import Response

from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.identity.access import current_actor, current_scope, requires, signed_in
from marketplace.identity.permissions import ORDER_OWN
from marketplace.orders import basket as baskets
from marketplace.orders import my_order_words as words
from marketplace.orders import shop_queries as queries
from marketplace.orders.order_models import Order
from marketplace.orders.ordering import cancel_order, change_order, get_order
from marketplace.orders.reserve import SoldOut
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
        state_of=words.state_of,
        money_of=words.money_of,
    )


@bp.get("/orders/<number>")
@requires(ORDER_OWN)
def order(number: str) -> str:
    return _order_page(get_order(db.session, current_scope(), number))


def _order_page(found: Order) -> str:
    slots = [
        row
        for row in queries.pickups(db.session, found.round_id)
        if row.pickup_point_id == found.pickup_point_id
    ]
    return render_template(
        "shop/order.html",
        order=found,
        slot=slots[0] if slots else None,
        state=words.state_of(found),
        money=words.money_of(found),
        stages=words.stages_of(found),
        changeable=words.changeable(found),
        lots=words.lots_of(db.session, found),
        total_fen=words.due_fen(found),
    )


@bp.get("/orders/<number>/change")
@requires(ORDER_OWN)
def change(number: str) -> str | Response:
    found = get_order(db.session, current_scope(), number)
    if not words.changeable(found):
        flash(words.TOO_LATE, "warning")
        return redirect(url_for("shop.order", number=number))
    return _change_page(found, {}, [])


def _change_page(found: Order, typed: dict[int, str], refused: list[str]) -> str:
    return render_template("shop/change.html", order=found, typed=typed, refused=refused)


@bp.post("/orders/<number>/change")
@requires(ORDER_OWN)
def save_change(number: str) -> Response | tuple[str, int]:
    """New quantities for the lines of the order; 0 takes a line out."""
    typed = baskets.typed_packs(request.form)
    version = request.form.get("version", "")
    try:
        packs = {
            listing_id: 0 if text.strip() == "0" else baskets.parse_packs(text)
            for listing_id, text in typed.items()
        }
        with transaction() as session:
            found = get_order(session, current_scope(), number)
            held = {line.listing_id: line.packs for line in found.lines}
            if not packs.keys() <= held.keys():
                raise InvalidInput("要加别的产品，请另下一单。", code="unknown_listing")
            change_order(session, current_actor(), found, held | packs, baskets.number(version))
    except MarketplaceError as error:
        found = get_order(db.session, current_scope(), number)
        said = _short_lines(error, found) if isinstance(error, SoldOut) else [error.message]
        return _change_page(found, typed, said), error.http_status
    flash("订单改好了。", "success")
    return redirect(url_for("shop.order", number=number), 303)


def _short_lines(error: SoldOut, found: Order) -> list[str]:
    """What is left for this buyer: what others left plus what the order already holds."""
    held = {line.listing_id: line.packs for line in found.lines}
    return [
        f"{title}最多能订 {left} 份，您填了 {asked} 份。"
        if left
        else f"{title}现在不能再订，原来订的 {held.get(listing_id, 0)} 份还在。"
        for listing_id, title, asked, left in error.lines
    ]


@bp.post("/orders/<number>/cancel")
@requires(ORDER_OWN)
def cancel(number: str) -> Response | tuple[str, int]:
    try:
        with transaction() as session:
            found = get_order(session, current_scope(), number)
            cancel_order(session, current_actor(), found)
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        flash(error.message, "error")
        return _order_page(get_order(db.session, current_scope(), number)), error.http_status
    flash("订单取消了，货留给别人。", "success")
    return redirect(url_for("shop.order", number=number), 303)
