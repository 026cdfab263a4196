"""Roles left to somebody else from day to day: holidays, illness, a training course."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import local_day_start, now, today
from marketplace.core.errors import Forbidden, InvalidInput, NotFound
from marketplace.core.validity import not_ended
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.duties import refuse_mixed_duties
from marketplace.identity.models import Deputy, RoleGrant, User
from marketplace.identity.permissions import ROLES


def own_grants(session: Session, user_id: int) -> list[RoleGrant]:
    """The roles a person can leave to somebody: own ones that have not ended."""
    return list(
        session.scalars(
            select(RoleGrant)
            .where(RoleGrant.user_id == user_id, not_ended(RoleGrant, today()))
            .options(joinedload(RoleGrant.region), joinedload(RoleGrant.organisation))
            .order_by(RoleGrant.id)
        )
    )


Act = tuple[int, date]
"""Who did something, and on which day."""


def acted_for(
    session: Session, acts: Collection[Act], permissions: Collection[str]
) -> dict[Act, frozenset[int]]:
    """In whose name each could do one of these on that day: the own, and who had left it to him. One
    statement, none without acts."""
    found = {act: {act[0]} for act in acts}
    if not found:
        return {}
    roles = [role for role, (_, held) in ROLES.items() if held & frozenset(permissions)]
    rows = session.execute(
        select(Deputy, RoleGrant.user_id)
        .join(RoleGrant, Deputy.grant_id == RoleGrant.id)
        .where(Deputy.deputy_id.in_({user_id for user_id, _ in acts}), RoleGrant.role.in_(roles))
    ).all()
    for (user_id, day), principals in found.items():
        principals |= {
            principal
            for deputy, principal in rows
            if deputy.deputy_id == user_id and _stood_in(deputy, day)
        }
    return {act: frozenset(principals) for act, principals in found.items()}


def _stood_in(deputy: Deputy, day: date) -> bool:
    ended = deputy.revoked_at is not None and deputy.revoked_at < local_day_start(day)
    return deputy.valid_from <= day <= deputy.valid_until and not ended


def left_by(session: Session, user_id: int) -> list[Deputy]:
    """Whom this person has left a role to, newest first."""
    return _deputies(session, RoleGrant.user_id == user_id)


def left_to(session: Session, user_id: int) -> list[Deputy]:
    """What others have left to this person, newest first."""
    return _deputies(session, Deputy.deputy_id == user_id)


def _deputies(session: Session, which: object) -> list[Deputy]:
    return list(
        session.scalars(
            select(Deputy)
            .join(Deputy.grant)
            .where(which)  # type: ignore[arg-type]
            .options(
                joinedload(Deputy.deputy),
                joinedload(Deputy.grant).joinedload(RoleGrant.user),
                joinedload(Deputy.grant).joinedload(RoleGrant.region),
                joinedload(Deputy.grant).joinedload(RoleGrant.organisation),
            )
            .order_by(Deputy.id.desc())
            .limit(100)
        )
    )


def appoint_deputy(
    session: Session,
    actor: Actor,
    grant_id: int,
    deputy_login: str,
    valid_from: date,
    valid_until: date,
) -> Deputy:
    """Leave one of the actor's own roles to somebody. An administrator may do it for anybody (the
    principal may be in hospital). Raises InvalidInput, NotFound, Forbidden."""
    grant = session.get(RoleGrant, grant_id)
    if grant is None or (grant.user_id != actor.user_id and not actor.has_role("administrator")):
        raise NotFound("没有这个角色授权。")
    if grant.role == "administrator" and not actor.has_role("administrator"):
        raise Forbidden("管理员角色只能由管理员指定代理。", code="no_permission")
    if grant.valid_until is not None and grant.valid_until < today():
        raise InvalidInput("这个角色已经结束，不能再托付。", code="ended", field="grant_id")
    deputy = session.scalar(
        select(User).where(User.login_name == deputy_login.strip().lower(), User.active)
    )
    if deputy is None:
        raise InvalidInput(
            "没有这个账号，请核对代理人的账号。", code="unknown_account", field="deputy"
        )
    if deputy.id == grant.user_id:
        raise InvalidInput("代理人不能是本人。", code="own_deputy", field="deputy")
    if valid_until < valid_from or valid_until < today():
        raise InvalidInput(
            "结束日期要在开始日期之后，且不早于今天。", code="bad_dates", field="valid_until"
        )
    refuse_mixed_duties(session, deputy.id, grant.role, field="deputy")
    row = Deputy(
        grant_id=grant.id, deputy_id=deputy.id, valid_from=valid_from, valid_until=valid_until
    )
    session.add(row)
    session.flush()
    audit.record(session, actor, "deputy_appointed", "role_grant", grant.id, deputy=deputy.id)
    return row


def revoke_deputy(session: Session, actor: Actor, deputy_id: int) -> Deputy:
    """Take a role back before its last day; the principal does it, or an administrator."""
    row = session.get(Deputy, deputy_id)
    if row is None or (row.grant.user_id != actor.user_id and not actor.has_role("administrator")):
        raise NotFound("没有这个代理。")
    if row.revoked_at is None:
        row.revoked_at = now()
        audit.record(session, actor, "deputy_revoked", "role_grant", row.grant_id)
    return row
