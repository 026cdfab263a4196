"""Cooperatives and leading enterprises with their members over time."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.clock import today
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.validity import in_force
from marketplace.households.models import CooperativeMember, Household
from marketplace.households.search import whole_name
from marketplace.households.service import add_member
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import SUPPLIER_KINDS, Organisation
from marketplace.identity.organisations import (
    OrganisationInput,
    get_organisation,
    organisations,
    save_organisation,
)
from marketplace.identity.scope import Scope


def cooperatives(scope: Scope, words: str) -> Select[Organisation]:
    return organisations(scope, words, "").where(Organisation.kind.in_(SUPPLIER_KINDS))


def get_cooperative(session: Session, scope: Scope, organisation_id: int) -> Organisation:
    unit = get_organisation(session, scope, organisation_id)
    if unit.kind not in SUPPLIER_KINDS:
        raise NotFound("没有这个合作社。")
    return unit


def ids_by_name_and_code(
    session: Session, scope: Scope, kinds: Collection[str] = SUPPLIER_KINDS
) -> dict[str, int]:
    """Cooperatives within reach as files call them: by name, and by social credit code."""
    rows = session.execute(
        scope.visible(select(Organisation))
        .where(Organisation.kind.in_(kinds))
        .with_only_columns(Organisation.id, Organisation.name, Organisation.uscc)
    ).all()
    return {row.uscc: row.id for row in rows if row.uscc} | {row.name: row.id for row in rows}


def member_counts(session: Session, unit_ids: list[int]) -> dict[int, int]:
    """Members today, whoever may see them: a count names nobody."""
    rows = session.execute(
        select(CooperativeMember.organisation_id, func.count())
        .where(
            CooperativeMember.organisation_id.in_(unit_ids), in_force(CooperativeMember, today())
        )
        .group_by(CooperativeMember.organisation_id)
    )
    return {row[0]: row[1] for row in rows}


def all_and_present(session: Session, unit: Organisation) -> tuple[int, int]:
    """Memberships ever, and members today."""
    everyone, now = session.execute(
        select(func.count(), func.count().filter(in_force(CooperativeMember, today()))).where(
            CooperativeMember.organisation_id == unit.id
        )
    ).one()
    return everyone, now


def members(scope: Scope, unit: Organisation) -> Select[CooperativeMember]:
    """Memberships of households within reach, those of today first."""
    return (
        select(CooperativeMember)
        .join(CooperativeMember.household)
        .where(CooperativeMember.organisation_id == unit.id, Household.within(scope))
        .options(
            joinedload(CooperativeMember.household).joinedload(Household.region),
            joinedload(CooperativeMember.household).options(selectinload(Household.statuses)),
        )
        .order_by(
            CooperativeMember.valid_until.is_not(None),
            Household.region_code,
            Household.household_no,
            CooperativeMember.valid_from,
        )
    )


def save_cooperative(
    session: Session,
    actor: Actor,
    scope: Scope,
    given: OrganisationInput,
    held: Organisation | None,
) -> Organisation:
    """A cooperative in the person's reach; what only the administrator sets stays as it is."""
    if given.kind not in SUPPLIER_KINDS:
        raise InvalidInput("请选合作社或龙头企业。", code="unknown_kind", field="kind")
    moved = held is None or held.region_code != given.region_code
    if moved and not scope.covers_region(given.region_code):
        raise InvalidInput("没有这个地方，或不归您管。", code="unknown_region", field="region_code")
    if held is not None:
        given = replace(
            given, has_canteen=held.has_canteen, approval_above_fen=held.approval_above_fen
        )
    return save_organisation(session, actor, given, held)


def find_household(session: Session, scope: Scope, words: str) -> Household:
    """The household of this number, or of this whole name when only one has it."""
    found = session.scalars(
        scope.visible(select(Household))
        .where(or_(Household.household_no == words, whole_name(words)), Household.active)
        .order_by(Household.household_no)
        .limit(6)
    ).all()
    exact = [household for household in found if household.household_no == words]
    if not found:
        raise InvalidInput(
            "没有这一户，或不归您管。请写户编号，或户主全名。", code="unknown", field="household"
        )
    if len(found) > 1 and not exact:
        numbers = "、".join(household.household_no for household in found[:5])
        raise InvalidInput(
            f"叫这个名字的不止一户，请写户编号：{numbers}。", code="several", field="household"
        )
    return (exact or list(found))[0]


def enrol(
    session: Session, actor: Actor, unit: Organisation, household: Household, since: date
) -> None:
    session.refresh(household, with_for_update=True)  # nobody is enrolled twice at once
    if not add_member(session, actor, unit, household, since):
        raise Conflict("这一户已经是社员。", code="held", field="household")


def end_membership(
    session: Session, actor: Actor, scope: Scope, unit: Organisation, member_id: int, until: date
) -> None:
    """The last day as a member; shares of goods already reported stay."""
    held = session.scalar(
        select(CooperativeMember)
        .join(CooperativeMember.household)
        .where(
            CooperativeMember.id == member_id,
            CooperativeMember.organisation_id == unit.id,
            Household.within(scope),
        )
        .with_for_update(of=CooperativeMember)
    )
    if held is None:
        raise NotFound("没有这个社员。")
    if held.valid_until is not None:
        raise Conflict("这一条已经有退社日期，不能再改。", code="ended", field="until")
    if until < held.valid_from:
        raise InvalidInput("退社日期要在入社日期之后。", code="dates", field="until")
    held.valid_until = until
    audit.record(
        session, actor, "member_ended", "organisation", unit.id, household=held.household_id
    )
