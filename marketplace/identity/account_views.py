"""The administrator's pages of accounts: who has one, what it may do, from when to when."""

from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug import Response
from wtforms import SelectField, SubmitField
from wtforms.validators import Optional

from marketplace.core.clock import today
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.core.identifiers import mask_phone
from marketplace.identity import accounts, deputies
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.account_list import STATES, AccountFilter, state_of
from marketplace.identity.account_list import accounts as account_list
from marketplace.identity.me_views import appoint, deputy_form
from marketplace.identity.models import Organisation, User
from marketplace.identity.permissions import ACCOUNT_MANAGE, ROLES
from marketplace.identity.slips import activation_slip
from marketplace.regions.places import region_choices
from marketplace.web.addresses import row_number
from marketplace.web.forms import Form, TrimmedField, at_most, required
from marketplace.web.paging import paginate
from marketplace.web.time_fields import DayField

bp = Blueprint("accounts", __name__, url_prefix="/admin/accounts")
SLIPS_AT_ONCE = 100
ROLE_CHOICES = {code: name for code, (name, _held) in ROLES.items()}


class PersonForm(Form):
    display_name = TrimmedField("姓名", required("请填写姓名。") + [at_most(60)])
    phone = TrimmedField("电话", [at_most(30)])
    organisation_id = SelectField("单位", default="")
    submit = SubmitField("保存")

    @property
    def unit_id(self) -> int | None:
        return int(self.organisation_id.data) if self.organisation_id.data else None


class NewAccountForm(PersonForm):
    login_name = TrimmedField("账号", required("请填写账号。") + [at_most(60)])


class GrantForm(Form):
    role = SelectField("角色", required("请选角色。"), choices={"": "请选择"} | ROLE_CHOICES)
    region_code = SelectField("管到哪里", default="")
    organisation_id = SelectField("哪个单位", default="")
    valid_from = DayField("从哪天起", required("请选开始日期。"))
    valid_until = DayField("到哪天止", [Optional()])
    submit = SubmitField("授予角色")

    def wanted(self) -> accounts.NewGrant:
        unit = self.organisation_id.data
        return accounts.NewGrant(
            role=str(self.role.data),
            region_code=str(self.region_code.data or "") or None,
            organisation_id=int(unit) if unit else None,
            valid_from=self.valid_from.data,
            valid_until=self.valid_until.data,
        )


def _unit_choices(nothing: str) -> dict[str, str]:
    rows = db.session.execute(
        current_scope()
        .visible(select(Organisation))
        .where(Organisation.active)
        .with_only_columns(Organisation.id, Organisation.name)
        .order_by(Organisation.name)
    )
    return {"": nothing} | {str(row.id): row.name for row in rows}


def _user(user_id: int) -> User:
    return accounts.get_user(db.session, user_id)


def _wanted() -> AccountFilter:
    return AccountFilter(
        words=request.args.get("q", "").strip()[:60],
        role=request.args.get("role", ""),
        unit_id=row_number(request.args.get("unit", "")) or None,
        state=request.args.get("state", ""),
    )


@bp.get("")
@requires(ACCOUNT_MANAGE)
def index() -> str:
    wanted = _wanted()
    kept: dict[str, Any] = {
        "q": wanted.words or None,
        "role": wanted.role or None,
        "unit": wanted.unit_id,
    }
    chips = [
        {
            "label": label,
            "href": url_for("accounts.index", **kept, state=code or None),
            "active": wanted.state == code,
        }
        for code, label in (("", "全部"), *STATES.items())
    ]
    return render_template(
        "identity/accounts.html",
        page=paginate(db.session, account_list(current_scope(), wanted)),
        wanted=wanted,
        chips=chips,
        roles=ROLE_CHOICES.items(),
        units=_unit_choices("所有单位").items(),
        states=STATES,
        state_of=state_of,
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(ACCOUNT_MANAGE)
def create() -> str | Response | tuple[str, int]:
    form = NewAccountForm()
    form.organisation_id.choices = _unit_choices("没有单位")
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            with transaction() as session:
                user = accounts.create_user(
                    session,
                    current_actor(),
                    login_name=str(form.login_name.data),
                    display_name=str(form.display_name.data),
                    phone=str(form.phone.data or ""),
                    organisation_id=form.unit_id,
                )
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
        else:
            flash("账号建好了。接着授予角色，再打印激活单。", "success")
            return redirect(url_for("accounts.show", user_id=user.id))
    return render_template("identity/account_form.html", form=form, user=None), status


@bp.route("/<int:user_id>/edit", methods=["GET", "POST"])
@requires(ACCOUNT_MANAGE)
def edit(user_id: int) -> str | Response | tuple[str, int]:
    user = _user(user_id)
    form = PersonForm(
        data={
            "display_name": user.display_name,
            "organisation_id": str(user.organisation_id or ""),
        }
    )
    form.organisation_id.choices = _unit_choices("没有单位")
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            with transaction() as session:
                accounts.change_user(
                    session,
                    current_actor(),
                    accounts.get_user(session, user_id),
                    display_name=str(form.display_name.data),
                    phone=str(form.phone.data or ""),
                    organisation_id=form.unit_id,
                )
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
        else:
            flash("保存好了。", "success")
            return redirect(url_for("accounts.show", user_id=user_id))
    masked = mask_phone(user.phone) if user.phone else ""
    page = render_template("identity/account_form.html", form=form, user=user, masked=masked)
    return page, status


@bp.route("/<int:user_id>", methods=["GET", "POST"])
@requires(ACCOUNT_MANAGE)
def show(user_id: int) -> str | Response | tuple[str, int]:
    """One account with its roles; the form below grants another one."""
    user = _user(user_id)
    form = GrantForm()
    form.region_code.choices = {"": "不用选"} | region_choices(db.session)
    form.organisation_id.choices = _unit_choices("不用选")
    if not form.is_submitted():
        form.valid_from.data = today()
        form.organisation_id.data = str(user.organisation_id or "")
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            with transaction() as session:
                again = accounts.get_user(session, user_id)
                accounts.grant_role(session, current_actor(), again, form.wanted())
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
        else:
            flash("角色授予了。", "success")
            return redirect(url_for("accounts.show", user_id=user_id))
    page = render_template(
        "identity/account.html",
        user=user,
        form=form,
        state=state_of(user),
        states=STATES,
        masked=mask_phone(user.phone) if user.phone else "",
        grants=accounts.grants_of_account(db.session, user_id),
        left=deputies.left_by(db.session, user_id),
        lent=deputies.left_to(db.session, user_id),
    )
    return page, status


@bp.post("/<int:user_id>/roles/<int:grant_id>/end")
@requires(ACCOUNT_MANAGE)
def end_role(user_id: int, grant_id: int) -> Response:
    with transaction() as session:
        accounts.end_role(session, current_actor(), user_id, grant_id)
    flash("角色结束了。", "success")
    return redirect(url_for("accounts.show", user_id=user_id))


@bp.route("/<int:user_id>/deputies", methods=["GET", "POST"])
@requires(ACCOUNT_MANAGE)
def appoint_deputy(user_id: int) -> str | Response | tuple[str, int]:
    """For a principal who cannot do it alone, in hospital for example."""
    user = _user(user_id)
    form = deputy_form(user_id)
    status = appoint(form)
    if status == 302:
        return redirect(url_for("accounts.show", user_id=user_id))
    return render_template("identity/account_deputy.html", form=form, user=user), status


@bp.post("/<int:user_id>/deputies/<int:deputy_id>/revoke")
@requires(ACCOUNT_MANAGE)
def revoke_deputy(user_id: int, deputy_id: int) -> Response:
    with transaction() as session:
        deputies.revoke_deputy(session, current_actor(), deputy_id)
    flash("代理收回了。", "success")
    return redirect(url_for("accounts.show", user_id=user_id))


@bp.post("/<int:user_id>/slip")
@requires(ACCOUNT_MANAGE)
def slip(user_id: int) -> str:
    """A new one-time code, on paper. It is shown this once: only its hash is kept."""
    with transaction() as session:
        user = accounts.get_user(session, user_id)
        made = activation_slip(user, accounts.issue_activation(session, current_actor(), user))
    back = url_for("accounts.show", user_id=user_id)
    return render_template("identity/slip.html", slips=[made], back_url=back)


@bp.post("/slips")
@requires(ACCOUNT_MANAGE)
def slips() -> str | Response:
    """Slips for all accounts of the list that nobody has activated, a stack of paper at a time."""
    wanted = replace(_wanted(), state="waiting")
    statement = account_list(current_scope(), wanted).limit(SLIPS_AT_ONCE)
    with transaction() as session:
        made = [
            activation_slip(user, accounts.issue_activation(session, current_actor(), user))
            for user in session.scalars(statement)
        ]
    if not made:
        flash("没有等着激活的账号。", "warning")
        return redirect(url_for("accounts.index"))
    return render_template(
        "identity/slip.html", slips=made, back_url=url_for("accounts.index", state="waiting")
    )


@bp.post("/<int:user_id>/disable")
@requires(ACCOUNT_MANAGE)
def disable(user_id: int) -> Response:
    return _set_active(user_id, active=False)


@bp.post("/<int:user_id>/enable")
@requires(ACCOUNT_MANAGE)
def enable(user_id: int) -> Response:
    return _set_active(user_id, active=True)


def _set_active(user_id: int, *, active: bool) -> Response:
    with transaction() as session:
        user = accounts.get_user(session, user_id)
        accounts.set_active(session, current_actor(), user, active=active)
    flash("账号恢复使用了。" if active else "账号停用了，已登录的设备都退出了。", "success")
    return redirect(url_for("accounts.show", user_id=user_id))
