"""Alipay's bill of each day against the ledger: what agrees is said, what does not is a row with both sides."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload
from werkzeug import Response

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.identity.access import current_actor, requires
from marketplace.identity.county_reach import whole_county
from marketplace.identity.permissions import LEDGER_VIEW, REFUND_MANAGE
from marketplace.payments.models import BillDay, BillDifference
from marketplace.payments.reconciling import settle
from marketplace.web.paging import paginate

bp = Blueprint("bills", __name__, url_prefix="/ledger/bills")
KINDS = {
    "missing": (
        "账本里没有",
        "支付宝收了或退了，这里没记。先看付款记录里有没有这一单，没有就查是谁付的。",
    ),
    "extra": ("支付宝没有", "这里记了，账单里没有。等一天再看；还没有就找支付宝查。"),
    "amount": ("数不一样", "两边都有，金额不同。以支付宝的为准查原因，再在账本里冲正。"),
    "twice": ("账单里两次", "账单上同一笔有两行。可能真付了两次，要退给买家。"),
}


@bp.get("")
@requires(LEDGER_VIEW)
def index() -> str:
    whole_county()
    return _page()


def _page(refused: InvalidInput | Conflict | None = None, at: int = 0) -> str:
    """`at` is the difference whose words were refused: what was typed stays with it."""
    open_ones = db.session.scalars(
        select(BillDifference)
        .where(BillDifference.settled_at.is_(None))
        .order_by(BillDifference.day, BillDifference.id)
        .limit(200)
    ).all()
    of_day = (
        select(func.count())
        .where(BillDifference.day == BillDay.day)
        .correlate(BillDay)
        .scalar_subquery()
    )
    days = db.session.execute(
        select(BillDay, of_day.label("differences")).order_by(BillDay.day.desc()).limit(31)
    ).all()
    settled = paginate(
        db.session,
        select(BillDifference)
        .where(BillDifference.settled_at.is_not(None))
        .options(joinedload(BillDifference.settled_by))
        .order_by(BillDifference.settled_at.desc()),
        20,
    )
    return render_template(
        "reporting/bills.html",
        days=days,
        open_ones=open_ones,
        settled=settled,
        kinds=KINDS,
        refused=refused,
        at=at,
        typed=request.form.get("how", ""),
        as_of=now(),
    )


@bp.post("/differences/<int:difference_id>")
@requires(REFUND_MANAGE)
def close(difference_id: int) -> Response | tuple[str, int]:
    whole_county()
    try:
        with transaction() as session:
            settle(session, current_actor(), difference_id, request.form.get("how", ""))
    except (InvalidInput, Conflict) as refused:
        return _page(refused, difference_id), refused.http_status
    flash("记下了。", "success")
    return redirect(url_for("bills.index"), 303)
