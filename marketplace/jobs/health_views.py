"""/readyz: the database answers, and the scheduler has ticked lately."""

from datetime import timedelta

from flask import Blueprint, jsonify
from sqlalchemy.exc import SQLAlchemyError
from werkzeug import Response

from marketplace.core.clock import now
from marketplace.core.db import db
from marketplace.identity.access import public
from marketplace.jobs.models import Tick
from marketplace.jobs.registry import SCHEDULER
from marketplace.web.health import database_answers

bp = Blueprint("readiness", __name__)
SILENT_FOR = timedelta(minutes=3)


@bp.get("/readyz")
@public
def readyz() -> Response:
    """200 when both hold, else 503 with what is missing; says nothing that a stranger may not know."""
    try:
        database = database_answers()
        tick = db.session.get(Tick, SCHEDULER)
    except SQLAlchemyError:
        database, tick = False, None
    ticking = tick is not None and now() - tick.at < SILENT_FOR
    response = jsonify(
        status="ready" if database and ticking else "not_ready",
        database="ok" if database else "silent",
        worker="ok" if ticking else "silent",
        last_tick=tick.at.isoformat(timespec="seconds") if tick else None,
    )
    response.status_code = 200 if database and ticking else 503
    return response
