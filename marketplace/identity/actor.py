"""Who acts: a signed-in person with the grants in force today, as plain data."""

from dataclasses import dataclass, field

from marketplace.core.errors import Forbidden
from marketplace.core.identifiers import subtree_range
from marketplace.identity.permissions import (
    PERSONAL_ROLES,
    REGION_ROLES,
    ROLES,
    UNIT_ROLES,
    role_name,
)
from marketplace.identity.scope import Scope


@dataclass(frozen=True)
class Grant:
    """A role in force; `principal_id` is the holder, other than the actor when the actor is a deputy."""

    role: str
    principal_id: int
    region_code: str | None = None
    organisation_id: int | None = None


@dataclass(frozen=True)
class Actor:
    user_id: int
    display_name: str
    organisation_id: int | None = None
    grants: tuple[Grant, ...] = ()
    permissions: frozenset[str] = field(default=frozenset(), compare=False)

    @classmethod
    def of(
        cls, user_id: int, display_name: str, organisation_id: int | None, grants: list[Grant]
    ) -> "Actor":
        held = frozenset(p for grant in grants for p in ROLES[grant.role][1])
        return cls(user_id, display_name, organisation_id, tuple(grants), held)

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def has_role(self, role: str) -> bool:
        return any(grant.role == role for grant in self.grants)

    @property
    def role_words(self) -> str:
        """What the person is here, each role once: 乡镇审核、县平台运营（代理）."""
        names = (
            role_name(g.role) + ("" if g.principal_id == self.user_id else "（代理）")
            for g in self.grants
        )
        return "、".join(dict.fromkeys(names))

    @property
    def principals(self) -> frozenset[int]:
        """The actor and everybody the actor stands in for."""
        return frozenset({self.user_id, *(grant.principal_id for grant in self.grants)})

    def scope_for(self, permission: str) -> Scope:
        """The reach of the grants that carry `permission`; raises Forbidden when none does."""
        grants = [grant for grant in self.grants if permission in ROLES[grant.role][1]]
        if not grants:
            raise Forbidden("您的账号没有这项权限，请联系管理员。", code="no_permission")
        return Scope(
            user_id=self.user_id,
            permission=permission,
            regions=tuple(
                sorted(
                    {
                        subtree_range(g.region_code)
                        for g in grants
                        if g.role in REGION_ROLES and g.region_code
                    }
                )
            ),
            organisations=frozenset(
                g.organisation_id for g in grants if g.role in UNIT_ROLES and g.organisation_id
            ),
            cadre_for=frozenset(g.principal_id for g in grants if g.role == "cadre"),
            own_for=frozenset(
                {self.user_id} if any(g.role not in REGION_ROLES for g in grants) else ()
            ),
            in_name_of=frozenset(g.principal_id for g in grants),
        )


SYSTEM = Actor(user_id=0, display_name="系统")
"""Acts in due jobs and from the command line; has no grants, so no page is open to it."""

assert set(ROLES) == REGION_ROLES | UNIT_ROLES | PERSONAL_ROLES
