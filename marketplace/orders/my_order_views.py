"""A buyer's own orders: what was ordered, where it stands, change and cancel before the deadline."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug import Response

from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.identity.access import current_actor, current_scope, requires, signed_in
from marketplace.identity.permissions import ORDER_OWN
from marketplace.orders import my_order_words as words
from marketplace.orders.order_changes import change_as_typed
from marketplace.orders.order_models import Order
from marketplace.orders.ordering import cancel_order, get_order
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
        due_fen=words.due_fen,
    )


@bp.get("/orders/<number>")
@requires(ORDER_OWN)
def order(number: str) -> str:
    return _order_page(get_order(db.session, current_scope(), number))


def _order_page(found: Order) -> str:
    page = words.order_page(db.session, found, current_actor().user_id)
    return render_template("shop/order.html", **page)


@bp.get("/orders/<number>/change")
@requires(ORDER_OWN)
def change(number: str) -> str | Response:
    found = get_order(db.session, current_scope(), number)
    if not words.line_by_line(found):
        flash(words.TOO_LATE, "warning")
        return redirect(url_for("shop.order", number=number))
    return _change_page(found, {}, [])


def _change_page(found: Order, typed: dict[int, str], refused: list[str]) -> str:
    return render_template("shop/change.html", order=found, typed=typed, refused=refused)


@bp.post("/orders/<number>/change")
@requires(ORDER_OWN)
def save_change(number: str) -> Response | tuple[str, int]:
    """New quantities for the lines of the order; 0 takes a line out."""
    refused = change_as_typed(current_actor(), current_scope(), number, request.form)
    if refused is not None:
        found = get_order(db.session, current_scope(), number)
        return _change_page(found, refused.typed, refused.said), refused.status
    flash("订单改好了。", "success")
    return redirect(url_for("shop.order", number=number), 303)


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
