"""Signs of life for supervisors: alive at all, ready to serve."""

from flask import Blueprint, jsonify
from sqlalchemy import text
from werkzeug import Response

from marketplace.core.db import db

bp = Blueprint("health", __name__)


@bp.get("/healthz")
def healthz() -> Response:
    """Alive: says nothing about the database."""
    return jsonify(status="ok")


def database_answers() -> bool:
    return bool(db.session.scalar(text("SELECT 1")) == 1)


healthz.access = "public"  # type: ignore[attr-defined]
