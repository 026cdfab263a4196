"""Around every request: an identity for the logs, security headers, nothing kept by caches."""

import logging
import secrets
import sys
import time
from typing import Any

import structlog
from flask import Flask, Request, Response, abort, g, request
from werkzeug.datastructures import ImmutableMultiDict

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; form-action {forms}; frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
)
log = structlog.get_logger("request")


class PlainValues(ImmutableMultiDict[str, Any]):
    """What was typed, without NUL, which no keyboard makes and PostgreSQL does not store."""

    def __init__(self, mapping: Any = None) -> None:
        pairs = ImmutableMultiDict(mapping).items(multi=True)
        super().__init__(
            (key, value.replace("\0", "") if isinstance(value, str) else value)
            for key, value in pairs
        )


class PlainRequest(Request):
    parameter_storage_class = PlainValues


def configure_logs() -> None:
    """One JSON object a line on standard error; never a query string, form or personal data."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=lambda *_names: structlog.PrintLogger(sys.stderr),
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )


def init_requests(app: Flask, *, secure: bool, pays_at: str = "") -> None:
    """`pays_at` is where a form may lead besides home: the pages of Alipay, after a redirect."""
    policy = CONTENT_SECURITY_POLICY.format(forms=f"'self' {pays_at}".rstrip())

    @app.before_request
    def _begin() -> None:
        g.request_id = secrets.token_hex(8)
        g.started = time.perf_counter()
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)
        if "\0" in request.path:
            abort(404)
        if request.mimetype == "application/x-www-form-urlencoded":
            # Werkzeug holds back long fields and many parts of multipart forms only; a plain form
            # is read and taken apart whole.
            request.max_content_length = app.config["MAX_FORM_MEMORY_SIZE"]

    @app.after_request
    def _headers(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.get("request_id", "")
        response.headers["Content-Security-Policy"] = policy
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["X-Frame-Options"] = "DENY"
        response.headers["Referrer-Policy"] = "same-origin"
        response.headers["Permissions-Policy"] = "geolocation=(), microphone=()"
        if secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if request.endpoint not in {"static", "bootstrap.static"}:
            response.headers["Cache-Control"] = "no-store"  # files too: send_file says no-cache
        elif "v" in request.args:
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    @app.after_request
    def _log(response: Response) -> Response:
        if request.endpoint not in {"static", "bootstrap.static", "health.healthz"}:
            took = int((time.perf_counter() - g.get("started", time.perf_counter())) * 1000)
            log.info(
                "request",
                method=request.method,
                endpoint=request.endpoint,
                status=response.status_code,
                ms=took,
            )
        return response
