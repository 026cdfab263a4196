"""Holds: what is stopped, whom that touches, and what becomes of their orders."""

from collections.abc import Callable, Mapping
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug import Response
from wtforms import DateField, RadioField, SelectChoice, SelectField

from marketplace.catalog.models import Lot
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError, NotFound
from marketplace.core.wake import wake
from marketplace.fulfilment import held_orders
from marketplace.fulfilment.affected import STAGES, by_stage
from marketplace.fulfilment.held_orders import Changed
from marketplace.fulfilment.hold_queries import closed_places, get_hold, holds, holds_of, touched_by
from marketplace.fulfilment.holding import lift, planned, put_on
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import ROUND_MANAGE
from marketplace.orders.hold_models import CAUSES, KINDS, Hold
from marketplace.orders.lot_notes import LotNote, lot_notes
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.places import active_places
from marketplace.orders.round_models import PickupPoint
from marketplace.regions.models import Region
from marketplace.web.addresses import row_number
from marketplace.web.forms import Form, TrimmedField, at_most, required

bp = Blueprint("holds", __name__, url_prefix="/desk/holds")
Answer = str | Response | tuple[str, int]
LOST_SHOWN = 12


class HoldForm(Form):
    cause = RadioField(
        "为什么停",
        required("请选为什么停。"),
        choices=[SelectChoice(code, words) for code, words in CAUSES.items()],
    )
    words = TrimmedField("说清楚", [at_most(100)])


class StopForm(Form):
    """Where orders go instead, or how much later."""

    to = SelectField(
        "改到哪个提货点", required("请选一个提货点。"), validate_choice=False, default=""
    )
    day = DateField("推迟到哪天", validators=required("请选推迟到哪天。"))


@lot_notes
def _holds(session: Session, lot: Lot) -> list[LotNote]:
    may = current_actor().may(ROUND_MANAGE)
    return [
        LotNote(
            f"暂停：{hold.what}",
            f"{hold.why}。恢复以前不能上架。",
            (("看这条暂停", url_for("holds.show", hold_id=hold.id)),) if may else (),
        )
        for hold in holds_of(session, lot.id)
    ]


@bp.get("")
@requires(ROUND_MANAGE)
def index() -> str:
    return render_template(
        "fulfilment/holds.html",
        active=holds(db.session, current_scope(), lifted=False),
        lifted=holds(db.session, current_scope(), lifted=True),
        kinds=KINDS,
    )


@bp.route("/new/<any(lot, region, stop):kind>", methods=["GET", "POST"])
@requires(ROUND_MANAGE)
def new(kind: str) -> Answer:
    """First what, then whom it touches and why."""
    target = request.args.get("target", "").strip()[:200]
    form = HoldForm()
    status = 422 if target and form.is_submitted() else 200
    if target and form.validate_on_submit():
        try:
            with transaction() as session:
                hold = planned(session, current_scope(), kind, target)
                put_on(session, current_actor(), hold, form.cause.data, form.words.data or "")
                hold_id, what = hold.id, hold.what
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
        else:
            wake()
            flash(f"{what}停了。", "success")
            return redirect(url_for(".show", hold_id=hold_id))
    return _new_page(kind, target, form), status


def _new_page(kind: str, target: str, form: HoldForm) -> str:
    hold, refused = None, None
    if "target" in request.args and not target:
        refused = NotFound("还没有写。请写批次号，或者选一个。")
    if target:
        try:
            hold = planned(db.session, current_scope(), kind, target)
        except NotFound as error:
            refused = error
    return render_template(
        "fulfilment/hold_new.html",
        kind=kind,
        word=KINDS[kind],
        target=target,
        choices=_choices(kind),
        form=form,
        hold=hold,
        refused=refused,
        touched=by_stage(touched_by(db.session, hold)) if hold else {},
        stages=STAGES,
    )


def _choices(kind: str) -> list[tuple[str, str]]:
    if kind == "region":
        towns = select(Region).where(Region.level == "town", Region.valid_until.is_(None))
        rows = db.session.scalars(towns.order_by(Region.code))
        return [(row.code, row.name) for row in rows if current_scope().covers_region(row.code)]
    return _points(0) if kind == "stop" else []


def _points(but: int | None) -> list[tuple[str, str]]:
    points = active_places(db.session, PickupPoint)
    return [(str(one.id), one.name) for one in points if one.id != but]


@bp.get("/<int:hold_id>")
@requires(ROUND_MANAGE)
def show(hold_id: int) -> str:
    return _page(hold_id, StopForm(formdata=None))


def _page(hold_id: int, form: StopForm, refused: MarketplaceError | None = None) -> str:
    hold = get_hold(db.session, current_scope(), hold_id)
    form.to.choices = [SelectChoice("", "请选")] + [
        SelectChoice(value, label) for value, label in _points(hold.pickup_point_id)
    ]
    rows = touched_by(db.session, hold) if hold.lifted_at is None else []
    return render_template(
        "fulfilment/hold.html",
        hold=hold,
        touched=by_stage(rows),
        closed=closed_places(db.session, hold) if hold.lifted_at is None else [],
        stages=STAGES,
        form=form,
        refused=refused,
        can_cut=any(row.stage == "preparing" for row in rows),
    )


def _act(hold_id: int, act: Callable[[Session, Hold], Changed], words: str) -> Answer:
    """One action on all that the hold touches."""
    try:
        with transaction() as session:
            hold = get_hold(session, current_scope(), hold_id, for_update=True)
            done = act(session, hold)
    except NotFound:
        raise
    except MarketplaceError as error:
        return _page(hold_id, StopForm(), error), error.http_status
    wake()
    kept = f"{done.kept} 个没有动：那一期没有这个提货点，或者车已经装了。" if done.kept else ""
    lost = _who_lost(db.session, done.cut)
    flash(f"{done.orders} 个订单{words}，告诉了 {done.told} 个人。{lost}{kept}", "success")
    return redirect(url_for(".show", hold_id=hold_id), 303)


def _who_lost(session: Session, packs: Mapping[int, int]) -> str:
    """Who was cut is not always who was to get the goods: others stand in, and the round has its rule."""
    rows = session.execute(
        select(Order.number, OrderLine.id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(OrderLine.id.in_(list(packs)[:LOST_SHOWN]))
        .order_by(Order.id, OrderLine.id)
    )
    said = "、".join(f"{number} 少 {packs[line_id]} 份" for number, line_id in rows)
    return f"{said}{'等' if len(packs) > LOST_SHOWN else ''}。" if said else ""


@bp.post("/<int:hold_id>/cut")
@requires(ROUND_MANAGE)
def cut(hold_id: int) -> Answer:
    return _act(
        hold_id, lambda session, hold: held_orders.cut(session, current_actor(), hold), "减了"
    )


@bp.post("/<int:hold_id>/move")
@requires(ROUND_MANAGE)
def move(hold_id: int) -> Answer:
    to_id = row_number(request.form.get("to", ""))
    return _act(
        hold_id,
        lambda session, hold: held_orders.move_orders(session, current_actor(), hold, to_id),
        "改了提货点",
    )


@bp.post("/<int:hold_id>/put_off")
@requires(ROUND_MANAGE)
def put_off(hold_id: int) -> Answer:
    def later(session: Session, hold: Hold) -> Changed:
        try:
            to = date.fromisoformat(request.form.get("day", "")[:10])
        except ValueError:
            raise InvalidInput("请选推迟到哪天。", code="date", field="day") from None
        return held_orders.put_off(session, current_actor(), hold, to)

    return _act(hold_id, later, "推迟了")


@bp.post("/<int:hold_id>/lift")
@requires(ROUND_MANAGE)
def lift_hold(hold_id: int) -> Response:
    with transaction() as session:
        hold = get_hold(session, current_scope(), hold_id, for_update=True)
        count = lift(session, current_actor(), hold)
        lots = hold.kind != "stop"
    wake()
    said = f"恢复了，{count} 批货又能上架；原来上架的不会自己回去。" if lots else "恢复了。"
    flash(said, "success")
    return redirect(url_for(".show", hold_id=hold_id), 303)
