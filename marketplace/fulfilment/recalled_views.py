"""The desk's way straight into a recall, and what is recalled already."""

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug import Response

from marketplace.core.db import db
from marketplace.fulfilment.recalled import find_by_code, recalled_lots
from marketplace.identity.access import current_scope, requires
from marketplace.identity.permissions import LOT_RECALL

bp = Blueprint("recalls", __name__, url_prefix="/desk/recalls")


@bp.get("")
@requires(LOT_RECALL)
def index() -> Response | tuple[str, int]:
    """A number leads to the page that shows whom a recall would hit; below, what is recalled already."""
    typed = request.args.get("q", "").strip()[:200]
    scope = current_scope()
    lot = find_by_code(db.session, scope, typed) if typed else None
    if lot is not None:
        return redirect(url_for("lots.recall", lot_id=lot.id))
    rows = recalled_lots(db.session, scope)
    page = render_template("fulfilment/recalls.html", typed=typed, rows=rows)
    return page, 404 if typed else 200
