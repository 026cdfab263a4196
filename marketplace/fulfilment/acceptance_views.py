"""Receiving: a canteen accepts line by line, a keeper hands over to who shows a code."""

from collections.abc import Callable
from typing import Any
from unicodedata import normalize

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload
from werkzeug import Response

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError, NotFound
from marketplace.core.identifiers import mask_name
from marketplace.core.wake import wake
from marketplace.fulfilment.acceptance import (
    AcceptedBefore,
    accept,
    get_delivery,
    parts_of,
    record_not_collected,
)
from marketplace.fulfilment.acceptance_form import Asked
from marketplace.fulfilment.accepted_weights import at_the_scales
from marketplace.fulfilment.delivery_models import ENDS, ON_THE_WAY, STATES, Delivery, Manifest
from marketplace.households.public_place import public_villages
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import HAND_OVER, ORDER_CANTEEN
from marketplace.orders.canteen_views import bp as canteen_bp
from marketplace.orders.collecting import due_fen
from marketplace.orders.order_models import Order
from marketplace.orders.ordering import get_order
from marketplace.orders.returning import Part
from marketplace.orders.round_models import RoundPickup
from marketplace.web.field_blueprint import bp
from marketplace.web.paging import paginate

Answer = str | Response | tuple[str, int]
PAGE_SIZE = 30


def _places(session: Session, parts: list[Part]) -> dict[str, str]:
    found = public_villages(session, {part.lot.region_code for part in parts})
    return {code: place.words for code, place in found.items()}


def _asked(order: Order, *, filled: bool) -> Asked:
    """A keeper hands over and does not inspect: only canteens sign by name."""
    who = current_actor().display_name if order.channel == "canteen" else ""
    parts = parts_of(db.session, order)
    asked = Asked.of(parts, who, at_the_scales(db.session, parts), filled=filled)
    asked.sign_for(order)
    return asked


def _take(
    number: str, page: Callable[[Order, Asked], str], there: str, *, by_keeper: bool = False
) -> Answer:
    """What was typed becomes the order's acceptance."""
    order = get_order(db.session, current_scope(), number)
    asked = _asked(order, filled=True)
    said = asked.read(order)
    if _unconfirmed(order, asked, by_keeper=by_keeper) or said is None:
        return page(order, asked), 422
    try:
        with transaction() as session:
            found = get_order(session, current_scope(), number)
            accept(session, current_actor(), found, *said)
            less = sum(line.returned_packs for line in found.lines)
    except AcceptedBefore as first:
        flash(first.message, "warning")
        return redirect(there, 303)
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        order = get_order(db.session, current_scope(), number)
        asked.refuse(error)
        return page(order, asked), error.http_status
    wake()
    flash(f"记好了，{less} 份没有收，不收钱。" if less else "记好了，都收齐了。", "success")
    return redirect(there, 303)


def _unconfirmed(order: Order, asked: Asked, *, by_keeper: bool) -> bool:
    """Goods come without the driver saying so, and people without their code: both are asked about."""
    delivery = get_delivery(db.session, order)
    if delivery.state not in ON_THE_WAY:
        return False
    problems = []
    if delivery.is_awaited and not asked.sign.arrived.data:
        words = f"这批货{STATES[delivery.state]}，司机还没有点交接。货真到了，就勾上。"
        problems.append(InvalidInput(words, field="arrived"))
    typed = str(asked.sign.code.data or "").replace(" ", "")
    if by_keeper and needs_code(order) and typed != delivery.pickup_code:
        if typed:
            problems.append(InvalidInput("取货码不对，请再看一眼。", field="code"))
        elif not asked.sign.no_code.data:
            problems.append(InvalidInput("请写取货码；没带码的，核对姓名电话。", field="code"))
    for problem in problems:
        asked.sign.refuse(problem)
    return bool(problems)


def needs_code(order: Order) -> bool:
    """A canteen signs by name; whoever fetches for himself shows a code."""
    return order.channel != "canteen"


@canteen_bp.route("/orders/<number>/accept", methods=["GET", "POST"])
@requires(ORDER_CANTEEN)
def accept_order(number: str) -> Answer:
    there = url_for("canteen.order", number=number)
    if request.method == "POST":
        return _take(number, _canteen_page, there)
    order = get_order(db.session, current_scope(), number)
    if get_delivery(db.session, order).state not in ON_THE_WAY:
        return redirect(there)
    return _canteen_page(order, _asked(order, filled=False))


def _canteen_page(order: Order, asked: Asked) -> str:
    return render_template("orders/canteen/accept.html", **_shown(order, asked))


def _shown(order: Order, asked: Asked) -> dict[str, Any]:
    return {
        "order": order,
        "asked": asked,
        "delivery": get_delivery(db.session, order),
        "states": STATES,
        "places": _places(db.session, list(asked.parts)),
    }


@bp.get("/handover", endpoint="handover")
@requires(HAND_OVER)
def queue() -> Answer:
    """Who has still to fetch what at which place; a code leads to its order."""
    typed = normalize("NFKC", request.args.get("q", "")).replace(" ", "").upper()[:20]
    if typed and len(numbers := _with_code(typed)) == 1:
        return redirect(url_for("field.handover_order", number=numbers[0], code=typed))
    waiting = paginate(db.session, _waiting(typed), PAGE_SIZE)
    return render_template(
        "fulfilment/field_handover.html",
        page=waiting,
        asked=typed,
        ended=_ended(typed) if typed and not waiting.items else None,
        ends=ENDS,
        states=STATES,
        until=_until(db.session, [row.manifest for row in waiting.items]),
        masked=mask_name,
    )


def _mine() -> Select[int]:
    return current_scope().visible(select(Order)).with_only_columns(Order.id)


def _with_code(typed: str) -> list[str]:
    """Order numbers for a pickup code or a number, also of those handed over already."""
    rows = select(Order.number).join(Delivery, Delivery.order_id == Order.id)
    rows = rows.where(Order.id.in_(_mine()))
    by_code = rows.where(Delivery.pickup_code == typed, Delivery.state.in_(ON_THE_WAY))
    found = list(db.session.scalars(by_code.limit(2)))
    return found or list(db.session.scalars(rows.where(Order.number == typed)))


def _ended(code: str) -> Delivery | None:
    """Which delivery with this code was spoken for last: it was scanned a second time."""
    return db.session.scalar(
        select(Delivery)
        .where(Delivery.pickup_code == code, Delivery.state.in_(ENDS))
        .where(Delivery.order_id.in_(_mine()))
        .options(joinedload(Delivery.order), joinedload(Delivery.ended_by))
        .order_by(Delivery.ended_at.desc())
        .limit(1)
    )


def _waiting(typed: str) -> Select[Delivery]:
    rows = (
        select(Delivery)
        .join(Order, Order.id == Delivery.order_id)
        .where(Delivery.state.in_(ON_THE_WAY), Order.id.in_(_mine()))
        .options(
            joinedload(Delivery.order).joinedload(Order.organisation),
            joinedload(Delivery.manifest).joinedload(Manifest.point),
            joinedload(Delivery.manifest).joinedload(Manifest.organisation),
            joinedload(Delivery.manifest).joinedload(Manifest.round),
        )
        .order_by(Delivery.manifest_id, Delivery.id)
    )
    if typed:
        rows = rows.where(or_(Delivery.pickup_code == typed, Order.number == typed))
    return rows


def _until(session: Session, manifests: list[Manifest]) -> dict[int, Any]:
    """Manifest id → until when people may fetch there."""
    rows = session.execute(
        select(Manifest.id, func.max(RoundPickup.until_at))
        .join(
            RoundPickup,
            (RoundPickup.round_id == Manifest.round_id)
            & (RoundPickup.pickup_point_id == Manifest.pickup_point_id),
        )
        .where(Manifest.id.in_([manifest.id for manifest in manifests]))
        .group_by(Manifest.id)
    )
    return {manifest_id: until for manifest_id, until in rows}  # noqa: C416  # rows are no pairs to mypy


@bp.route("/handover/<number>", methods=["GET", "POST"], endpoint="handover_order")
@requires(HAND_OVER)
def hand_over(number: str) -> Answer:
    """One order at the pickup point: all of it in one tap, or what was wrong."""
    if request.method == "POST":
        there = url_for("field.handover_order", number=number)
        return _take(number, _keeper_page, there, by_keeper=True)
    order = get_order(db.session, current_scope(), number)
    asked = _asked(order, filled=False)
    asked.sign.code.data = request.args.get("code", "")[:10]
    return _keeper_page(order, asked)


def _keeper_page(order: Order, asked: Asked) -> str:
    shown = _shown(order, asked)
    until = _until(db.session, [shown["delivery"].manifest]).get(shown["delivery"].manifest_id)
    return render_template(
        "fulfilment/field_handover_order.html",
        **shown,
        needs_code=needs_code(order),
        shown_code=asked.sign.code.data == shown["delivery"].pickup_code,
        ended=ENDS.get(shown["delivery"].state, ""),
        contact=mask_name(order.contact_name),
        to_pay=due_fen(db.session, order) - order.collected_fen,
        until=until,
        too_early=until is not None and now() < until,
    )


@bp.post("/handover/<number>/not_collected", endpoint="handover_not_collected")
@requires(HAND_OVER)
def not_collected(number: str) -> Response:
    try:
        with transaction() as session:
            order = get_order(session, current_scope(), number)
            record_not_collected(session, current_actor(), order)
    except NotFound:
        raise
    except MarketplaceError as error:
        flash(error.message, "error")
    else:
        wake()
        flash("记好了：没有来取。", "success")
    return redirect(url_for("field.handover_order", number=number), 303)
