"""Pickup points and collection points of the county."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from sqlalchemy import select
from werkzeug import Response
from wtforms import SelectField, TextAreaField

from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.identity.access import current_actor, requires
from marketplace.identity.permissions import ROUND_MANAGE
from marketplace.orders import places
from marketplace.orders.places import WORDS, PlaceInput
from marketplace.orders.round_models import CollectionPoint, PickupPoint
from marketplace.regions.models import Region
from marketplace.web.forms import Form, TrimmedField, at_most, required

bp = Blueprint("places", __name__)
Answer = str | Response | tuple[str, int]


class PlaceForm(Form):
    name = TrimmedField("名字", required("请写地点的名字。") + [at_most(60)])
    address = TrimmedField("地址", required("请写地址，让人找得到。") + [at_most(200)])
    region_code = SelectField("在哪个乡镇或村", validate_choice=False)
    directions = TextAreaField("怎么走", [at_most(200)])


@bp.get("/places")
@requires(ROUND_MANAGE)
def index() -> str:
    return _list()


def _list(refused: MarketplaceError | None = None) -> str:
    return render_template(
        "orders/places/index.html",
        groups=[
            ("pickup", WORDS["pickup"], places.places(db.session, PickupPoint)),
            ("collection", WORDS["collection"], places.places(db.session, CollectionPoint)),
        ],
        refused=refused,
    )


@bp.route("/places/<kind>/new", methods=["GET", "POST"])
@requires(ROUND_MANAGE)
def new(kind: str) -> Answer:
    return _edit(kind, None)


@bp.route("/places/<kind>/<int:place_id>", methods=["GET", "POST"])
@requires(ROUND_MANAGE)
def edit(kind: str, place_id: int) -> Answer:
    return _edit(kind, place_id)


def _edit(kind: str, place_id: int | None) -> Answer:
    if kind not in WORDS:
        abort(404)
    found = places.get_place(db.session, kind, place_id) if place_id is not None else None
    form = PlaceForm(obj=found)
    form.region_code.choices = _regions()
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        given = PlaceInput(
            form.name.data, form.address.data, form.region_code.data, form.directions.data or ""
        )
        try:
            with transaction() as session:
                places.save_place(session, current_actor(), kind, given, place_id)
            flash(f"{WORDS[kind]}存好了。", "success")
            return redirect(url_for(".index"))
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
    page = render_template(
        "orders/places/form.html", form=form, kind=kind, word=WORDS[kind], new=found is None
    )
    return page, status


def _regions() -> list[tuple[str, str]]:
    """Towns and villages as people know them: a village behind its town."""
    rows = db.session.execute(
        select(Region.code, Region.name, Region.level)
        .where(Region.valid_until.is_(None))
        .order_by(Region.code)
    ).all()
    names = {row.code: row.name for row in rows}
    return [
        (row.code, f"{names.get(row.code[:9] + '000', '')} {row.name}")
        if row.level == "village"
        else (row.code, row.name)
        for row in rows
    ]


@bp.post("/places/<kind>/<int:place_id>/<any(stop, use):what>")
@requires(ROUND_MANAGE)
def switch(kind: str, place_id: int, what: str) -> Answer:
    try:
        with transaction() as session:
            found = places.get_place(session, kind, place_id)
            places.set_active(session, current_actor(), found, active=what == "use")
    except MarketplaceError as error:
        return _list(error), error.http_status
    flash("重新启用了。" if what == "use" else "停用了，新的期次里不再出现。", "success")
    return redirect(url_for(".index"))
