"""Households kept by hand: recorded and corrected one at a time, their statuses begun and ended."""

from dataclasses import replace
from datetime import date

from sqlalchemy import and_, inspect, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import today
from marketplace.core.db import savepoint
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.secret_text import keyring
from marketplace.core.validity import in_force
from marketplace.households.models import SUPPORT_KINDS, Household, SupportStatus
from marketplace.households.service import (
    HouseholdInput,
    StatusInput,
    assign_cadre,
    save_household,
)
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import RoleGrant, User
from marketplace.identity.scope import Scope
from marketplace.regions.models import Region

BY_HAND = "手工登记"


def record_household(
    session: Session, actor: Actor, scope: Scope, given: HouseholdInput, held: Household | None
) -> Household:
    """A new household, or `held` with what is given; the village lies in the person's reach.

    Raises InvalidInput or Conflict with the field at fault.
    """
    if held is None or given.region_code != held.region_code:
        _check_village(session, scope, given.region_code)
    taken = select(Household.id).where(
        Household.household_no == given.household_no, Household.id != (held.id if held else 0)
    )
    if session.scalar(taken) is not None:
        raise _number_taken()
    statuses, given = given.statuses, replace(given, statuses=())
    with session.no_autoflush:
        household, _ = save_household(session, given, held)
        changed = ",".join(_changed(household)) if held else ""
    try:
        with savepoint(session):
            session.flush()
    except IntegrityError:  # recorded by somebody else at the same moment
        raise _number_taken() from None
    if held is None:
        audit.record(session, actor, "household_created", "household", household.id)
    elif changed:
        audit.record(
            session, actor, "household_changed", "household", household.id, columns=changed
        )
    for status in statuses:
        add_status(session, actor, household, status)
    return household


def _number_taken() -> Conflict:
    return Conflict("这个户编号已经登记过了，请核对。", code="taken", field="household_no")


def _check_village(session: Session, scope: Scope, code: str) -> None:
    region = session.get(Region, code)
    gone = region is not None and region.valid_until is not None and region.valid_until < today()
    if region is None or region.level != "village" or gone or not scope.covers_region(code):
        raise InvalidInput("没有这个村，或不归您管。", code="unknown_village", field="region_code")


def _changed(household: Household) -> list[str]:
    """Columns that differ from what is recorded, without the hashes beside them."""
    attributes = inspect(household).attrs
    return sorted(a.key for a in attributes if a.history.has_changes() and "_hash" not in a.key)


def likely_same(
    session: Session, scope: Scope, given: HouseholdInput, own_id: int | None
) -> list[tuple[Household, str]]:
    """Households within reach that may be this one, each with what speaks for it."""
    name = keyring.lookup(given.head_name)
    number = keyring.lookup(given.identity_no) if given.identity_no else None
    phone = keyring.lookup(given.phone) if given.phone else None
    alike = [and_(Household.region_code == given.region_code, Household.head_name_hash == name)]
    if number:
        alike.append(Household.identity_hash == number)
    if phone:
        alike.append(and_(Household.phone_hash == phone, Household.head_name_hash == name))
    rows = session.scalars(
        scope.visible(select(Household))
        .where(or_(*alike), Household.active, Household.id != (own_id or 0))
        .options(joinedload(Household.region))
        .order_by(Household.id)
        .limit(5)
    )
    found = []
    for household in rows:
        why = "姓名和电话一样"
        if number and household.identity_hash == number:
            why = "证件号码一样"
        elif household.region_code == given.region_code:
            why = "同村同名"
        found.append((household, why))
    return found


def add_status(session: Session, actor: Actor, household: Household, given: StatusInput) -> None:
    """A further status with its dates; two of one kind never hold on the same day. `household` is
    locked or new."""
    if given.kind not in SUPPORT_KINDS:
        raise InvalidInput("请选户类别。", code="unknown_status", field="kind")
    if given.valid_until and given.valid_until < given.valid_from:
        raise InvalidInput("结束日期要在开始日期之后。", code="dates", field="valid_until")
    for held in household.statuses:
        begins_later = given.valid_until is not None and held.valid_from > given.valid_until
        ended = held.valid_until is not None and held.valid_until < given.valid_from
        if held.kind == given.kind and not (begins_later or ended):
            raise Conflict(
                f"这一类从 {held.valid_from} 起已经有了，不用再加。", code="held", field="kind"
            )
    household.statuses.append(
        SupportStatus(
            kind=given.kind,
            valid_from=given.valid_from,
            valid_until=given.valid_until,
            source=BY_HAND,
        )
    )
    session.flush()
    audit.record(session, actor, "status_added", "household", household.id, kind=given.kind)


def end_status(
    session: Session, actor: Actor, household: Household, status_id: int, until: date
) -> None:
    """The last day of a status of a locked household. What has an end already stays as recorded."""
    status = next((s for s in household.statuses if s.id == status_id), None)
    if status is None:
        raise NotFound("没有这一条户类别。")
    if status.valid_until is not None:
        raise Conflict("这一条已经有结束日期，不能再改。", code="ended", field="until")
    if until < status.valid_from:
        raise InvalidInput("结束日期要在开始日期之后。", code="dates", field="until")
    status.valid_until = until
    audit.record(session, actor, "status_ended", "household", household.id, kind=status.kind)


def hand_over(session: Session, actor: Actor, household: Household, login: str) -> None:
    """From today on this cadre looks after the household; raises InvalidInput (field `cadre`)."""
    cadre = _active_cadre(session, login)
    if assign_cadre(household, cadre.id, today()):
        audit.record(session, actor, "cadre_assigned", "household", household.id, cadre=cadre.id)


def _active_cadre(session: Session, login: str) -> User:
    """Whoever is a cadre today under this account; raises InvalidInput with the field `cadre`."""
    cadre = session.scalar(
        select(User)
        .join(RoleGrant, RoleGrant.user_id == User.id)
        .where(
            User.login_name == login.lower(),
            User.active,
            RoleGrant.role == "cadre",
            in_force(RoleGrant, today()),
        )
    )
    if cadre is None:
        raise InvalidInput(
            "没有这个账号，或者不是帮扶联系人，请核对。", code="unknown_account", field="cadre"
        )
    return cadre
