"""The clerk puts neighbours' remainders together: which there are, and what each household puts in."""

from collections.abc import Mapping, Sequence

from flask import flash, redirect, render_template, request, url_for
from werkzeug import Response

from marketplace.catalog.models import Lot
from marketplace.catalog.words import amount_words
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.core.quantity import parse_quantity
from marketplace.fulfilment.pooling import (
    Part,
    PartErrors,
    consent_field,
    groups,
    neighbours_of,
    pool,
    quantity_field,
    sellers_of,
    whose_lot,
    wrong_parts,
)
from marketplace.fulfilment.regrade_views import usual_unit
from marketplace.fulfilment.shift_models import OF_HOUSEHOLDS
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import WEIGH_IN
from marketplace.web.addresses import row_number
from marketplace.web.field_blueprint import bp


@bp.get("/weigh/pool", endpoint="weigh_pool")
@requires(WEIGH_IN)
def pools() -> str:
    return render_template(
        "fulfilment/field_pools.html", groups=groups(db.session, current_scope())
    )


@bp.get("/weigh/pool/<int:lot_id>", endpoint="weigh_pool_group")
@requires(WEIGH_IN)
def group(lot_id: int) -> str:
    return _page(lot_id, {})


def _page(lot_id: int, typed: Mapping[str, str], refused: MarketplaceError | None = None) -> str:
    """`typed` stays in the form when it was refused."""
    lots = neighbours_of(db.session, current_scope(), lot_id)
    return render_template(
        "fulfilment/field_pool.html",
        lots=lots,
        sellers=sellers_of(db.session, lots),
        consents=OF_HOUSEHOLDS,
        unit=usual_unit(lots[0].product)[1],
        typed=typed,
        refused=refused,
        wrong=_wrong(refused),
        address=url_for("field.weigh_pool_group", lot_id=lot_id),
    )


def _wrong(refused: MarketplaceError | None) -> Mapping[str, str]:
    """Words by the name of the field that they stand at."""
    if isinstance(refused, PartErrors):
        return refused.words
    return {refused.field: refused.message} if refused is not None and refused.field else {}


@bp.post("/weigh/pool/<int:lot_id>", endpoint="weigh_pool_do")
@requires(WEIGH_IN)
def take(lot_id: int) -> Response | tuple[str, int]:
    lots = neighbours_of(db.session, current_scope(), lot_id)
    try:
        parts = _parts(lots)
        seller = row_number(request.form.get("seller", ""))
        with transaction() as session:
            made = pool(session, current_actor(), current_scope(), seller, parts)
            words = f"{len(parts)} 份零头拼成批次 {made.code}，共 {amount_words(made.verified, made.product)}"
    except MarketplaceError as error:
        return _page(lot_id, request.form, error), error.http_status
    flash(f"{words}，等县里上架。", "success")
    return redirect(url_for("field.weigh_pool"), 303)


def _parts(lots: Sequence[Lot]) -> dict[int, Part]:
    """What was typed beside each lot; nothing typed: not put in."""
    base_unit, word = usual_unit(lots[0].product)
    parts, wrong = {}, {}
    for lot in lots:
        text = request.form.get(quantity_field(lot), "").strip()[:30]
        if text in {"", "0"}:
            continue
        try:
            read = parse_quantity(text, base_unit=base_unit, default_unit=word)
        except MarketplaceError as error:
            wrong[quantity_field(lot)] = f"{whose_lot(lot)}：{error.message}"
        else:
            parts[lot.id] = Part(read.base, request.form.get(consent_field(lot), ""))
    wrong |= wrong_parts(lots, parts)
    if wrong:
        raise PartErrors(wrong)
    return parts
