"""The desk's pages of delivery: what goes where, which vehicle brings it, what has been accepted."""

from flask import Blueprint, flash, redirect, render_template, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload
from werkzeug import Response
from wtforms import SelectMultipleField
from wtforms.widgets import CheckboxInput, ListWidget

from marketplace.catalog.uploads import photo_answer
from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError, NotFound
from marketplace.core.identifiers import mask_name
from marketplace.core.money import format_yuan
from marketplace.core.wake import wake
from marketplace.fulfilment import manifests, trips
from marketplace.fulfilment.acceptance import get_return
from marketplace.fulfilment.collection_plan import unweighed
from marketplace.fulfilment.crates import crates as crates_at_stops
from marketplace.fulfilment.delivering import accept_rest, rest_question, set_out
from marketplace.fulfilment.delivery_models import (
    ENDS,
    ON_THE_WAY,
    STATES,
    Delivery,
    Manifest,
    Trip,
)
from marketplace.fulfilment.papers_in_van import missing_unloaded, stops_lacking
from marketplace.identity.access import current_actor, current_scope, requires, requires_any
from marketplace.identity.permissions import (
    HAND_OVER,
    LOT_VIEW,
    ORDER_CANTEEN,
    ORDER_OWN,
    ROUND_MANAGE,
)
from marketplace.orders.missing_papers import Missing, missing_papers, named
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.return_models import BORNE_BY, GoodsReturn
from marketplace.orders.round_models import Round
from marketplace.orders.rounds import get_round
from marketplace.orders.stopped_goods import stopped_goods, stopped_words
from marketplace.web.addresses import row_number
from marketplace.web.forms import Form, TrimmedField, at_most, required

bp = Blueprint("deliveries", __name__, url_prefix="/desk/deliveries")
Answer = str | Response | tuple[str, int]
MOST_ROUNDS = 12
MOST_REJECTED = 100


class TripForm(Form):
    stops = SelectMultipleField(
        "这趟车送哪几处",
        coerce=lambda given: row_number(str(given)),
        validate_choice=False,
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )
    carrier = TrimmedField("承运单位", [*required("请写承运单位。"), at_most(60)])
    driver = TrimmedField("司机姓名", [*required("请写司机姓名。"), at_most(20)])
    plate = TrimmedField("车牌", [at_most(20)])


@bp.get("")
@requires(ROUND_MANAGE)
def index() -> str:
    """Rounds that collect or deliver, and the last ones that are done; how far each is."""
    rounds = db.session.scalars(
        select(Round)
        .where(Round.state.in_(("collecting", "delivering", "settled")))
        .order_by((Round.state == "settled"), Round.number.desc())
        .limit(MOST_ROUNDS)
    ).all()
    rows = db.session.execute(
        select(Manifest.round_id, func.count(), manifests.ENDED)
        .join(Delivery, Delivery.manifest_id == Manifest.id)
        .where(Manifest.round_id.in_([found.id for found in rounds]))
        .group_by(Manifest.round_id)
    )
    done = {round_id: (count, int(ended)) for round_id, count, ended in rows}
    return render_template("fulfilment/deliveries.html", rounds=rounds, done=done)


@bp.get("/crates")
@requires(ROUND_MANAGE)
def crates() -> str:
    rows = crates_at_stops(db.session)
    return render_template("fulfilment/crates.html", rows=rows, as_of=now())


@bp.get("/round/<int:round_id>")
@requires(ROUND_MANAGE)
def round_page(round_id: int) -> str:
    return _round_page(round_id)


def _round_page(
    round_id: int, form: TripForm | None = None, refused: MarketplaceError | None = None
) -> str:
    found = get_round(db.session, round_id)
    if found.state not in {"collecting", "delivering", "settled"}:
        raise NotFound("这一期还没有到配送这一步。")
    stops = manifests.progress_of(db.session, manifests.of_round(found))
    missing = _missing(found)
    stopped = stopped_goods(db.session, found) if found.state == "collecting" else []
    return render_template(
        "fulfilment/delivery_round.html",
        round=found,
        planned=manifests.planned_stops(db.session, found) if found.state == "collecting" else [],
        stops=stops,
        unweighed=unweighed(db.session, found) if found.state == "collecting" else (0, 0),
        most_rejected=MOST_REJECTED,
        stopped=stopped_words(stopped) if stopped else "",
        missing=named(db.session, missing) if missing else [],
        missing_count=len(missing),
        lacking=stops_lacking(db.session, missing) if found.state == "delivering" else set(),
        trips=_trips(found),
        rejected=_rejected(found),
        borne_by=BORNE_BY,
        form=form or _trip_form(stops),
        question=rest_question(db.session, found) if found.state == "delivering" else "",
        refused=refused,
        as_of=now(),
    )


def _missing(found: Round) -> list[Missing]:
    if found.state == "collecting":
        return missing_papers(db.session, found)
    return missing_unloaded(db.session, found) if found.state == "delivering" else []


def _trips(found: Round) -> list[Trip]:
    return list(db.session.scalars(select(Trip).where(Trip.round_id == found.id).order_by(Trip.id)))


def _rejected(found: Round) -> list[GoodsReturn]:
    """What buyers did not accept."""
    return list(
        db.session.scalars(
            select(GoodsReturn)
            .join(GoodsReturn.line)
            .join(OrderLine.order)
            .where(Order.round_id == found.id, GoodsReturn.stage == "acceptance")
            .options(
                joinedload(GoodsReturn.line).joinedload(OrderLine.order),
                joinedload(GoodsReturn.line).joinedload(OrderLine.listing),
                joinedload(GoodsReturn.lot),
            )
            .order_by(GoodsReturn.id.desc())
            .limit(MOST_REJECTED)
        )
    )


def _trip_form(stops: list[manifests.Progress], *, filled: bool = False) -> TripForm:
    form = TripForm() if filled else TripForm(formdata=None)
    form.stops.choices = [
        (one.manifest.id, f"{one.manifest.number} {one.manifest.stop}，{one.packs:,} 份")
        for one in stops
        if one.manifest.loaded_at is None
    ]
    if not filled:
        form.stops.data = [one.manifest.id for one in stops if one.manifest.trip_id is None]
    return form


@bp.post("/round/<int:round_id>/set_out")
@requires(ROUND_MANAGE)
def leave(round_id: int) -> Answer:
    try:
        with transaction() as session:
            stops = set_out(session, current_actor(), get_round(session, round_id))
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        return _round_page(round_id, refused=error), error.http_status
    wake()
    flash(
        f"开始配送了，一共 {stops:,} 处。下一步：排车，把链接发给司机。"
        if stops
        else "没有要送的货，这一期马上办结。",
        "success",
    )
    return redirect(url_for(".round_page", round_id=round_id), 303)


@bp.post("/round/<int:round_id>/rest")
@requires(ROUND_MANAGE)
def rest(round_id: int) -> Answer:
    """The operator knows from paper that all the others have their goods."""
    try:
        with transaction() as session:
            done, fen = accept_rest(session, current_actor(), get_round(session, round_id))
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        return _round_page(round_id, refused=error), error.http_status
    wake()
    flash(f"{done:,} 个订单办结，应付农户 {format_yuan(fen)} 元记进了账本。", "success")
    return redirect(url_for(".round_page", round_id=round_id), 303)


@bp.post("/round/<int:round_id>/trips")
@requires(ROUND_MANAGE)
def add_trip(round_id: int) -> Answer:
    found = get_round(db.session, round_id)
    form = _trip_form(manifests.progress_of(db.session, manifests.of_round(found)), filled=True)
    if not form.validate():
        return _round_page(round_id, form), 422
    vehicle = trips.Vehicle(
        str(form.carrier.data or ""), str(form.driver.data or ""), str(form.plate.data or "")
    )
    try:
        with transaction() as session:
            there = get_round(session, round_id)
            trips.make_trip(session, current_actor(), there, form.stops.data or [], vehicle)
    except MarketplaceError as error:
        form.refuse(error)
        return _round_page(round_id, form), error.http_status
    flash("车排好了。把链接发给司机，不用账号。", "success")
    return redirect(url_for(".round_page", round_id=round_id, _anchor="trips"), 303)


@bp.post("/trips/<int:trip_id>/renew")
@requires(ROUND_MANAGE)
def renew(trip_id: int) -> Response:
    with transaction() as session:
        trip = session.get(Trip, trip_id)
        if trip is None:
            raise NotFound("没有这趟车。")
        trips.renew(session, current_actor(), trip)
        round_id = trip.round_id
    flash("换了新的链接，旧的不能用了。", "success")
    return redirect(url_for(".round_page", round_id=round_id, _anchor="trips"), 303)


@bp.get("/manifests/<number>")
@requires(HAND_OVER)
def manifest(number: str) -> str:
    """On A4: what lies in the van for one stop, who gets it, where they sign."""
    found = manifests.get_manifest(db.session, current_scope(), number)
    rows = manifests.deliveries_of(db.session, found)
    return render_template(
        "fulfilment/manifest_paper.html",
        manifest=found,
        goods=manifests.goods_of(db.session, select(Manifest).where(Manifest.id == found.id))[
            found.id
        ],
        deliveries=rows,
        states=STATES,
        ends=ENDS,
        on_the_way=ON_THE_WAY,
        masked=mask_name,
        as_of=now(),
        back_url=url_for(".round_page", round_id=found.round_id)
        if current_actor().may(ROUND_MANAGE)
        else url_for("field.handover"),
    )


@bp.get("/manifests/<number>/photo")
@requires(HAND_OVER)
def photo(number: str) -> Response:
    """What the driver photographed when he handed over."""
    return photo_answer(manifests.get_manifest(db.session, current_scope(), number).photo)


@bp.get("/returns/<int:return_id>/photo")
@requires_any(HAND_OVER, ORDER_CANTEEN, ORDER_OWN, LOT_VIEW)
def return_photo(return_id: int) -> Response:
    """What was not accepted, for the buyer and for those who answer for the lot."""
    return photo_answer(get_return(db.session, current_actor(), return_id).photo)
