"""The operator offers on what households brought beyond their sheets."""

from flask import flash, redirect, render_template, request, url_for
from werkzeug import Response

from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.fulfilment.surplus import offer_surplus, waiting_surplus
from marketplace.fulfilment.views import bp
from marketplace.fulfilment.weighing import amount
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import ROUND_MANAGE
from marketplace.orders.rounds import get_round
from marketplace.web.addresses import row_number


@bp.get("/round/<int:round_id>/surplus")
@requires(ROUND_MANAGE)
def surplus(round_id: int) -> str:
    return _page(round_id)


def _page(round_id: int, refused: MarketplaceError | None = None) -> str:
    return render_template(
        "fulfilment/surplus.html",
        round=get_round(db.session, round_id),
        surplus=waiting_surplus(db.session, current_scope(), round_id),
        amount=amount,
        refused=refused,
    )


@bp.post("/round/<int:round_id>/surplus/<int:surplus_id>")
@requires(ROUND_MANAGE)
def offer(round_id: int, surplus_id: int) -> Response | tuple[str, int]:
    """Into a listing of an open round; a refusal is shown where the list stands."""
    listing_id = row_number(request.form.get("listing_id", ""))
    note = request.form.get("note", "").strip()[:200]
    try:
        with transaction() as session:
            done = offer_surplus(
                session, current_actor(), current_scope(), surplus_id, listing_id, note
            )
            words = amount(done.weigh_in, done.left_base)
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        return _page(round_id, error), error.http_status
    flash(f"多出来的 {words} 上架了。", "success")
    return redirect(url_for("sheets.surplus", round_id=round_id), 303)
