"""A buyer's order: show it, change its quantities, cancel it. The shop and the canteen's desk show the
same in frames of their own; `pages` is the blueprint asked."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug import Response

from marketplace.core.clock import now
from marketplace.core.county_settings import UNNAMED, county_settings
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.identity.access import current_actor, current_scope
from marketplace.orders import my_order_words as words
from marketplace.orders.money_steps import money_steps
from marketplace.orders.order_changes import RefusedChange, change_as_typed
from marketplace.orders.order_models import COUNTED_STATES, Order
from marketplace.orders.ordering import cancel_order, get_order
from marketplace.orders.sellers import sales_of

FOLDERS = {"shop": "shop", "canteen": "orders/canteen"}


def order_page(pages: str, number: str) -> str:
    found = get_order(db.session, current_scope(), number)
    page = words.order_page(db.session, found, current_actor().user_id)
    return render_template(f"{FOLDERS[pages]}/order.html", **page)


def order_paper(pages: str, number: str) -> str:
    return sale_paper(
        get_order(db.session, current_scope(), number), url_for(f"{pages}.order", number=number)
    )


def sale_paper(order: Order, back_url: str) -> str:
    """Contract, invoice and account by seller of record, on A4."""
    named = str(county_settings(db.session)["bank_account_name"])
    owed = order.lines if order.state in COUNTED_STATES else []
    sales = sales_of(db.session, owed, named if named != UNNAMED else "县平台")
    return render_template(
        "orders/sale_paper.html",
        order=order,
        sales=sales,
        total_fen=sum(sale.fen for sale in sales),
        to_weigh=any(line.to_weigh for sale in sales for line in sale.lines),
        money=words.money_of(order),
        money_steps=money_steps(db.session, order),
        settled=order.state == "closed",
        back_url=back_url,
        as_of=now(),
    )


def change_page(pages: str, number: str) -> str | Response:
    found = get_order(db.session, current_scope(), number)
    if not words.line_by_line(found):
        unpaid = found.state == "awaiting_payment"
        flash("先付好款再改数量，或者取消了重新订。" if unpaid else words.TOO_LATE, "warning")
        return redirect(url_for(f"{pages}.order", number=number))
    return _change_page(pages, found, RefusedChange({}, [], 200))


def _change_page(pages: str, found: Order, refused: RefusedChange) -> str:
    template = f"{FOLDERS[pages]}/change.html"
    return render_template(template, order=found, refused=refused)


def take_change(pages: str, number: str) -> Response | tuple[str, int]:
    """New quantities for the lines of the order; 0 takes a line out."""
    came = change_as_typed(current_actor(), current_scope(), number, request.form)
    found = get_order(db.session, current_scope(), number)
    if isinstance(came, RefusedChange):
        return _change_page(pages, found, came), came.status
    if came.more:
        flash("加的是另一单，付好才算订上。", "warning")
        return redirect(url_for(f"{pages}.order", number=came.more), 303)
    waits = found.state == "awaiting_approval"
    flash("改好了，要单位重新审批。" if waits else "订单改好了。", "success")
    return redirect(url_for(f"{pages}.order", number=number), 303)


def take_cancel(pages: str, number: str) -> Response | tuple[str, int]:
    try:
        with transaction() as session:
            found = get_order(session, current_scope(), number)
            cancel_order(session, current_actor(), found)
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        flash(error.message, "error")
        return order_page(pages, number), error.http_status
    flash("订单取消了，货留给别人。", "success")
    return redirect(url_for(f"{pages}.order", number=number), 303)
