"""Desk pages of processing lines, and of what their work cost by processor and month."""

from datetime import date, timedelta

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy import or_, select
from werkzeug import Response
from wtforms.fields.choices import SelectChoice

from marketplace.catalog.models import Product
from marketplace.core.clock import today
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.core.money import format_yuan
from marketplace.fulfilment.processing_fees import bills_of, next_month, note_invoice
from marketplace.fulfilment.processing_forms import InvoiceForm, LineForm, fill_line, read_line
from marketplace.fulfilment.processing_lines import get_line, lines, save_line
from marketplace.fulfilment.processing_models import PROCESSES, ProcessingLine
from marketplace.fulfilment.processing_views import Answer, bp
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.models import PROCESSOR_KINDS, Organisation
from marketplace.identity.permissions import PROCESS_MANAGE

EARLIEST = date(2020, 1, 1)


@bp.get("/lines")
@requires(PROCESS_MANAGE)
def line_index() -> str:
    return render_template(
        "fulfilment/processing_lines.html",
        lines=lines(db.session, current_scope()),
        kinds=PROCESSES,
    )


@bp.route("/lines/new", methods=["GET", "POST"])
@requires(PROCESS_MANAGE)
def line_new() -> Answer:
    return _edit(None)


@bp.route("/lines/<int:processing_line_id>", methods=["GET", "POST"])
@requires(PROCESS_MANAGE)
def line_edit(processing_line_id: int) -> Answer:
    return _edit(processing_line_id)


def _edit(line_id: int | None) -> Answer:
    found = get_line(db.session, current_scope(), line_id) if line_id is not None else None
    form = LineForm()
    _choices(form, found)
    status = 422 if form.is_submitted() else 200
    if not form.is_submitted() and found is not None:
        fill_line(form, found)
    if form.validate_on_submit():
        try:
            with transaction() as session:
                scope = current_scope()
                line = get_line(session, scope, line_id) if line_id is not None else None
                save_line(session, current_actor(), scope, read_line(session, form), line)
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
        else:
            flash("加工线存好了。", "success")
            return redirect(url_for(".line_index"), 303)
    return render_template("fulfilment/processing_line.html", form=form, line=found), status


def _choices(form: LineForm, line: ProcessingLine | None) -> None:
    """What is in use, and what the line has already: it can be switched off when its unit is gone."""
    own = (line.organisation_id, line.input_product_id, line.output_product_id) if line else ()
    units = current_scope().visible(select(Organisation))
    works = Organisation.active & Organisation.kind.in_(PROCESSOR_KINDS)
    units = units.where(or_(works, Organisation.id.in_(own[:1])))
    form.organisation_id.choices = [
        SelectChoice("", "请选"),
        *(
            SelectChoice(str(unit.id), unit.name)
            for unit in db.session.scalars(units.order_by(Organisation.name))
        ),
    ]
    products = db.session.scalars(
        select(Product)
        .where(or_(Product.active, Product.id.in_(own[1:])))
        .order_by(Product.category, Product.id)
    ).all()
    for field in (form.input_product_id, form.output_product_id):
        field.choices = [
            SelectChoice("", "请选"),
            *(SelectChoice(str(product.id), product.name) for product in products),
        ]


@bp.get("/fees")
@requires(PROCESS_MANAGE)
def fees() -> str:
    return _fees()


def _month() -> date:
    """The month asked for as 2026-11; this one for nonsense."""
    try:
        asked = date.fromisoformat(f"{request.args.get('month', '')[:7]}-01")
    except ValueError:
        asked = today()
    return min(max(asked, EARLIEST), today()).replace(day=1)


def _fees(form: InvoiceForm | None = None, at: int = 0) -> str:
    month = _month()
    later = next_month(month)
    return render_template(
        "fulfilment/processing_fees.html",
        bills=bills_of(db.session, current_scope(), month),
        kinds=PROCESSES,
        month=month,
        before=month - timedelta(days=1),
        later=later if later <= today() else None,
        form=form or InvoiceForm(formdata=None),
        at=at,
    )


@bp.post("/fees/<int:organisation_id>")
@requires(PROCESS_MANAGE)
def fee_invoice(organisation_id: int) -> Response | tuple[str, int]:
    form = InvoiceForm()
    try:
        form.check()
        with transaction() as session:
            words = str(form.invoice_no.data)
            fen = note_invoice(
                session, current_actor(), current_scope(), organisation_id, _month(), words
            )
    except MarketplaceError as error:
        form.refuse(error)
        return _fees(form, organisation_id), error.http_status
    flash(f"{format_yuan(fen)} 元记在单据 {words} 上，请财务从服务费里付。", "success")
    return redirect(url_for(".fees", month=f"{_month():%Y-%m}"), 303)
