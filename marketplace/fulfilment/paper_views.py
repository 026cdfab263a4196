"""What is printed: sheets on A4, and lists to tick off or to call by.

Opened with GET a page shows masked names. The full ones come with POST, a reason and an audit row,
for who may reveal personal data; telephones stand on the call list only, a stack at a time.
"""

from typing import Any

from flask import render_template, request, url_for

from marketplace.core.db import db, transaction
from marketplace.core.errors import NotFound
from marketplace.fulfilment.collection_plan import plan_of
from marketplace.fulfilment.papers import Paper, papers
from marketplace.fulfilment.revealing import REASONS, reason_words, record_reveal
from marketplace.fulfilment.sheet_pages import STACK, Listed, listed, one_paper
from marketplace.fulfilment.views import bp
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import PERSONAL_REVEAL, SHEET_VIEW
from marketplace.orders.round_models import Round


def reveal(made: list[Paper], what: str) -> None:
    """Record what is about to be shown, for the reason chosen on the page."""
    words = reason_words(request.form.get("reason", ""))
    with transaction() as session:
        record_reveal(session, current_actor(), [paper.row for paper in made], words, what)


@bp.get("/round/<int:round_id>/plan")
@requires(SHEET_VIEW)
def plan(round_id: int) -> str:
    """What comes to which collection point, village by village."""
    found = db.session.get(Round, round_id)
    plans = plan_of(db.session, current_scope(), round_id) if found else []
    if found is None or not plans:
        raise NotFound("这一期还没有备货单。")
    back_url = url_for("sheets.round", round_id=round_id)
    return render_template(
        "fulfilment/collection_plan.html", round=found, plans=plans, back_url=back_url
    )


@bp.get("/<int:sheet_id>/paper")
@requires(SHEET_VIEW)
def paper(sheet_id: int) -> str:
    return _one(one_paper(db.session, current_scope(), sheet_id), full=False)


@bp.post("/<int:sheet_id>/paper")
@requires(PERSONAL_REVEAL)
def print_paper(sheet_id: int) -> str:
    made = one_paper(db.session, current_scope(), sheet_id, names=True)
    reveal([made], "name")
    return _one(made, full=True)


def _one(made: Paper, *, full: bool) -> str:
    return render_template(
        "fulfilment/paper.html",
        papers=[made],
        full=full,
        page=None,
        reasons=REASONS,
        back_url=url_for("sheets.sheet", sheet_id=made.row.sheet.id),
    )


PAPER, CALLS = "fulfilment/paper.html", "fulfilment/calls.html"


@bp.get("/round/<int:round_id>/paper")
@requires(SHEET_VIEW)
def papers_of_round(round_id: int) -> str:
    return _masked(PAPER, round_id)


@bp.post("/round/<int:round_id>/paper")
@requires(PERSONAL_REVEAL)
def print_papers(round_id: int) -> str:
    return _revealed(PAPER, round_id, "name")


@bp.get("/round/<int:round_id>/calls")
@requires(SHEET_VIEW)
def calls(round_id: int) -> str:
    return _masked(CALLS, round_id)


@bp.post("/round/<int:round_id>/calls")
@requires(PERSONAL_REVEAL)
def reveal_calls(round_id: int) -> str:
    return _revealed(CALLS, round_id, "name,phone")


def _masked(template: str, round_id: int) -> str:
    found = listed(db.session, current_scope(), round_id, STACK)
    made = papers(db.session, found.rows, found.settings)
    return _stack(template, found, made, full=False)


def _revealed(template: str, round_id: int, what: str) -> str:
    found = listed(db.session, current_scope(), round_id, STACK)
    made = papers(db.session, found.rows, found.settings, names=True)
    reveal(made, what)
    return _stack(template, found, made, full=True)


def _stack(template: str, found: Listed, made: list[Paper], *, full: bool) -> str:
    filters = found.filters
    narrowed: dict[str, Any] = {
        "village": filters.village or None,
        "cadre": filters.cadre,
        "point": filters.point,
        "stand": filters.stand or None,
    }
    return render_template(
        template,
        papers=made,
        round=found.round,
        full=full,
        page=found.page,
        narrowed=narrowed,
        reasons=REASONS,
        may_reveal=current_actor().may(PERSONAL_REVEAL),
        back_url=url_for("sheets.round", round_id=found.round.id, **narrowed),
    )
