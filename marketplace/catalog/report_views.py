"""Desk pages of the township: the queue, verifying many, one report with its evidence, photos."""

from typing import Any

from flask import (
    Blueprint,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    url_for,
)
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug import Response
from wtforms import HiddenField, RadioField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from marketplace.catalog.models import Lot, SupplyReport
from marketplace.catalog.pictures import picture_path
from marketplace.catalog.report_history import REPORT_STATES, history
from marketplace.catalog.report_photos import get_photo
from marketplace.catalog.report_queue import (
    SHOWN,
    QueueFilter,
    is_overdue,
    queue_choices,
    queue_statement,
    signals_of,
)
from marketplace.catalog.reports import get_report, report_with_history, return_report
from marketplace.catalog.review import (
    RETURN_REASONS,
    Verdict,
    seen_token,
    verify_in_batch,
    verify_one,
)
from marketplace.catalog.words import amount_words, price_words
from marketplace.core.county_settings import county_settings
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError, NotFound
from marketplace.identity.access import current_actor, current_scope, requires, requires_any
from marketplace.identity.permissions import LOT_VIEW, REPORT_SUBMIT, REPORT_VERIFY
from marketplace.web.addresses import row_number
from marketplace.web.forms import Form, TrimmedField, at_most
from marketplace.web.paging import paginate

bp = Blueprint("reports", __name__, url_prefix="/reports")
bp.add_app_template_filter(amount_words, "amount_of")
bp.add_app_template_filter(price_words, "price_of")
PAGE_SIZE = 50


class VerifyForm(Form):
    seen = HiddenField()
    note = TrimmedField("现场看到什么", [at_most(180)])


class ReturnForm(Form):
    reason = RadioField(
        "退回原因",
        choices=[SelectChoice(reason) for reason in RETURN_REASONS],
        validators=[Optional()],
    )
    more = TrimmedField("补充一句", [at_most(150)])


@bp.get("/")
@requires(REPORT_VERIFY)
def queue() -> str:
    settings = county_settings(db.session)
    wanted = _wanted()
    alarm, days = int(settings["price_alarm_percent"]), int(settings["verify_working_days"])
    statement = queue_statement(current_scope(), wanted, alarm_percent=alarm, working_days=days)
    page = paginate(db.session, statement, PAGE_SIZE)
    villages, products = queue_choices(db.session, current_scope())
    chips = [
        {"label": label, "href": url_for(".queue", **_kept(show)), "active": show == wanted.show}
        for show, label in SHOWN.items()
    ]
    return render_template(
        "catalog/report_queue.html",
        page=page,
        wanted=wanted,
        chips=chips,
        villages=villages,
        products=products,
        signals=signals_of(db.session, current_actor(), page.items, alarm),
        overdue={report.id for report in page.items if is_overdue(report, days)},
        seen=seen_token,
        working_days=days,
        waiting=sum(choice.count for choice in products),
    )


def _wanted() -> QueueFilter:
    show = request.args.get("show", "all")
    village = request.args.get("village", "")
    return QueueFilter(
        show=show if show in SHOWN else "all",
        village=village if len(village) == 12 and village.isdecimal() else "",
        product_id=row_number(request.args.get("product", "")),
    )


def _kept(show: str) -> dict[str, Any]:
    """The other filters of the address, for a link that changes what is shown."""
    kept = {key: request.args[key] for key in ("village", "product") if request.args.get(key)}
    return kept if show == "all" else kept | {"show": show}


@bp.post("/verify")
@requires(REPORT_VERIFY)
def verify_many() -> str | Response:
    """Every report in a transaction of its own: one that is refused does not stop the others."""
    chosen = request.form.getlist("chosen")
    if not chosen:
        flash("请先勾选要核实的登记。", "warning")
        return redirect(url_for(".queue"))
    verdicts = [_verdict(*text.partition(".")[::2]) for text in dict.fromkeys(chosen)]
    with db.session.no_autoflush:
        ids = [verdict.report_id for verdict in verdicts]
        statement = select(SupplyReport).where(SupplyReport.id.in_(ids))
        rows = db.session.scalars(
            current_scope()
            .visible(statement)
            .options(joinedload(SupplyReport.product), joinedload(SupplyReport.household))
        )
        reports = {row.id: row for row in rows}
    groups = {
        outcome: [verdict for verdict in verdicts if verdict.outcome == outcome]
        for outcome in ("verified", "drawn", "refused")
    }
    return render_template("catalog/verify_result.html", groups=groups, reports=reports)


def _verdict(text: str, seen: str) -> Verdict:
    report_id = row_number(text)
    try:
        with transaction() as session:
            return verify_in_batch(session, current_actor(), current_scope(), report_id, seen)
    except MarketplaceError as error:
        return Verdict(report_id, "refused", error.message)


@bp.get("/<int:report_id>")
@requires_any(REPORT_VERIFY, LOT_VIEW)
def detail(report_id: int) -> str:
    return _detail_page(report_id, VerifyForm(formdata=None), ReturnForm(formdata=None))


def _detail_page(report_id: int, verify_form: VerifyForm, return_form: ReturnForm) -> str:
    report = report_with_history(db.session, current_scope(), report_id)
    verify_form.seen.data = seen_token(report)
    alarm = int(county_settings(db.session)["price_alarm_percent"])
    signals = signals_of(db.session, current_actor(), [report], alarm)[report.id]
    lot = db.session.scalar(select(Lot).where(Lot.report_id == report.id))
    return render_template(
        "catalog/report_detail.html",
        report=report,
        lot=lot,
        state=REPORT_STATES[report.state],
        steps=history(db.session, report),
        signals=signals,
        verify_form=verify_form,
        return_form=return_form,
        can_verify=current_actor().may(REPORT_VERIFY) and report.state == "submitted",
    )


@bp.post("/<int:report_id>/verify")
@requires(REPORT_VERIFY)
def verify(report_id: int) -> Response | tuple[str, int]:
    form = VerifyForm()
    get_report(db.session, current_scope(), report_id)
    try:
        form.check()
        with transaction() as session:
            lot = verify_one(
                session,
                current_actor(),
                current_scope(),
                report_id,
                str(form.seen.data),
                str(form.note.data or ""),
            )
    except MarketplaceError as error:
        form.refuse(error)
        return _detail_page(report_id, form, ReturnForm(formdata=None)), error.http_status
    flash(f"核实好了，批次 {lot.code}。", "success")
    return redirect(url_for(".queue"))


@bp.post("/<int:report_id>/return")
@requires(REPORT_VERIFY)
def send_back(report_id: int) -> Response | tuple[str, int]:
    form = ReturnForm()
    get_report(db.session, current_scope(), report_id)
    try:
        form.check()
        reason = "；".join(filter(None, (form.reason.data, form.more.data)))
        with transaction() as session:
            report = get_report(session, current_scope(), report_id)
            return_report(session, current_actor(), report, reason)
    except MarketplaceError as error:
        form.refuse(error)
        return _detail_page(report_id, VerifyForm(formdata=None), form), error.http_status
    flash("退回了，登记人会在手机上看到原因。", "success")
    return redirect(url_for(".queue"))


@bp.get("/photos/<int:photo_id>")
@requires_any(REPORT_SUBMIT, REPORT_VERIFY, LOT_VIEW)
def photo(photo_id: int) -> Response:
    """A photo of a report within reach; our own WebP, never what was uploaded."""
    found = get_photo(db.session, current_scope(), photo_id)
    path = picture_path(current_app.extensions["settings"].folder, found.sha256)
    if not path.exists():
        raise NotFound("这张照片的文件不在了。")
    return Response(path.read_bytes(), content_type="image/webp")
