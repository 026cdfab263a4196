"""Signing in and out, first password from an activation slip, one's own sessions."""

from urllib.parse import urlsplit

from flask import (
    Blueprint,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_login import current_user, login_user, logout_user
from werkzeug import Response
from wtforms import PasswordField, SubmitField

from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.identity import accounts, sessions
from marketplace.identity.access import current_actor, public, signed_in
from marketplace.web.forms import Form, TrimmedField, at_most, required

bp = Blueprint("identity", __name__)


class SignInForm(Form):
    login_name = TrimmedField("账号", required("请填写账号。") + [at_most(60)])
    password = PasswordField("密码", required("请填写密码。"))
    submit = SubmitField("登录")


class ActivateForm(Form):
    login_name = TrimmedField("账号", required("请填写激活单上的账号。") + [at_most(60)])
    code = TrimmedField("激活码", required("请填写激活单上的激活码。") + [at_most(30)])
    password = PasswordField("设一个密码", required("请设一个密码。"))
    again = PasswordField("再输一次", required("请再输一次密码。"))
    submit = SubmitField("激活并登录")


class PasswordForm(Form):
    current = PasswordField("现在的密码", required("请填写现在的密码。"))
    password = PasswordField("新密码", required("请填写新密码。"))
    again = PasswordField("再输一次", required("请再输一次新密码。"))
    submit = SubmitField("修改密码")


def safe_next() -> str:
    """Where to go after signing in: a path of this site, else the front door."""
    wanted = request.args.get("next", "")
    parts = urlsplit(wanted)
    inside = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted
    return wanted if inside and not parts.netloc and not parts.scheme else url_for("home.index")


def _enter(token: str) -> None:
    """Give the browser a fresh cookie; what an anonymous visitor put in the basket stays."""
    kept = {key: session[key] for key in ("basket",) if key in session}
    session.clear()
    session.update(kept)
    signed = sessions.find_session(db.session, token)
    assert signed is not None
    login_user(signed)


@bp.route("/sign-in", methods=["GET", "POST"])
@public
def sign_in() -> str | Response | tuple[str, int]:
    if current_user.is_authenticated and request.method == "GET":
        return redirect(safe_next())
    form = SignInForm()
    status = 200
    if form.validate_on_submit():
        try:
            _enter(_check_password(form))
            return redirect(safe_next())
        except InvalidInput as error:
            form.refuse(error)
            status = 422
    elif form.is_submitted():
        status = 422
    demo = accounts.demo_accounts(db.session) if current_app.config["DEMO"] else []
    return render_template("identity/sign_in.html", form=form, demo=demo), status


def _check_password(form: SignInForm) -> str:
    login_name = str(form.login_name.data).lower()
    sessions.check_attempts(db.session, login_name)
    user = sessions.find_user(db.session, login_name)
    fits = sessions.password_fits(user, str(form.password.data))
    with transaction() as db_session:
        if fits and user is not None:
            return sessions.open_session(db_session, user, request.user_agent.string)
        sessions.note_wrong_password(db_session, login_name)
    raise InvalidInput(sessions.WRONG, code="wrong_password", field="password")


@bp.post("/sign-out")
@signed_in
def sign_out() -> Response:
    with transaction() as db_session:
        sessions.close_session(db_session, current_user)
    logout_user()
    session.clear()
    return redirect(url_for("home.index"))


@bp.route("/activate", methods=["GET", "POST"])
@public
def activate() -> str | Response | tuple[str, int]:
    form = ActivateForm()
    if not form.validate_on_submit():
        return render_template(
            "identity/activate.html", form=form
        ), 422 if form.is_submitted() else 200
    try:
        login_name = str(form.login_name.data).lower()
        sessions.check_attempts(db.session, login_name)
        hashed = accounts.hash_new_password(
            str(form.password.data), str(form.again.data), login_name
        )
        with transaction() as db_session:
            user = accounts.activate(db_session, login_name, str(form.code.data), hashed)
            token = (
                None
                if user is None
                else sessions.open_session(db_session, user, request.user_agent.string)
            )
            if user is None:
                sessions.note_wrong_password(db_session, login_name)
        if token is None:
            raise InvalidInput(
                "账号或激活码不对,或激活单已过期,请找管理员重发。", code="bad_code", field="code"
            )
    except InvalidInput as error:
        form.refuse(error)
        return render_template("identity/activate.html", form=form), 422
    _enter(token)
    flash("激活好了,欢迎。", "success")
    return redirect(url_for("home.index"))


@bp.route("/me/security", methods=["GET", "POST"])
@signed_in
def security() -> str | Response | tuple[str, int]:
    """Change the password, see where one is signed in."""
    form = PasswordForm()
    actor = current_actor()
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            user = accounts.get_user(db.session, actor.user_id)
            hashed = accounts.hash_new_password(
                str(form.password.data), str(form.again.data), user.login_name
            )
            sessions.check_attempts(db.session, user.login_name)
            fits = sessions.password_fits(user, str(form.current.data))
            with transaction() as db_session:
                if fits:
                    accounts.change_password(db_session, actor, hashed)
                    sessions.revoke_all_sessions(
                        db_session, actor.user_id, but=current_user.session_id
                    )
                else:
                    sessions.note_wrong_password(db_session, user.login_name)
            if not fits:
                raise InvalidInput("现在的密码不对。", code="wrong_password", field="current")
            flash("密码改好了,其他设备已退出登录。", "success")
            return redirect(url_for("identity.security"))
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
    rows = sessions.open_sessions(db.session, actor.user_id)
    page = render_template(
        "identity/security.html", form=form, sessions=rows, here=current_user.session_id
    )
    return page, status


@bp.post("/me/sessions/<int:session_id>/end")
@signed_in
def end_session(session_id: int) -> Response:
    with transaction() as db_session:
        sessions.revoke_session(db_session, current_actor(), session_id)
    flash("那台设备已退出登录。", "success")
    return redirect(url_for("identity.security"))
