"""Whether the books and the seals still hold: what the last run of the checks found, and a button for the next."""

from flask import Blueprint, flash, redirect, render_template, url_for
from sqlalchemy import select
from werkzeug import Response

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.wake import wake
from marketplace.identity.access import current_actor, requires_any
from marketplace.identity.county_reach import whole_county
from marketplace.identity.models import User
from marketplace.identity.permissions import ADVANCE_VIEW, AUDIT_VIEW
from marketplace.reporting import checking
from marketplace.trace.models import Seal

bp = Blueprint("checks", __name__, url_prefix="/checks")
RUNS_SHOWN = 15


@bp.get("")
@requires_any(AUDIT_VIEW, ADVANCE_VIEW)
def index() -> str:
    whole_county()
    runs = checking.finished(db.session, RUNS_SHOWN)
    names = select(User.id, User.display_name).where(User.id.in_({run.asked_by_id for run in runs}))
    return render_template(
        "reporting/checks.html",
        runs=runs,
        results=checking.results_of(runs[0]) if runs else [],
        waiting=checking.unfinished(db.session),
        names={0: "每天夜里"} | {row.id: row.display_name for row in db.session.execute(names)},
        seal=db.session.scalar(select(Seal).order_by(Seal.number.desc()).limit(1)),
        most=checking.MOST_FAULTS,
        as_of=now(),
    )


@bp.post("/run")
@requires_any(AUDIT_VIEW, ADVANCE_VIEW)
def run() -> Response:
    whole_county()
    with transaction() as session:
        begun = checking.ask(session, current_actor())
    wake()
    words = "开始核对了，查完写在这一页，请过一会儿再看。" if begun else "正在核对，不用再点。"
    flash(words, "success" if begun else "info")
    return redirect(url_for(".index"))
