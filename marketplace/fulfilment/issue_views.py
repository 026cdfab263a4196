"""Before sheets are out: what is still missing, and the button."""

from flask import flash, redirect, render_template, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug import Response
from wtforms import SelectChoice

from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError, NotFound
from marketplace.core.wake import wake
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.fulfilment.late_slots import SlotForm, add_slot
from marketplace.fulfilment.portions import regions_without_slot
from marketplace.fulfilment.views import bp
from marketplace.identity.access import current_actor, requires
from marketplace.identity.permissions import SHEET_ISSUE
from marketplace.orders.places import active_places
from marketplace.orders.round_models import CollectionPoint, Round
from marketplace.orders.rounds import get_round
from marketplace.regions.models import Region


@bp.get("/round/<int:round_id>/issue")
@requires(SHEET_ISSUE)
def to_issue(round_id: int) -> Response | str:
    found = get_round(db.session, round_id)
    if found.state != "allocated":
        return redirect(url_for("sheets.round", round_id=round_id))
    return _page(found, SlotForm(formdata=None))


def _page(found: Round, form: SlotForm, refused: MarketplaceError | None = None) -> str:
    missing = db.session.scalars(
        select(Region)
        .where(Region.code.in_(regions_without_slot(db.session, found)))
        .options(joinedload(Region.parent))
        .order_by(Region.code)
    ).all()
    form.region_code.choices = [
        SelectChoice(region.code, f"{region.parent.name if region.parent else ''}{region.name}")
        for region in missing
    ]
    form.point_id.choices = [
        SelectChoice(str(point.id), point.name)
        for point in active_places(db.session, CollectionPoint)
    ]
    return render_template(
        "fulfilment/issue.html", round=found, missing=missing, form=form, refused=refused
    )


@bp.post("/round/<int:round_id>/issue")
@requires(SHEET_ISSUE)
def issue(round_id: int) -> Response | tuple[str, int]:
    try:
        with transaction() as session:
            count = issue_sheets(session, current_actor(), get_round(session, round_id))
    except NotFound:
        raise
    except MarketplaceError as error:
        found = get_round(db.session, round_id)
        return _page(found, SlotForm(formdata=None), error), error.http_status
    wake()
    flash(f"{count} 张备货单已发出，已告诉各户的联系人。", "success")
    return redirect(url_for("sheets.round", round_id=round_id))


@bp.post("/round/<int:round_id>/slot")
@requires(SHEET_ISSUE)
def slot(round_id: int) -> Response | tuple[str, int]:
    form = SlotForm()
    if form.validate_on_submit():
        try:
            with transaction() as session:
                add_slot(session, current_actor(), get_round(session, round_id), form.slot())
        except MarketplaceError as error:
            form.refuse(error)
        else:
            flash("集货时间排好了。", "success")
            return redirect(url_for("sheets.to_issue", round_id=round_id))
    return _page(get_round(db.session, round_id), form), 422
