"""Payout runs: what can be paid, proposing, approving, the bank's file, and line by line."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError, NotFound
from marketplace.core.spoken_number import read_count
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.county_reach import reaches_county, whole_county
from marketplace.identity.permissions import PAYOUT_APPROVE, PAYOUT_PROPOSE, PAYOUT_VIEW
from marketplace.settlement import deciding, public_notices, runs
from marketplace.settlement.bank_file import BATCH_V1, bank_file
from marketplace.settlement.payee_models import RELATIONS
from marketplace.settlement.payout_models import PayoutRun
from marketplace.settlement.telling import off_words
from marketplace.settlement.two_people import OWN, is_own
from marketplace.settlement.words import LINE_STATES, RUN_STATES
from marketplace.web.downloads import send_xlsx
from marketplace.web.paging import paginate

bp = Blueprint("payouts", __name__, url_prefix="/payouts")
Answer = str | Response | tuple[str, int]


@bp.context_processor
def _words() -> dict[str, object]:
    return {
        "run_states": RUN_STATES,
        "line_states": LINE_STATES,
        "relations": RELATIONS,
        "off_words": off_words,
    }


@bp.get("")
@requires(PAYOUT_VIEW)
def index() -> str:
    """The newest run comes first; while it waits no other can be proposed."""
    scope = current_scope()
    page = paginate(db.session, runs.runs(scope), 20)
    return render_template(
        "settlement/index.html",
        page=page,
        tallies=runs.tallies(db.session, scope, [run.id for run in page.items]),
        waiting=runs.waiting_days(db.session, scope),
        open_lines=paginate(db.session, runs.open_lines(scope), 20),
        proposes=current_actor().may(PAYOUT_PROPOSE) and reaches_county(scope),
        as_of=now(),
    )


@bp.get("/<int:run_no>")
@requires(PAYOUT_VIEW)
def run(run_no: int) -> str:
    return _run(run_no)


def _run(run_no: int, refused: MarketplaceError | None = None) -> str:
    scope = current_scope()
    found = deciding.get_run(db.session, run_no)
    tally = runs.tallies(db.session, scope, [found.id])[found.id]
    asked = request.args.get("state", "")
    state = asked if asked in tally else ""
    if not tally:
        raise NotFound("没有这一批，或者里面没有归您管的。")
    shown = [tally[state]] if state else tally.values()
    total = sum(one.lines for one in shown)
    page = paginate(db.session, runs.lines(scope, found, state), 50, total)
    actor = current_actor()
    return render_template(
        "settlement/run.html",
        run=found,
        page=page,
        tally=tally,
        chips=_chips(found, tally, state),
        waiting=runs.waiting_days(db.session, scope, found),
        villages=public_notices.villages(db.session, scope, found),
        whole=reaches_county(scope),
        own=is_own(db.session, actor, found.proposed_by_id, found.proposed_at),
        own_words=OWN,
        template=BATCH_V1,
        refused=refused,
        typed=request.form.get("reason", ""),
        as_of=now(),
    )


def _chips(found: PayoutRun, tally: dict[str, runs.Tally], state: str) -> list[dict[str, object]]:
    counts = [("", "全部", sum(one.lines for one in tally.values()))]
    counts += [
        (key, words, tally[key].lines) for key, (words, _) in LINE_STATES.items() if key in tally
    ]
    return [
        {
            "label": words,
            "href": url_for(".run", run_no=found.number, state=key or None),
            "active": key == state,
            "count": count,
        }
        for key, words, count in counts
    ]


@bp.post("/<int:run_no>/approve")
@requires(PAYOUT_APPROVE)
def approve(run_no: int) -> Answer:
    whole_county()
    try:
        fen = read_count(request.form.get("fen", ""), "金额", least=0, most=10**15)
        with transaction() as session:
            found = deciding.get_run(session, run_no)
            deciding.approve_run(session, current_actor(), found, fen)
    except MarketplaceError as error:
        return _run(run_no, error), error.http_status
    flash("批准了。财务可以取银行文件了。", "success")
    return redirect(url_for(".run", run_no=run_no), 303)


@bp.post("/<int:run_no>/reject")
@requires(PAYOUT_APPROVE)
def reject(run_no: int) -> Answer:
    whole_county()
    try:
        with transaction() as session:
            found = deciding.get_run(session, run_no)
            deciding.reject_run(session, current_actor(), found, request.form.get("reason", ""))
    except MarketplaceError as error:
        return _run(run_no, error), error.http_status
    flash("退回了，里面的货款可以重新提。", "success")
    return redirect(url_for(".index"), 303)


@bp.post("/<int:run_no>/file")
@requires(PAYOUT_PROPOSE)
def file(run_no: int) -> Answer:
    """The bank's file, with names and accounts in full: never by GET, always in the trail."""
    whole_county()
    try:
        with transaction() as session:
            found = deciding.get_run(session, run_no)
            wanted = [
                line
                for state in ("approved", "sent")
                for line in session.scalars(runs.lines(current_scope(), found, state))
            ]
            if not wanted:
                raise InvalidInput("这一批没有要交给银行的。", code="empty")
            content = bank_file(session, current_actor(), found, wanted)
    except MarketplaceError as error:
        return _run(run_no, error), error.http_status
    return send_xlsx(content, f"代发_P{run_no}.xlsx")


@bp.post("/<int:run_no>/sent")
@requires(PAYOUT_PROPOSE)
def sent(run_no: int) -> Answer:
    whole_county()
    try:
        with transaction() as session:
            count = deciding.record_sent(
                session, current_actor(), deciding.get_run(session, run_no)
            )
    except MarketplaceError as error:
        return _run(run_no, error), error.http_status
    flash(f"记下了：{count} 笔交给了银行。有了结果从“导入银行结果”导入。", "success")
    return redirect(url_for(".run", run_no=run_no), 303)
