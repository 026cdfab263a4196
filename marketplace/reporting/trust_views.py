"""What anybody may check: the seals, one by one, and the file that checks proofs without us."""

from pathlib import Path

from flask import Blueprint, render_template
from sqlalchemy import func, select
from werkzeug import Response

from marketplace.core.clock import now
from marketplace.core.db import db
from marketplace.identity.access import public
from marketplace.trace import check, proofs
from marketplace.trace.models import Seal, SealLeaf, TraceStream
from marketplace.web.downloads import send_json, send_text
from marketplace.web.paging import paginate

bp = Blueprint("trust", __name__, url_prefix="/trust")


@bp.get("", strict_slashes=False)
@public
def index() -> str:
    """The seals, the newest first, the keys that signed them, and what all this shows and cannot show."""
    page = paginate(db.session, select(Seal).order_by(Seal.number.desc()), 20)
    numbers = [seal.number for seal in page.items]
    counts = select(SealLeaf.seal_number, func.count()).where(SealLeaf.seal_number.in_(numbers))
    unsealed = select(func.count()).where(TraceStream.seq > TraceStream.sealed_seq)
    return render_template(
        "reporting/trust.html",
        page=page,
        leaves={
            row[0]: row[1] for row in db.session.execute(counts.group_by(SealLeaf.seal_number))
        },
        keys=_keys(),
        unsealed=db.session.scalar(unsealed) or 0,
        as_of=now(),
    )


def _keys() -> list[tuple[str, int, int]]:
    """Public keys with the first and the last seal that each has signed, the newest first."""
    rows = db.session.execute(
        select(Seal.public_key, func.min(Seal.number), func.max(Seal.number))
        .group_by(Seal.public_key)
        .order_by(func.max(Seal.number).desc())
    )
    return [(key, int(first), int(last)) for key, first, last in rows]


@bp.get("/seals/<int(max=9223372036854775807):seal_no>.json")
@public
def seal(seal_no: int) -> Response:
    found = proofs.get_seal(db.session, seal_no)
    return send_json(proofs.seal_data(found), f"seal-{seal_no}.json")


@bp.get("/check.py")
@public
def checker() -> Response:
    return send_text(Path(check.__file__).read_text(encoding="utf8"), "check.py")
