"""A round's money: what it took, what was paid to households, packers and carriers, what is left."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug import Response
from wtforms import SelectField, SubmitField
from wtforms.fields.choices import SelectChoice

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.core.money import parse_yuan
from marketplace.identity.access import current_actor, requires
from marketplace.identity.county_reach import whole_county
from marketplace.identity.permissions import ADVANCE_VIEW, PAYOUT_APPROVE, PAYOUT_PROPOSE
from marketplace.orders.round_models import Round
from marketplace.orders.rounds import get_round
from marketplace.settlement import fees
from marketplace.settlement.fee_models import FEES
from marketplace.settlement.two_people import own_proposals
from marketplace.web.forms import Form, TrimmedField, at_most, required
from marketplace.web.paging import paginate

bp = Blueprint("fees", __name__, url_prefix="/round-money")
Answer = str | Response | tuple[str, int]
STATES = {
    "proposed": ("等审批", "ripe"),
    "approved": ("付了", "leaf"),
    "rejected": ("退回了", "plain"),
}


class InvoiceForm(Form):
    kind = SelectField("付什么", choices=[SelectChoice(*pair) for pair in FEES.items()])
    contractor = TrimmedField("付给谁", [*required("请填付给哪个单位或个人。"), at_most(60)])
    invoice_no = TrimmedField("单据号", [*required("请填发票或收据的号码。"), at_most(40)])
    amount = TrimmedField("金额", [*required("请填多少元。"), at_most(30)])
    offset = TrimmedField("从中扣路上的损失", [at_most(30)])
    submit = SubmitField("提出，等审批")


@bp.get("")
@requires(ADVANCE_VIEW)
def index() -> str:
    """Rounds that were delivered, the newest first."""
    whole_county()
    page = paginate(
        db.session,
        select(Round)
        .where(Round.state.in_(("delivering", "settled")))
        .order_by(Round.number.desc()),
        20,
    )
    return render_template(
        "settlement/round_money.html",
        page=page,
        money=fees.money_of_rounds(db.session, page.items),
        as_of=now(),
    )


@bp.get("/<int:round_id>")
@requires(ADVANCE_VIEW)
def show(round_id: int) -> str:
    whole_county()
    return _show(round_id)


def _show(
    round_id: int,
    form: InvoiceForm | None = None,
    refused: MarketplaceError | None = None,
    at: int = 0,
) -> str:
    found = get_round(db.session, round_id)
    actor = current_actor()
    listed = fees.invoices(db.session, found)
    return render_template(
        "settlement/round_fees.html",
        round=found,
        money=fees.money_of_round(db.session, found),
        invoices=listed,
        own=own_proposals(db.session, actor, listed),
        kinds=FEES,
        states=STATES,
        form=form or (InvoiceForm(formdata=None) if actor.may(PAYOUT_PROPOSE) else None),
        refused=refused,
        at=at,
        typed=request.form,
        as_of=now(),
    )


@bp.post("/<int:round_id>")
@requires(PAYOUT_PROPOSE)
def propose(round_id: int) -> Answer:
    whole_county()
    form = InvoiceForm()
    if not form.validate():
        return _show(round_id, form), 422
    try:
        fen = parse_yuan(str(form.amount.data), field="amount")
        typed = str(form.offset.data or "0")
        offset_fen = parse_yuan(typed, field="offset", allow_zero=True)
        with transaction() as session:
            fees.propose_invoice(
                session,
                current_actor(),
                get_round(session, round_id),
                str(form.kind.data),
                str(form.contractor.data),
                str(form.invoice_no.data),
                fen,
                offset_fen,
            )
    except MarketplaceError as error:
        form.refuse(error)
        return _show(round_id, form), error.http_status
    flash("提出来了，请另一个人审批。", "success")
    return redirect(url_for(".show", round_id=round_id), 303)


@bp.post("/<int:round_id>/invoices/<int:invoice_id>")
@requires(PAYOUT_APPROVE)
def decide(round_id: int, invoice_id: int) -> Answer:
    whole_county()
    approve = request.form.get("answer") == "yes"
    try:
        with transaction() as session:
            reason = request.form.get("reason", "")
            fees.decide_invoice(
                session, current_actor(), invoice_id, approve=approve, reason=reason
            )
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        return _show(round_id, refused=error, at=invoice_id), error.http_status
    flash("批准了，记进了账本。" if approve else "退回了。", "success")
    return redirect(url_for(".show", round_id=round_id), 303)
