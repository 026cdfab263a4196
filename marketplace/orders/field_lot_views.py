"""Phone pages: what became of reported goods, withdrawing a part, confirming before a round closes."""

import secrets

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug import Response
from wtforms import HiddenField, RadioField
from wtforms.fields.choices import SelectChoice

from marketplace.catalog.models import MOVEMENT_KINDS, LotMovement
from marketplace.catalog.words import amount_words
from marketplace.core.clock import format_deadline
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import LOT_ADJUST, LOT_VIEW
from marketplace.orders.field_queries import lots_statement, waiting_reports
from marketplace.orders.lot_confirmation import confirm_lots, due_confirmations
from marketplace.orders.lot_figures import chain_of_lot, chain_of_report, figures_of
from marketplace.orders.lot_withdrawal import Withdrawal, get_own_lot, withdraw_part
from marketplace.orders.lowering import LEFT_FOR, WITHDRAW_REASONS
from marketplace.web.addresses import row_number
from marketplace.web.field_blueprint import Task, bp, today_tasks
from marketplace.web.forms import Form, TrimmedField, at_most
from marketplace.web.paging import paginate

SHOWN = {"open": "还有货", "ended": "已结束", "all": "全部"}
LOT_STATES = {
    "open": ("在卖", "leaf"),
    "exhausted": ("卖完了", "plain"),
    "expired": ("过期了", "warn"),
    "withdrawn": ("已撤回", "plain"),
    "on_hold": ("暂停", "warn"),
    "recalled": ("召回", "bad"),
}


class WithdrawForm(Form):
    key = HiddenField()
    reason = RadioField(
        "为什么撤回",
        choices=[SelectChoice(code, label) for code, label in WITHDRAW_REASONS.items()],
    )
    typed = TrimmedField("撤回多少", [at_most(30)])


@today_tasks
def _lots_to_confirm(session: Session) -> list[Task]:
    actor = current_actor()
    if not actor.may(LOT_ADJUST):
        return []
    return [
        Task(
            f"确认 {len(due.lots)} 批货还在",
            url_for("field.confirm"),
            f"{due.name} {format_deadline(due.closes_at)} 截单",
            "要确认",
            "ripe",
        )
        for due in due_confirmations(session, actor.scope_for(LOT_ADJUST))
    ]


@bp.get("/lots")
@requires(LOT_VIEW)
def lots() -> str:
    """What I reported, and how far it got."""
    show = request.args.get("show", "open")
    show = show if show in SHOWN else "open"
    page = paginate(db.session, lots_statement(current_scope(), show), 20)
    figures = figures_of(db.session, page.items)
    reports = waiting_reports(db.session, current_scope(), 20) if page.number == 1 else []
    return render_template(
        "orders/field_lots.html",
        page=page,
        show=show,
        chips=[
            {"label": label, "href": url_for("field.lots", show=key), "active": key == show}
            for key, label in SHOWN.items()
        ],
        figures=figures,
        chains={lot.id: chain_of_lot(lot, figures[lot.id]) for lot in page.items},
        reports=[] if show == "ended" else reports,
        report_chain=chain_of_report,
        states=LOT_STATES,
    )


@bp.get("/lots/<int:lot_id>")
@requires(LOT_VIEW)
def lot(lot_id: int) -> str:
    form = WithdrawForm(formdata=None)
    form.key.data = secrets.token_urlsafe(16)
    return _lot_page(lot_id, form)


def _lot_page(lot_id: int, form: WithdrawForm) -> str:
    found = get_own_lot(db.session, current_scope(), lot_id)
    figures = figures_of(db.session, [found])[found.id]
    movements = db.session.scalars(
        select(LotMovement).where(LotMovement.lot_id == lot_id).order_by(LotMovement.id)
    )
    return render_template(
        "orders/field_lot.html",
        lot=found,
        figures=figures,
        chain=chain_of_lot(found, figures),
        movements=list(movements),
        kinds=MOVEMENT_KINDS,
        reasons=LEFT_FOR,
        state=LOT_STATES[found.state],
        form=form,
        can_withdraw=current_actor().may(LOT_ADJUST) and figures.on_hand > 0,
    )


@bp.post("/lots/<int:lot_id>/withdraw")
@requires(LOT_ADJUST)
def withdraw(lot_id: int) -> Response | tuple[str, int]:
    form = WithdrawForm()
    found = get_own_lot(db.session, current_scope(), lot_id)
    product = found.product
    try:
        if not form.reason.data:
            raise InvalidInput("请先选为什么撤回。", code="missing", field="reason")
        part = request.form.get("part", "")
        wanted = Withdrawal(lot_id, part, str(form.reason.data), str(form.typed.data or ""))
        with transaction() as session:
            done = withdraw_part(
                session, current_actor(), current_scope(), wanted, str(form.key.data or "")
            )
    except MarketplaceError as error:
        form.refuse(error)
        return _lot_page(lot_id, form), error.http_status
    flash(f"撤回了 {amount_words(done.base, product)}。", "success")
    if done.short_packs:
        flash(
            f"已有人订的货少了 {done.short_packs} 份，这个产品先停卖，县平台会按本期规则处理。",
            "warning",
        )
    return redirect(url_for("field.lot", lot_id=lot_id))


@bp.route("/confirm", methods=["GET", "POST"])
@requires(LOT_ADJUST)
def confirm() -> str | Response | tuple[str, int]:
    """All of a round's lots in one tap; what is no longer there is left out and withdrawn."""
    status, problem = 200, ""
    if request.method == "POST":
        try:
            chosen = [n for text in request.form.getlist("lot") if (n := row_number(text))]
            if not chosen:
                raise InvalidInput("请勾上还在的货。少了的，点“少了”去撤回。", code="missing")
            with transaction() as session:
                count = confirm_lots(
                    session,
                    current_actor(),
                    current_scope(),
                    row_number(request.form.get("round", "")),
                    chosen,
                )
            flash(f"确认了 {count} 批货还在。", "success")
            return redirect(url_for("field.today"))
        except MarketplaceError as error:
            status, problem = error.http_status, error.message
    dues = due_confirmations(db.session, current_scope())
    everything = [lot for due in dues for lot in due.lots]
    page = render_template(
        "orders/field_confirm.html",
        dues=dues,
        problem=problem,
        figures=figures_of(db.session, everything),
    )
    return page, status
