"""Paper for a village: the list that households sign, and the masked notice with its dates."""

from datetime import timedelta

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug import Response
from werkzeug.datastructures import MultiDict

from marketplace.core.clock import format_day, today
from marketplace.core.county_settings import county_settings
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError, NotFound
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import PAYOUT_PROPOSE, PAYOUT_VIEW
from marketplace.regions.models import Region
from marketplace.settlement import deciding, public_notices, runs
from marketplace.settlement.deductions import deductions_of
from marketplace.settlement.payout_models import PayoutLine, PayoutRun
from marketplace.settlement.payout_views import bp
from marketplace.settlement.statements import made_of


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
        off=deductions_of(db.session, lines),
        village=village,
        settings=county_settings(db.session),
        back_url=url_for(".run", run_no=run_no),
    )


@bp.get("/<int:run_no>/villages/<code>/notice")
@requires(PAYOUT_VIEW)
def public_notice(run_no: int, code: str) -> str:
    """What hangs in the village: no account, no phone, names masked."""
    found, lines, village = _village(run_no, code)
    posted = public_notices.notice_of(db.session, found, code)
    days = _days(request.args)
    begins, ends = today(), today() + timedelta(days=days - 1)
    if posted:
        begins, ends = posted.begins, posted.ends
    return render_template(
        "settlement/public_notice.html",
        run=found,
        lines=lines,
        village=village,
        posted=posted,
        begins=begins,
        ends=ends,
        days=(ends - begins).days + 1,
        choices=public_notices.DAYS,
        settings=county_settings(db.session),
        back_url=url_for(".run", run_no=run_no),
    )


@bp.post("/<int:run_no>/villages/<code>/notice")
@requires(PAYOUT_PROPOSE)
def post_notice(run_no: int, code: str) -> Response:
    """It hangs from today on; who posts it twice is told until when."""
    try:
        with transaction() as session:
            _village(run_no, code)
            run = deciding.get_run(session, run_no)
            posted = public_notices.post_notice(
                session, current_actor(), run, code, _days(request.form)
            )
            said = f"记下了：公示到{format_day(posted.ends)}。"
        flash(said, "success")
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        flash(error.message, "error")
    return redirect(url_for(".run", run_no=run_no), 303)


def _days(given: MultiDict[str, str]) -> int:
    asked = given.get("days", "")
    known = {str(days): days for days in public_notices.DAYS}
    return known.get(asked, public_notices.USUAL_DAYS)
