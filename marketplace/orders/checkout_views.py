"""From the basket to an order: where to fetch it, who fetches it, how it is paid. Submitted once."""

import secrets
from collections.abc import Mapping

from flask import current_app, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug import Response
from wtforms import HiddenField, RadioField

from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.models import Organisation, User
from marketplace.identity.permissions import ORDER_OWN
from marketplace.orders import basket as baskets
from marketplace.orders.deposits import asked_fen, rule_words
from marketplace.orders.held_places import choose_place, place_choices, places_of
from marketplace.orders.order_models import Order
from marketplace.orders.ordering import OrderInput, place_order
from marketplace.orders.reserve import SoldOut
from marketplace.orders.shop_views import bp
from marketplace.web.addresses import row_number
from marketplace.web.forms import Form, TrimmedField, at_most, required


class CheckoutForm(Form):
    """The service checks pickup point and payment; `shown` is the total that the buyer sees."""

    round_id = HiddenField()
    key = HiddenField()
    shown = HiddenField()
    pickup_point_id = RadioField("在哪里取货", required("请选提货点。"), validate_choice=False)
    contact_name = TrimmedField("取货人", required("请填取货人姓名。") + [at_most(30)])
    contact_phone = TrimmedField(
        "取货人电话", required("请填电话，到货了好通知您。") + [at_most(30)]
    )
    pay_how = RadioField("怎么付款", required("请选怎么付款。"), validate_choice=False)


@bp.get("/checkout")
@requires(ORDER_OWN)
def checkout() -> str | Response:
    asked = request.args.get("round", "")
    group = _group(baskets.read(), asked)
    if group is None and asked:
        return _nothing_of(row_number(asked))
    if group is None:
        flash("购物篮是空的。刚下的订单在“我的”里。", "info")
        return redirect(url_for("shop.basket"))
    if not group.ready:
        return redirect(url_for("shop.basket"))
    form = CheckoutForm()
    _prefill(form, group)
    return _page(form, group)


@bp.post("/checkout")
@requires(ORDER_OWN)
def place() -> str | Response | tuple[str, int]:
    form = CheckoutForm()
    wanted: dict[int, int] = {}
    try:
        wanted = _wanted()
        if request.form.get("fit"):
            return _fitted(form, wanted)
        if not form.validate():
            return _again(form, wanted, []), 422
        with transaction() as session:
            number = place_order(session, current_actor(), _order(form, wanted))
    except SoldOut as error:
        return _again(form, wanted, error.lines), error.http_status
    except MarketplaceError as error:
        form.refuse(error)
        if error.code == "changed_body":
            form.key.data = secrets.token_urlsafe(16)
        return _again(form, wanted, []), error.http_status
    baskets.drop(wanted)
    placed = db.session.scalar(select(Order.state).where(Order.number == number))
    if placed == "awaiting_payment":
        return redirect(url_for("pay.of_order", number=number), 303)
    flash("订好了。", "success")
    return redirect(url_for("shop.order", number=number), 303)


def _wanted() -> dict[int, int]:
    """The packs as the form shows them: what is ordered is what was on the screen."""
    typed = baskets.typed_packs(request.form)
    if not typed:
        raise InvalidInput("还没有选产品。", code="empty")
    if len(typed) > baskets.MOST_LINES:
        raise InvalidInput(f"一张订单最多 {baskets.MOST_LINES} 种。", code="too_many_lines")
    return {listing_id: baskets.parse_packs(text) for listing_id, text in typed.items()}


def _order(form: CheckoutForm, wanted: Mapping[int, int]) -> OrderInput:
    actor = current_actor()
    by_unit = form.pay_how.data == "unit"
    if by_unit and actor.organisation_id is None:
        raise InvalidInput("您的账号没有单位，请选取货时付。", code="no_unit", field="pay_how")
    if form.pay_how.data == "alipay" and not _pays_online():
        raise InvalidInput("这里还不能用支付宝付，请另选。", code="not_online", field="pay_how")
    return OrderInput(
        round_id=row_number(str(form.round_id.data)),
        packs=wanted,
        pickup_point_id=row_number(str(form.pickup_point_id.data)),
        contact_name=str(form.contact_name.data),
        contact_phone=str(form.contact_phone.data),
        idempotency_key=str(form.key.data or ""),
        organisation_id=actor.organisation_id if by_unit else None,
        pay_how=str(form.pay_how.data),
        shown_fen=row_number(str(form.shown.data)),
    )


def _group(packs: Mapping[int, int], round_text: str) -> baskets.Group | None:
    """The round asked for and no other; the first of the basket when none was asked for."""
    groups = baskets.groups(db.session, packs)
    if round_text:
        groups = [group for group in groups if str(group.round.id) == round_text]
    return next(iter(groups), None)


def _nothing_of(round_id: int) -> str:
    """Nothing of that round is in the basket, mostly because it was ordered a moment ago."""
    mine = current_scope().visible(select(Order)).where(Order.buyer_id == current_actor().user_id)
    last = db.session.scalar(
        mine.where(Order.round_id == round_id, Order.channel == "shop")
        .order_by(Order.id.desc())
        .limit(1)
    )
    return render_template("shop/checkout_done.html", order=last, held=bool(baskets.read()))


def _fitted(form: CheckoutForm, wanted: Mapping[int, int]) -> str | Response:
    """One tap after somebody was faster: every line takes what is left, nothing is submitted yet.

    What is gone for good stays in the basket, named, as long as the buyer likes.
    """
    fitted = {}
    for found in baskets.groups(db.session, wanted):
        for line in found.lines:
            left = 0 if line.gone else min(line.packs, line.listing.left_packs)
            fitted[line.listing.id] = left
    kept = {listing_id: packs or wanted[listing_id] for listing_id, packs in fitted.items()}
    baskets.write(baskets.read() | kept)
    group = _group({k: v for k, v in fitted.items() if v}, str(form.round_id.data))
    if group is None:
        flash("这些产品都订完了，请看看别的。", "warning")
        return redirect(url_for("shop.basket"), 303)
    form.shown.data = str(group.total_fen)
    return _page(form, group)


def _again(
    form: CheckoutForm, wanted: Mapping[int, int], short: list[tuple[int, str, int, int]]
) -> str:
    """The same page with what was typed, and with today's prices."""
    asked = str(form.round_id.data)
    group = _group(wanted or baskets.read(), asked) or _group(wanted, "")
    if group is not None:
        form.shown.data = str(sum(line.amount_fen for line in group.lines))
    return _page(form, group, short)


def _prefill(form: CheckoutForm, group: baskets.Group) -> None:
    """From the account, and from the person's last order: most people fetch where they did before."""
    actor = current_actor()
    user = db.session.get_one(User, actor.user_id)
    last = db.session.scalar(
        select(Order).where(Order.buyer_id == user.id).order_by(Order.id.desc()).limit(1)
    )
    form.round_id.data = str(group.round.id)
    form.key.data = secrets.token_urlsafe(16)
    form.shown.data = str(group.total_fen)
    form.contact_name.data = last.contact_name if last else user.display_name
    form.contact_phone.data = (last.contact_phone if last else user.phone) or ""
    usual_way = "unit" if actor.organisation_id else "pickup"
    form.pay_how.data = "alipay" if _pays_online() else usual_way
    form.pickup_point_id.data = str(last.pickup_point_id) if last else ""


def _page(
    form: CheckoutForm,
    group: baskets.Group | None,
    short: list[tuple[int, str, int, int]] | None = None,
) -> str:
    actor = current_actor()
    unit = db.session.get(Organisation, actor.organisation_id) if actor.organisation_id else None
    places, held = places_of(db.session, [group.round.id] if group else [])
    form.pickup_point_id.choices = place_choices(places, held)
    if request.method == "GET":
        choose_place(form.pickup_point_id, places, held)
    by_unit = (
        "unit",
        "单位代收",
        {"data-note": f"{unit.name}统一收齐，再交给县里"} if unit else {},
    )
    at_pickup = ("pickup", "取货时付", {"data-note": "取货时在提货点付钱，现金、扫码都行"})
    online = ("alipay", "支付宝", {"data-note": "提交后就去付，半小时内付好"})
    form.pay_how.choices = [
        *([online] if _pays_online() else []),
        *([by_unit] if unit else []),
        *([at_pickup] if not group or group.round.unpaid_rule == "keep" else []),
    ]
    lines = group.lines if group and request.method == "POST" else group.ready if group else ()
    return render_template(
        "shop/checkout.html",
        form=form,
        group=group,
        lines=lines,
        short=short or [],
        no_place=bool(places) and len(held) == len(places),
        deposit_rule=rule_words(group.round, "shop") if group else "",
        deposit_fen=asked_fen(group.round, "shop", "unit", sum(one.amount_fen for one in lines))
        if group
        else 0,
    )


def _pays_online() -> bool:
    return current_app.extensions["settings"].alipay is not None
