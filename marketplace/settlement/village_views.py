"""Paper for a village: the list that households sign, and the masked notice with its dates."""

from datetime import timedelta

from flask import render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from marketplace.core.clock import today
from marketplace.core.county_settings import county_settings
from marketplace.core.db import db
from marketplace.core.errors import NotFound
from marketplace.identity.access import current_scope, requires
from marketplace.identity.permissions import PAYOUT_VIEW
from marketplace.regions.models import Region
from marketplace.settlement import deciding, runs
from marketplace.settlement.payout_models import PayoutLine, PayoutRun
from marketplace.settlement.payout_views import bp
from marketplace.settlement.statements import made_of

NOTICE_DAYS = 7
"""So long a notice hangs where everybody passes; objections are taken until then."""


def _village(run_no: int, code: str) -> tuple[PayoutRun, list[PayoutLine], Region]:
    found = deciding.get_run(db.session, run_no)
    lines = list(
        db.session.scalars(
            runs.lines(current_scope(), found).where(
                PayoutLine.region_code == code,
                PayoutLine.household_id.is_not(None),
                PayoutLine.state != "rejected",
            )
        )
    )
    if not lines:
        raise NotFound("这一批里没有这个村的。")
    village = db.session.scalars(
        select(Region).where(Region.code == code).options(joinedload(Region.parent))
    ).one()
    return found, lines, village


@bp.get("/<int:run_no>/villages/<code>/list")
@requires(PAYOUT_VIEW)
def village_list(run_no: int, code: str) -> str:
    """Each household's sum with room for a signature; names masked, the number tells them apart."""
    found, lines, village = _village(run_no, code)
    return render_template(
        "settlement/village_list.html",
        run=found,
        lines=lines,
        lots=made_of(db.session, lines),
        village=village,
        settings=county_settings(db.session),
        back_url=url_for(".run", run_no=run_no),
    )


@bp.get("/<int:run_no>/villages/<code>/notice")
@requires(PAYOUT_VIEW)
def public_notice(run_no: int, code: str) -> str:
    """What hangs in the village: no account, no phone, names masked."""
    found, lines, village = _village(run_no, code)
    asked = request.args.get("days", "")
    days = int(asked) if asked in {"3", "5", "7", "10"} else NOTICE_DAYS
    return render_template(
        "settlement/public_notice.html",
        run=found,
        lines=lines,
        village=village,
        begins=today(),
        ends=today() + timedelta(days=days - 1),
        days=days,
        settings=county_settings(db.session),
        back_url=url_for(".run", run_no=run_no),
    )
