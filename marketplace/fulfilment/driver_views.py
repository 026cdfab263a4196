"""The driver's page: stops in a list, loaded, handed over. Its link is all he needs."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_wtf.file import FileField
from werkzeug import Response
from wtforms import HiddenField

from marketplace.catalog.uploads import photo_of
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, MarketplaceError
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
    )


def _form(stop: Manifest) -> HandOverForm:
    return HandOverForm(formdata=None, prefix=f"s{stop.id}")


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
    found = trips.trip_by_token(db.session, token)
    form = HandOverForm(prefix=f"s{manifest_id}")
    if not form.validate():
        return _page(found, manifest_id, form), 422
    try:
        given = _given(form)
        with transaction() as session:
            again = trips.trip_by_token(session, token)
            trips.record_handed_over(session, again, manifest_id, given)
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        form.refuse(error)
        return _page(trips.trip_by_token(db.session, token), manifest_id, form), error.http_status
    flash("交接记好了。", "success")
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
