"""Desk pages of processing: what is planned, a new order, and what becomes of it."""

from collections.abc import Mapping
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug import Response

from marketplace.catalog.uploads import kept_photo, photo_ticket
from marketplace.catalog.words import amount_words
from marketplace.core.clock import today
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.core.idempotency import new_key, once
from marketplace.fulfilment import processing
from marketplace.fulfilment.processing import Plan, get_order, hold_order, lots_for
from marketplace.fulfilment.processing_finish import Finished, finish, yield_words
from marketplace.fulfilment.processing_forms import (
    CancelForm,
    FinishForm,
    base_of,
    finish_form,
    read_paper,
    read_parts,
)
from marketplace.fulfilment.processing_lines import capacity_left, get_line, lines
from marketplace.fulfilment.processing_models import PROCESSES, SLAUGHTER, ProcessingOrder
from marketplace.fulfilment.processing_pages import SHOWN_STATES, STATES, orders_shown
from marketplace.fulfilment.regrade_views import usual_unit
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.actor import Actor
from marketplace.identity.models import SUPPLIER_KINDS, Organisation
from marketplace.identity.permissions import PROCESS_MANAGE
from marketplace.identity.scope import Scope
from marketplace.web.addresses import row_number
from marketplace.web.paging import paginate

bp = Blueprint("processing", __name__, url_prefix="/desk/processing")
Answer = str | Response | tuple[str, int]


@bp.get("")
@requires(PROCESS_MANAGE)
def index() -> str:
    asked = request.args.get("show", "open")
    show = asked if asked in SHOWN_STATES else "open"
    chips = [
        {"label": label, "href": url_for(".index", show=key), "active": key == show}
        for key, label in SHOWN_STATES.items()
    ]
    return render_template(
        "fulfilment/processing_index.html",
        page=paginate(db.session, orders_shown(current_scope(), show)),
        chips=chips,
        states=STATES,
        kinds=PROCESSES,
    )


@bp.get("/new")
@requires(PROCESS_MANAGE)
def new() -> Answer:
    """First which line and day, then how much of which lot."""
    line_id = row_number(request.args.get("line", ""))
    if not line_id:
        return render_template(
            "fulfilment/processing_choose.html",
            lines=lines(db.session, current_scope(), in_use=True),
            kinds=PROCESSES,
            today=today(),
        )
    return _new(line_id, _day(request.args.get("day", "")), {})


def _day(text: str) -> date:
    """Today for nonsense; how far a day may be is the plan's to say."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return today()


def _new(
    line_id: int, day: date, typed: Mapping[str, str], refused: MarketplaceError | None = None
) -> str:
    """`typed` stays in the form when it was refused."""
    line = get_line(db.session, current_scope(), line_id)
    sellers = current_scope().visible(select(Organisation))
    sellers = sellers.where(Organisation.active, Organisation.kind.in_(SUPPLIER_KINDS))
    return render_template(
        "fulfilment/processing_new.html",
        line=line,
        kinds=PROCESSES,
        day=day,
        left=capacity_left(db.session, line, day),
        lots=lots_for(db.session, current_scope(), line),
        sellers=db.session.scalars(sellers.order_by(Organisation.name)).all(),
        unit=usual_unit(line.input_product)[1],
        typed=typed,
        key=_key(typed, refused),
        refused=refused,
    )


def _key(typed: Mapping[str, str], refused: MarketplaceError | None) -> str:
    """What is sent twice with one key is planned once."""
    changed = refused is not None and refused.code in {"changed_body", "bad_key"}
    return new_key() if changed or not typed.get("key") else typed["key"]


@bp.post("/new")
@requires(PROCESS_MANAGE)
def plan() -> Answer:
    line_id, day = row_number(request.form.get("line", "")), _day(request.form.get("day", ""))
    get_line(db.session, current_scope(), line_id)
    try:
        typed = sorted(item for item in request.form.items() if item[0] != "csrf_token")
        with transaction() as session:
            actor, scope = current_actor(), current_scope()
            made = once(
                session,
                f"user:{actor.user_id}",
                request.form.get("key", ""),
                ["processing", typed],
                lambda: _planned(session, actor, scope, line_id, day),
            )
            number = get_order(session, scope, int(made)).number
    except MarketplaceError as error:
        return _new(line_id, day, request.form, error), error.http_status
    flash(f"加工单 {number} 排好了。货还在各户手上，开工时才出去。", "success")
    return redirect(url_for(".show", processing_id=int(made)), 303)


def _planned(session: Session, actor: Actor, scope: Scope, line_id: int, day: date) -> str:
    line = get_line(session, scope, line_id)
    parts = read_parts(lots_for(session, scope, line), request.form, line.input_product)
    given = Plan(line_id, day, parts, row_number(request.form.get("seller", "")))
    return str(processing.plan(session, actor, scope, given).id)


@bp.get("/<int:processing_id>")
@requires(PROCESS_MANAGE)
def show(processing_id: int) -> str:
    return _show(processing_id)


def needs_paper(order: ProcessingOrder) -> bool:
    return order.line.kind == SLAUGHTER


def _show(
    processing_id: int,
    finishing: FinishForm | None = None,
    cancelling: CancelForm | None = None,
    refused: MarketplaceError | None = None,
) -> str:
    order = get_order(db.session, current_scope(), processing_id)
    if finishing is None:
        finishing = finish_form(order, formdata=None)
        finishing.grade.data = order.inputs[0].lot.grade
    return render_template(
        "fulfilment/processing_order.html",
        order=order,
        kinds=PROCESSES,
        states=STATES,
        finishing=finishing,
        cancelling=cancelling or CancelForm(formdata=None, prefix="c"),
        cancel_open=cancelling is not None,
        refused=refused,
        needs_paper=needs_paper(order),
        units=[usual_unit(p)[1] for p in (order.line.input_product, order.line.output_product)],
        yields=[
            yield_words(order, permille)
            for permille in (order.line.low_permille, order.line.high_permille, order.permille)
        ],
    )


@bp.post("/<int:processing_id>/start")
@requires(PROCESS_MANAGE)
def start(processing_id: int) -> Answer:
    try:
        with transaction() as session:
            order = hold_order(session, current_scope(), processing_id)
            processing.start(session, current_actor(), order)
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        return _show(processing_id, refused=error), error.http_status
    flash("开工了，货从各批次里出去了。", "success")
    return redirect(url_for(".show", processing_id=processing_id), 303)


@bp.post("/<int:processing_id>/finish")
@requires(PROCESS_MANAGE)
def end(processing_id: int) -> Answer:
    order = get_order(db.session, current_scope(), processing_id)
    form = finish_form(order)
    try:
        photo = kept_photo(form.photos.data, str(form.kept.data or ""))
        form.kept.data = photo_ticket(photo)
        form.photos.flags.required = needs_paper(order) and not photo
        form.check()
        base = base_of(str(form.output.data), order.line.output_product, "output")
        paper = read_paper(form, order, photo)
        sure = form.sure.data == str(base)
        with transaction() as session:
            held = hold_order(session, current_scope(), processing_id)
            given = Finished(base, form.grade.data or "", paper, sure)
            made = finish(session, current_actor(), held, given)
            words = f"完工了，{amount_words(made.verified, made.product)}成了批次 {made.code}，可以上架。"
    except MarketplaceError as error:
        if isinstance(error, InvalidInput) and error.code == "odd_yield":
            form.sure.data = str(base)
        form.refuse(error)
        return _show(processing_id, finishing=form), error.http_status
    flash(words, "success")
    return redirect(url_for(".show", processing_id=processing_id), 303)


@bp.post("/<int:processing_id>/cancel")
@requires(PROCESS_MANAGE)
def cancel(processing_id: int) -> Answer:
    form = CancelForm(prefix="c")
    product = get_order(db.session, current_scope(), processing_id).line.input_product
    try:
        form.check()
        text = str(form.left.data or "")
        left = base_of(text, product, "left") if text not in {"", "0"} else 0
        with transaction() as session:
            order = hold_order(session, current_scope(), processing_id)
            processing.cancel(session, current_actor(), order, str(form.reason.data), left)
    except MarketplaceError as error:
        form.refuse(error)
        return _show(processing_id, cancelling=form), error.http_status
    flash("取消了。", "success")
    return redirect(url_for(".show", processing_id=processing_id), 303)
