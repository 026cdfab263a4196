"""Rounds: the list, the one page to make one, the desk of a round, and its moves."""

from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, url_for
from sqlalchemy import case, select
from werkzeug import Response

from marketplace.core.clock import format_span, now
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError, NotFound
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import ORDER_MANAGE, ROUND_MANAGE, ROUND_VIEW
from marketplace.orders import interruptions, round_figures, round_forms, rounds
from marketplace.orders.copying import copy_round
from marketplace.orders.deposits import deposits_words
from marketplace.orders.missing_papers import BEFORE_LEAVING, missing_papers, named
from marketplace.orders.order_desk import OrderRow
from marketplace.orders.places import active_places
from marketplace.orders.round_dates import WEEK
from marketplace.orders.round_models import (
    SHORTAGE_RULES,
    UNPAID_RULES,
    CollectionPoint,
    PickupPoint,
    Round,
)
from marketplace.orders.round_steps import STEPS
from marketplace.orders.stopped_goods import stopped_goods, stopped_words
from marketplace.regions.models import Region
from marketplace.web.paging import paginate
from marketplace.web.time_fields import closing_parts

bp = Blueprint("rounds", __name__)
Answer = str | Response | tuple[str, int]


@bp.get("/rounds")
@requires(ROUND_VIEW)
def index() -> str:
    """What takes orders now on top, then what is in work, then the past."""
    urgency = case(
        {"open": 0, "postponed": 1, "on_hold": 1, "draft": 1, "settled": 3, "cancelled": 3},
        value=Round.state,
        else_=2,
    )
    statement = current_scope().visible(select(Round)).order_by(urgency, Round.id.desc())
    page = paginate(db.session, statement, 20)
    figures = round_figures.figures_of(db.session, [found.id for found in page.items])
    return render_template(
        "orders/rounds/index.html",
        page=page,
        figures=figures,
        state_of=round_figures.state_of,
        may_manage=current_actor().may(ROUND_MANAGE),
    )


@bp.route("/rounds/new", methods=["GET", "POST"])
@requires(ROUND_MANAGE)
def new() -> Answer:
    pickups, points, regions = _places(None)
    towns = [region for region in regions if region.level == "town"]
    form = round_forms.RoundForm(data=round_forms.proposed_values(pickups, points, towns))
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            with transaction() as session:
                made = rounds.create_round(
                    session,
                    current_actor(),
                    form.given(),
                    form.pickup_slots(),
                    form.collection_slots(),
                )
            flash("建好了。下一步：选货源上架。", "success")
            return redirect(url_for(".show", round_id=made.id))
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
            pickups, points, regions = _places(None)
    return _form_page(form, None, pickups, points, regions), status


@bp.route("/rounds/<int:round_id>/edit", methods=["GET", "POST"])
@requires(ROUND_MANAGE)
def edit(round_id: int) -> Answer:
    found = _get(round_id)
    pickups, points, regions = _places(found)
    towns = [region for region in regions if region.level == "town"]
    form = round_forms.RoundForm(data=round_forms.values_of(found, pickups, towns))
    form.closes_time.also_offer(closing_parts(found.closes_at)[1])
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            with transaction() as session:
                rounds.change_round(
                    session,
                    current_actor(),
                    rounds.get_round(session, round_id),
                    form.given(),
                    form.pickup_slots(),
                    form.collection_slots(),
                )
            flash("改好了。", "success")
            return redirect(url_for(".show", round_id=round_id))
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
            found = _get(round_id)
            pickups, points, regions = _places(found)
    return _form_page(form, found, pickups, points, regions), status


def _form_page(
    form: round_forms.RoundForm,
    found: Round | None,
    pickups: list[PickupPoint],
    points: list[CollectionPoint],
    regions: list[Region],
) -> str:
    return render_template(
        "orders/rounds/form.html",
        form=form,
        round=found,
        pickups={str(point.id): point for point in pickups},
        points=points,
        regions={region.code: region for region in regions},
        online=current_app.extensions["settings"].alipay is not None,
    )


def _places(
    found: Round | None,
) -> tuple[list[PickupPoint], list[CollectionPoint], list[Region]]:
    """Active places, and those that the round already uses; the county's towns and villages."""
    pickups = active_places(db.session, PickupPoint)
    points = active_places(db.session, CollectionPoint)
    if found is not None:
        pickups += [row.point for row in found.pickups if not row.point.active]
        points += [point for point in {r.point for r in found.collections} if not point.active]
    regions = db.session.scalars(
        select(Region)
        .where(Region.level.in_(("town", "village")), Region.valid_until.is_(None))
        .order_by(Region.code)
    )
    return pickups, points, list(regions)


def _get(round_id: int) -> Round:
    found = round_figures.round_with_parts(db.session, round_id)
    if found is None:
        raise NotFound("没有这一期。")
    return found


@bp.get("/rounds/<int:round_id>")
@requires(ROUND_VIEW)
def show(round_id: int) -> str:
    return _desk(round_id)


def _desk(round_id: int, refused: MarketplaceError | None = None) -> str:
    found = _get(round_id)
    actor = current_actor()
    missing = missing_papers(db.session, found) if found.state in BEFORE_LEAVING else []
    stopped = stopped_goods(db.session, found) if found.state in BEFORE_LEAVING else []
    return render_template(
        "orders/rounds/show.html",
        stopped=stopped_words(stopped) if stopped else "",
        missing=named(db.session, missing) if missing else [],
        missing_count=len(missing),
        round=found,
        figures=round_figures.figures_of(db.session, [found.id])[found.id],
        households=round_figures.supported_households(db.session, found),
        uncovered=rounds.uncovered_regions(db.session, found),
        steps=_steps(found),
        pickup_words=[
            (row.point.name, format_span(row.from_at, row.until_at)) for row in found.pickups
        ],
        collection_words=[
            (row.region.name, f"{row.point.name} {format_span(row.from_at, row.until_at)}")
            for row in found.collections
        ],
        state=round_figures.state_of(found),
        question=_question(found),
        rules=SHORTAGE_RULES,
        unpaid_rules=UNPAID_RULES,
        deposits=deposits_words(found),
        refused=refused,
        may_manage=actor.may(ROUND_MANAGE),
        may_orders=actor.may(ORDER_MANAGE),
        changeable=found.state in rounds.CHANGEABLE and not found.closed_at,
        allocation_url=_link("allocation.index", found),
        deliveries_url=_link("deliveries.round_page", found),
    )


def _question(found: Round) -> str:
    """What is asked before the step that nothing takes back."""
    if found.state in {"open", "on_hold"} and not found.closed_at:
        return round_figures.closing_question(db.session, found)
    return ""


def _link(endpoint: str, found: Round) -> str | None:
    """A page of a feature that may not be there."""
    if endpoint not in current_app.view_functions:
        return None
    return url_for(endpoint, round_id=found.id)


def _steps(found: Round) -> list[dict[str, Any]]:
    """上架 → 开放 → 截单 → 分配 → 备货: what is done, what is next."""
    here = url_for(".show", round_id=found.id)
    done = [
        any(listing.capacity_packs or listing.reserved_packs for listing in found.listings),
        found.state not in {"draft", "cancelled"} and found.opens_at <= now(),
        found.closed_at is not None,
        found.state in {"allocated", "collecting", "delivering", "settled"},
        found.state in {"collecting", "delivering", "settled"},
    ]
    links = [
        f"{here}#goods",
        here,
        here,
        _link("allocation.index", found) if found.closed_at else None,
        _link("sheets.index", found) if done[3] else None,
    ]
    following = done.index(False) if False in done else len(done)
    return [
        {
            "label": label,
            "state": "done" if done[i] else "now" if i == following else "todo",
            "href": links[i],
        }
        for i, label in enumerate(("上架", "开放", "截单", "分配", "备货"))
    ]


@bp.post("/rounds/<int:round_id>/<any(open, start, close, hold, resume, reopen):step>")
@requires(ROUND_MANAGE)
def take_step(round_id: int, step: str) -> Answer:
    try:
        with transaction() as session:
            words = STEPS[step](session, current_actor(), rounds.get_round(session, round_id))
    except MarketplaceError as error:
        return _desk(round_id, error), error.http_status
    flash(words, "success")
    return redirect(url_for(".show", round_id=round_id))


@bp.post("/rounds/<int:round_id>/copy")
@requires(ROUND_MANAGE)
def copy(round_id: int) -> Answer:
    try:
        with transaction() as session:
            made = copy_round(session, current_actor(), rounds.get_round(session, round_id))
    except MarketplaceError as error:
        return _desk(round_id, error), error.http_status
    flash("照上一期建好了草稿：日期往后挪了整周，产品和价格都在。下一步：给产品选货源。", "success")
    return redirect(url_for(".show", round_id=made.id))


@bp.route("/rounds/<int:round_id>/postpone", methods=["GET", "POST"])
@requires(ROUND_MANAGE)
def postpone(round_id: int) -> Answer:
    found = _get(round_id)
    closes_day, closes_time = closing_parts(found.closes_at)
    form = round_forms.PostponeForm(
        data={
            "opens_at": now() + WEEK,
            "closes_day": closes_day + WEEK,
            "closes_time": closes_time,
            "delivers_on": found.delivers_on + WEEK,
        }
    )
    form.closes_time.also_offer(closes_time)
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            dates = form.given()
            with transaction() as session:
                interruptions.postpone_round(
                    session, current_actor(), rounds.get_round(session, round_id), dates
                )
            flash("已延期。订单都还在，提货和集货的日子一起往后挪了。", "success")
            return redirect(url_for(".show", round_id=round_id))
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
            found = _get(round_id)
    return render_template("orders/rounds/postpone.html", form=form, round=found), status


@bp.route("/rounds/<int:round_id>/cancel", methods=["GET", "POST"])
@requires(ROUND_MANAGE)
def cancel(round_id: int) -> Answer:
    form = round_forms.CancelForm()
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            with transaction() as session:
                found = rounds.get_round(session, round_id)
                ended = interruptions.cancel_round(
                    session, current_actor(), found, form.reason.data
                )
            flash(f"本期已取消，{ended} 个订单已取消，货都退回了货源。", "success")
            return redirect(url_for(".show", round_id=round_id))
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
    found = _get(round_id)
    ending = [OrderRow(order, 0) for order in interruptions.orders_to_end(db.session, found)]
    page = render_template("orders/rounds/cancel.html", form=form, round=found, ending=ending)
    return page, status
