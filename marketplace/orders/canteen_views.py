"""The canteen's desk: this week's supply as one sheet to type into, submitted once."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response
from wtforms import HiddenField, RadioField, SelectChoice

from marketplace.core.clock import format_deadline
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.models import Organisation, User
from marketplace.identity.permissions import ORDER_CANTEEN
from marketplace.orders import canteen_sheet as sheets
from marketplace.orders.arrivals import arrived, on_its_way
from marketplace.orders.basket import read_sheet, typed_packs
from marketplace.orders.canteen_ordering import CANTEEN_FUNDS, Placed, SheetInput, place_sheet
from marketplace.orders.canteen_sheet import Part
from marketplace.orders.deposits import rule_words
from marketplace.orders.held_places import closed_note
from marketplace.orders.order_models import FUND_SOURCES, Order
from marketplace.orders.ordering import BelowMinimum, get_order
from marketplace.orders.reserve import SoldOut
from marketplace.orders.shop_queries import urgent_words
from marketplace.web.addresses import row_number
from marketplace.web.forms import Form, TrimmedField, at_most, required

bp = Blueprint("canteen", __name__, url_prefix="/canteen")
PLACE = "place-"


class SheetForm(Form):
    """`prices` is listing:fen of every line shown, so that nothing costs more than was seen."""

    unit = HiddenField()
    key = HiddenField()
    prices = HiddenField()
    contact_name = TrimmedField("收货人", required("请填收货人姓名。") + [at_most(30)])
    contact_phone = TrimmedField("收货人电话", required("请填电话，送货前好联系。") + [at_most(30)])
    fund_source = RadioField(
        "资金来源",
        required("请选资金来源。"),
        choices=[SelectChoice(code, FUND_SOURCES[code]) for code in CANTEEN_FUNDS],
        validate_choice=False,
    )
    note = TrimmedField("备注", [at_most(200)])


@dataclass
class Typed:
    """What stands on the sheet beside the form's own fields, and what is wrong with it."""

    packs: dict[int, str] = field(default_factory=dict)
    whole: frozenset[int] = frozenset()
    places: dict[int, int] = field(default_factory=dict)
    wrong: dict[int, str] = field(default_factory=dict)  # by listing
    no_place: set[int] = field(default_factory=set)  # rounds


@bp.route("/", methods=["GET", "POST"])
@requires(ORDER_CANTEEN)
def sheet() -> str | Response | tuple[str, int]:
    return _place() if request.method == "POST" else _fresh()


def _fresh() -> str:
    scope = current_scope()
    found = sheets.units(db.session, scope)
    unit = sheets.choose_unit(found, request.args.get("unit", ""))
    parts = sheets.supply(db.session)
    recent = sheets.recent_orders(db.session, scope, unit.id)
    repeat = _repeat(recent, parts)
    form, typed = SheetForm(), Typed()
    _prefill(form, typed, unit, parts, recent)
    if repeat:
        typed.packs = {listing_id: str(packs) for listing_id, packs in repeat.packs.items()}
    return _page(form, typed, unit, parts, units=found, recent=recent, repeat=repeat)


def _place() -> str | Response | tuple[str, int]:
    form = SheetForm()
    found = sheets.units(db.session, current_scope())
    unit = sheets.choose_unit(found, str(form.unit.data or ""))
    parts = sheets.supply(db.session)
    typed = _typed(parts)
    packs, typed.wrong = read_sheet(typed.packs)
    unread = typed.wrong
    typed.wrong = _out_of_reach(parts, packs) | unread
    if request.form.get("count"):
        return _page(form, typed, unit, parts, units=found)
    typed.no_place = _without_place(parts, packs, typed)
    fine = form.validate()
    if unread or typed.no_place or not fine:
        return _page(form, typed, unit, parts, units=found), 422
    given = _sheet_input(form, typed, unit, parts, packs)
    try:
        with transaction() as session:
            placed = place_sheet(session, current_actor(), given)
    except MarketplaceError as error:
        parts = sheets.supply(db.session)
        typed.wrong = _out_of_reach(parts, packs)
        _refuse(form, typed, error, {i.id for part in parts for i in part.listings})
        return _page(form, typed, unit, parts, units=found), error.http_status
    return _placed(placed, parts)


def _placed(placed: list[Placed], parts: list[Part]) -> Response:
    waiting = {order.round_id for order in placed if order.state == "awaiting_approval"}
    if waiting:
        rounds = [part.round for part in parts if part.round.id in waiting]
        by = format_deadline(min(found.closes_at for found in rounds))
        flash(f"{_said(len(placed), len(waiting))}{by}前要批好，过时作废。货已经留着。", "success")
    elif any(order.state == "awaiting_payment" for order in placed):
        flash("已提交，货先留着。截单前付了押金才算订上。", "warning")
    elif len(placed) > 1:
        flash(f"订好了，一期一张，共 {len(placed)} 张单。截单前可以自己改或取消。", "success")
    else:
        flash("订好了。截单前可以自己改或取消。", "success")
    if len(placed) == 1:
        return redirect(url_for("canteen.order", number=placed[0].number), 303)
    return redirect(url_for("canteen.orders"), 303)


def _said(orders: int, waiting: int) -> str:
    """A part waits alone only when the sheet is sent again after the unit has agreed to the rest."""
    if waiting < orders:
        return f"{orders - waiting} 张单已订好，{waiting} 张等单位审批。"
    if orders > 1:
        return f"已提交，一期一张，共 {orders} 张单，合起来等单位审批。"
    return "已提交，等单位审批。"


def _repeat(recent: list[Order], parts: list[Part]) -> sheets.Repeat | None:
    """The order named in the address, on today's sheet."""
    number = request.args.get("repeat", "")
    if not number or not parts:
        return None
    named = next((order for order in recent if order.number == number), None)
    return sheets.repeat(named or get_order(db.session, current_scope(), number), parts)


def _prefill(
    form: SheetForm, typed: Typed, unit: Organisation, parts: list[Part], recent: list[Order]
) -> None:
    """From the account and from the person's own last order for this unit."""
    actor = current_actor()
    own = next((order for order in recent if order.buyer_id == actor.user_id), None)
    user = db.session.get_one(User, actor.user_id)
    form.unit.data = str(unit.id)
    form.key.data = secrets.token_urlsafe(16)
    form.contact_name.data = own.contact_name if own else user.display_name
    form.contact_phone.data = (own.contact_phone if own else user.phone) or ""
    form.fund_source.data = own.lines[0].fund_source if own and own.lines else CANTEEN_FUNDS[0]
    last = sheets.last_order(recent)
    for part in parts:
        known = [i for i in (row.pickup_point_id for row in part.pickups) if i not in part.held]
        if last and last.pickup_point_id in known:
            typed.places[part.round.id] = last.pickup_point_id
        elif len(known) == 1:
            typed.places[part.round.id] = known[0]


def _typed(parts: list[Part]) -> Typed:
    places = {}
    for part in parts:
        chosen = request.form.get(f"{PLACE}{part.round.id}", "")
        if chosen in {str(row.pickup_point_id) for row in part.pickups}:
            places[part.round.id] = int(chosen)
    whole = frozenset(row_number(text) for text in request.form.getlist("whole"))
    return Typed(packs=typed_packs(request.form), whole=whole, places=places)


def _without_place(parts: list[Part], packs: Mapping[int, int], typed: Typed) -> set[int]:
    return {
        part.round.id
        for part in parts
        if part.round.id not in typed.places and any(i.id in packs for i in part.listings)
    }


def _sheet_input(
    form: SheetForm, typed: Typed, unit: Organisation, parts: list[Part], packs: dict[int, int]
) -> SheetInput:
    pairs = [pair.partition(":") for pair in str(form.prices.data or "").split(",")]
    seen = {row_number(i): row_number(fen) for i, _, fen in pairs}
    return SheetInput(
        organisation_id=unit.id,
        packs=packs,
        seen_fen=seen,
        listings_of={p.round.id: frozenset(i.id for i in p.listings) for p in parts},
        places=typed.places,
        contact_name=str(form.contact_name.data),
        contact_phone=str(form.contact_phone.data),
        fund_source=str(form.fund_source.data),
        note=str(form.note.data or ""),
        whole_or_nothing=typed.whole,
        key=str(form.key.data or "")[:60],
    )


def _only_left(left: int) -> str:
    return f"只剩 {left:,} 份" if left else "已订完"


def _at_least(minimum: int) -> str:
    return f"至少订 {minimum} 份"


def _out_of_reach(parts: list[Part], packs: Mapping[int, int]) -> dict[int, str]:
    """What would be refused next, by the figures shown: all that is wrong is said in one answer."""
    wrong = {}
    for listing in (i for part in parts for i in part.listings if i.id in packs):
        if packs[listing.id] > listing.left_packs:
            wrong[listing.id] = _only_left(listing.left_packs)
        elif packs[listing.id] < listing.minimum_packs:
            wrong[listing.id] = _at_least(listing.minimum_packs)
    return wrong


def _refuse(form: SheetForm, typed: Typed, error: MarketplaceError, shown: set[int]) -> None:
    """Say beside each line what can be had of it; on top what has no line any more."""
    refused = {}
    if isinstance(error, SoldOut):
        refused = {i: _only_left(left) for i, _, _, left in error.lines}
    elif isinstance(error, BelowMinimum):
        refused = {i: _at_least(minimum) for i, _, _, minimum in error.lines}
    elif error.code == "changed_body":
        form.key.data = secrets.token_urlsafe(16)
    typed.wrong |= refused
    if not refused or not refused.keys() <= shown:
        form.refuse(error)


def _page(
    form: SheetForm,
    typed: Typed,
    unit: Organisation,
    parts: list[Part],
    *,
    units: list[Organisation],
    recent: list[Order] | None = None,
    repeat: sheets.Repeat | None = None,
) -> str:
    if recent is None:
        recent = sheets.recent_orders(db.session, current_scope(), unit.id)
    there = arrived(db.session, recent)
    listings = [listing for part in parts for listing in part.listings]
    form.prices.data = ",".join(f"{listing.id}:{listing.price_fen}" for listing in listings)
    packs, _ = read_sheet(typed.packs)
    amounts = {i.id: packs[i.id] * i.price_fen for i in listings if i.id in packs}
    return render_template(
        "orders/canteen/sheet.html",
        form=form,
        typed=typed,
        unit=unit,
        units=units,
        parts=parts,
        amounts=amounts,
        total_fen=sum(amounts.values()),
        repeat=repeat,
        last=sheets.last_order(recent),
        mine=sheets.open_orders(recent),
        arriving={o.number: o.id in there for o in recent if on_its_way(o)},
        closed_note=closed_note,
        most_lines=sheets.MOST_LINES,
        urgent_words=urgent_words,
        deposit_rules=[] if unit.on_account else [rule_words(p.round, "canteen") for p in parts],
    )
