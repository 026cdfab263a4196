"""Phone pages: report what cannot be sold, mend it, add photos, withdraw it."""

import uuid
from collections.abc import Iterable

from flask import current_app, flash, redirect, render_template, request, url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload
from werkzeug import Response
from werkzeug.datastructures import FileStorage
from wtforms.fields.choices import SelectChoice

from marketplace.catalog.models import Product, SupplyReport
from marketplace.catalog.pictures import Picture, keep_picture, picture_path, read_picture
from marketplace.catalog.report_doubts import ask_about_quantity
from marketplace.catalog.report_form import ReportForm, fill_form, read_report, typed_last_day
from marketplace.catalog.report_history import REPORT_STATES, history
from marketplace.catalog.report_notes import notes_of
from marketplace.catalog.report_photos import MAX_PHOTOS, add_photos, get_photo, remove_photo
from marketplace.catalog.reports import (
    ReportInput,
    correct_report,
    get_report,
    report_with_history,
    says_other,
    submit_report,
    withdraw_report,
)
from marketplace.catalog.suppliers import Suppliers, suppliers_of
from marketplace.catalog.words import amount_words
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError, NotFound
from marketplace.identity.access import current_actor, current_scope, requires, requires_any
from marketplace.identity.permissions import LOT_VIEW, REPORT_SUBMIT
from marketplace.web.addresses import row_number
from marketplace.web.field_blueprint import Task, bp, today_tasks

Page = str | Response | tuple[str, int]


@today_tasks
def _returned_reports(session: Session) -> list[Task]:
    """The township sent them back: one tap opens the form to mend."""
    rows = session.scalars(
        current_actor()
        .scope_for(REPORT_SUBMIT)
        .visible(select(SupplyReport))
        .where(SupplyReport.state == "returned")
        .options(
            joinedload(SupplyReport.product),
            joinedload(SupplyReport.household),
            joinedload(SupplyReport.organisation),
        )
        .order_by(SupplyReport.id)
        .limit(10)
    )
    return [
        Task(
            f"改登记：{_whose(report)} {report.product.name}"
            f" {amount_words(report.quantity_base, report.product)}",
            url_for("field.report_edit", report_id=report.id),
            report.return_reason,
            "退回了",
            "warn",
        )
        for report in rows
    ]


def _whose(report: SupplyReport) -> str:
    if report.household:
        return report.household.masked_name
    return report.organisation.name if report.organisation else ""


@bp.route("/reports/new", methods=["GET", "POST"])
@requires(REPORT_SUBMIT)
def report_new() -> Page:
    """`household` offers one household, `again` fills in what an earlier report said."""
    household_id = _asked_for("household")
    again = _asked_for("again")
    earlier = None if again is None else get_report(db.session, current_scope(), again)
    if earlier is not None:
        household_id = earlier.household_id
    offered = suppliers_of(db.session, current_actor(), household_id)
    if household_id is not None and f"h:{household_id}" not in dict(offered.choices):
        raise NotFound("没有找到这一户，可能不归您联系。")
    if offered.more and household_id is None and not request.form:
        flash("先找到是哪一户，再登记。", "info")
        return redirect(url_for("field.households"))
    form, products = _form(offered)
    if not form.is_submitted():
        _start(form, offered, household_id, earlier)
    status = 200
    if form.is_submitted():
        status = 422
        try:
            form.validate()
            given = read_report(form, products, _typed_shares())
            if given is not None:
                _ask_once(form, given)
                return _send_new(form, given)
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
    return _form_page(form, products, offered, status)


def _ask_once(form: ReportForm, given: ReportInput) -> None:
    if not form.as_much.data:
        ask_about_quantity(db.session, given)


def _asked_for(name: str) -> int | None:
    return row_number(request.args[name]) if name in request.args else None


def _start(
    form: ReportForm, offered: Suppliers, household_id: int | None, earlier: SupplyReport | None
) -> None:
    form.client_uuid.data = str(uuid.uuid4())
    if earlier is not None:
        fill_form(form, earlier)
    elif household_id:
        form.supplier.data = f"h:{household_id}"
    elif len(offered.choices) == 1 or (offered.choices and offered.members):
        form.supplier.data = offered.choices[0][0]


def _form(offered: Suppliers) -> tuple[ReportForm, list[Product]]:
    form = ReportForm()
    products = list(db.session.scalars(_products_by_use()))
    form.product.choices = [SelectChoice(str(product.id), product.name) for product in products]
    choices = [SelectChoice(value, label) for value, label in offered.choices]
    if len(choices) != 1:
        choices.insert(0, SelectChoice("", "请选一户"))
    form.supplier.choices = choices
    return form, products


def _products_by_use() -> Select[Product]:
    """What this person reported most often comes first, then the others by category."""
    used = (
        select(SupplyReport.product_id, func.count().label("times"))
        .where(SupplyReport.submitted_by_id == current_actor().user_id)
        .group_by(SupplyReport.product_id)
        .subquery()
    )
    return (
        select(Product)
        .outerjoin(used, used.c.product_id == Product.id)
        .where(Product.active)
        .order_by(func.coalesce(used.c.times, 0).desc(), Product.category, Product.id)
    )


def _form_page(
    form: ReportForm,
    products: list[Product],
    offered: Suppliers,
    status: int = 200,
    report: SupplyReport | None = None,
) -> tuple[str, int]:
    shares = _typed_shares()
    if report is not None and not request.form:
        shares = {s.household_id: str(s.quantity_base) for s in report.shares if s.household_id}
        if report.product.base_unit == "g":
            shares = {key: f"{base} 克" for key, base in shares.items()}
    page = render_template(
        "catalog/field_report_form.html",
        form=form,
        products=products,
        offered=offered,
        shares=shares,
        report=report,
        draft=f"report-{current_actor().user_id}",
    )
    return page, status


def _typed_shares() -> dict[int, str]:
    """Household id → what was typed into its field, of the fields named share-<id>."""
    return {
        row_number(name.removeprefix("share-")): value
        for name, value in request.form.items()
        if name.startswith("share-")
    }


def _send_new(form: ReportForm, given: ReportInput) -> Response:
    """The text is kept first; photos follow on their own, so that a bad one loses nothing."""
    client_uuid = _client_uuid(str(form.client_uuid.data))
    pictures, problems = _read_pictures(form.photos.data)
    with transaction() as session:
        report = submit_report(session, current_actor(), client_uuid, given)
        other = says_other(report, given)
    if other:
        flash("这条之前已经登记过，没有再记一次。要改请点“更正”。", "warning")
    else:
        flash(f"登记好了，编号 {report.receipt_no}。", "success")
    _attach(report.id, pictures, problems)
    return redirect(url_for("field.report", report_id=report.id))


def _client_uuid(text: str) -> str:
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise InvalidInput("提交编号不对，请刷新页面再登记。", code="bad_uuid") from None


def _read_pictures(files: Iterable[object]) -> tuple[list[Picture], list[str]]:
    """Pictures that can be kept, and what is wrong with the others."""
    sent = [file for file in files if isinstance(file, FileStorage) and file.filename]
    pictures: list[Picture] = []
    problems: list[str] = []
    if len(sent) > MAX_PHOTOS:
        problems.append(f"最多 {MAX_PHOTOS} 张照片，只留了前 {MAX_PHOTOS} 张。")
    folder = current_app.extensions["settings"].folder
    for file in sent[:MAX_PHOTOS]:
        try:
            picture = read_picture(file.read())
        except InvalidInput as error:
            problems.append(error.message)
        else:
            keep_picture(folder, picture)
            pictures.append(picture)
    return pictures, problems


def _attach(report_id: int, pictures: list[Picture], problems: list[str]) -> None:
    try:
        with transaction() as session:
            report = get_report(session, current_scope(), report_id)
            add_photos(session, current_actor(), report, pictures)
    except MarketplaceError as error:
        problems = [*problems, error.message]
    if problems:
        flash(f"文字已经记下，照片没有存全：{' '.join(dict.fromkeys(problems))}", "warning")


@bp.get("/reports/<int:report_id>")
@requires_any(REPORT_SUBMIT, LOT_VIEW)
def report(report_id: int) -> str:
    """The receipt: what was reported, where it stands, what can still be done."""
    found = report_with_history(db.session, current_scope(), report_id)
    return render_template(
        "catalog/field_report.html",
        report=found,
        state=REPORT_STATES[found.state],
        steps=history(db.session, found),
        can_change=current_actor().may(REPORT_SUBMIT),
        notes=notes_of(db.session, current_actor(), found),
        max_photos=MAX_PHOTOS,
    )


@bp.route("/reports/<int:report_id>/edit", methods=["GET", "POST"])
@requires(REPORT_SUBMIT)
def report_edit(report_id: int) -> Page:
    """Correct a report that is not verified; a returned one is sent again by this."""
    found = get_report(db.session, current_scope(), report_id)
    if found.state not in {"submitted", "returned"}:
        flash("这条登记已经核实或撤回，不能再改。", "warning")
        return redirect(url_for("field.report", report_id=report_id))
    offered = suppliers_of(db.session, current_actor(), found.household_id)
    form, products = _form(offered)
    if not form.is_submitted():
        fill_form(form, found)
        form.client_uuid.data = found.client_uuid
        form.available_from.data = found.available_from
        form.available_until.data = typed_last_day(found)
        return _form_page(form, products, offered, 200, found)
    status = 422
    try:
        form.validate()
        given = read_report(form, products, _typed_shares())
        if given is not None:
            _ask_once(form, given)
            return _send_correction(form, given, report_id)
    except MarketplaceError as error:
        form.refuse(error)
        status = error.http_status
    return _form_page(form, products, offered, status, found)


def _send_correction(form: ReportForm, given: ReportInput, report_id: int) -> Response:
    pictures, problems = _read_pictures(form.photos.data)
    with transaction() as session:
        found = get_report(session, current_scope(), report_id)
        was_returned = found.state == "returned"
        correct_report(session, current_actor(), found, given)
    flash("改好了，已重新交给乡镇核实。" if was_returned else "改好了。", "success")
    _attach(report_id, pictures, problems)
    return redirect(url_for("field.report", report_id=report_id))


@bp.post("/reports/<int:report_id>/withdraw")
@requires(REPORT_SUBMIT)
def report_withdraw(report_id: int) -> Response:
    with transaction() as session:
        withdraw_report(session, current_actor(), get_report(session, current_scope(), report_id))
    flash("登记撤回了。", "success")
    return redirect(url_for("field.report", report_id=report_id))


@bp.post("/reports/<int:report_id>/photos")
@requires(REPORT_SUBMIT)
def report_photos(report_id: int) -> Response:
    """Photos alone: what failed with the form, or was taken later."""
    get_report(db.session, current_scope(), report_id)
    pictures, problems = _read_pictures(request.files.getlist("photos"))
    if not pictures and not problems:
        problems = ["请先拍照或选照片。"]
    _attach(report_id, pictures, problems)
    if not problems:
        flash("照片存好了。", "success")
    return redirect(url_for("field.report", report_id=report_id))


@bp.post("/photos/<int:photo_id>/remove")
@requires(REPORT_SUBMIT)
def photo_remove(photo_id: int) -> Response:
    with transaction() as session:
        photo = get_photo(session, current_scope(), photo_id)
        report_id = photo.report_id
        unused = remove_photo(session, current_actor(), photo)
    if unused:
        picture_path(current_app.extensions["settings"].folder, photo.sha256).unlink(
            missing_ok=True
        )
    flash("照片拿掉了。", "success")
    return redirect(url_for("field.report", report_id=report_id))
