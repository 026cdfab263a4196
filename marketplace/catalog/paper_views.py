"""What anybody sees who scans the code on a certificate."""

from flask import Blueprint, render_template, url_for

from marketplace.catalog.lot_papers import paper_by_code
from marketplace.catalog.paper_models import BASES, CERTIFICATE, COMMITMENTS, PAPER_KINDS
from marketplace.catalog.public_supplier import public_supplier
from marketplace.core.db import db
from marketplace.identity.access import public

bp = Blueprint("papers", __name__)


@bp.get("/c/<code>")
@public
def show(code: str) -> str:
    """The fields of the paper; of the supplier only what the public may know. No photo: names stand on it."""
    paper = paper_by_code(db.session, code.strip().upper()[:20])
    return render_template(
        "catalog/paper_public.html",
        paper=paper,
        title=PAPER_KINDS[paper.kind],
        is_certificate=paper.kind == CERTIFICATE,
        supplier=public_supplier(db.session, paper.lot),
        bases=BASES,
        commitments=COMMITMENTS,
        address=url_for("papers.show", code=paper.code, _external=True),
    )
