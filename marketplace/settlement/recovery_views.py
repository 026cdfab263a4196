"""What households are asked to give back: the list with its age, the signed paper, writing off."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_wtf.file import FileField
from werkzeug import Response
from wtforms import HiddenField, SelectField
from wtforms.fields.choices import SelectChoice

from marketplace.catalog.uploads import photo_answer, photo_of
from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError, NotFound
from marketplace.core.money import format_yuan
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.county_reach import whole_county
from marketplace.identity.permissions import ADVANCE_VIEW, PAYOUT_APPROVE, PAYOUT_PROPOSE
from marketplace.orders.worth import returned_farmgate_fen
from marketplace.settlement import recoveries
from marketplace.settlement.recovery_models import SIGNERS
from marketplace.settlement.two_people import is_own
from marketplace.settlement.words import LINE_STATES, RECOVERY_STATES
from marketplace.web.forms import Form, required
from marketplace.web.paging import paginate
from marketplace.web.time_fields import DayField

bp = Blueprint("recoveries", __name__, url_prefix="/recoveries")
Answer = str | Response | tuple[str, int]


class ConsentForm(Form):
    signed_by = SelectField(
        "谁签的字",
        required("请选是谁签的字。"),
        choices=[SelectChoice("", "请选"), *(SelectChoice(*pair) for pair in SIGNERS.items())],
        default="",
        validate_choice=False,
    )
    signed_on = DayField("哪天签的", required("请填纸上的日期。"))
    photo = FileField("照片")
    kept = HiddenField()


@bp.get("")
@requires(ADVANCE_VIEW)
def index() -> str:
    """What is open first, the oldest on top."""
    whole_county()
    scope = current_scope()
    page = paginate(db.session, recoveries.listed(scope), 30)
    return render_template(
        "settlement/recoveries.html",
        page=page,
        standings=recoveries.standings(db.session, page.items),
        open=recoveries.open_sum(db.session, scope),
        states=RECOVERY_STATES,
        as_of=now(),
    )


@bp.get("/<number>")
@requires(ADVANCE_VIEW)
def show(number: str) -> str:
    return _show(number)


def _show(
    number: str, form: ConsentForm | None = None, refused: MarketplaceError | None = None
) -> str:
    whole_county()
    found = recoveries.get_recovery(db.session, current_scope(), number)
    (standing,) = recoveries.standings(db.session, [found])
    actor = current_actor()
    write_off = standing.write_off
    may_sign = actor.may(PAYOUT_PROPOSE) and standing.state == "waiting"
    return render_template(
        "settlement/recovery.html",
        recovery=found,
        standing=standing,
        goods_fen=returned_farmgate_fen(db.session, found.returned),
        payments=recoveries.payments_of(db.session, found),
        own=write_off is not None
        and write_off.state == "proposed"
        and is_own(db.session, actor, write_off.proposed_by_id, write_off.proposed_at),
        form=form or (ConsentForm(formdata=None) if may_sign else None),
        states=RECOVERY_STATES,
        line_states=LINE_STATES,
        signers=SIGNERS,
        refused=refused,
        typed=request.form,
    )


@bp.post("/<number>/consent")
@requires(PAYOUT_PROPOSE)
def consent(number: str) -> Answer:
    whole_county()
    form = ConsentForm()
    if not form.validate():
        return _show(number, form), 422
    try:
        photo = photo_of(form)
        with transaction() as session:
            found = recoveries.get_recovery(session, current_scope(), number)
            assert form.signed_on.data is not None
            recoveries.record_consent(
                session,
                current_actor(),
                found,
                str(form.signed_by.data),
                form.signed_on.data,
                photo,
            )
    except MarketplaceError as error:
        form.refuse(error)
        return _show(number, form), error.http_status
    flash("存好了，下一批货款里扣。", "success")
    return redirect(url_for(".show", number=number), 303)


@bp.post("/<number>/write-off")
@requires(PAYOUT_PROPOSE)
def write_off(number: str) -> Answer:
    whole_county()
    try:
        with transaction() as session:
            found = recoveries.get_recovery(session, current_scope(), number)
            reason = request.form.get("reason", "")
            made = recoveries.propose_write_off(session, current_actor(), found, reason)
            said = f"提出核销 {format_yuan(made.fen)} 元，请另一个人审批。"
    except MarketplaceError as error:
        return _show(number, refused=error), error.http_status
    flash(said, "success")
    return redirect(url_for(".show", number=number), 303)


@bp.post("/<number>/write-off/decision")
@requires(PAYOUT_APPROVE)
def decide(number: str) -> Answer:
    whole_county()
    approve = request.form.get("decision") == "yes"
    try:
        with transaction() as session:
            found = recoveries.get_recovery(session, current_scope(), number)
            waiting = recoveries.waiting_write_off(session, found)
            recoveries.decide_write_off(
                session,
                current_actor(),
                waiting,
                approve=approve,
                answer=request.form.get("answer", ""),
            )
    except MarketplaceError as error:
        return _show(number, refused=error), error.http_status
    flash("批准了，记作平台的售后损失。" if approve else "退回了。", "success")
    return redirect(url_for(".show", number=number), 303)


@bp.get("/<number>/<any(goods, paper):which>")
@requires(ADVANCE_VIEW)
def photo(number: str, which: str) -> Response:
    """The picture of the goods that came back, or of the signed paper."""
    whole_county()
    found = recoveries.get_recovery(db.session, current_scope(), number)
    if which == "goods":
        return photo_answer(found.returned.photo)
    if found.consent is None:
        raise NotFound("还没有签字。")
    return photo_answer(found.consent.photo)
