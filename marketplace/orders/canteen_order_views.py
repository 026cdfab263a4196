"""A unit's canteen orders: goods and money apart, change and cancel before the deadline."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug import Response

from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import ORDER_CANTEEN
from marketplace.orders import my_order_words as words
from marketplace.orders.canteen_views import bp
from marketplace.orders.order_changes import RefusedChange, change_as_typed
from marketplace.orders.order_models import Order
from marketplace.orders.ordering import cancel_order, get_order
from marketplace.web.paging import paginate


@bp.get("/orders")
@requires(ORDER_CANTEEN)
def orders() -> str:
    return render_template(
        "orders/canteen/orders.html",
        page=paginate(db.session, words.orders_of(current_scope(), "canteen"), 20),
        state_of=words.state_of,
        money_of=words.money_of,
        changeable=words.changeable,
        due_fen=words.due_fen,
    )


@bp.get("/orders/<number>")
@requires(ORDER_CANTEEN)
def order(number: str) -> str:
    return _order_page(get_order(db.session, current_scope(), number))


def _order_page(found: Order) -> str:
    page = words.order_page(db.session, found, current_actor().user_id)
    return render_template("orders/canteen/order.html", **page)


@bp.get("/orders/<number>/change")
@requires(ORDER_CANTEEN)
def change(number: str) -> str | Response:
    found = get_order(db.session, current_scope(), number)
    if not words.line_by_line(found):
        flash(words.TOO_LATE, "warning")
        return redirect(url_for("canteen.order", number=number))
    return _change_page(found, RefusedChange({}, [], 200))


def _change_page(found: Order, refused: RefusedChange) -> str:
    return render_template(
        "orders/canteen/change.html", order=found, typed=refused.typed, refused=refused.said
    )


@bp.post("/orders/<number>/change")
@requires(ORDER_CANTEEN)
def save_change(number: str) -> Response | tuple[str, int]:
    refused = change_as_typed(current_actor(), current_scope(), number, request.form)
    found = get_order(db.session, current_scope(), number)
    if refused is not None:
        return _change_page(found, refused), refused.status
    waits = found.state == "awaiting_approval"
    flash("改好了，要单位重新审批。" if waits else "订单改好了。", "success")
    return redirect(url_for("canteen.order", number=number), 303)


@bp.post("/orders/<number>/cancel")
@requires(ORDER_CANTEEN)
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
    return redirect(url_for("canteen.order", number=number), 303)
