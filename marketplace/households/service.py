"""Households: recorded, kept up to date, handed from cadre to cadre, their consent, who may see names."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, selectinload

from marketplace.core.clock import now, today
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.secret_text import keyring
from marketplace.households.models import (
    SUPPORT_KINDS,
    CadreAssignment,
    Consent,
    CooperativeMember,
    Household,
    SupportStatus,
)
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation
from marketplace.identity.scope import Scope

MOST_PERSONS, MOST_BIRDS = 50, 100_000


@dataclass(frozen=True)
class StatusInput:
    kind: str
    valid_from: date
    valid_until: date | None = None


@dataclass(frozen=True)
class HouseholdInput:
    """What is known of a household; None leaves what is recorded as it is, an empty text removes it."""

    household_no: str
    region_code: str
    head_name: str
    identity_no: str | None = None
    phone: str | None = None
    persons: int | None = None
    land_mu_hundredths: int | None = None
    poultry: int | None = None
    statuses: tuple[StatusInput, ...] = ()
    source: str = ""


def get_household(session: Session, scope: Scope, household_id: int) -> Household:
    found = session.scalar(scope.visible(select(Household).where(Household.id == household_id)))
    if found is None:
        raise NotFound("没有这一户。")
    return found


def household_to_change(session: Session, scope: Scope, household_id: int) -> Household:
    """As `get_household`, locked: what hangs on its statuses, cadre and members is looked at first."""
    household = get_household(session, scope, household_id)
    session.refresh(household, with_for_update=True)
    return household


def find_by_number(session: Session, numbers: Iterable[str]) -> dict[str, Household]:
    """Households by number with their statuses and assignments: three statements for any number."""
    rows = session.scalars(
        select(Household)
        .where(Household.household_no.in_(list(numbers)))
        .options(selectinload(Household.statuses), selectinload(Household.assignments))
    )
    return {household.household_no: household for household in rows}


def save_household(
    session: Session, given: HouseholdInput, held: Household | None
) -> tuple[Household, bool]:
    """Record a household, or bring `held` (loaded by find_by_number) up to date.

    Returns it and whether anything changed. The caller checked the village and writes the audit row:
    one for a form, one for a whole file.
    """
    household = held
    if household is None:
        household = Household(
            household_no=given.household_no, persons=1, created_at=now(), active=True
        )
        session.add(household)
    changed = _set_columns(household, given) or held is None
    for status in given.statuses:
        changed = _set_status(household, status, given.source) or changed
    return household, changed


def _set_columns(household: Household, given: HouseholdInput) -> bool:
    wanted: dict[str, object] = {"region_code": given.region_code, "head_name": given.head_name}
    wanted["head_name_hash"] = keyring.lookup(given.head_name)
    for name, hashed in (("identity_no", "identity_hash"), ("phone", "phone_hash")):
        if (secret := getattr(given, name)) is not None:
            wanted |= {name: secret or None, hashed: keyring.lookup(secret) if secret else None}
    for name in ("persons", "land_mu_hundredths", "poultry"):
        if getattr(given, name) is not None:
            wanted[name] = getattr(given, name)
    changed = {name: value for name, value in wanted.items() if getattr(household, name) != value}
    for name, value in changed.items():
        setattr(household, name, value)
    return bool(changed)


def _set_status(household: Household, status: StatusInput, source: str) -> bool:
    """Add a status, or set when it ends; what was recorded before is never overwritten, and an
    older file does not begin again what has ended."""
    if status.kind not in SUPPORT_KINDS:
        raise InvalidInput("没有这种户类别。", code="unknown_status", field="kind")
    if status.valid_until and status.valid_until < status.valid_from:
        raise InvalidInput("结束日期要在开始日期之后。", code="dates", field="valid_until")
    for held in household.statuses:
        if (held.kind, held.valid_from) == (status.kind, status.valid_from):
            if held.valid_until is not None and status.valid_until not in (None, held.valid_until):
                raise Conflict(
                    f"{SUPPORT_KINDS[held.kind]}原来记到 {held.valid_until}，不能再改。",
                    code="ended",
                    field="valid_until",
                )
            changed = held.valid_until is None and status.valid_until is not None
            held.valid_until = held.valid_until or status.valid_until
            return changed
    household.statuses.append(
        SupportStatus(
            kind=status.kind,
            valid_from=status.valid_from,
            valid_until=status.valid_until,
            source=source,
        )
    )
    return True


def assign_cadre(household: Household, cadre_id: int, since: date) -> bool:
    """One cadre at a time: the earlier one ends the day before, or never was one when it is the same
    day. False when it was so already."""
    held = next((a for a in household.assignments if a.valid_until is None), None)
    if held is not None and held.user_id == cadre_id:
        return False
    if held is not None:
        if since == held.valid_from:
            held.user_id = cadre_id
            return True
        if since < held.valid_from:
            raise InvalidInput(
                f"前一位联系人从 {held.valid_from} 才开始，到那天再交接。",
                code="dates",
                field="since",
            )
        held.valid_until = since - timedelta(days=1)
    household.assignments.append(CadreAssignment(user_id=cadre_id, valid_from=since))
    return True


def add_member(
    session: Session, actor: Actor, cooperative: Organisation, household: Household, since: date
) -> bool:
    """A member from a day on. False when it is so already; nobody is a member twice on one day."""
    held = session.scalar(
        select(CooperativeMember)
        .where(
            CooperativeMember.organisation_id == cooperative.id,
            CooperativeMember.household_id == household.id,
            or_(CooperativeMember.valid_until.is_(None), CooperativeMember.valid_until >= since),
        )
        .order_by(CooperativeMember.valid_from)
        .limit(1)
    )
    if held is not None and (held.valid_until is None or held.valid_from == since):
        return False
    if held is not None:
        raise Conflict(
            f"这一户从 {held.valid_from} 到 {held.valid_until} 已经是社员，请核对日期。",
            code="held",
            field="household",
        )
    session.add(
        CooperativeMember(
            organisation_id=cooperative.id, household_id=household.id, valid_from=since
        )
    )
    audit.record(
        session, actor, "member_added", "organisation", cooperative.id, household=household.id
    )
    return True


def give_consent(session: Session, actor: Actor, household: Household, how: str) -> None:
    """The household allows its masked name on public pages."""
    if not how.strip():
        raise InvalidInput("请写清怎么同意的，例如签字或电话。", code="missing", field="how")
    if has_consent(session, household.id):
        return
    session.add(
        Consent(
            household_id=household.id,
            kind="public_name",
            given_at=now(),
            recorded_by_id=actor.user_id,
            how=how.strip(),
        )
    )
    audit.record(session, actor, "consent_given", "household", household.id)


def withdraw_consent(session: Session, actor: Actor, household: Household) -> None:
    """At once: the next look at a public page shows no name."""
    rows = session.scalars(
        select(Consent).where(Consent.household_id == household.id, Consent.withdrawn_at.is_(None))
    )
    for row in rows:
        row.withdrawn_at = now()
    audit.record(session, actor, "consent_withdrawn", "household", household.id)


def has_consent(session: Session, household_id: int) -> bool:
    return (
        session.scalar(
            select(Consent.id).where(
                Consent.household_id == household_id,
                Consent.kind == "public_name",
                Consent.withdrawn_at.is_(None),
            )
        )
        is not None
    )


def statuses_today(household: Household) -> list[str]:
    """Kinds in force today, as people say them."""
    day = today()
    return [
        SUPPORT_KINDS[s.kind]
        for s in household.statuses
        if s.valid_from <= day and (s.valid_until is None or s.valid_until >= day)
    ]
