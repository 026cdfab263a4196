"""One payment: what it is made of, holding it back, what the bank said, its paper."""

from datetime import date

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from marketplace.core.clock import now, today
from marketplace.core.county_settings import county_settings
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import PAYOUT_PROPOSE, PAYOUT_VIEW
from marketplace.imports.cell_values import read_day
from marketplace.settlement import holding, paying, public_notices, runs
from marketplace.settlement.deductions import deductions_of
from marketplace.settlement.payee_models import HOLD_REASONS
from marketplace.settlement.payout_models import PayoutLine
from marketplace.settlement.payout_views import Answer, bp
from marketplace.settlement.statements import made_of


@bp.get("/lines/<line_no>")
@requires(PAYOUT_VIEW)
def line(line_no: str) -> str:
    return _line(line_no)


def _line(line_no: str, refused: MarketplaceError | None = None, answering: int = 0) -> str:
    """`answering` is the objection whose answer was refused."""
    found = runs.get_line(db.session, current_scope(), line_no)
    return render_template(
        "settlement/line.html",
        line=found,
        lots=made_of(db.session, [found])[found.id],
        off=deductions_of(db.session, [found])[found.id],
        followed=runs.followed_by(db.session, found),
        before=db.session.get(PayoutLine, found.replaces_id) if found.replaces_id else None,
        holds=holding.open_holds(db.session, found),
        hold_reasons=HOLD_REASONS,
        objections=public_notices.objections_to(db.session, found),
        refused=refused,
        answering=answering,
        typed=request.form,
        today=today(),
        as_of=now(),
    )


@bp.get("/lines/<line_no>/paper")
@requires(PAYOUT_VIEW)
def line_paper(line_no: str) -> str:
    """The household's statement on A4, with the name masked."""
    found = runs.get_line(db.session, current_scope(), line_no)
    return render_template(
        "settlement/statement_paper.html",
        line=found,
        lots=made_of(db.session, [found])[found.id],
        off=deductions_of(db.session, [found])[found.id],
        back_url=url_for(".line", line_no=line_no),
        settings=county_settings(db.session),
    )


@bp.post("/lines/<line_no>/<any(hold, release, retry, paid, bounced, objection):act>")
@requires(PAYOUT_PROPOSE)
def act(line_no: str, act: str) -> Answer:
    """Hold it back, let it go, pay it again, or note what the bank or somebody in the village said."""
    try:
        with transaction() as session:
            found = runs.get_line(session, current_scope(), line_no)
            said = ACTS[act](session, found)
    except MarketplaceError as error:
        return _line(line_no, error), error.http_status
    flash(said, "success")
    return redirect(url_for(".line", line_no=line_no), 303)


def _typed(name: str) -> str:
    return request.form.get(name, "")


def _hold(session: Session, found: PayoutLine) -> str:
    holding.hold_line(session, current_actor(), found, _typed("why"), _typed("words"))
    return "暂缓了。原因没有了再解除，下一批自己会带上。"


def _release(session: Session, found: PayoutLine) -> str:
    holding.release_line(session, current_actor(), found, _typed("how"))
    return "解除了，下一批会带上这笔。"


def _retry(session: Session, found: PayoutLine) -> str:
    holding.retry_line(session, current_actor(), found)
    return "下一批会往原来的账户再付一次。"


def _day(name: str) -> date:
    if not _typed(name).strip():
        raise InvalidInput("请填日期。", code="missing", field=name)
    try:
        return read_day(_typed(name).strip())
    except InvalidInput as error:
        raise InvalidInput(error.message, code=error.code, field=name) from error


def _paid(session: Session, found: PayoutLine) -> str:
    paying.record_paid(session, current_actor(), found, _day("day"))
    return "记下了：到账。"


def _objection(session: Session, found: PayoutLine) -> str:
    waits = public_notices.hear(session, current_actor(), found, _day("heard_on"), _typed("said"))
    return (
        "记下了，这一户的货款先不付。"
        if waits
        else "记下了，这一户别的货款先不付。查清以后，请在这里答复。"
    )


@bp.post("/lines/<line_no>/objections/<int:objection_id>")
@requires(PAYOUT_PROPOSE)
def answer(line_no: str, objection_id: int) -> Answer:
    """What was found out; with the last answer the money is let go."""
    try:
        with transaction() as session:
            found = runs.get_line(session, current_scope(), line_no)
            freed = public_notices.answer(
                session, current_actor(), found, objection_id, _typed("answer")
            )
    except MarketplaceError as error:
        return _line(line_no, error, objection_id), error.http_status
    flash("答复记下了，下一批会带上这笔。" if freed else "答复记下了。", "success")
    return redirect(url_for(".line", line_no=line_no), 303)


def _bounced(session: Session, found: PayoutLine) -> str:
    paying.record_bounced(session, current_actor(), found, _typed("reason"))
    return "记下了：银行退回。换了账户或点“再付一次”，下一批会带上。"


ACTS = {
    "hold": _hold,
    "release": _release,
    "retry": _retry,
    "paid": _paid,
    "bounced": _bounced,
    "objection": _objection,
}
