"""A unit's canteen orders: goods and money apart, change and cancel before the deadline."""

from flask import render_template
from werkzeug import Response

from marketplace.core.db import db
from marketplace.identity.access import current_scope, requires
from marketplace.identity.permissions import ORDER_CANTEEN
from marketplace.orders import my_order_words as words
from marketplace.orders.arrivals import on_its_way
from marketplace.orders.canteen_views import bp
from marketplace.orders.money_back import due_fen
from marketplace.orders.order_pages import (
    change_page,
    order_page,
    order_paper,
    take_cancel,
    take_change,
)
from marketplace.web.paging import paginate


@bp.get("/orders")
@requires(ORDER_CANTEEN)
def orders() -> str:
    page = paginate(db.session, words.orders_of(current_scope(), "canteen"), 20)
    return render_template(
        "orders/canteen/orders.html",
        page=page,
        states=words.states_of(db.session, page.items),
        money_of=words.money_of,
        changeable=words.changeable,
        on_its_way=on_its_way,
        due_fen=due_fen,
    )


@bp.get("/orders/<number>")
@requires(ORDER_CANTEEN)
def order(number: str) -> str:
    return order_page("canteen", number)


@bp.get("/orders/<number>/paper")
@requires(ORDER_CANTEEN)
def paper(number: str) -> str:
    return order_paper("canteen", number)


@bp.get("/orders/<number>/change")
@requires(ORDER_CANTEEN)
def change(number: str) -> str | Response:
    return change_page("canteen", number)


@bp.post("/orders/<number>/change")
@requires(ORDER_CANTEEN)
def save_change(number: str) -> Response | tuple[str, int]:
    return take_change("canteen", number)


@bp.post("/orders/<number>/cancel")
@requires(ORDER_CANTEEN)
def cancel(number: str) -> Response | tuple[str, int]:
    return take_cancel("canteen", number)
