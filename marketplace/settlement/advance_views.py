"""Working capital: proposed by one, approved by another, what is drawn and what has to go back."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug import Response
from wtforms import SubmitField

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.core.money import parse_yuan
from marketplace.identity.access import current_actor, requires
from marketplace.identity.county_reach import whole_county
from marketplace.identity.permissions import ADVANCE_VIEW, PAYOUT_APPROVE, PAYOUT_PROPOSE
from marketplace.settlement import advances
from marketplace.settlement.payout_models import Advance
from marketplace.settlement.two_people import own_proposals
from marketplace.settlement.words import ADVANCE_STATES
from marketplace.web.forms import Form, TrimmedField, at_most, required
from marketplace.web.paging import paginate
from marketplace.web.time_fields import DayField

bp = Blueprint("advances", __name__, url_prefix="/advances")
Answer = str | Response | tuple[str, int]


class AdvanceForm(Form):
    name = TrimmedField("名称", [*required("请填是哪笔周转金。"), at_most(60)])
    limit = TrimmedField("最多用多少", [*required("请填最多用多少元。"), at_most(30)])
    repay_by = DayField("哪天前归还", required("请填哪天前归还。"))
    submit = SubmitField("提出，等审批")


@bp.get("")
@requires(ADVANCE_VIEW)
def index() -> str:
    whole_county()
    return _index()


def _index(
    form: AdvanceForm | None = None, refused: MarketplaceError | None = None, at: int = 0
) -> str:
    """`at` is the advance whose act was refused: what was typed stays with it."""
    page = paginate(
        db.session,
        select(Advance)
        .options(joinedload(Advance.proposed_by), joinedload(Advance.decided_by))
        .order_by(Advance.number.desc()),
        20,
    )
    actor = current_actor()
    return render_template(
        "settlement/advances.html",
        page=page,
        standing=advances.standings(db.session, page.items),
        own=own_proposals(db.session, actor, page.items),
        states=ADVANCE_STATES,
        form=form or (AdvanceForm(formdata=None) if actor.may(PAYOUT_PROPOSE) else None),
        refused=refused,
        at=at,
        typed=request.form,
        as_of=now(),
    )


@bp.post("")
@requires(PAYOUT_PROPOSE)
def propose() -> Answer:
    whole_county()
    form = AdvanceForm()
    if not form.validate():
        return _index(form), 422
    try:
        limit = parse_yuan(str(form.limit.data), field="limit")
        assert form.repay_by.data is not None
        with transaction() as session:
            advances.propose_advance(
                session, current_actor(), str(form.name.data), limit, form.repay_by.data
            )
    except MarketplaceError as error:
        form.refuse(error)
        return _index(form), error.http_status
    flash("提出来了，请另一个人审批。", "success")
    return redirect(url_for(".index"), 303)


@bp.post("/<int:advance_id>/decide")
@requires(PAYOUT_APPROVE)
def decide(advance_id: int) -> Answer:
    whole_county()
    approve = request.form.get("answer") == "yes"
    try:
        with transaction() as session:
            found = advances.get_advance(session, advance_id)
            reason = request.form.get("reason", "")
            advances.decide_advance(session, current_actor(), found, approve=approve, reason=reason)
    except MarketplaceError as error:
        return _index(refused=error, at=advance_id), error.http_status
    flash("批准了，提付款时可以用。" if approve else "退回了。", "success")
    return redirect(url_for(".index"), 303)


@bp.post("/<int:advance_id>/repay")
@requires(PAYOUT_PROPOSE)
def repay(advance_id: int) -> Answer:
    whole_county()
    try:
        fen = parse_yuan(request.form.get("amount", ""), field="amount")
        with transaction() as session:
            found = advances.get_advance(session, advance_id)
            advances.repay(session, current_actor(), found, fen)
    except MarketplaceError as error:
        return _index(refused=error, at=advance_id), error.http_status
    flash("记下了，还了。", "success")
    return redirect(url_for(".index"), 303)


@bp.post("/<int:advance_id>/close")
@requires(PAYOUT_PROPOSE)
def close(advance_id: int) -> Answer:
    whole_county()
    try:
        with transaction() as session:
            advances.close_advance(
                session, current_actor(), advances.get_advance(session, advance_id)
            )
    except MarketplaceError as error:
        return _index(refused=error, at=advance_id), error.http_status
    flash("结束了，以后不能再用。", "success")
    return redirect(url_for(".index"), 303)
