"""Trace pages: public by code, and order ↔ lot ↔ household for auditor, operator and cadre."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug import Response

from marketplace.catalog.paper_models import PAPER_KINDS
from marketplace.core.codes import read_code
from marketplace.core.db import db
from marketplace.core.errors import NotFound
from marketplace.identity.access import (
    current_actor,
    current_scope,
    find_actor,
    public,
    requires,
)
from marketplace.identity.permissions import TRACE_VIEW
from marketplace.orders.field_lot_views import LOT_STATES
from marketplace.orders.lot_notes import notes_of
from marketplace.reporting import sales as sold
from marketplace.reporting import trace
from marketplace.reporting.held_before import held_before
from marketplace.reporting.trace_search import find_page, is_box_code, is_sheet_code, ways_on
from marketplace.trace.proofs import proof_of
from marketplace.web.downloads import send_json

bp = Blueprint("trace", __name__)


@bp.get("/t", strict_slashes=False)
@public
def find() -> str | Response | tuple[str, int]:
    """For anyone whose box says a code and whose phone reads no QR: typed, with blanks or as address."""
    typed = request.args.get("q", "").strip()[:200]
    code = read_code(typed).replace("-", "")
    if is_box_code(code):
        return redirect(url_for("trace.show", code=code))
    if typed:
        return _not_found(typed, "溯源码是 12 位字母和数字，请对着箱子上的再写一遍。")
    return render_template("reporting/trace_find.html", typed="", problem="")


def _not_found(typed: str, problem: str) -> tuple[str, int]:
    return render_template("reporting/trace_find.html", typed=typed, problem=problem), 404


@bp.get("/t/<code>")
@public
def show(code: str) -> str | tuple[str, int]:
    """What anyone sees who scans the code on a box."""
    read = read_code(code)
    try:
        found = trace.public_lot(db.session, read)
    except NotFound as error:
        if is_sheet_code(db.session, read):
            return _not_found(code[:40], "这是备货单的号，不是溯源码。箱子上印的才是。")
        return _not_found(code[:40], error.message)
    return render_template(
        "reporting/trace_public.html",
        found=found,
        paper_kinds=PAPER_KINDS,
        address=url_for("trace.show", code=code, _external=True),
        ways_on=ways_on(db.session, actor, found.lot.id) if (actor := find_actor()) else [],
    )


@bp.get("/t/<code>/proof.json")
@public
def proof(code: str) -> Response:
    """Everything that is sealed of a lot's records, with the way to the seal."""
    read = read_code(code)
    return send_json(proof_of(db.session, read), f"proof-{read}.json")


@bp.get("/trace")
@requires(TRACE_VIEW)
def index() -> str | Response:
    """Straight to what a number or a code names; what names nothing hears what can be searched."""
    number = read_code(request.args.get("q", ""))
    page = find_page(db.session, current_actor(), number)
    if page is not None:
        return redirect(url_for(page[0], **page[1]))  # type: ignore[arg-type]
    return render_template(
        "reporting/trace_index.html", number=number, may_see_orders=_sees_orders()
    )


@bp.get("/trace/orders/<number>")
@requires(TRACE_VIEW)
def order(number: str) -> str:
    if not current_scope().regions:
        raise NotFound("没有这个订单。")  # a cadre sees households, not the county's orders
    found, sales = sold.sales_of_order(db.session, current_scope(), number)
    return render_template("reporting/trace_order.html", order=found, sales=sales)


@bp.get("/trace/lots/<int:lot_id>")
@requires(TRACE_VIEW)
def lot(lot_id: int) -> str:
    found, sales = sold.sales_of_lot(db.session, current_scope(), lot_id)
    return render_template(
        "reporting/trace_lot.html",
        lot=found,
        sales=sales,
        may_see_orders=_sees_orders(),
        held_before=held_before(db.session, lot_id, found.trace_code),
        state=LOT_STATES[found.state],
        notes=notes_of(db.session, found),
    )


@bp.get("/trace/households/<int:household_id>")
@requires(TRACE_VIEW)
def household(household_id: int) -> str:
    found, lots, sales = sold.sales_of_household(db.session, current_scope(), household_id)
    return render_template(
        "reporting/trace_household.html",
        household=found,
        lots=lots,
        sales=sales,
        may_see_orders=_sees_orders(),
    )


@bp.context_processor
def _limit() -> dict[str, int]:
    return {"most_sales": sold.MOST_SALES}


def _sees_orders() -> bool:
    return bool(current_actor().scope_for(TRACE_VIEW).regions)
