"""Recording and correcting one household by hand; statuses that begin and end."""

from flask import flash, redirect, render_template, url_for
from werkzeug import Response

from marketplace.core.clock import today
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, MarketplaceError
from marketplace.core.identifiers import parse_identity_number
from marketplace.households.household_form import (
    EndForm,
    HouseholdForm,
    NewHouseholdForm,
    StatusForm,
)
from marketplace.households.models import Household
from marketplace.households.register import (
    add_status,
    end_status,
    hand_over,
    likely_same,
    record_household,
)
from marketplace.households.service import (
    HouseholdInput,
    get_household,
    household_to_change,
)
from marketplace.households.views import bp, household_page
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import HOUSEHOLD_MANAGE
from marketplace.regions.places import villages_within

Page = str | Response | tuple[str, int]
Alike = list[tuple[Household, str]]


@bp.route("/households/new", methods=["GET", "POST"])
@requires(HOUSEHOLD_MANAGE)
def create() -> Page:
    return _edit(NewHouseholdForm(), None)


@bp.route("/households/<int:household_id>/edit", methods=["GET", "POST"])
@requires(HOUSEHOLD_MANAGE)
def edit(household_id: int) -> Page:
    household = get_household(db.session, current_scope(), household_id)
    form = HouseholdForm()
    if not form.is_submitted():
        form.region_code.data = household.region_code
        form.persons.data = str(household.persons)
        land, birds = household.land_mu_hundredths, household.poultry
        form.land.data = "" if land is None else f"{land / 100:g}"
        form.poultry.data = "" if birds is None else str(birds)
    return _edit(form, household)


def _edit(form: HouseholdForm, held: Household | None) -> Page:
    scope = current_scope()
    form.region_code.choices = {"": "请选"} | villages_within(db.session, scope.covers_region)
    status = 422 if form.is_submitted() else 200
    alike: Alike = []
    if form.validate_on_submit():
        try:
            given = form.given(held)
            if not form.other_household.data and _says_who(form, given, held):
                alike = likely_same(db.session, scope, given, held.id if held else None)
            if alike:
                raise Conflict("可能已经登记过，请先核对下面这几户。", code="likely_same")
            household_id = _save(form, given, held.id if held else None)
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
        else:
            return redirect(url_for("households.show", household_id=household_id))
    page = render_template("households/edit.html", form=form, household=held, alike=alike)
    return page, status


def _says_who(form: HouseholdForm, given: HouseholdInput, held: Household | None) -> bool:
    """A correction of the land alone asks nobody whether this is another household."""
    moved = held is not None and given.region_code != held.region_code
    return held is None or moved or bool(form.head_name.data or form.identity_no.data)


def _save(form: HouseholdForm, given: HouseholdInput, household_id: int | None) -> int:
    actor, scope = current_actor(), current_scope()
    with transaction() as session:
        held = household_to_change(session, scope, household_id) if household_id else None
        household = record_household(session, actor, scope, given, held)
        login = form.cadre.data if isinstance(form, NewHouseholdForm) else ""
        if login:
            hand_over(session, actor, household, str(login))
        saved = household.id
    flash("保存好了。", "success")
    if given.identity_no:
        warning = parse_identity_number(given.identity_no, today=today()).warning
        if warning:
            flash(warning, "warning")
    return saved


@bp.post("/households/<int:household_id>/statuses")
@requires(HOUSEHOLD_MANAGE)
def status_add(household_id: int) -> Response | tuple[str, int]:
    form = StatusForm()
    try:
        form.check()
        with transaction() as session:
            household = household_to_change(session, current_scope(), household_id)
            add_status(session, current_actor(), household, form.status())
    except MarketplaceError as error:
        return household_page(household_id, refused=error, typed=form), error.http_status
    flash("记好了，原来的类别都在。", "success")
    return redirect(url_for("households.show", household_id=household_id))


@bp.post("/households/<int:household_id>/statuses/<int:status_id>/end")
@requires(HOUSEHOLD_MANAGE)
def status_end(household_id: int, status_id: int) -> Response | tuple[str, int]:
    form = EndForm()
    try:
        form.check()
        assert form.until.data is not None
        with transaction() as session:
            household = household_to_change(session, current_scope(), household_id)
            end_status(session, current_actor(), household, status_id, form.until.data)
    except MarketplaceError as error:
        return household_page(household_id, refused=error, typed=form), error.http_status
    flash("记好了，到那天为止。", "success")
    return redirect(url_for("households.show", household_id=household_id))
