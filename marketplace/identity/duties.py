"""Duties that one person must not unite, whether a role is one's own or left by somebody else."""

from sqlalchemy import select, union
from sqlalchemy.orm import Session

from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput
from marketplace.core.validity import not_ended
from marketplace.identity.models import Deputy, RoleGrant, User
from marketplace.identity.permissions import SEPARATE_DUTIES, role_name


def refuse_mixed_duties(session: Session, user_id: int, role: str, *, field: str) -> None:
    """Raises InvalidInput when `user_id` holds, now or from a later day, what `role` excludes.

    The account is locked: two administrators in the same moment must not unite what excludes itself.
    """
    session.execute(select(User.id).where(User.id == user_id).with_for_update())
    open_end = not_ended(RoleGrant, today())
    own = select(RoleGrant.role).where(RoleGrant.user_id == user_id, open_end)
    lent = (
        select(RoleGrant.role)
        .join(Deputy, Deputy.grant_id == RoleGrant.id)
        .where(
            Deputy.deputy_id == user_id,
            Deputy.revoked_at.is_(None),
            Deputy.valid_until >= today(),
            open_end,
        )
    )
    held = set(session.scalars(union(own, lent)))
    for pair in SEPARATE_DUTIES:
        others = held & (pair - {role})
        if role in pair and others:
            raise InvalidInput(
                f"这个账号已是{role_name(others.pop())}，不能再当{role_name(role)}。",
                code="separate_duties",
                field=field,
            )
