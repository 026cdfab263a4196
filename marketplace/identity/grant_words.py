"""A role with its reach, as people say it: 乡镇审核 · 青石镇."""

from marketplace.identity.models import RoleGrant
from marketplace.identity.permissions import role_name


def grant_words(grant: RoleGrant) -> str:
    reach = grant.region or grant.organisation
    return f"{role_name(grant.role)} · {reach.name}" if reach else role_name(grant.role)
