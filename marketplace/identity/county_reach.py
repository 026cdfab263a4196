"""Books and payouts are one for the county: they are not for who reaches a part of it only."""

from marketplace.core.errors import NotFound
from marketplace.identity.access import current_scope
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope


def reaches_county(scope: Scope) -> bool:
    return any(low.endswith("000000") for low, _high in scope.regions)


def whole_county() -> None:
    """Raises NotFound for whoever opened this page and reaches less than the county."""
    if not reaches_county(current_scope()):
        raise NotFound("这是全县的，您的账号只管一部分。")


def works_for_county(actor: Actor, permission: str) -> bool:
    """Whether the actor holds `permission` for the whole county."""
    return actor.may(permission) and reaches_county(actor.scope_for(permission))
