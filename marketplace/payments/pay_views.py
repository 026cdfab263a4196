"""Paying an order: to Alipay, back again, and a page that knows whether the money arrived.

The link is signed and opens without an account, so that it can be followed out of WeChat into a
browser, or sent to whoever pays.
"""

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug import Response

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, MarketplaceError, NotFound
from marketplace.identity.access import current_actor, find_actor, public, requires_any
from marketplace.identity.permissions import ORDER_CANTEEN, ORDER_OWN
from marketplace.orders.deposits import rule_words
from marketplace.orders.order_models import Order
from marketplace.orders.paying import pay_by
from marketplace.payments.answers import Refused, Unclear
from marketplace.payments.asking import ask_about
from marketplace.payments.merchant import (
    current_alipay,
    number_of,
    outside,
    pay_token,
)
from marketplace.payments.models import OPEN_STATES, Payment
from marketplace.payments.starting import asked_now, start_payment, wanted_of
from marketplace.payments.taking import last_payment
from marketplace.web.addresses import row_number

bp = Blueprint("pay", __name__, url_prefix="/pay")
Answer = str | Response | tuple[str, int]
LOOKS = 15
"""So often the page looks by itself whether the money is there, every two seconds."""
PHONES = ("Mobile", "Android", "iPhone")


@dataclass(frozen=True)
class Standing:
    """Where a payment stands for the person before the page: `step` is pay, sure, paid, late or back."""

    step: str
    payment: Payment | None


def _order(token: str) -> Order:
    found = db.session.scalar(
        select(Order)
        .where(Order.number == number_of(token))
        .options(joinedload(Order.round))
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("没有这个付款链接。")
    return found


def _standing(order: Order) -> Standing:
    payment = last_payment(db.session, order.id)
    if order.state == "awaiting_payment":
        came_back = "out_trade_no" in request.args or "looks" in request.args
        waits = payment is not None and payment.state in OPEN_STATES
        if waits and came_back:
            return Standing("sure", payment)
        return Standing("pay" if pay_by(order) > now() else "sure" if waits else "late", payment)
    here = order.collected_fen or order.deposit_held_fen
    if here and not order.holds_goods and order.state != "closed":
        return Standing("back", payment)
    if order.holds_goods or order.state == "closed":
        return Standing("paid", payment)
    return Standing("late", payment)


@bp.get("/of/<number>")
@requires_any(ORDER_OWN, ORDER_CANTEEN)
def of_order(number: str) -> Response:
    """From one's own order, or the unit's, to its payment."""
    actor = current_actor()
    for permission in filter(actor.may, (ORDER_OWN, ORDER_CANTEEN)):
        mine = actor.scope_for(permission).visible(select(Order.number))
        if db.session.scalar(mine.where(Order.number == number)):
            return redirect(url_for("pay.show", token=pay_token(number)))
    raise NotFound("没有这个订单。")


@bp.get("/<token>")
@public
def show(token: str) -> str:
    return _page(token, _order(token))


def _page(token: str, order: Order, refused: MarketplaceError | None = None) -> str:
    actor = find_actor()
    looks = min(row_number(request.args.get("looks", "0")), LOOKS)
    return render_template(
        "payments/pay.html",
        order=order,
        token=token,
        standing=_standing(order),
        pay_by=pay_by(order),
        looks=looks,
        look_again=looks < LOOKS,
        asked=asked_now(order),
        deposit_rule=rule_words(order.round, order.channel),
        mine=actor is not None and actor.user_id == order.buyer_id,
        in_wechat="MicroMessenger" in request.user_agent.string,
        address=outside("pay.show", token=token),
        refused=refused,
    )


@bp.post("/<token>")
@public
def go(token: str) -> Answer:
    """To Alipay's page; whoever is not sent there sees why."""
    alipay = current_alipay()
    order = _order(token)
    try:
        with transaction() as session:
            payment = start_payment(session, order.id)
    except Conflict as refused:
        return _page(token, _order(token), refused), refused.http_status
    phone = any(mark in request.user_agent.string for mark in PHONES)
    address = alipay.pay_address(
        wanted_of(payment, order),
        outside("alipay_notice.hear"),
        outside("pay.show", token=token),
        phone=phone,
    )
    return redirect(address, 303)


@bp.post("/<token>/code")
@public
def code(token: str) -> Answer:
    """A code that somebody else's phone pays."""
    alipay = current_alipay()
    order = _order(token)
    try:
        with transaction() as session:
            payment = start_payment(session, order.id)
        content = alipay.pay_code(wanted_of(payment, order), outside("alipay_notice.hear"))
    except Conflict as refused:
        return _page(token, _order(token), refused), refused.http_status
    except (Unclear, Refused):
        flash("支付宝现在没有给出二维码，请过一会儿再试，或直接付款。", "warning")
        return redirect(url_for("pay.show", token=token), 303)
    return render_template(
        "payments/code.html", order=order, token=token, content=content, pay_by=pay_by(order)
    )


@bp.post("/<token>/look")
@public
def look(token: str) -> Response:
    """Ask Alipay now: nobody should wait for a message that got lost."""
    order = _order(token)
    payment = last_payment(db.session, order.id)
    if payment is not None and payment.state in OPEN_STATES:
        ask_about(current_alipay(), payment.number)
    looks = row_number(request.form.get("looks", "0")) + 1
    return redirect(url_for("pay.show", token=token, looks=min(looks, LOOKS)), 303)
