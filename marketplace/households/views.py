"""Households at a desk: found, looked after, handed over; names and numbers only with a reason."""

from collections.abc import Sequence

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import joinedload, selectinload
from werkzeug import Response

from marketplace.core.clock import today
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.core.secret_text import keyring
from marketplace.core.validity import in_force
from marketplace.households import register, service
from marketplace.households.household_form import (
    ConsentForm,
    EndForm,
    HandOverForm,
    RevealForm,
    StatusForm,
)
from marketplace.households.models import (
    MONITOR_KINDS,
    OUT_OF_POVERTY_SINCE,
    SUPPORT_KINDS,
    CadreAssignment,
    Consent,
    CooperativeMember,
    Household,
    SupportStatus,
)
from marketplace.households.search import part_of_name, villages_of, whole_name
from marketplace.identity import audit
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.models import Organisation, RoleGrant, User
from marketplace.identity.permissions import HOUSEHOLD_MANAGE, HOUSEHOLD_VIEW, PERSONAL_REVEAL
from marketplace.identity.scope import Where
from marketplace.web.forms import Form
from marketplace.web.paging import paginate

bp = Blueprint("households", __name__)
FORMS: dict[str, type[Form]] = {
    "reveal": RevealForm,
    "hand_over": HandOverForm,
    "consent": ConsentForm,
    "status": StatusForm,
    "end": EndForm,
}
KINDS = {"monitored": "监测对象", "povertyexit": "脱贫户", "other": "其他户"}


@bp.get("/households")
@requires(HOUSEHOLD_VIEW)
def index() -> str:
    words = request.args.get("q", "").strip()[:60]
    village, kind = request.args.get("village", ""), request.args.get("kind", "")
    statement = current_scope().visible(select(Household)).where(Household.active)
    villages = villages_of(db.session, current_scope())
    if village in {code for code, _ in villages}:
        statement = statement.where(Household.region_code == village)
    if kind in KINDS:
        statement = statement.where(_of_kind(kind))
    if words:
        statement = _search(statement, words, village)
    statement = statement.options(
        joinedload(Household.region),
        selectinload(Household.statuses),
        selectinload(Household.assignments),
    ).order_by(Household.region_code, Household.household_no)
    return render_template(
        "households/index.html",
        page=paginate(db.session, statement),
        words=words,
        village=village,
        kind=kind,
        villages=villages,
        kinds=KINDS,
        statuses_today=service.statuses_today,
        cadres=_cadre_names(),
        may_manage=current_actor().may(HOUSEHOLD_MANAGE),
    )


def _of_kind(kind: str) -> Where:
    def held(*kinds: str) -> Select[int]:
        return select(SupportStatus.household_id).where(
            SupportStatus.kind.in_(kinds), in_force(SupportStatus, today())
        )

    if kind == "monitored":
        return Household.id.in_(held(*MONITOR_KINDS))
    if kind == "povertyexit":
        return Household.id.in_(held("povertyexit"))
    return Household.id.not_in(held("povertyexit", *MONITOR_KINDS))


def _search(statement: Select[Household], words: str, village: str) -> Select[Household]:
    """By exact number, name or phone; by a part of a name inside one village, for those who may see
    names in full anyway."""
    digits = "".join(words.split()).replace("-", "")
    matches = [
        Household.household_no == words,
        whole_name(words),
        Household.phone_hash == keyring.lookup(digits),
    ]
    if village and current_actor().may(PERSONAL_REVEAL):
        matches.append(part_of_name(db.session, current_scope(), words, village))
    return statement.where(or_(*matches))


def _cadre_names() -> dict[int, str]:
    rows = db.session.execute(
        select(User.id, User.display_name)
        .join(RoleGrant, RoleGrant.user_id == User.id)
        .where(RoleGrant.role == "cadre")
    )
    return {row.id: row.display_name for row in rows}


@bp.get("/households/<int:household_id>")
@requires(HOUSEHOLD_VIEW)
def show(household_id: int) -> str:
    return household_page(household_id)


def household_page(
    household_id: int,
    *,
    shown: bool = False,
    refused: MarketplaceError | None = None,
    typed: Form | None = None,
) -> str:
    """`typed` is the form that was refused: it comes back as it was filled in."""
    household = service.get_household(db.session, current_scope(), household_id)
    if typed is not None and refused is not None:
        typed.refuse(refused)
    assignments = db.session.scalars(
        select(CadreAssignment)
        .where(CadreAssignment.household_id == household.id)
        .options(joinedload(CadreAssignment.user))
        .order_by(CadreAssignment.valid_from.desc())
    ).all()
    memberships = db.session.scalars(
        select(CooperativeMember)
        .where(CooperativeMember.household_id == household.id)
        .options(joinedload(CooperativeMember.organisation))
        .order_by(CooperativeMember.valid_from)
    ).all()
    consents = db.session.scalars(
        select(Consent)
        .where(Consent.household_id == household.id)
        .order_by(Consent.given_at.desc())
    ).all()
    actor = current_actor()
    forms = {name: kind(formdata=None) for name, kind in FORMS.items()}
    forms |= {name: typed for name, kind in FORMS.items() if isinstance(typed, kind)}
    return render_template(
        "households/show.html",
        household=household,
        kinds=SUPPORT_KINDS,
        povertyexit_from=OUT_OF_POVERTY_SINCE,
        statuses=sorted(household.statuses, key=lambda status: (status.valid_from, status.id)),
        assignments=assignments,
        memberships=memberships,
        consents=consents,
        consented=any(consent.withdrawn_at is None for consent in consents),
        shown=shown,
        refused=refused,
        forms=forms,
        units={unit.id for unit in _units_in_reach(memberships)},
        ending=(request.view_args or {}).get("status_id"),
        today=today(),
        may_manage=actor.may(HOUSEHOLD_MANAGE),
        may_reveal=actor.may(PERSONAL_REVEAL),
    )


def _units_in_reach(memberships: Sequence[CooperativeMember]) -> Sequence[Organisation]:
    ids = [membership.organisation_id for membership in memberships]
    reach = current_scope().visible(select(Organisation)).where(Organisation.id.in_(ids))
    return db.session.scalars(reach).all() if ids else ()


@bp.post("/households/<int:household_id>/reveal")
@requires(PERSONAL_REVEAL)
def reveal(household_id: int) -> str | tuple[str, int]:
    """Name, phone and ID once, for a reason that stays in the trail. Never by GET, never in the address."""
    form = RevealForm()
    try:
        form.check()
    except MarketplaceError as error:
        return household_page(household_id, refused=error, typed=form), error.http_status
    with transaction() as session:
        household = service.get_household(session, current_scope(), household_id)
        reason = str(form.reason.data)
        audit.record(
            session, current_actor(), "personal_revealed", "household", household.id, reason=reason
        )
    return household_page(household_id, shown=True)


@bp.post("/households/<int:household_id>/hand-over")
@requires(HOUSEHOLD_MANAGE)
def hand_over(household_id: int) -> Response | tuple[str, int]:
    form = HandOverForm()
    try:
        form.check()
        with transaction() as session:
            household = service.household_to_change(session, current_scope(), household_id)
            register.hand_over(session, current_actor(), household, str(form.cadre.data))
    except MarketplaceError as error:
        return household_page(household_id, refused=error, typed=form), error.http_status
    flash("交接好了，从今天起由新的联系人负责，以前的记录都在。", "success")
    return redirect(url_for("households.show", household_id=household_id))


@bp.post("/households/<int:household_id>/consent")
@requires(HOUSEHOLD_MANAGE)
def consent(household_id: int) -> Response | tuple[str, int]:
    """Record consent to the masked name on public pages, or its withdrawal, which takes effect at once."""
    form = ConsentForm()
    withdrawn = request.form.get("act") == "withdraw"
    try:
        if not withdrawn:
            form.check()
        with transaction() as session:
            household = service.household_to_change(session, current_scope(), household_id)
            if withdrawn:
                service.withdraw_consent(session, current_actor(), household)
            else:
                service.give_consent(session, current_actor(), household, str(form.how.data))
    except MarketplaceError as error:
        return household_page(household_id, refused=error, typed=form), error.http_status
    flash("已撤回，公开页面马上不再显示。" if withdrawn else "记好了。", "success")
    return redirect(url_for("households.show", household_id=household_id))
