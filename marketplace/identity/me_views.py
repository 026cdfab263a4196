"""One's own account: who I am here, my password, where I am signed in, whom I left my roles to."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug import Response
from wtforms import PasswordField, SelectField, SubmitField

from marketplace.core.clock import today
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError, Throttled
from marketplace.identity import accounts, deputies, sessions
from marketplace.identity.access import current_actor, signed_in
from marketplace.identity.grant_words import grant_words
from marketplace.identity.home import works_on_phone
from marketplace.identity.models import User
from marketplace.identity.sign_in_views import count_attempt, refused_page
from marketplace.web.forms import Form, TrimmedField, at_most, required
from marketplace.web.time_fields import DayField

bp = Blueprint("me", __name__, url_prefix="/me")


class PasswordForm(Form):
    current = PasswordField("现在的密码", required("请填写现在的密码。"))
    password = PasswordField("新密码", required("请填写新密码。"))
    again = PasswordField("再输一次", required("请再输一次新密码。"))
    submit = SubmitField("修改密码")


class DeputyForm(Form):
    grant_id = SelectField("托付哪个角色", required("请选一个角色。"))
    deputy = TrimmedField("代理人的账号", required("请填写代理人的账号。") + [at_most(60)])
    valid_from = DayField("从哪天起", required("请选开始日期。"))
    valid_until = DayField("到哪天止", required("请选结束日期。"))
    submit = SubmitField("托付")


def deputy_form(user_id: int) -> DeputyForm:
    """A form that offers the roles of one person."""
    form = DeputyForm()
    form.grant_id.choices = {
        str(grant.id): grant_words(grant) for grant in deputies.own_grants(db.session, user_id)
    }
    if not form.is_submitted():
        form.valid_from.data = today()
    return form


def appoint(form: DeputyForm) -> int:
    """Do what the form says, when it was sent; the status of the page that shows it, 302 when done."""
    if not form.validate_on_submit():
        return 422 if form.is_submitted() else 200
    assert form.valid_from.data is not None
    assert form.valid_until.data is not None
    try:
        with transaction() as session:
            deputies.appoint_deputy(
                session,
                current_actor(),
                int(form.grant_id.data),
                str(form.deputy.data),
                form.valid_from.data,
                form.valid_until.data,
            )
    except MarketplaceError as error:
        form.refuse(error)
        return error.http_status
    flash("托付好了，对方登录后就能办。", "success")
    return 302


def _frame() -> dict[str, Any]:
    phone = works_on_phone(current_actor())
    return {"layout": "layout/phone.html" if phone else "layout/desk.html"}


@bp.get("")
@signed_in
def index() -> str:
    actor = current_actor()
    user = accounts.get_user(db.session, actor.user_id)
    held = deputies.own_grants(db.session, actor.user_id)
    lent = [row for row in deputies.left_to(db.session, actor.user_id) if row.phase == "now"]
    return render_template("identity/me.html", user=user, held=held, lent=lent, **_frame())


@bp.route("/security", methods=["GET", "POST"])
@signed_in
def security() -> str | Response | tuple[str, int]:
    """Change the password, see where one is signed in."""
    form = PasswordForm()
    actor = current_actor()
    page = _frame() | {
        "sessions": sessions.open_sessions(db.session, actor.user_id),
        "here": current_user.session_id,
        "shared": current_user.demo,
    }
    if form.validate_on_submit():
        try:
            _change_password(form, accounts.get_user(db.session, actor.user_id))
        except (InvalidInput, Throttled) as error:
            return refused_page("identity/security.html", form, error, **page)
        flash("密码改好了，其他设备已退出登录。", "success")
        return redirect(url_for("me.security"))
    status = 422 if form.is_submitted() else 200
    return render_template("identity/security.html", form=form, **page), status


def _change_password(form: PasswordForm, user: User) -> None:
    if user.demo:
        raise InvalidInput("演示账号大家共用，不能改密码。", code="demo", field="password")
    hashed = accounts.hash_new_password(
        str(form.password.data), str(form.again.data), user.login_name
    )
    count_attempt(user.login_name)
    fits = sessions.password_fits(user, str(form.current.data))
    with transaction() as session:
        if fits:
            accounts.change_password(session, current_actor(), hashed)
            sessions.revoke_all_sessions(session, user.id, but=current_user.session_id)
            sessions.clear_attempts(session, user.login_name)
        else:
            sessions.note_wrong_password(session, user.login_name)
    if not fits:
        raise InvalidInput("现在的密码不对。", code="wrong_password", field="current")


@bp.post("/sessions/<int:session_id>/end")
@signed_in
def end_session(session_id: int) -> Response:
    with transaction() as session:
        sessions.revoke_session(session, current_actor(), session_id)
    flash("那台设备已退出登录。", "success")
    return redirect(url_for("me.security"))


@bp.route("/deputies", methods=["GET", "POST"])
@signed_in
def my_deputies() -> str | Response | tuple[str, int]:
    """Leave a role to somebody from day to day; see what was left to me."""
    actor = current_actor()
    form = deputy_form(actor.user_id)
    status = appoint(form)
    if status == 302:
        return redirect(url_for("me.my_deputies"))
    page = render_template(
        "identity/deputies.html",
        form=form,
        left=deputies.left_by(db.session, actor.user_id),
        lent=deputies.left_to(db.session, actor.user_id),
        **_frame(),
    )
    return page, status


@bp.post("/deputies/<int:deputy_id>/revoke")
@signed_in
def revoke_deputy(deputy_id: int) -> Response:
    with transaction() as session:
        deputies.revoke_deputy(session, current_actor(), deputy_id)
    flash("代理收回了。", "success")
    return redirect(url_for("me.my_deputies"))
