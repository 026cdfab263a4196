"""Who signs second is never who signed first, nor somebody acting in the name of either."""

from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.core.clock import shanghai_date
from marketplace.core.errors import Conflict
from marketplace.identity.actor import Actor
from marketplace.identity.deputies import acted_for
from marketplace.identity.permissions import PAYEE_PROPOSE, PAYOUT_PROPOSE

OWN = "自己提的要请别人审批（领导或另一位财务），替自己或替同一个人办的也不行。"


def is_own(session: Session, actor: Actor, by_id: int, at: datetime) -> bool:
    """Whether the actor, or whom he stands in for, is who signed, or whom that one stood in for then."""
    day = shanghai_date(at)
    signed = {
        person
        for permission in (PAYOUT_PROPOSE, PAYEE_PROPOSE)
        for person in acted_for(session, by_id, permission, day)
    }
    return bool(actor.principals & signed)


def refuse_own(session: Session, actor: Actor, by_id: int, at: datetime) -> None:
    """Raises Conflict."""
    if is_own(session, actor, by_id, at):
        raise Conflict(OWN, code="own")
