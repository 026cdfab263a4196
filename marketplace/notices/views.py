"""Pages of messages: one's own for everybody, all of them for the office."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug import Response

from marketplace.core.db import db, transaction
from marketplace.core.wake import wake
from marketplace.identity.access import current_actor, find_actor, requires, signed_in
from marketplace.identity.permissions import NOTICE_VIEW, ROUND_MANAGE
from marketplace.notices import reading
from marketplace.notices.about import about
from marketplace.notices.models import STATES, Notice
from marketplace.notices.outbox import CHANNELS
from marketplace.web.paging import paginate

bp = Blueprint("notices", __name__, url_prefix="/notices")

TONES = {
    "queued": "sky",
    "sent": "leaf",
    "failed": "bad",
    "unknown": "warn",
    "acknowledged": "plain",
}


@bp.app_context_processor
def _home_page() -> dict[str, Any]:
    """`unread_notices()` for home pages; asks the database only where a page calls it."""
    actor = find_actor()
    return {"unread_notices": lambda: reading.unread(db.session, actor) if actor else []}


@bp.get("/")
@requires(NOTICE_VIEW)
def index() -> str:
    state = request.args.get("state", "")
    counts = dict(
        db.session.execute(select(Notice.state, func.count()).group_by(Notice.state)).all()
    )
    chips = [
        {
            "label": label,
            "href": url_for("notices.index", state=key or None),
            "active": key == (state if state in STATES else ""),
            "count": counts.get(key, 0) if key else sum(counts.values()),
        }
        for key, label in {"": "全部", **STATES}.items()
    ]
    page = paginate(db.session, reading.listed(state))
    return render_template(
        "notices/index.html",
        page=page,
        about=about(db.session, current_actor(), page.items),
        chips=chips,
        states=STATES,
        tones=TONES,
        channels=CHANNELS,
        may_send=current_actor().may(ROUND_MANAGE),
    )


@bp.post("/<int:notice_id>/again")
@requires(ROUND_MANAGE)
def again(notice_id: int) -> Response:
    with transaction() as session:
        reading.send_again(session, current_actor(), notice_id)
    wake()
    flash("已放回待发送。", "success")
    return redirect(url_for("notices.index"))


@bp.get("/mine")
@signed_in
def mine() -> str:
    page = paginate(db.session, reading.own(current_actor()), size=20)
    return render_template("notices/mine.html", page=page, tabs=())


@bp.post("/mine/<int:notice_id>/acknowledge")
@signed_in
def acknowledge(notice_id: int) -> Response:
    with transaction() as session:
        reading.acknowledge(session, current_actor(), notice_id)
    return redirect(url_for("notices.mine"))
