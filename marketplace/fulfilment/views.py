"""The desk's pages of sheets: rounds, one round's list, issuing, telling many, texts to copy."""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug import Response

from marketplace.core.county_settings import county_settings
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.fulfilment.answering import record_told
from marketplace.fulfilment.forms import HOW
from marketplace.fulfilment.papers import papers
from marketplace.fulfilment.revealing import REASONS
from marketplace.fulfilment.sheet_pages import STACK, Listed, listed
from marketplace.fulfilment.sheet_rows import sheet_rows
from marketplace.fulfilment.standing import STANDS, Filters, due_before
from marketplace.fulfilment.surplus import waiting_counts
from marketplace.fulfilment.tallies import Tally, counted, tallies
from marketplace.fulfilment.wording import total_fen_words, village_text
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import (
    PERSONAL_REVEAL,
    ROUND_MANAGE,
    SHEET_ANSWER,
    SHEET_ISSUE,
    SHEET_VIEW,
)
from marketplace.orders.round_models import Round
from marketplace.orders.rounds import get_round
from marketplace.web.addresses import row_number

bp = Blueprint("sheets", __name__, url_prefix="/sheets")
bp.add_app_template_global(total_fen_words, "fen_words")

ROUNDS_SHOWN = 10
OVERDUE_SHOWN = 12


@bp.get("/")
@requires(SHEET_VIEW)
def index() -> str:
    rounds = db.session.scalars(
        select(Round)
        .where(Round.state.in_(("allocated", "collecting", "delivering", "settled")))
        .order_by(Round.number.desc())
        .limit(ROUNDS_SHOWN)
    ).all()
    limit = due_before(county_settings(db.session))
    by_round: defaultdict[int, list[Tally]] = defaultdict(list)
    for tally in tallies(db.session, current_scope(), [found.id for found in rounds], limit):
        by_round[tally.round_id].append(tally)
    may_issue = current_actor().may(SHEET_ISSUE)
    overdue = sheet_rows(
        db.session,
        current_scope(),
        Filters(stand="overdue", live=True),
        limit,
        size=OVERDUE_SHOWN,
    )
    return render_template(
        "fulfilment/index.html",
        rounds=[
            (found, _figures(by_round[found.id]), _points(by_round[found.id]))
            for found in rounds
            if by_round[found.id] or (found.state == "allocated" and may_issue)
        ],
        overdue=overdue,
        may_issue=may_issue,
        surplus=_surplus([found.id for found in rounds]),
    )


def _surplus(rounds: list[int]) -> dict[int, int]:
    """How many households' surplus waits, by round, for those who can offer it on."""
    if not current_actor().may(ROUND_MANAGE):
        return {}
    return waiting_counts(db.session, current_scope(), rounds)


def _figures(found: list[Tally]) -> dict[str, int]:
    """Sheets in all, those told, and those in each stand."""
    figures = {key: counted(found, Filters(stand=key)) for key in STANDS}
    return figures | {"all": counted(found, Filters()), "told": _told(found)}


def _told(found: list[Tally]) -> int:
    return sum(tally.count for tally in found if tally.told or tally.empty)


def _points(found: list[Tally]) -> list[tuple[int, str, Any, Any, int]]:
    """The round's slots with their place, time and number of sheets, the earliest first."""
    counts: defaultdict[tuple[Any, Any, int, str], int] = defaultdict(int)
    for tally in found:
        counts[tally.from_at, tally.until_at, tally.slot_id, tally.point] += tally.count
    return [(slot, point, start, end, n) for (start, end, slot, point), n in sorted(counts.items())]


@bp.get("/round/<int:round_id>")
@requires(SHEET_VIEW)
def round(round_id: int) -> Response | str:  # noqa: A001  # the endpoint's name
    if current_actor().may(SHEET_ISSUE) and get_round(db.session, round_id).state == "allocated":
        return redirect(url_for("sheets.to_issue", round_id=round_id))
    return _round_page(listed(db.session, current_scope(), round_id))


def _round_page(found: Listed, refused: MarketplaceError | None = None) -> str:
    narrowed = found.filters
    chips = [
        {
            "label": label,
            "href": _address(found, stand=key),
            "active": key == narrowed.stand,
            "count": counted(found.tallies, replace(narrowed, stand=key)),
        }
        for key, label in {"": "全部", **STANDS}.items()
    ]
    actor = current_actor()
    return render_template(
        "fulfilment/round.html",
        round=found.round,
        filters=narrowed,
        page=found.page,
        chips=chips,
        figures=_figures(found.tallies),
        points=_points(found.tallies),
        villages=_choices({t.village_code: t.village for t in found.tallies}),
        cadres=_choices({t.cadre_id: t.cadre for t in found.tallies if t.cadre_id}),
        address=lambda **changed: _address(found, **changed),
        how=HOW,
        reasons=REASONS,
        stack=STACK,
        refused=refused,
        may_offer=actor.may(ROUND_MANAGE),
        may_answer=actor.may(SHEET_ANSWER),
        may_reveal=actor.may(PERSONAL_REVEAL),
    )


def _choices(names: dict[Any, str]) -> list[tuple[Any, str]]:
    return sorted(names.items(), key=lambda item: (item[1], str(item[0])))


def _address(found: Listed, endpoint: str = "sheets.round", **changed: Any) -> str:
    """A page of this round with the filters of now, some changed."""
    kept = {
        "village": found.filters.village,
        "cadre": found.filters.cadre,
        "point": found.filters.point,
        "stand": found.filters.stand,
    } | changed
    return url_for(endpoint, round_id=found.round.id, **{k: v or None for k, v in kept.items()})


@bp.post("/round/<int:round_id>/told")
@requires(SHEET_ANSWER)
def told_many(round_id: int) -> Response | tuple[str, int]:
    ids = [n for typed in request.form.getlist("chosen")[:1000] if (n := row_number(typed))]
    try:
        with transaction() as session:
            count = record_told(
                session, current_actor(), current_scope(), ids, request.form.get("how", ""), ""
            )
    except MarketplaceError as error:
        found = listed(db.session, current_scope(), round_id)
        return _round_page(found, error), error.http_status
    flash(f"已记下：{count} 户通知到了。", "success")
    return redirect(_address(listed(db.session, current_scope(), round_id)))


@bp.get("/round/<int:round_id>/texts")
@requires(SHEET_VIEW)
def texts(round_id: int) -> str:
    """Words to copy: for each village's loudspeaker or chat, and for each household."""
    found = listed(db.session, current_scope(), round_id, STACK)
    made = papers(db.session, found.rows, found.settings)
    by_village: defaultdict[str, list[Any]] = defaultdict(list)
    for paper in made:
        if paper.row.lines:
            by_village[paper.row.sheet.region_code].append(paper)
    villages = [
        (
            some[0].place,
            village_text(
                some[0].row.sheet.region.name,
                found.round.number,
                len(some),
                [line for paper in some for line in paper.row.lines],
                some[0].handover,
            ),
            some,
        )
        for some in by_village.values()
    ]
    return render_template(
        "fulfilment/texts.html",
        round=found.round,
        filters=found.filters,
        page=found.page,
        villages=villages,
        back=_address(found),
    )
