"""Finding accounts: by name, role, unit and state."""

from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, selectinload

from marketplace.core.clock import today
from marketplace.core.validity import in_force
from marketplace.identity.models import RoleGrant, User
from marketplace.identity.scope import Scope

STATES = {"active": "正常", "waiting": "未激活", "disabled": "已停用"}


@dataclass(frozen=True)
class AccountFilter:
    words: str = ""
    role: str = ""
    unit_id: int | None = None
    state: str = ""

    @property
    def narrows(self) -> bool:
        return self != AccountFilter()


def accounts(scope: Scope, wanted: AccountFilter) -> Select[User]:
    """Accounts with their grants, newest first."""
    statement = scope.visible(select(User)).options(
        joinedload(User.organisation),
        selectinload(User.grants).joinedload(RoleGrant.region),
        selectinload(User.grants).joinedload(RoleGrant.organisation),
    )
    if wanted.words:
        statement = statement.where(
            User.login_name.contains(wanted.words.lower(), autoescape=True)
            | User.display_name.contains(wanted.words, autoescape=True)
        )
    if wanted.role:
        statement = statement.where(
            User.grants.any((RoleGrant.role == wanted.role) & in_force(RoleGrant, today()))
        )
    if wanted.unit_id:
        statement = statement.where(User.organisation_id == wanted.unit_id)
    if wanted.state == "disabled":
        statement = statement.where(User.active.is_(False))
    elif wanted.state == "waiting":
        statement = statement.where(User.active, User.password_hash.is_(None))
    elif wanted.state == "active":
        statement = statement.where(User.active, User.password_hash.is_not(None))
    return statement.order_by(User.id.desc())


def state_of(user: User) -> str:
    if not user.active:
        return "disabled"
    return "active" if user.password_hash else "waiting"
