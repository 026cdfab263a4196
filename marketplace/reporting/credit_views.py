"""What units have paid too much: with its age, used for their open orders, or noted as given back."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug import Response

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError, NotFound
from marketplace.core.money import parse_yuan
from marketplace.identity.access import current_actor, requires
from marketplace.identity.county_reach import whole_county
from marketplace.identity.models import Organisation
from marketplace.identity.permissions import LEDGER_VIEW, TRANSFER_MANAGE
from marketplace.payments.bank_models import Placing
from marketplace.payments.credits import held_too_much, return_credit, units_in_credit, use_credit
from marketplace.payments.matching import split
from marketplace.payments.open_items import open_rows
from marketplace.payments.placing import credit_fen_of
from marketplace.reporting.transfer_words import PLACED, UNDO_REASONS
from marketplace.reporting.typed_sums import picked_sums
from marketplace.web.paging import paginate

bp = Blueprint("credits", __name__, url_prefix="/ledger/credits")
Answer = Response | tuple[str, int]


@bp.get("")
@requires(LEDGER_VIEW)
def index() -> str:
    whole_county()
    return render_template(
        "reporting/transfers/credits.html",
        credits=units_in_credit(db.session),
        held=held_too_much(db.session),
        as_of=now(),
    )


@bp.get("/<int:unit_id>")
@requires(LEDGER_VIEW)
def show(unit_id: int) -> str:
    whole_county()
    return _page(unit_id)


def _page(unit_id: int, refused: MarketplaceError | None = None) -> str:
    unit = db.session.get(Organisation, unit_id)
    if unit is None:
        raise NotFound("没有这个单位。")
    held = credit_fen_of(db.session, unit.id)
    rows = open_rows(db.session, [unit.id])
    history = (
        select(Placing)
        .where(Placing.organisation_id == unit.id, Placing.kind != "order")
        .options(joinedload(Placing.order))
        .order_by(Placing.id.desc())
    )
    return render_template(
        "reporting/transfers/credit.html",
        unit=unit,
        held_fen=held,
        rows=rows,
        prefilled=dict(split(held, [row.item for row in rows])),
        page=paginate(db.session, history, 30),
        placed_as=PLACED,
        undo_reasons=UNDO_REASONS,
        refused=refused,
        typed=request.form,
        as_of=now(),
    )


@bp.post("/<int:unit_id>/use")
@requires(TRANSFER_MANAGE)
def use(unit_id: int) -> Answer:
    whole_county()
    try:
        parts = picked_sums()
        with transaction() as session:
            use_credit(session, current_actor(), unit_id, parts)
    except NotFound:
        raise
    except MarketplaceError as refused:
        return _page(unit_id, refused), refused.http_status
    flash("抵好了。", "success")
    return redirect(url_for("credits.show", unit_id=unit_id), 303)


@bp.post("/<int:unit_id>/return")
@requires(TRANSFER_MANAGE)
def give_back(unit_id: int) -> Answer:
    whole_county()
    try:
        fen = parse_yuan(request.form.get("amount", ""), field="amount")
        with transaction() as session:
            return_credit(session, current_actor(), unit_id, fen, request.form.get("note", ""))
    except NotFound:
        raise
    except MarketplaceError as refused:
        return _page(unit_id, refused), refused.http_status
    flash("记下了。", "success")
    return redirect(url_for("credits.show", unit_id=unit_id), 303)
