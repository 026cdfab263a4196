"""Trace pages: public by code, and order ↔ lot ↔ household for auditor, operator and cadre."""

from flask import Blueprint, render_template, request, url_for

from marketplace.core.db import db
from marketplace.core.errors import NotFound
from marketplace.identity.access import current_actor, current_scope, public, requires
from marketplace.identity.permissions import TRACE_VIEW
from marketplace.reporting import trace

bp = Blueprint("trace", __name__)


@bp.get("/t/<code>")
@public
def show(code: str) -> str:
    """What anyone sees who scans the code on a box."""
    found = trace.public_lot(db.session, code.upper()[:20])
    return render_template(
        "reporting/trace_public.html",
        found=found,
        address=url_for("trace.show", code=code, _external=True),
    )


@bp.get("/trace")
@requires(TRACE_VIEW)
def index() -> str:
    """Look up an order number or a code."""
    number = request.args.get("q", "").strip().upper()[:30]
    return render_template("reporting/trace_index.html", number=number)


@bp.get("/trace/orders/<number>")
@requires(TRACE_VIEW)
def order(number: str) -> str:
    if not current_scope().regions:
        raise NotFound("没有这个订单。")  # a cadre sees households, not the county's orders
    found, sales = trace.sales_of_order(db.session, current_scope(), number)
    return render_template("reporting/trace_order.html", order=found, sales=sales)


@bp.get("/trace/lots/<int:lot_id>")
@requires(TRACE_VIEW)
def lot(lot_id: int) -> str:
    found, sales = trace.sales_of_lot(db.session, current_scope(), lot_id)
    return render_template(
        "reporting/trace_lot.html", lot=found, sales=sales, may_see_orders=_sees_orders()
    )


@bp.get("/trace/households/<int:household_id>")
@requires(TRACE_VIEW)
def household(household_id: int) -> str:
    found, lots, sales = trace.sales_of_household(db.session, current_scope(), household_id)
    return render_template(
        "reporting/trace_household.html",
        household=found,
        lots=lots,
        sales=sales,
        may_see_orders=_sees_orders(),
    )


def _sees_orders() -> bool:
    return bool(current_actor().scope_for(TRACE_VIEW).regions)
