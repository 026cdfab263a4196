"""Signing in and out, and the first password from an activation slip."""

from urllib.parse import urlsplit

from flask import (
    Blueprint,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_login import current_user, login_user, logout_user
from werkzeug import Response
from werkzeug.exceptions import HTTPException
from wtforms import PasswordField, SubmitField

from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError, Throttled
from marketplace.identity import accounts, sessions
from marketplace.identity.access import PUBLIC, public, signed_in
from marketplace.identity.passwords import DEMO_PASSWORD
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


def safe_next() -> str:
    """Where to go after signing in: back to what the person was on the way to, else home.

    Only a path of this site; from a page that is open to everybody people want to get to work.
    """
    wanted = request.args.get("next", "")
    inside = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted
    # browsers leave tabs and line ends out of an address: /<tab>/other.site is //other.site
    if inside and wanted.isprintable() and _on_the_way(urlsplit(wanted).path):
        return wanted
    return url_for("home.index")


def _on_the_way(path: str) -> bool:
    """Whether somebody stopped at this page for want of an account: a closed one, or the basket."""
    adapter = current_app.create_url_adapter(request)
    assert adapter is not None
    try:
        endpoint, _ = adapter.match(path, method="GET")
    except HTTPException:
        return False
    door = getattr(current_app.view_functions[endpoint], "access", PUBLIC)
    return door != PUBLIC or endpoint == "shop.basket"


def count_attempt(login_name: str) -> None:
    """One more try of a password or code under this name; raises Throttled at the sixth."""
    with transaction() as db_session:
        attempt = sessions.begin_attempt(db_session, login_name)
    with transaction() as db_session:
        refusal = sessions.judge_attempt(db_session, login_name, attempt)
    if refusal is not None:
        raise refusal


def refused_page(template: str, form: Form, error: MarketplaceError, **more: object) -> Response:
    """The form again, saying what was refused, with the status that says so to programs."""
    form.refuse(error)
    response = make_response(render_template(template, form=form, **more), error.http_status)
    if isinstance(error, Throttled):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


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
    demo = accounts.demo_accounts(db.session) if current_app.config["DEMO"] else []
    page = {"demo": demo, "demo_password": DEMO_PASSWORD}
    if form.validate_on_submit():
        try:
            _enter(_check_password(form))
        except (InvalidInput, Throttled) as error:
            return refused_page("identity/sign_in.html", form, error, **page)
        return redirect(safe_next())
    if not form.is_submitted():
        form.login_name.data = request.args.get("login", "")[:60]
    status = 422 if form.is_submitted() else 200
    return render_template("identity/sign_in.html", form=form, **page), status


def _check_password(form: SignInForm) -> str:
    login_name = str(form.login_name.data).lower()
    count_attempt(login_name)
    user = sessions.find_user(db.session, login_name, demo=current_app.config["DEMO"])
    fits = sessions.password_fits(user, str(form.password.data))
    with transaction() as db_session:
        if fits and user is not None:
            return sessions.open_session(db_session, user, request.user_agent.string)
        sessions.note_wrong_password(db_session, login_name)
    raise InvalidInput(sessions.WRONG, code="wrong_password")


@bp.post("/sign-out")
@signed_in
def sign_out() -> Response:
    with transaction() as db_session:
        sessions.close_session(db_session, current_user)
    logout_user()
    session.clear()
    flash("您已退出登录。", "success")
    return redirect(url_for("identity.sign_in"))


@bp.route("/activate", methods=["GET", "POST"])
@public
def activate() -> str | Response | tuple[str, int]:
    form = ActivateForm()
    if not form.validate_on_submit():
        if not form.is_submitted():
            form.code.data = request.args.get("code", "")[:30]
        status = 422 if form.is_submitted() else 200
        return render_template("identity/activate.html", form=form), status
    try:
        token = _check_code(form)
    except (InvalidInput, Throttled) as error:
        return refused_page("identity/activate.html", form, error)
    _enter(token)
    flash("激活好了，欢迎。", "success")
    return redirect(url_for("home.index"))


def _check_code(form: ActivateForm) -> str:
    login_name = str(form.login_name.data).lower()
    hashed = accounts.hash_new_password(str(form.password.data), str(form.again.data), login_name)
    count_attempt(login_name)
    with transaction() as db_session:
        user = accounts.activate(db_session, login_name, str(form.code.data), hashed)
        if user is not None:
            return sessions.open_session(db_session, user, request.user_agent.string)
        sessions.note_wrong_password(db_session, login_name)
    raise InvalidInput(
        "账号或激活码不对，或激活单已过期，请找管理员重发。", code="bad_code", field="code"
    )
