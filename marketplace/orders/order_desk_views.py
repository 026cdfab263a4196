"""The operator's orders: find them, note money, cancel with a reason."""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug import Response

from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.core.identifiers import mask_name, mask_phone
from marketplace.core.money import format_yuan, parse_yuan
from marketplace.core.wake import wake
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import ORDER_MANAGE
from marketplace.orders import basket as baskets
from marketplace.orders import collecting, order_desk, returning
from marketplace.orders.listings import get_listing
from marketplace.orders.money_back import due_fen, money_left, tell_returned
from marketplace.orders.money_steps import money_steps
from marketplace.orders.my_order_words import deposit_of
from marketplace.orders.order_desk import OrderRow, Wanted, order_for_desk
from marketplace.orders.order_models import CHANNELS, COLLECTED_WAYS, FUND_SOURCES, PAY_WAYS, Order
from marketplace.orders.order_pages import sale_paper
from marketplace.orders.return_models import BORNE_BY, FAULT_WORDS, FAULTS
from marketplace.orders.returning import Part
from marketplace.web.addresses import row_number

bp = Blueprint("orders", __name__, url_prefix="/desk/orders")
Answer = str | Response | tuple[str, int]


@bp.get("")
@requires(ORDER_MANAGE)
def index() -> str:
    return _list()


def _list(refused: MarketplaceError | None = None) -> str:
    wanted = _wanted()
    page, totals = order_desk.find_orders(db.session, current_scope(), wanted)
    listing = get_listing(db.session, wanted.listing_id) if wanted.listing_id else None
    return render_template(
        "orders/desk/index.html",
        page=page,
        totals=totals,
        wanted=wanted,
        listing=listing,
        rounds=order_desk.rounds_to_choose(db.session),
        units=order_desk.units_with_orders(db.session, current_scope()),
        states=order_desk.STATES,
        money=order_desk.MONEY,
        channels=CHANNELS,
        ways=COLLECTED_WAYS,
        kept=_kept(),
        refused=refused,
    )


def _kept() -> dict[str, Any]:
    """The filters of this address, for links and forms that come back to it."""
    return {key: value for key, value in request.args.items() if key in _FILTERS}


_FILTERS = ("round", "state", "channel", "unit", "listing", "money", "q", "page")


def _wanted() -> Wanted:
    """The filters asked for; nonsense filters nothing."""
    args = request.args
    return Wanted(
        round_id=row_number(args.get("round", "")) or None,
        state=args.get("state", "") if args.get("state") in order_desk.STATES else "",
        channel=args.get("channel", "") if args.get("channel") in CHANNELS else "",
        organisation_id=row_number(args.get("unit", "")) or None,
        listing_id=row_number(args.get("listing", "")) or None,
        money=args.get("money", "") if args.get("money") in order_desk.MONEY else "",
        number=args.get("q", "").strip().upper()[:20],
    )


@bp.get("/<number>")
@requires(ORDER_MANAGE)
def show(number: str) -> str:
    return desk_page(number)


def desk_page(number: str, refused: MarketplaceError | None = None) -> str:
    order = order_for_desk(db.session, current_scope(), number)
    row = OrderRow(order, due_fen(order))
    return render_template(
        "orders/desk/show.html",
        order=order,
        row=row,
        deposit=deposit_of(order),
        money_steps=money_steps(db.session, order),
        contact=mask_name(order.contact_name),
        phone=mask_phone(order.contact_phone) if order.contact_phone else "没有留",
        steps=_steps(order),
        state=order_desk.STATES[order.state],
        channels=CHANNELS,
        funds=FUND_SOURCES,
        ways=COLLECTED_WAYS,
        pay_ways=PAY_WAYS,
        reasons=collecting.UNDO_REASONS,
        returns=returning.returns_of(db.session, order) if order.state == "closed" else [],
        parts=[
            (part, _field(part), returning.is_being_paid(db.session, order.id, part.lot.id))
            for part in (returning.parts_left(db.session, order) if order.state == "closed" else [])
        ],
        faults=FAULTS,
        fault_words=FAULT_WORDS,
        borne_by=BORNE_BY,
        refused=refused,
        typed=request.form,
    )


@bp.get("/<number>/paper")
@requires(ORDER_MANAGE)
def paper(number: str) -> str:
    found = order_for_desk(db.session, current_scope(), number)
    return sale_paper(found, url_for(".show", number=number))


def _steps(order: Order) -> list[dict[str, Any]]:
    steps = [
        {
            "title": order_desk.ACTIONS[step.action],
            "at": step.at,
            "who": mask_name(who) if who == order.buyer.display_name else who,
            "held": held,
        }
        for step, who, held in order_desk.history(db.session, order)
    ]
    steps += [
        {"title": words, "at": run.created_at, "who": "分配", "held": ""}
        for run, words in order_desk.cuts_of(db.session, order)
    ]
    return sorted(steps, key=lambda step: step["at"])


@bp.post("/<number>/collect")
@requires(ORDER_MANAGE)
def collect(number: str) -> Answer:
    try:
        amount = parse_yuan(request.form.get("amount", ""), field="amount")
        with transaction() as session:
            order = order_for_desk(session, current_scope(), number)
            how = request.form.get("how", "")
            noted = collecting.record_collected(session, current_actor(), order, how, amount)
    except MarketplaceError as error:
        return desk_page(number, error), error.http_status
    words = (
        f"记好了：收 {format_yuan(amount)} 元。" if noted else "这个订单早已记过收款，没有重复记。"
    )
    flash(words, "success" if noted else "warning")
    return redirect(url_for(".show", number=number))


@bp.post("/<number>/uncollect")
@requires(ORDER_MANAGE)
def uncollect(number: str) -> Answer:
    try:
        with transaction() as session:
            order = order_for_desk(session, current_scope(), number)
            reason = request.form.get("reason", "")
            collecting.undo_collected(session, current_actor(), order, reason)
    except MarketplaceError as error:
        return desk_page(number, error), error.http_status
    flash("收款记录撤销了。", "success")
    return redirect(url_for(".show", number=number))


@bp.post("/<number>/return")
@requires(ORDER_MANAGE)
def give_back(number: str) -> Answer:
    """Delivered goods that the buyer does not pay for, by line and lot: whoever bears it is chosen, not drawn."""
    fault, words = request.form.get("fault", ""), request.form.get("words", "")
    fen = 0
    try:
        with transaction() as session:
            order = order_for_desk(session, current_scope(), number)
            wanted = _typed_back(session, order)
            for lot_id, packs in wanted.items():
                fen += returning.record_return(
                    session, current_actor(), order, packs, fault, words, lot_id=lot_id
                )
            count = sum(sum(packs.values()) for packs in wanted.values())
            tell_returned(session, order, count, fen, words)
            left = money_left(order)
    except MarketplaceError as error:
        return desk_page(number, error), error.http_status
    wake()
    flash(f"记好了：这些不收钱，共 {format_yuan(fen)} 元。告诉买家：{left}", "success")
    return redirect(url_for(".show", number=number))


def _typed_back(session: Session, order: Order) -> dict[int, dict[int, int]]:
    """Lot id → order line id → packs; nothing of no lot where nothing was typed."""
    parts = returning.parts_left(session, order)
    typed = {at: request.form.get(_field(part), "") for at, part in enumerate(parts)}
    packs, wrong = baskets.read_sheet(typed)
    if wrong:
        raise InvalidInput(next(iter(wrong.values())), code="quantity", field="packs")
    found: dict[int, dict[int, int]] = {}
    for at, count in packs.items():
        found.setdefault(parts[at].lot.id, {})[parts[at].line.id] = count
    return found or {0: {}}


def _field(part: Part) -> str:
    return f"packs-{part.line.id}-{part.lot.id}"


@bp.post("/<number>/handed_back")
@requires(ORDER_MANAGE)
def handed_back(number: str) -> Answer:
    """What was collected by hand and is owed no more is with the buyer again."""
    try:
        fen = parse_yuan(request.form.get("back", ""), field="back")
        with transaction() as session:
            order = order_for_desk(session, current_scope(), number)
            due = collecting.due_fen(session, order)
            returning.record_given_back(session, current_actor(), order, fen, due)
    except MarketplaceError as error:
        return desk_page(number, error), error.http_status
    wake()
    flash(f"记好了：退给买家 {format_yuan(fen)} 元。", "success")
    return redirect(url_for(".show", number=number))


@bp.post("/collect")
@requires(ORDER_MANAGE)
def collect_many() -> Answer:
    """What was ticked in the list, each with the sum that the list showed."""
    try:
        wanted = [_picked(value) for value in request.form.getlist("pick")]
        with transaction() as session:
            came = collecting.record_many(
                session, current_actor(), current_scope(), wanted, request.form.get("how", "")
            )
    except MarketplaceError as error:
        return _list(error), error.http_status
    already = f"，{came.already} 个早已记过" if came.already else ""
    flash(f"记好了 {came.recorded} 个订单的收款{already}。", "success")
    for sentence in came.refused[:5]:
        flash(sentence, "error")
    return redirect(url_for(".index", **_kept()))


def _picked(value: str) -> tuple[str, int]:
    number, _, fen = value.partition(":")
    if not fen.isascii() or not fen.isdecimal() or len(fen) > 15:
        raise InvalidInput("勾选的内容不对，请刷新页面再试。", code="bad_pick", field="pick")
    return number, int(fen)
