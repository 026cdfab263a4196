"""One handler for pages and one for JSON: every error says why and what next, in plain Chinese."""

from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from flask import (
    Flask,
    Response,
    current_app,
    g,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, SecurityError

from marketplace.core.errors import MarketplaceError, NotSignedIn, Throttled

log = structlog.get_logger("error")

WORDS = {
    400: ("这个请求看不懂", "地址或内容不完整，请返回上一页再试。"),
    401: ("请先登录", "登录后就能继续。"),
    403: ("没有这项权限", "您的账号不能做这件事。需要的话，请联系本单位管理员。"),
    404: ("没有找到", "可能地址写错了，也可能这项内容不归您的账号看。"),
    405: ("不能这样打开", "请从页面上的按钮进入。"),
    409: ("情况刚刚变了", "别人可能先改过了，请刷新再看。"),
    413: (
        "照片或文件太大了",
        "没有收下。点“回去接着填”，或者按浏览器的返回，填过的大多还在；照片换一张小于 12 MB 的再交。",
    ),
    415: ("格式不对", "请换成支持的格式再传。"),
    422: ("有内容要改", "请看提示改好后再提交。"),
    429: ("试得太多了", "请稍等一会儿再试。"),
    500: ("系统出了差错", "没有保存。我们已记下这次差错，请稍后再试；再不行请打服务电话并报编号。"),
    503: ("正在维护", "请过几分钟再来。"),
}


def wants_json() -> bool:
    best = request.accept_mimetypes.best_match(["text/html", "application/json"])
    return best == "application/json" and request.accept_mimetypes["text/html"] == 0


def error_response(
    status: int, message: str = "", code: str = "", field: str | None = None
) -> Response:
    title, usual = WORDS.get(status, WORDS[500 if status >= 500 else 400])
    request_id = g.get("request_id", "")
    if wants_json():
        body = {
            "error": code or HTTPStatus(status).phrase.lower().replace(" ", "_"),
            "message": message or usual,
        }
        if field:
            body["field"] = field
        return make_response(jsonify(body | {"request_id": request_id}), status)
    page = render_template(
        "errors/error.html",
        status=status,
        title=title,
        message=message or usual,
        next_steps=_next_steps(status),
        request_id=request_id,
    )
    return make_response(page, status)


def _only_takes_what_is_sent(_error: HTTPException) -> Response:
    """Who reloads a refused form, or opens its address again, comes back to the page it stands on:
    the nearest one above."""
    urls = current_app.create_url_adapter(request)
    path = request.path if request.method == "GET" and not wants_json() else ""
    while urls is not None and (path := path.rpartition("/")[0]):
        with suppress(HTTPException):
            endpoint, values = urls.match(path, "GET")
            return make_response(redirect(url_for(endpoint, **values)))
    return error_response(405)


def _without_slash(_error: HTTPException) -> Response:
    """`/ledger/` is meant as `/ledger`: a slash too many is no reason to find nothing."""
    path = request.path.rstrip("/")
    if request.method == "GET" and path and path != request.path and not wants_json():
        urls = current_app.create_url_adapter(request)
        with suppress(HTTPException):
            assert urls is not None
            endpoint, values = urls.match(path, "GET")
            asked = request.query_string.decode("ascii", "ignore")
            return make_response(redirect(url_for(endpoint, **values) + (asked and f"?{asked}")))
    return error_response(404)


def _next_steps(status: int) -> list[dict[str, str]]:
    """Ways on from a refusal: the first is the likeliest."""
    home = {"label": "回首页", "href": url_for("home.index")}
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return [{"label": "回去接着填", "href": request.path, "back": "1"}, home]
    back = _page_before()
    before = [{"label": "回上一页", "href": back}] if back else []
    if status == HTTPStatus.UNAUTHORIZED:
        return [{"label": "去登录", "href": url_for("identity.sign_in", next=back or None)}, home]
    return [home, *before]


def _page_before() -> str:
    """The page of ours that the reader comes from, unless it is the refused one itself."""
    came = urlsplit(request.referrer or "")
    if came.netloc != request.host or came.path == request.path or came.path[1:2] == "/":
        return ""
    return came.path + (f"?{came.query}" if came.query else "")


def init_errors(app: Flask) -> None:
    app.register_error_handler(404, _without_slash)
    app.register_error_handler(405, _only_takes_what_is_sent)

    @app.errorhandler(MarketplaceError)
    def _known(error: MarketplaceError) -> Response:
        if isinstance(error, NotSignedIn) and request.method == "GET" and not wants_json():
            here = request.full_path.rstrip("?")
            response = make_response("", 302)
            response.headers["Location"] = url_for("identity.sign_in", next=here)
            return response
        response = error_response(error.http_status, error.message, error.code, error.field)
        if isinstance(error, Throttled):
            response.headers["Retry-After"] = str(error.retry_after_seconds)
        return response

    @app.errorhandler(CSRFError)
    def _csrf(_error: CSRFError) -> Response:
        return error_response(400, "页面放得太久了，请返回上一页刷新后再提交。", "csrf")

    @app.errorhandler(SecurityError)
    def _host(_error: SecurityError) -> Response:
        """A host name that is not ours: no page, because no address of ours can be built for it."""
        return Response("这个域名没有启用。\n", 400, content_type="text/plain; charset=utf-8")

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response:
        if error.code is not None and 300 <= error.code < 400:
            return make_response(error.get_response())
        return error_response(error.code or 500)

    @app.errorhandler(Exception)
    def _unknown(error: Exception) -> Response:
        if app.testing and app.config.get("PROPAGATE_UNKNOWN"):
            raise error
        log.error("unexpected", exc_info=error, endpoint=request.endpoint)
        return error_response(500)
