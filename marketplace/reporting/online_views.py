"""Money at Alipay for those who control and those who pay: what came, what went back, what is stuck."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload, selectinload
from werkzeug import Response

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.identity.access import current_actor, requires
from marketplace.identity.county_reach import whole_county
from marketplace.identity.permissions import LEDGER_VIEW, REFUND_MANAGE
from marketplace.orders.order_models import Order
from marketplace.payments.models import Payment, Refund
from marketplace.payments.refunding import ask_again
from marketplace.web.paging import paginate

bp = Blueprint("online", __name__, url_prefix="/ledger/alipay")
STATES = {
    "created": ("等付款", "plain"),
    "unknown": ("没问清", "warn"),
    "paid": ("已付", "leaf"),
    "closed": ("没付，已关闭", "plain"),
}
BACK = {
    "requested": ("要退", "warn"),
    "sent": ("退款中", "warn"),
    "unknown": ("没问清", "warn"),
    "done": ("已退", "leaf"),
    "failed": ("退不出去", "bad"),
}
WHICH = {"": "全部", "open": "没有结果的", "back": "有退款的", "stuck": "退不出去的"}


def _payments(which: str) -> Select[Payment]:
    found = select(Payment).options(
        joinedload(Payment.order, innerjoin=True).joinedload(Order.round, innerjoin=True),
        selectinload(Payment.refunds),
    )
    refunds = select(Refund.payment_id)
    if which == "open":
        found = found.where(Payment.state.in_(("created", "unknown")))
    elif which == "back":
        found = found.where(Payment.id.in_(refunds))
    elif which == "stuck":
        found = found.where(Payment.id.in_(refunds.where(Refund.state == "failed")))
    return found.order_by(Payment.id.desc())


@bp.get("")
@requires(LEDGER_VIEW)
def index() -> str:
    whole_county()
    asked = request.args.get("which", "")
    which = asked if asked in WHICH else ""
    stuck = select(func.count(), func.coalesce(func.sum(Refund.fen), 0)).where(
        Refund.state == "failed"
    )
    return render_template(
        "reporting/online.html",
        page=paginate(db.session, _payments(which), 50),
        chips=[
            {
                "label": words,
                "href": url_for("online.index", which=key or None),
                "active": key == which,
            }
            for key, words in WHICH.items()
        ],
        states=STATES,
        back=BACK,
        stuck=[int(figure) for figure in db.session.execute(stuck).one()],
        as_of=now(),
    )


@bp.post("/refunds/<int:refund_id>/again")
@requires(REFUND_MANAGE)
def again(refund_id: int) -> Response:
    whole_county()
    with transaction() as session:
        ask_again(session, current_actor(), refund_id)
    flash("已经再去退，一两分钟后看结果。", "success")
    return redirect(url_for("online.index", which="stuck"), 303)
