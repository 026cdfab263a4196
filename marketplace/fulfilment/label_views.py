"""Labels of a round: choosing what for and on which paper, and the file."""

from io import BytesIO
from pathlib import Path

from flask import current_app, render_template, request, send_file, url_for
from sqlalchemy.orm import Session
from werkzeug import Response

from marketplace.core.db import db
from marketplace.core.errors import NotFound
from marketplace.fulfilment.label_pdf import FONT, FORMATS, labels_pdf
from marketplace.fulfilment.labels import AT_ONCE, LabelFilters, labels, piles
from marketplace.fulfilment.views import bp
from marketplace.identity.access import current_scope, requires
from marketplace.identity.permissions import SHEET_VIEW
from marketplace.orders.round_models import Round
from marketplace.web.addresses import division_code, row_number

MOST_PARTS = 10_000
"""Ten million labels; what is above is nothing anyway."""


def _round(session: Session, round_id: int) -> Round:
    """Who sees sheets sees of a round what is in reach; a clerk may not open the round itself."""
    found = session.get(Round, round_id)
    if found is None:
        raise NotFound("没有这一期。")
    return found


@bp.get("/round/<int:round_id>/labels")
@requires(SHEET_VIEW)
def labels_of_round(round_id: int) -> str:
    found = _round(db.session, round_id)
    whole, points, villages = piles(db.session, current_scope(), round_id)
    return render_template(
        "fulfilment/labels.html",
        round=found,
        whole=whole,
        points=points,
        villages=villages,
        formats=FORMATS,
        at_once=AT_ONCE,
    )


@bp.get("/round/<int:round_id>/labels/<any(a4, roll):form>.pdf")
@requires(SHEET_VIEW)
def labels_file(round_id: int, form: str) -> Response:
    found = _round(db.session, round_id)
    part = min(max(1, row_number(request.args.get("part", "1"))), MOST_PARTS)
    filters = LabelFilters(
        round_id,
        division_code(request.args.get("village", "")),
        row_number(request.args.get("point", "")),
    )
    made = labels(db.session, current_scope(), filters, found.number, part)
    if not made:
        raise NotFound("这里没有要贴标签的货。")
    db.session.rollback()  # drawing takes seconds: no snapshot stays open meanwhile
    folder = Path(current_app.static_folder or "")
    content = labels_pdf(
        made,
        FORMATS[form],
        folder / "vendor" / FONT,
        lambda code: url_for("trace.show", code=code, _external=True),
    )
    name = f"labels-{found.number}-{form}-{part}.pdf"
    return send_file(
        BytesIO(content), mimetype="application/pdf", as_attachment=True, download_name=name
    )
