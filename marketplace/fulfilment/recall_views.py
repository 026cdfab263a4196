"""Recalling a lot: whom it touches, and the button."""

from flask import flash, redirect, render_template, url_for
from werkzeug import Response
from wtforms import RadioField, SelectChoice

from marketplace.catalog.models import Lot
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.core.wake import wake
from marketplace.fulfilment.affected import STAGES, by_stage, orders_by_lot, touched_by_lots
from marketplace.fulfilment.lot_lineage import at_work, family_of, sources_of
from marketplace.fulfilment.recalling import REASONS, Recalled, recall
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import LOT_RECALL
from marketplace.orders.field_lot_views import LOT_STATES
from marketplace.orders.lot_views import bp
from marketplace.orders.lot_withdrawal import get_own_lot
from marketplace.web.forms import Form, TrimmedField, at_most, required

Answer = str | Response | tuple[str, int]


class RecallForm(Form):
    reason = RadioField(
        "为什么召回",
        required("请选为什么召回。"),
        choices=[SelectChoice(code, words) for code, words in REASONS.items()],
    )
    words = TrimmedField("说清楚", [at_most(100)])


@bp.route("/<int:lot_id>/recall", methods=["GET", "POST"], endpoint="recall")
@requires(LOT_RECALL)
def recall_lot(lot_id: int) -> Answer:
    form = RecallForm()
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            with transaction() as session:
                lot = get_own_lot(session, current_scope(), lot_id)
                done = recall(
                    session, current_actor(), lot.id, form.reason.data, form.words.data or ""
                )
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
        else:
            wake()
            flash(_said(done), "success" if done else "info")
            return redirect(url_for(".detail", lot_id=lot_id))
    lot = get_own_lot(db.session, current_scope(), lot_id)
    return _page(lot, form), status


def _page(lot: Lot, form: RecallForm) -> str:
    """All lots that the goods are in by now, and whose orders they reach, before anything is done."""
    family = family_of(db.session, lot.id)
    ids = [one.lot.id for one in family]
    return render_template(
        "fulfilment/recall.html",
        lot=lot,
        form=form,
        family=family,
        left=[one for one in family if one.lot.state != "recalled"],
        sources=sources_of(db.session, lot.id),
        at_work=at_work(db.session, ids),
        given=orders_by_lot(db.session, ids),
        states=LOT_STATES,
        touched=by_stage(touched_by_lots(db.session, ids)),
        stages=STAGES,
    )


def _said(done: Recalled | None) -> str:
    if done is None:
        return "这批货早已召回，没有重复办。"
    lots = f"{done.lots} 批一起" if done.lots > 1 else ""
    words = f"{lots}召回了，已告诉 {done.told} 个人。"
    if done.undone:
        rounds = "、".join(f"第 {number} 期" for number in done.undone)
        words += f"{rounds}的分配撤了，请重新分配。"
    if done.cut_packs:
        words += f"补不上的 {done.cut_packs} 份从订单里减了。"
    if done.returned_packs:
        words += f"收到的 {done.returned_packs} 份不收钱，付过的自动退。"
    return words
