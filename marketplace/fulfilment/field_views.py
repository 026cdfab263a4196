"""The cadre's phone: whom to tell, what they answered, in as few taps as possible."""

from datetime import datetime

from flask import redirect, render_template, url_for
from sqlalchemy import case, func, select
from sqlalchemy.orm import Session
from werkzeug import Response

from marketplace.core.county_settings import county_settings
from marketplace.core.db import db
from marketplace.fulfilment.models import PreparationSheet
from marketplace.fulfilment.paper_views import reveal
from marketplace.fulfilment.papers import papers
from marketplace.fulfilment.sheet_pages import one_paper
from marketplace.fulfilment.sheet_rows import sheet_rows
from marketplace.fulfilment.sheet_views import less_page, sheet_page, take_told, take_yes
from marketplace.fulfilment.standing import Filters, due_before, is_answered, overdue_where
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import PERSONAL_REVEAL, SHEET_ANSWER, SHEET_VIEW
from marketplace.identity.scope import Scope
from marketplace.orders.round_models import Round
from marketplace.web.field_blueprint import Task, bp, today_tasks
from marketplace.web.paging import Page, page_number

ON_ONE_PAGE = 30


@bp.get("/sheets")
@requires(SHEET_VIEW)
def sheets() -> str:
    """Sheets of rounds being collected: those without an answer first, the next hand-over on top."""
    scope, settings = current_scope(), county_settings(db.session)
    limit = due_before(settings)
    total, waiting, _overdue = _counts(db.session, scope, limit)
    number = min(page_number(), max(1, -(-total // ON_ONE_PAGE)))
    rows = sheet_rows(
        db.session,
        scope,
        Filters(live=True),
        limit,
        size=ON_ONE_PAGE,
        offset=(number - 1) * ON_ONE_PAGE,
        open_first=True,
    )
    return render_template(
        "fulfilment/field_sheets.html",
        papers=papers(db.session, rows, settings),
        waiting=waiting,
        page=Page(rows, number, total, ON_ONE_PAGE),
        may_answer=current_actor().may(SHEET_ANSWER),
    )


def _counts(session: Session, scope: Scope, limit: datetime) -> tuple[int, int, int]:
    """Sheets of rounds being collected: all, those without an answer, those overdue."""
    asks = (PreparationSheet.amount_fen > 0) & ~is_answered()
    row = session.execute(
        scope.visible(select(PreparationSheet))
        .with_only_columns(
            func.count(),
            func.count(case((asks, 1))),
            func.count(case((overdue_where(limit), 1))),
        )
        .join(PreparationSheet.collection)
        .join(PreparationSheet.round)
        .where(PreparationSheet.current, Round.state == "collecting")
    ).one()
    return row[0], row[1], row[2]


@bp.get("/sheets/<int:sheet_id>")
@requires(SHEET_VIEW)
def sheet(sheet_id: int) -> str:
    return _page(sheet_id)


def _page(sheet_id: int) -> str:
    paper = one_paper(db.session, current_scope(), sheet_id)
    return sheet_page("fulfilment/field_sheet.html", paper)


@bp.post("/sheets/<int:sheet_id>/yes")
@requires(SHEET_ANSWER)
def sheet_yes(sheet_id: int) -> Response:
    take_yes(sheet_id)
    return redirect(url_for("field.sheets"))


@bp.post("/sheets/<int:sheet_id>/told")
@requires(SHEET_ANSWER)
def sheet_told(sheet_id: int) -> Response | tuple[str, int]:
    refused = take_told(sheet_id)
    if refused is None:
        return redirect(url_for("field.sheet", sheet_id=sheet_id))
    paper = one_paper(db.session, current_scope(), sheet_id)
    return sheet_page("fulfilment/field_sheet.html", paper, refused), 422


@bp.route("/sheets/<int:sheet_id>/less", methods=["GET", "POST"])
@requires(SHEET_ANSWER)
def sheet_less(sheet_id: int) -> Response | str | tuple[str, int]:
    return less_page("fulfilment/field_less.html", "field.sheet", sheet_id)


@bp.post("/sheets/<int:sheet_id>/phone")
@requires(PERSONAL_REVEAL)
def sheet_phone(sheet_id: int) -> str:
    """The household's name and telephone, for the reason chosen."""
    paper = one_paper(db.session, current_scope(), sheet_id, names=True)
    reveal([paper], "name,phone")
    return render_template("fulfilment/field_phone.html", paper=paper, sheet=paper.row.sheet)


@today_tasks
def _sheets_to_answer(session: Session) -> list[Task]:
    """What nobody answered, on the list of today's work; pressing when the hand-over is near."""
    actor = current_actor()
    if not actor.may(SHEET_ANSWER):
        return []
    scope = actor.scope_for(SHEET_ANSWER)
    _all, waiting, overdue = _counts(session, scope, due_before(county_settings(session)))
    tasks = []
    if overdue:
        tasks.append(
            Task(
                f"{overdue} 户快交货了还没有回音",
                url_for("field.sheets"),
                badge="今天问到",
                tone="bad",
            )
        )
    if waiting > overdue:
        tasks.append(
            Task(
                f"通知 {waiting - overdue} 户备货，记下回音",
                url_for("field.sheets"),
                badge="备货单已出",
                tone="ripe",
            )
        )
    return tasks
