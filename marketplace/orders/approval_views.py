"""The unit's approver: what waits, with lines and sums; approve, or reject with a reason."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import ORDER_APPROVE
from marketplace.orders.approvals import (
    OWN_ORDER,
    decide,
    decided_orders,
    own_orders,
    waiting_orders,
)
from marketplace.orders.my_order_words import still_open
from marketplace.orders.order_models import FUND_SOURCES
from marketplace.orders.ordering import get_order
from marketplace.web.addresses import row_number
from marketplace.web.paging import paginate

bp = Blueprint("approvals", __name__, url_prefix="/approvals")
LONGEST_REASON = 200


@bp.get("/")
@requires(ORDER_APPROVE)
def index() -> str:
    return _page("", "", "")


@bp.post("/<number>")
@requires(ORDER_APPROVE)
def answer(number: str) -> Response | tuple[str, int]:
    approve = request.form.get("answer") == "yes"
    reason = request.form.get("reason", "")[:LONGEST_REASON]
    try:
        with transaction() as session:
            decide(
                session,
                current_actor(),
                get_order(session, current_scope(), number),
                approve=approve,
                reason=reason,
                version=row_number(request.form.get("version", "")),
            )
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        return _page(number, error.message, reason), error.http_status
    flash(f"{number} {'同意了，已订好' if approve else '没有同意，货已放回'}。", "success")
    return redirect(url_for("approvals.index"), 303)


def _page(refused: str, said: str, reason: str) -> str:
    """`refused` is the number of the order whose answer could not be taken, with what was typed."""
    scope = current_scope()
    page = paginate(db.session, waiting_orders(scope), 20)
    return render_template(
        "orders/approvals.html",
        page=page,
        own=own_orders(db.session, current_actor(), list(page.items)) if page.items else set(),
        own_words=OWN_ORDER,
        decided=db.session.scalars(decided_orders(scope).limit(10)).all(),
        funds=FUND_SOURCES,
        still_open=still_open,
        refused=refused,
        said=said,
        reason=reason,
    )
