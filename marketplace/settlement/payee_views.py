"""Accounts of payees: who waits for consent, proposing one, consenting to many."""

from collections.abc import Sequence
from itertools import chain

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug import Response
from wtforms import BooleanField, SelectChoice, SelectField, SubmitField

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.households.cooperatives import ids_by_name_and_code
from marketplace.households.models import Household
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.county_reach import reaches_county, whole_county
from marketplace.identity.models import SELLER_KINDS
from marketplace.identity.permissions import (
    PAYEE_CONSENT,
    PAYEE_PROPOSE,
    PAYEE_VIEW,
    PAYOUT_APPROVE,
    PAYOUT_PROPOSE,
)
from marketplace.settlement import checking, payees
from marketplace.settlement.payee_models import RELATIONS, WAITING, Payee
from marketplace.settlement.splitting import Owner
from marketplace.settlement.two_people import own_among
from marketplace.settlement.words import PAYEE_STATES
from marketplace.web.downloads import send_xlsx
from marketplace.web.forms import Form, TrimmedField, at_most, required
from marketplace.web.paging import paginate

bp = Blueprint("payees", __name__, url_prefix="/payees")
Answer = str | Response | tuple[str, int]
WHICH = {"waiting": "等核准", "approved": "可以用", "rejected": "退回的", "ended": "停用的"}
MOST_AT_ONCE = 500


class PayeeForm(Form):
    owner = TrimmedField("给谁", [*required("请填户编号，或合作社、企业的名称。"), at_most(120)])
    holder = TrimmedField("收款户名", [*required("请填存折或卡上的户名。"), at_most(60)])
    account = TrimmedField("收款账号", [*required("请填收款账号。"), at_most(40)])
    bank = TrimmedField("开户行", [*required("请填开户行。"), at_most(60)])
    relation = SelectField(
        "户名是户主的", choices=[SelectChoice(*pair) for pair in RELATIONS.items()]
    )
    proof = TrimmedField("凭什么能收", [at_most(200)])
    for_members = BooleanField("代收：货款先到这个单位，再由它发给农户签收")
    submit = SubmitField("提交，等两个人核准")


@bp.get("")
@requires(PAYEE_VIEW)
def index() -> str:
    return _index()


def _index(refused: list[str] | None = None) -> str:
    scope = current_scope()
    asked = request.args.get("which", "")
    which = asked if asked in WHICH else "waiting"
    found = scope.visible(select(Payee)).with_only_columns(Payee.state, func.count(Payee.id))
    counts = {row[0]: row[1] for row in db.session.execute(found.group_by(Payee.state))}
    counts["waiting"] = sum(counts.get(state, 0) for state in WAITING)
    page = paginate(db.session, payees.payees(scope, which), 50, counts.get(which, 0))
    actor = current_actor()
    return render_template(
        "settlement/payees.html",
        page=page,
        which=which,
        chips=[
            {
                "label": words,
                "href": url_for(".index", which=key),
                "active": key == which,
                "count": counts.get(key, 0),
            }
            for key, words in WHICH.items()
        ],
        states=PAYEE_STATES,
        relations=RELATIONS,
        mine=_signed(db.session, page.items) if which == "waiting" else set(),
        consents=actor.may(PAYEE_CONSENT) and which == "waiting",
        check=checking.open_check(db.session) if reaches_county(scope) else None,
        whole=reaches_county(scope),
        refused=refused,
        as_of=now(),
    )


def _signed(session: Session, found: Sequence[Payee]) -> set[int]:
    """Those that the actor, or somebody he acts for, has signed."""
    signed = {payee.id: payee.signed for payee in found}
    own = own_among(session, current_actor(), chain.from_iterable(signed.values()))
    return {payee_id for payee_id, by in signed.items() if own.intersection(by)}


@bp.route("/new", methods=["GET", "POST"])
@requires(PAYEE_PROPOSE)
def new() -> Answer:
    form = PayeeForm(data={"owner": request.args.get("owner", "")[:120]})
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            account_no = payees.parse_account_no(str(form.account.data), field="account")
            with transaction() as session:
                owner = _owner(session, str(form.owner.data))
                payees.propose_payee(
                    session, current_actor(), owner, _given(form, owner, account_no)
                )
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
        else:
            flash("提交了，等两个人核准后就用这个账户。", "success")
            return redirect(url_for(".index"), 303)
    return render_template("settlement/payee_new.html", form=form), status


def _owner(session: Session, said: str) -> Owner:
    scope = current_scope()
    household = session.scalar(
        scope.visible(select(Household)).where(Household.household_no == said.upper())
    )
    if household is not None:
        return Owner(household.id, 0)
    unit = ids_by_name_and_code(session, scope, SELLER_KINDS).get(said)
    if unit is None:
        raise InvalidInput(
            "没有这个户编号或单位，或不归您管。请核对。", code="unknown", field="owner"
        )
    return Owner(0, unit)


def _given(form: PayeeForm, owner: Owner, account_no: str) -> payees.PayeeInput:
    relation = "unit" if owner.organisation_id else str(form.relation.data)
    if owner.household_id and relation == "unit":
        raise InvalidInput("农户的账户请选户名是户主的什么人。", code="bad", field="relation")
    if owner.household_id and form.for_members.data:
        raise InvalidInput("只有合作社、企业能代收。", code="bad", field="for_members")
    return payees.PayeeInput(
        str(form.holder.data),
        account_no,
        str(form.bank.data),
        relation,
        str(form.proof.data or ""),
        for_members=bool(form.for_members.data),
    )


@bp.post("/consent")
@requires(PAYEE_CONSENT)
def consent() -> Answer:
    """Consent to every account that was ticked; one that is refused stops no other."""
    picked = [one for one in request.form.getlist("pick") if one.isdecimal()][:MOST_AT_ONCE]
    if not picked:
        return _index(["还没有勾选账户。"]), 422
    done, refused = 0, []
    for one in picked:
        try:
            with transaction() as session:
                payee = payees.get_payee(session, current_scope(), int(one[:18]))
                payees.consent(session, current_actor(), payee)
            done += 1
        except MarketplaceError as error:
            refused.append(error.message)
    if refused:
        return _index([f"{done} 个同意了。", *dict.fromkeys(refused)]), 409
    flash(f"同意了 {done} 个。", "success")
    return redirect(url_for(".index"), 303)


@bp.post("/<int:payee_id>/refuse")
@requires(PAYEE_CONSENT)
def refuse(payee_id: int) -> Answer:
    try:
        with transaction() as session:
            payee = payees.get_payee(session, current_scope(), payee_id)
            payees.refuse(session, current_actor(), payee, request.form.get("reason", ""))
    except MarketplaceError as error:
        return _index([error.message]), error.http_status
    flash("退回了。", "success")
    return redirect(url_for(".index"), 303)


@bp.post("/<int:payee_id>/take-back")
@requires(PAYEE_PROPOSE)
def take_back(payee_id: int) -> Answer:
    try:
        with transaction() as session:
            payee = payees.get_payee(session, current_scope(), payee_id)
            payees.take_back(session, current_actor(), payee)
    except MarketplaceError as error:
        return _index([error.message]), error.http_status
    flash("收回了，可以重新提。", "success")
    return redirect(url_for(".index"), 303)


@bp.post("/check")
@requires(PAYOUT_PROPOSE)
def ask_check() -> Answer:
    whole_county()
    try:
        with transaction() as session:
            checking.ask_for_check(session, current_actor())
    except MarketplaceError as error:
        return _index([error.message]), error.http_status
    flash("提了，请另一个人放行。", "success")
    return redirect(url_for(".index"), 303)


@bp.post("/check/<int:check_id>/release")
@requires(PAYOUT_APPROVE)
def release_check(check_id: int) -> Answer:
    whole_county()
    try:
        with transaction() as session:
            checking.release_check(session, current_actor(), check_id)
    except MarketplaceError as error:
        return _index([error.message]), error.http_status
    flash("放行了，7 天内可以取。", "success")
    return redirect(url_for(".index"), 303)


@bp.post("/check/file")
@requires(PAYOUT_PROPOSE)
def check_file() -> Answer:
    """Everybody's account in full: never by GET, never without a second person, always in the trail."""
    whole_county()
    try:
        with transaction() as session:
            content = checking.check_file(session, current_actor())
    except MarketplaceError as error:
        return _index([error.message]), error.http_status
    return send_xlsx(content, "户名账号核验.xlsx")
