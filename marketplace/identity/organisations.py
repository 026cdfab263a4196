"""Units: who buys with a canteen or a union, who pools members' produce."""

from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.identifiers import parse_uscc
from marketplace.core.spoken_number import read_count
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import ORGANISATION_KINDS, Organisation
from marketplace.identity.scope import Scope
from marketplace.regions.models import Region


@dataclass(frozen=True)
class OrganisationInput:
    name: str
    kind: str
    region_code: str
    uscc: str = ""
    has_canteen: bool = False
    approval_above_fen: int | None = None  # none: no approval; 0: every order
    address: str = ""
    active: bool = True
    on_account: bool = False
    account_days: int = 30
    two_inspectors: bool = False


def read_account_days(text: str, field: str | None = None) -> int:
    """Days after the statement until it is due; raises InvalidInput."""
    return read_count(text, "账期", least=0, most=365, field=field)


def organisations(scope: Scope, words: str, kind: str) -> Select[Organisation]:
    """Units by name or code, of one kind or all, in the order of their names."""
    statement = scope.visible(select(Organisation)).options(joinedload(Organisation.region))
    if words:
        statement = statement.where(
            Organisation.name.contains(words, autoescape=True)
            | (Organisation.uscc == words.upper())
        )
    if kind:
        statement = statement.where(Organisation.kind == kind)
    return statement.order_by(Organisation.name, Organisation.id)


def units_to_choose(session: Session) -> list[tuple[int, str]]:
    """Units in use, (id, name) in the order of their names, for a list to choose from."""
    rows = session.execute(
        select(Organisation.id, Organisation.name)
        .where(Organisation.active)
        .order_by(Organisation.name)
    )
    return [(row.id, row.name) for row in rows]


def get_organisation(session: Session, scope: Scope, organisation_id: int) -> Organisation:
    found = session.scalar(
        scope.visible(select(Organisation)).where(Organisation.id == organisation_id)
    )
    if found is None:
        raise NotFound("没有这个单位。")
    return found


def save_organisation(
    session: Session, actor: Actor, given: OrganisationInput, unit: Organisation | None = None
) -> Organisation:
    """A new unit, or `unit` with what is given; raises InvalidInput with the field at fault."""
    values = _checked(session, given, unit.id if unit else None)
    action = "organisation_changed" if unit else "organisation_created"
    if unit is None:
        unit = Organisation(**values)
        session.add(unit)
    else:
        for name, value in values.items():
            setattr(unit, name, value)
    session.flush()
    audit.record(session, actor, action, "organisation", unit.id)
    return unit


def _checked(session: Session, given: OrganisationInput, own_id: int | None) -> dict[str, object]:
    name = given.name.strip()
    if not name:
        raise InvalidInput("请填写单位名称。", code="missing", field="name")
    if given.kind not in ORGANISATION_KINDS:
        raise InvalidInput("请选单位类型。", code="unknown_kind", field="kind")
    if session.get(Region, given.region_code) is None:
        raise InvalidInput("没有这个区划。", code="unknown_region", field="region_code")
    code = parse_uscc(given.uscc) if given.uscc.strip() else None
    for field, column, value in (
        ("name", Organisation.name, name),
        ("uscc", Organisation.uscc, code),
    ):
        taken = select(Organisation.id).where(column == value, Organisation.id != (own_id or 0))
        if value is not None and session.scalar(taken) is not None:
            words = "这个名称" if field == "name" else "这个统一社会信用代码"
            raise InvalidInput(f"{words}已经登记过了。", code="taken", field=field)
    return {
        "name": name,
        "kind": given.kind,
        "region_code": given.region_code,
        "uscc": code,
        "has_canteen": given.has_canteen,
        "approval_above_fen": given.approval_above_fen,
        "address": given.address.strip(),
        "active": given.active,
        "on_account": given.on_account,
        "account_days": given.account_days,
        "two_inspectors": given.two_inspectors,
    }
