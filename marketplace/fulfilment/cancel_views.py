"""The desk cancels an order for its buyer, before closing and after."""

from flask import flash, redirect, request, url_for
from werkzeug import Response

from marketplace.core.db import transaction
from marketplace.core.errors import MarketplaceError
from marketplace.core.wake import wake
from marketplace.fulfilment.cancelling import Left, cancel_order_of
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import ORDER_MANAGE
from marketplace.orders.order_desk import order_for_desk
from marketplace.orders.order_desk_views import bp, desk_page

Answer = str | Response | tuple[str, int]


@bp.post("/<number>/cancel")
@requires(ORDER_MANAGE)
def cancel(number: str) -> Answer:
    try:
        with transaction() as session:
            order = order_for_desk(session, current_scope(), number)
            left = cancel_order_of(
                session, current_actor(), order, request.form.get("reason", "")[:200]
            )
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        return desk_page(number, error), error.http_status
    wake()
    flash(_said(left), "success")
    return redirect(url_for("orders.show", number=number))


def _said(left: Left) -> str:
    words = "订单取消了，付过的钱退给买家。"
    if left.taken_over:
        words += f"{left.taken_over} 份补给了前面减掉的买家。"
    if left.sheets:
        words += f"{left.sheets} 张备货单改少了，请通知农户。"
    return words
