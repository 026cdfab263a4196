"""Cooperatives at a desk: who they are, and which households are members since when."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response
from wtforms import BooleanField, SelectField

from marketplace.core.clock import today
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.households import cooperatives as service
from marketplace.households.household_form import EndForm
from marketplace.households.service import statuses_today
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.models import ORGANISATION_KINDS, SUPPLIER_KINDS, Organisation
from marketplace.identity.organisations import OrganisationInput
from marketplace.identity.permissions import HOUSEHOLD_MANAGE, HOUSEHOLD_VIEW
from marketplace.regions.places import Choices, region_choices
from marketplace.web.forms import Form, TrimmedField, at_most, required
from marketplace.web.paging import paginate
from marketplace.web.time_fields import DayField

bp = Blueprint("cooperatives", __name__, url_prefix="/cooperatives")
KINDS = {kind: ORGANISATION_KINDS[kind] for kind in sorted(SUPPLIER_KINDS)}
Page = str | Response | tuple[str, int]


class CooperativeForm(Form):
    name = TrimmedField("名称", required("请填名称。") + [at_most(120)])
    kind = SelectField("类型", required("请选类型。"), choices=KINDS)
    uscc = TrimmedField("统一社会信用代码", [at_most(40)])
    region_code = SelectField("所在地", required("请选所在地。"))
    address = TrimmedField("地址", [at_most(200)])
    active = BooleanField("正常使用", default=True)

    def given(self) -> OrganisationInput:
        return OrganisationInput(
            name=str(self.name.data),
            kind=str(self.kind.data),
            region_code=str(self.region_code.data),
            uscc=str(self.uscc.data or ""),
            address=str(self.address.data or ""),
            active=bool(self.active.data),
        )


class MemberForm(Form):
    household = TrimmedField("户编号或户主全名", required("请写户编号。") + [at_most(30)])
    since = DayField("从哪天起", required("请填入社日期。"), default=today)


@bp.get("")
@requires(HOUSEHOLD_VIEW)
def index() -> str:
    words = request.args.get("q", "").strip()[:60]
    page = paginate(db.session, service.cooperatives(current_scope(), words))
    return render_template(
        "households/cooperatives.html",
        page=page,
        words=words,
        kinds=KINDS,
        counts=service.member_counts(db.session, [unit.id for unit in page.items]),
        may_manage=current_actor().may(HOUSEHOLD_MANAGE),
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(HOUSEHOLD_MANAGE)
def create() -> Page:
    return _edit(None)


@bp.route("/<int:organisation_id>/edit", methods=["GET", "POST"])
@requires(HOUSEHOLD_MANAGE)
def edit(organisation_id: int) -> Page:
    return _edit(service.get_cooperative(db.session, current_scope(), organisation_id))


def _edit(unit: Organisation | None) -> Page:
    form = CooperativeForm(obj=unit)
    form.region_code.choices = {"": "请选"} | _places()
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            saved = _save(form.given(), unit.id if unit else None)
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
        else:
            flash("保存好了。", "success")
            return redirect(url_for("cooperatives.show", organisation_id=saved))
    return render_template("households/cooperative_edit.html", form=form, unit=unit), status


def _save(given: OrganisationInput, unit_id: int | None) -> int:
    scope = current_scope()
    with transaction() as session:
        held = service.get_cooperative(session, scope, unit_id) if unit_id else None
        return service.save_cooperative(session, current_actor(), scope, given, held).id


def _places() -> Choices:
    """County, towns and villages within reach, villages under their towns."""
    covers, found = current_scope().covers_region, Choices()
    for key, value in region_choices(db.session, ("county", "town", "village")).items():
        if isinstance(value, str):
            found |= {key: value} if covers(key) else {}
        elif here := {code: name for code, name in value.items() if covers(code)}:
            found[key] = here
    return found


@bp.get("/<int:organisation_id>")
@requires(HOUSEHOLD_VIEW)
def show(organisation_id: int) -> str:
    return _page(organisation_id)


def _page(
    organisation_id: int, refused: MarketplaceError | None = None, typed: Form | None = None
) -> str:
    """`typed` is the form that was refused: it comes back as it was filled in."""
    scope = current_scope()
    unit = service.get_cooperative(db.session, scope, organisation_id)
    if typed is not None and refused is not None:
        typed.refuse(refused)
    page = paginate(db.session, service.members(scope, unit))
    everyone, now = service.all_and_present(db.session, unit)
    return render_template(
        "households/cooperative.html",
        unit=unit,
        kinds=KINDS,
        page=page,
        others=everyone - page.total,
        now=now,
        statuses_today=statuses_today,
        refused=refused,
        form=typed if isinstance(typed, MemberForm) else MemberForm(formdata=None),
        ending=(request.view_args or {}).get("member_id"),
        end_typed=request.form.get("until", "")[:20],
        today=today(),
        may_manage=current_actor().may(HOUSEHOLD_MANAGE),
    )


@bp.post("/<int:organisation_id>/members")
@requires(HOUSEHOLD_MANAGE)
def member_add(organisation_id: int) -> Response | tuple[str, int]:
    form = MemberForm()
    try:
        form.check()
        assert form.since.data is not None
        with transaction() as session:
            scope = current_scope()
            unit = service.get_cooperative(session, scope, organisation_id)
            household = service.find_household(session, scope, str(form.household.data))
            service.enrol(session, current_actor(), unit, household, form.since.data)
    except MarketplaceError as error:
        return _page(organisation_id, error, form), error.http_status
    flash("加好了。", "success")
    return redirect(url_for("cooperatives.show", organisation_id=organisation_id))


@bp.post("/<int:organisation_id>/members/<int:member_id>/end")
@requires(HOUSEHOLD_MANAGE)
def member_end(organisation_id: int, member_id: int) -> Response | tuple[str, int]:
    form = EndForm()
    try:
        form.check()
        assert form.until.data is not None
        with transaction() as session:
            scope = current_scope()
            unit = service.get_cooperative(session, scope, organisation_id)
            service.end_membership(
                session, current_actor(), scope, unit, member_id, form.until.data
            )
    except MarketplaceError as error:
        return _page(organisation_id, error, form), error.http_status
    flash("记好了，以前的记录都在。", "success")
    return redirect(url_for("cooperatives.show", organisation_id=organisation_id))
