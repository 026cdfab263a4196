"""The driver's page: stops in a list, loaded, handed over. Its link is all he needs."""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_wtf.file import FileField
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug import Response
from wtforms import HiddenField

from marketplace.catalog.uploads import photo_answer, photo_of
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, MarketplaceError, NotFound
from marketplace.core.spoken_number import read_count
from marketplace.fulfilment import manifests, trips
from marketplace.fulfilment.crates import crates
from marketplace.fulfilment.delivery_models import Manifest, Trip
from marketplace.identity.access import public
from marketplace.web.forms import Form, TrimmedField, at_most, required

bp = Blueprint("driver", __name__, url_prefix="/d")
Answer = str | Response | tuple[str, int]


class HandOverForm(Form):
    to = TrimmedField("交给了谁", [*required("请写交给了谁。"), at_most(20)])
    crates_out = TrimmedField("留下几个筐", [at_most(6)])
    crates_back = TrimmedField("带回几个空筐", [at_most(6)])
    photo = FileField("照片")
    kept = HiddenField()


@bp.get("/<token>")
@public
def trip(token: str) -> str:
    return _page(trips.trip_by_token(db.session, token))


def _page(found: Trip, at: int = 0, form: HandOverForm | None = None) -> str:
    stops = manifests.progress_of(db.session, manifests.of_trip(found))
    there = {(one.point_id, one.unit_id): one.there for one in crates(db.session, found)}
    goods = manifests.goods_of(db.session, manifests.of_trip(found))
    return render_template(
        "fulfilment/driver.html",
        trip=found,
        stops=[
            (
                one,
                goods[one.manifest.id],
                there.get((one.manifest.pickup_point_id, one.manifest.organisation_id), 0),
                form if form and one.manifest.id == at else _form(one.manifest),
            )
            for one in stops
        ],
        at=at,
        awaiting=trips.awaiting(db.session, [one.manifest.id for one in stops]),
    )


def _form(stop: Manifest) -> HandOverForm:
    """Empty, or what was said when it was handed over."""
    said = {
        "to": stop.handed_to,
        "crates_out": str(stop.crates_out),
        "crates_back": str(stop.crates_back),
    }
    data = said if stop.handed_over_at else {}
    return HandOverForm(formdata=None, prefix=f"s{stop.id}", data=data)


@bp.post("/<token>/stops/<int:manifest_id>/loaded")
@public
def loaded(token: str, manifest_id: int) -> Response:
    try:
        with transaction() as session:
            trips.record_loaded(session, trips.trip_by_token(session, token), manifest_id)
        flash("装好了。", "success")
    except Conflict as error:
        flash(error.message, "error")
    return redirect(url_for(".trip", token=token, _anchor=f"stop-{manifest_id}"), 303)


@bp.post("/<token>/stops/<int:manifest_id>/handed")
@public
def handed(token: str, manifest_id: int) -> Answer:
    return _hand(token, manifest_id, trips.record_handed_over, "交接记好了。")


@bp.post("/<token>/stops/<int:manifest_id>/corrected")
@public
def corrected(token: str, manifest_id: int) -> Answer:
    """What was said of handing over was a slip."""
    return _hand(token, manifest_id, trips.correct_handed_over, "改好了。")


@bp.get("/<token>/stops/<int:manifest_id>/photo")
@public
def photo(token: str, manifest_id: int) -> Response:
    """What the driver himself photographed."""
    found = trips.trip_by_token(db.session, token)
    mine = select(Manifest.photo).where(Manifest.id == manifest_id, Manifest.trip_id == found.id)
    digest = db.session.scalar(mine)
    if not digest:
        raise NotFound("没有这张照片。")
    return photo_answer(digest)


Act = Callable[[Session, Trip, int, trips.HandedOver], None]


def _hand(token: str, manifest_id: int, act: Act, done: str) -> Answer:
    found = trips.trip_by_token(db.session, token)
    form = HandOverForm(prefix=f"s{manifest_id}")
    if not form.validate():
        return _page(found, manifest_id, form), 422
    try:
        given = _given(form)
        with transaction() as session:
            again = trips.trip_by_token(session, token)
            act(session, again, manifest_id, given)
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        form.refuse(error)
        return _page(trips.trip_by_token(db.session, token), manifest_id, form), error.http_status
    flash(done, "success")
    return redirect(url_for(".trip", token=token), 303)


def _given(form: HandOverForm) -> trips.HandedOver:
    photo = photo_of(form)

    def crates(field: TrimmedField, name: str) -> int:
        typed = str(field.data or "") or "0"
        return read_count(typed, field.label.text, least=0, most=trips.MOST_CRATES, field=name)

    return trips.HandedOver(
        str(form.to.data or ""),
        crates(form.crates_out, "crates_out"),
        crates(form.crates_back, "crates_back"),
        photo,
    )
