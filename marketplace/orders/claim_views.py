"""Claims: the buyer's page, of the shop and of the canteen, and the desk's list with its decisions."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_wtf.file import FileField
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload
from werkzeug import Response
from wtforms import HiddenField, SelectChoice, SelectField

from marketplace.catalog.uploads import photo_answer, photo_of
from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError, NotFound
from marketplace.core.idempotency import new_key, once
from marketplace.core.money import format_yuan
from marketplace.core.spoken_number import read_count
from marketplace.core.wake import wake
from marketplace.households.public_place import public_villages
from marketplace.identity.access import current_actor, current_scope, requires, requires_any
from marketplace.identity.permissions import ORDER_CANTEEN, ORDER_MANAGE, ORDER_OWN
from marketplace.orders.canteen_views import bp as canteen_bp
from marketplace.orders.claim_models import CLAIM_STATES, Claim
from marketplace.orders.claims import (
    claim_until,
    claims_of,
    file_claim,
    get_claim,
    grant_claim,
    refuse_claim,
)
from marketplace.orders.money_back import how_it_comes_back, money_left
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.ordering import get_order
from marketplace.orders.return_models import FAULTS, NEEDS_PHOTO, REASONS
from marketplace.orders.returning import parts_left
from marketplace.orders.shop_views import bp as shop_bp
from marketplace.orders.worth import Place
from marketplace.web.addresses import row_number
from marketplace.web.forms import Form, TrimmedField, at_most, required
from marketplace.web.paging import paginate

bp = Blueprint("claims", __name__, url_prefix="/desk/claims")
Answer = str | Response | tuple[str, int]
MOST_PACKS = 1_000_000


class ClaimForm(Form):
    part = SelectField("哪一样货", validate_choice=False)
    packs = TrimmedField("几份有问题", [*required("请写几份有问题。"), at_most(10)], default="1")
    reason = SelectField(
        "怎么了",
        choices=[
            *(SelectChoice(c, r.words) for c, r in REASONS.items() if c != "papers"),
        ],
        default="",
        validate_choice=False,
    )
    words = TrimmedField("说一说", [at_most(150)])
    photo = FileField("照片")
    kept = HiddenField()
    key = HiddenField()


def _form(order: Order, *, filled: bool) -> ClaimForm:
    form = ClaimForm() if filled else ClaimForm(formdata=None, key=new_key())
    parts = parts_left(db.session, order) if order.state == "closed" else []
    places = public_villages(db.session, {part.lot.region_code for part in parts})
    form.part.choices = [
        SelectChoice(
            f"{part.line.id}-{part.lot.id}",
            f"{part.line.listing.full_title}，收了 {part.packs} 份",
            {"data-note": f"批次 {part.lot.code}，{places[part.lot.region_code].words}"},
        )
        for part in parts
    ]
    return form


def _page(pages: str, order: Order, form: ClaimForm) -> str:
    until = claim_until(db.session, order)
    return render_template(
        "orders/claim.html",
        frame="shop/frame.html" if pages == "shop" else "layout/phone.html",
        pages=pages,
        order=order,
        form=form,
        until=until,
        need_photo=[REASONS[code].words for code in REASONS if code in NEEDS_PHOTO],
        comes_back=how_it_comes_back(order) if order.collected_fen else "",
        open_now=until is not None and now() <= until and bool(form.part.choices),
        claims=claims_of(db.session, order),
        states=CLAIM_STATES,
        reasons=REASONS,
    )


def _take(pages: str, number: str) -> Answer:
    order = get_order(db.session, current_scope(), number)
    form = _form(order, filled=True)
    if not form.validate():
        return _page(pages, order, form), 422
    try:
        packs = read_count(
            str(form.packs.data or ""), "份数", least=1, most=MOST_PACKS, field="packs"
        )
        photo = photo_of(form)
        given = (
            _place(form), packs, str(form.reason.data or ""), str(form.words.data or ""), photo
        )  # fmt: skip
        with transaction() as session:
            actor, found = current_actor(), get_order(session, current_scope(), number)
            once(
                session,
                f"user:{actor.user_id}",
                str(form.key.data or ""),
                ["claim", number, *given],
                lambda: file_claim(session, actor, found, *given).number,
            )
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        form.refuse(error)
        if error.code == "changed_body":
            form.key.data = new_key()
        order = get_order(db.session, current_scope(), number)
        return _page(pages, order, form), error.http_status
    flash("收到了，平台处理好会给您发消息。", "success")
    return redirect(url_for(f"{pages}.claim", number=number), 303)


def _place(form: ClaimForm) -> Place:
    """What nobody offered is a part of no order."""
    line, _, lot = str(form.part.data or "").partition("-")
    return row_number(line), row_number(lot)


def _answer(pages: str, number: str) -> Answer:
    if request.method == "POST":
        return _take(pages, number)
    order = get_order(db.session, current_scope(), number)
    return _page(pages, order, _form(order, filled=False))


@shop_bp.route("/orders/<number>/claim", methods=["GET", "POST"], endpoint="claim")
@requires(ORDER_OWN)
def own_claim(number: str) -> Answer:
    return _answer("shop", number)


@canteen_bp.route("/orders/<number>/claim", methods=["GET", "POST"], endpoint="claim")
@requires(ORDER_CANTEEN)
def canteen_claim(number: str) -> Answer:
    return _answer("canteen", number)


def _listed() -> Select[Claim]:
    mine = current_scope().visible(select(Order)).with_only_columns(Order.id)
    return (
        select(Claim)
        .join(OrderLine, OrderLine.id == Claim.order_line_id)
        .where(OrderLine.order_id.in_(mine))
        .options(
            joinedload(Claim.line).joinedload(OrderLine.listing),
            joinedload(Claim.line).joinedload(OrderLine.order).joinedload(Order.organisation),
            joinedload(Claim.decided_by),
        )
        .order_by(Claim.state != "open", Claim.id.desc())
    )


@bp.get("")
@requires(ORDER_MANAGE)
def index() -> str:
    """Those that wait first."""
    return render_template(
        "orders/desk/claims.html",
        page=paginate(db.session, _listed(), 30),
        states=CLAIM_STATES,
        reasons=REASONS,
    )


@bp.get("/<number>")
@requires(ORDER_MANAGE)
def show(number: str) -> str:
    return _desk_page(number)


def _desk_page(number: str, refused: MarketplaceError | None = None, **typed: Any) -> str:
    claim = get_claim(db.session, current_scope(), number)
    return render_template(
        "orders/desk/claim.html",
        claim=claim,
        order=claim.line.order,
        reason=REASONS[claim.reason],
        faults=FAULTS,
        states=CLAIM_STATES,
        refused=refused,
        typed=typed,
    )


@bp.post("/<number>")
@requires(ORDER_MANAGE)
def decide(number: str) -> Answer:
    form = request.form
    typed = {key: form.get(key, "") for key in ("packs", "fault", "answer")}
    try:
        with transaction() as session:
            claim = get_claim(session, current_scope(), number)
            if form.get("decision") == "no":
                refuse_claim(session, current_actor(), claim, typed["answer"])
                said = "记好了，买家会收到消息。"
            else:
                packs = read_count(typed["packs"], "份数", least=1, most=claim.packs, field="packs")
                fen = grant_claim(
                    session, current_actor(), claim, packs, typed["fault"], typed["answer"]
                )
                said = f"同意了，退 {format_yuan(fen)} 元。告诉买家：{money_left(claim.line.order)}"
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        return _desk_page(number, error, **typed), error.http_status
    wake()
    flash(said, "success")
    return redirect(url_for(".index"), 303)


@bp.get("/<number>/photo")
@requires_any(ORDER_MANAGE, ORDER_OWN, ORDER_CANTEEN)
def photo(number: str) -> Response:
    """For the county and for whoever sent it."""
    actor = current_actor()
    for permission in (ORDER_MANAGE, ORDER_OWN, ORDER_CANTEEN):
        if not actor.may(permission):
            continue
        try:
            return photo_answer(get_claim(db.session, actor.scope_for(permission), number).photo)
        except NotFound:
            continue
    raise NotFound("没有这张照片。")
