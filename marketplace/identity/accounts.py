"""Accounts, their roles, their activation."""

import re
import secrets
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.clock import now, today
from marketplace.core.codes import ALPHABET, random_code
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.identifiers import normalise_phone
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.duties import refuse_mixed_duties
from marketplace.identity.models import Activation, Deputy, Organisation, RoleGrant, User
from marketplace.identity.passwords import check_new_password, passwords
from marketplace.identity.permissions import (
    REGION_ROLES,
    ROLES,
    UNIT_ROLES,
    role_name,
)
from marketplace.identity.sessions import revoke_all_sessions, token_hash
from marketplace.regions.models import Region

ACTIVATION_DAYS = 30


@dataclass(frozen=True)
class NewGrant:
    role: str
    region_code: str | None = None
    organisation_id: int | None = None
    valid_from: date | None = None
    valid_until: date | None = None


def get_user(session: Session, user_id: int) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise NotFound("没有这个账号。")
    return user


def check_login_name(text: str) -> str:
    """The name as it is kept, in lower case; raises InvalidInput for one that cannot be."""
    name = text.strip().lower()
    if not 2 <= len(name) <= 60 or not re.sub("[_.-]", "", name).isalnum():
        raise InvalidInput(
            "账号要 2 到 60 个字母或数字，中间可以有点和横线。",
            code="bad_login_name",
            field="login_name",
        )
    return name


def create_user(
    session: Session,
    actor: Actor,
    *,
    login_name: str,
    display_name: str,
    phone: str = "",
    organisation_id: int | None = None,
    demo: bool = False,
) -> User:
    """A new account without password; raises InvalidInput for a bad or taken login name."""
    name = check_login_name(login_name)
    if not display_name.strip():
        raise InvalidInput("请填写姓名。", code="missing", field="display_name")
    if session.scalar(select(User.id).where(User.login_name == name)) is not None:
        raise InvalidInput(f"账号 {name} 已经有人用了。", code="taken", field="login_name")
    user = User(
        login_name=name,
        display_name=display_name.strip(),
        phone=normalise_phone(phone) if phone.strip() else None,
        organisation_id=organisation_id,
        created_at=now(),
        demo=demo,
    )
    session.add(user)
    session.flush()
    audit.record(session, actor, "account_created", "account", user.id)
    return user


def change_user(
    session: Session,
    actor: Actor,
    user: User,
    *,
    display_name: str,
    phone: str,
    organisation_id: int | None,
) -> None:
    """Correct a person's name, number or unit. An empty `phone` keeps the number that is there."""
    if not display_name.strip():
        raise InvalidInput("请填写姓名。", code="missing", field="display_name")
    user.display_name = display_name.strip()
    if phone.strip():
        user.phone = normalise_phone(phone)
    user.organisation_id = organisation_id
    audit.record(session, actor, "account_changed", "account", user.id)


def grant_role(session: Session, actor: Actor, user: User, wanted: NewGrant) -> RoleGrant:
    """Give a role with its reach; raises InvalidInput when the reach does not fit the role."""
    if wanted.role not in ROLES:
        raise InvalidInput("没有这个角色。", code="unknown_role", field="role")
    if wanted.role in REGION_ROLES and not wanted.region_code:
        raise InvalidInput(
            f"{role_name(wanted.role)}要选管到哪个县或乡镇。",
            code="missing_region",
            field="region_code",
        )
    if wanted.role in UNIT_ROLES and not wanted.organisation_id:
        raise InvalidInput(
            f"{role_name(wanted.role)}要选单位。", code="missing_unit", field="organisation_id"
        )
    start = wanted.valid_from or today()
    if wanted.valid_until is not None and wanted.valid_until < max(start, today()):
        raise InvalidInput(
            "结束日期要在开始日期之后，且不早于今天。", code="bad_dates", field="valid_until"
        )
    if wanted.region_code and session.get(Region, wanted.region_code) is None:
        raise InvalidInput("没有这个区划。", code="unknown_region", field="region_code")
    if wanted.organisation_id and session.get(Organisation, wanted.organisation_id) is None:
        raise InvalidInput("没有这个单位。", code="unknown_unit", field="organisation_id")
    refuse_mixed_duties(session, user.id, wanted.role, field="role")
    grant = RoleGrant(
        user_id=user.id,
        role=wanted.role,
        region_code=wanted.region_code if wanted.role in REGION_ROLES else None,
        organisation_id=wanted.organisation_id if wanted.role in UNIT_ROLES else None,
        valid_from=start,
        valid_until=wanted.valid_until,
    )
    session.add(grant)
    session.flush()
    audit.record(session, actor, "role_granted", "account", user.id, role=wanted.role)
    return grant


def grants_of_account(session: Session, user_id: int) -> list[RoleGrant]:
    """Every role the account has or had, with its reach, in the order of granting."""
    return list(
        session.scalars(
            select(RoleGrant)
            .where(RoleGrant.user_id == user_id)
            .options(joinedload(RoleGrant.region), joinedload(RoleGrant.organisation))
            .order_by(RoleGrant.id)
        )
    )


def end_role(session: Session, actor: Actor, user_id: int, grant_id: int) -> None:
    """A role ends yesterday: what was done with it stays explained."""
    grant = session.get(RoleGrant, grant_id)
    if grant is None or grant.user_id != user_id:
        raise NotFound("没有这个角色授权。")
    if grant.phase == "over":
        raise Conflict("这个角色已经结束了。", code="ended")
    if grant.user_id == actor.user_id and grant.role == "administrator":
        raise Conflict("不能取消自己的管理员角色，请另一位管理员来做。", code="own_role")
    yesterday = today() - timedelta(days=1)
    if grant.valid_from > yesterday:
        session.execute(
            update(Deputy)
            .where(Deputy.grant_id == grant.id, Deputy.revoked_at.is_(None))
            .values(revoked_at=now())
        )
        grant.valid_from = yesterday
    grant.valid_until = yesterday
    audit.record(session, actor, "role_ended", "account", grant.user_id, role=grant.role)


def issue_activation(session: Session, actor: Actor, user: User) -> str:
    """A one-time code for a printed slip; older codes of the account die. Only its hash is kept."""
    session.execute(
        update(Activation)
        .where(Activation.user_id == user.id, Activation.used_at.is_(None))
        .values(used_at=now())
    )
    code = "-".join(random_code(4) for _ in range(3))
    session.add(
        Activation(
            user_id=user.id,
            code_hash=_code_hash(user.id, code),
            expires_at=now() + timedelta(days=ACTIVATION_DAYS),
        )
    )
    audit.record(session, actor, "activation_issued", "account", user.id)
    return code


def _code_hash(user_id: int, code: str) -> str:
    bare = "".join(c for c in code.upper() if c in ALPHABET)
    return token_hash(f"{user_id}:{bare}")


def hash_new_password(password: str, again: str, login_name: str) -> str:
    """Check and hash before the transaction: hashing is slow on purpose."""
    if not secrets.compare_digest(password.encode(), again.encode()):
        raise InvalidInput("两次输入的密码不一样。", code="not_the_same", field="again")
    check_new_password(password, login_name)
    return passwords.hash(password)


def activate(session: Session, login_name: str, code: str, password_hash: str) -> User | None:
    """Use up the code and set the password; None when name and code do not fit or the code is old."""
    user = session.scalar(select(User).where(User.login_name == login_name, User.active))
    if user is None:
        return None
    used = session.execute(
        update(Activation)
        .where(
            Activation.user_id == user.id,
            Activation.code_hash == _code_hash(user.id, code),
            Activation.used_at.is_(None),
            Activation.expires_at > now(),
        )
        .values(used_at=now())
    )
    if used.rowcount != 1:  # type: ignore[attr-defined]
        return None
    user.password_hash = password_hash
    revoke_all_sessions(session, user.id)
    audit.record(session, Actor.of(user.id, "", None, []), "password_set", "account", user.id)
    return user


def change_password(session: Session, actor: Actor, password_hash: str) -> None:
    get_user(session, actor.user_id).password_hash = password_hash
    audit.record(session, actor, "password_changed", "account", actor.user_id)


def set_active(session: Session, actor: Actor, user: User, *, active: bool) -> None:
    """Disable or enable an account; disabling ends its sessions at once."""
    if user.id == actor.user_id:
        raise Conflict("不能停用自己的账号。", code="own_account")
    user.active = active
    if not active:
        revoke_all_sessions(session, user.id)
    audit.record(
        session, actor, "account_enabled" if active else "account_disabled", "account", user.id
    )


def demo_accounts(session: Session) -> list[User]:
    """The accounts that a demo's sign-in page offers."""
    return list(
        session.scalars(
            select(User)
            .where(User.demo, User.active)
            .options(selectinload(User.grants), selectinload(User.organisation))
            .order_by(User.id)
        )
    )
