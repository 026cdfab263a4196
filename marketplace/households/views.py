"""Households at a desk: found, looked after, handed over; names and numbers only with a reason."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import joinedload, selectinload
from werkzeug import Response

from marketplace.core.clock import today
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.core.secret_text import keyring
from marketplace.households import service
from marketplace.households.models import (
    MONITOR_KINDS,
    SUPPORT_KINDS,
    CadreAssignment,
    Consent,
    CooperativeMember,
    Household,
    SupportStatus,
    in_force,
)
from marketplace.identity import audit
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.models import RoleGrant, User
from marketplace.identity.permissions import HOUSEHOLD_MANAGE, HOUSEHOLD_VIEW, PERSONAL_REVEAL
from marketplace.identity.scope import Where
from marketplace.regions.models import Region
from marketplace.web.forms import Form, TrimmedField, at_most, required
from marketplace.web.paging import paginate

bp = Blueprint("households", __name__)
KINDS = {"monitored": "监测对象", "povertyexit": "脱贫户", "other": "其他户"}


class RevealForm(Form):
    reason = TrimmedField("为什么要看", required("请写为什么要看，会留下记录。") + [at_most(100)])


class HandOverForm(Form):
    cadre = TrimmedField("接手人的账号", required("请填接手人的账号。") + [at_most(60)])


class ConsentForm(Form):
    how = TrimmedField("怎么同意的", required("请写怎么同意的，例如上门签字。") + [at_most(100)])


@bp.get("/households")
@requires(HOUSEHOLD_VIEW)
def index() -> str:
    words = request.args.get("q", "").strip()[:60]
    village, kind = request.args.get("village", ""), request.args.get("kind", "")
    statement = current_scope().visible(select(Household)).where(Household.active)
    villages = _villages()
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
    )


def _villages() -> list[tuple[str, str]]:
    """Villages in which somebody in reach lives, with their town."""
    codes = (
        current_scope()
        .visible(select(Household))
        .with_only_columns(Household.region_code)
        .distinct()
    )
    rows = db.session.scalars(
        select(Region)
        .where(Region.code.in_(codes))
        .options(joinedload(Region.parent))
        .order_by(Region.code)
    )
    return [(r.code, f"{r.parent.name}{r.name}" if r.parent else r.name) for r in rows]


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
    """By exact number, name or phone; a part of a name only inside one village, where few are read."""
    digits = "".join(words.split()).replace("-", "")
    exact = or_(
        Household.household_no == words,
        Household.head_name_hash == keyring.lookup(words),
        Household.phone_hash == keyring.lookup(digits),
    )
    if not village:
        return statement.where(exact)
    inside = db.session.execute(
        current_scope()
        .visible(select(Household))
        .where(Household.region_code == village)
        .with_only_columns(Household.id, Household.head_name)
    )
    return statement.where(
        or_(exact, Household.id.in_([row.id for row in inside if words in row.head_name]))
    )


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
    return _page(household_id)


def _page(
    household_id: int, *, shown: bool = False, refused: MarketplaceError | None = None
) -> str:
    household = service.get_household(db.session, current_scope(), household_id)
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
    ).all()
    consents = db.session.scalars(
        select(Consent)
        .where(Consent.household_id == household.id)
        .order_by(Consent.given_at.desc())
    ).all()
    actor = current_actor()
    return render_template(
        "households/show.html",
        household=household,
        kinds=SUPPORT_KINDS,
        assignments=assignments,
        memberships=memberships,
        consents=consents,
        consented=any(consent.withdrawn_at is None for consent in consents),
        shown=shown,
        refused=refused,
        may_manage=actor.may(HOUSEHOLD_MANAGE),
        may_reveal=actor.may(PERSONAL_REVEAL),
        reveal_form=RevealForm(formdata=None),
        hand_over_form=HandOverForm(formdata=None),
        consent_form=ConsentForm(formdata=None),
    )


def _first_error(form: Form) -> InvalidInput:
    field, messages = next(iter(form.errors.items()))
    return InvalidInput(str(messages[0]), code="invalid", field=field)


@bp.post("/households/<int:household_id>/reveal")
@requires(PERSONAL_REVEAL)
def reveal(household_id: int) -> str | tuple[str, int]:
    """Name, phone and ID once, for a reason that stays in the trail. Never by GET, never in the address."""
    form = RevealForm()
    if not form.validate():
        return _page(household_id, refused=_first_error(form)), 422
    with transaction() as session:
        household = service.get_household(session, current_scope(), household_id)
        reason = str(form.reason.data)
        audit.record(
            session, current_actor(), "personal_revealed", "household", household.id, reason=reason
        )
    return _page(household_id, shown=True)


@bp.post("/households/<int:household_id>/hand-over")
@requires(HOUSEHOLD_MANAGE)
def hand_over(household_id: int) -> Response | tuple[str, int]:
    form = HandOverForm()
    try:
        if not form.validate():
            raise _first_error(form)
        with transaction() as session:
            household = service.get_household(session, current_scope(), household_id)
            login = str(form.cadre.data).lower()
            cadre = session.scalar(
                select(User)
                .join(RoleGrant, RoleGrant.user_id == User.id)
                .where(User.login_name == login, User.active, RoleGrant.role == "cadre")
            )
            if cadre is None:
                raise InvalidInput(
                    "没有这个帮扶联系人的账号，请核对。", code="unknown_account", field="cadre"
                )
            if service.assign_cadre(household, cadre.id, today()):
                audit.record(
                    session,
                    current_actor(),
                    "cadre_assigned",
                    "household",
                    household.id,
                    cadre=cadre.id,
                )
    except MarketplaceError as error:
        return _page(household_id, refused=error), error.http_status
    flash("交接好了，从今天起由新的联系人负责，以前的记录都在。", "success")
    return redirect(url_for("households.show", household_id=household_id))


@bp.post("/households/<int:household_id>/consent")
@requires(HOUSEHOLD_MANAGE)
def consent(household_id: int) -> Response | tuple[str, int]:
    """Record consent to the masked name on public pages, or its withdrawal, which takes effect at once."""
    form = ConsentForm()
    withdrawn = request.form.get("act") == "withdraw"
    try:
        if not withdrawn and not form.validate():
            raise _first_error(form)
        with transaction() as session:
            household = service.get_household(session, current_scope(), household_id)
            if withdrawn:
                service.withdraw_consent(session, current_actor(), household)
            else:
                service.give_consent(session, current_actor(), household, str(form.how.data))
    except MarketplaceError as error:
        return _page(household_id, refused=error), error.http_status
    flash("已撤回，公开页面马上不再显示。" if withdrawn else "记好了。", "success")
    return redirect(url_for("households.show", household_id=household_id))
