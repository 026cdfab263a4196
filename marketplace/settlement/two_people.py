"""Who signs second is never who signed first, nor somebody acting in the name of either."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.core.clock import shanghai_date
from marketplace.core.errors import Conflict
from marketplace.identity.actor import Actor
from marketplace.identity.deputies import acted_for
from marketplace.identity.permissions import PAYEE_PROPOSE, PAYOUT_PROPOSE
from marketplace.settlement.fee_models import FeeInvoice
from marketplace.settlement.payout_models import Advance

OWN = "自己提的要请别人审批（领导或另一位财务），替自己或替同一个人办的也不行。"


Signed = tuple[int, datetime]
"""Who signed, and when."""


def own_among(session: Session, actor: Actor, signed: Iterable[Signed]) -> set[Signed]:
    """Those that the actor, or whom he stands in for, has signed, or whom the signer stood in for then.
    One statement."""
    days = {one: (one[0], shanghai_date(one[1])) for one in signed}
    persons = acted_for(session, set(days.values()), (PAYOUT_PROPOSE, PAYEE_PROPOSE))
    return {one for one, act in days.items() if actor.principals & persons[act]}


def own_proposals(
    session: Session, actor: Actor, found: Sequence[Advance] | Sequence[FeeInvoice]
) -> set[int]:
    """The ids of those that wait and that the actor may not decide."""
    waiting = {
        one.id: (one.proposed_by_id, one.proposed_at) for one in found if one.state == "proposed"
    }
    own = own_among(session, actor, waiting.values())
    return {one for one, signed in waiting.items() if signed in own}


def is_own(session: Session, actor: Actor, by_id: int, at: datetime) -> bool:
    return bool(own_among(session, actor, [(by_id, at)]))


def refuse_own(session: Session, actor: Actor, by_id: int, at: datetime) -> None:
    """Raises Conflict."""
    if is_own(session, actor, by_id, at):
        raise Conflict(OWN, code="own")
