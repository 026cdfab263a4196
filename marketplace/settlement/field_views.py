"""What a cadre shows a household of its money, and what a cooperative files for its members."""

from datetime import date

from flask import flash, redirect, render_template, request, url_for
from markupsafe import Markup
from sqlalchemy.orm import Session
from werkzeug import Response

from marketplace.core.clock import today
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import RECEIPT_FILE
from marketplace.imports.cell_values import read_day
from marketplace.settlement import receipts
from marketplace.settlement.statements import money_of
from marketplace.settlement.words import LINE_STATES, RECOVERY_STATES
from marketplace.web.field_blueprint import Task, bp, household_panel, today_tasks


@household_panel
def _money(session: Session, household_id: int) -> Markup:
    scope = current_scope()
    only_units = None if scope.regions or scope.cadre_for else scope.organisations
    money = money_of(session, household_id, only_units)
    if not (money.lines or money.collected or money.owed_fen or money.asked):
        return Markup()
    html = render_template(
        "settlement/field_money.html",
        money=money,
        states=LINE_STATES,
        recovery_states=RECOVERY_STATES,
    )
    return Markup(html)  # noqa: S704  a template of ours, escaped already


@today_tasks
def _receipts_to_file(session: Session) -> list[Task]:
    actor = current_actor()
    if not actor.may(RECEIPT_FILE):
        return []
    waiting = receipts.waiting(session, actor.scope_for(RECEIPT_FILE))
    if not waiting:
        return []
    late = any(receipts.is_overdue(one, receipts.allowed_days(session)) for one in waiting)
    return [
        Task(
            f"{len(waiting)} 笔代收的货款等农户签收",
            url_for("field.receipts"),
            "过期没签收的，下一批货不能上架" if late else "",
            "过期了" if late else "要签收",
            "bad" if late else "ripe",
        )
    ]


@bp.get("/receipts", endpoint="receipts")
@requires(RECEIPT_FILE)
def receipts_page() -> str:
    return _receipts()


def _receipts(refused: MarketplaceError | None = None) -> str:
    return render_template(
        "settlement/field_receipts.html",
        waiting=receipts.waiting(db.session, current_scope()),
        filed=receipts.filed(db.session, current_scope()),
        days=receipts.allowed_days(db.session),
        is_overdue=receipts.is_overdue,
        refused=refused,
        typed=request.form,
        picked=set(request.form.getlist("part")),
        today=today(),
    )


@bp.post("/receipts", endpoint="file_receipts")
@requires(RECEIPT_FILE)
def take_receipts() -> str | Response | tuple[str, int]:
    try:
        day = _day(request.form.get("day", "").strip())
        with transaction() as session:
            done = receipts.file_receipts(
                session,
                current_actor(),
                current_scope(),
                request.form.getlist("part"),
                day,
                request.form.get("receipt", ""),
            )
    except MarketplaceError as error:
        return _receipts(error), error.http_status
    flash(f"记下了 {done} 笔签收。", "success")
    return redirect(url_for("field.receipts"), 303)


def _day(typed: str) -> date:
    try:
        return read_day(typed) if typed else today()
    except InvalidInput as error:
        raise InvalidInput(error.message, code=error.code, field="day") from error
