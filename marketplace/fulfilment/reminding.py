"""What nobody acknowledged before the hand-over is near: three people hear of it, once a day.

The household's cadre, the reviewers of its town and the county's operators. The same sheets stand
on their pages (field.today, sheets.index); the message is for who does not look there.
"""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.clock import today
from marketplace.core.county_settings import county_settings
from marketplace.core.db import transaction
from marketplace.core.identifiers import subtree_range
from marketplace.core.validity import in_force
from marketplace.fulfilment.models import PreparationSheet
from marketplace.fulfilment.portions import Supplier
from marketplace.fulfilment.standing import due_before, overdue_where
from marketplace.fulfilment.telling import kept_by
from marketplace.identity.models import RoleGrant
from marketplace.notices.outbox import Message, enqueue_all
from marketplace.orders.round_models import Round


def remind_unanswered() -> None:
    """The due job. Running it again on the same day changes nothing."""
    with transaction() as session:
        limit = due_before(county_settings(session))
        for in_round in session.scalars(
            select(Round).where(Round.state == "collecting").order_by(Round.id)
        ):
            _remind(session, in_round, limit)


def _remind(session: Session, in_round: Round, limit: datetime) -> None:
    sheets = session.execute(
        select(
            func.coalesce(PreparationSheet.household_id, 0),
            func.coalesce(PreparationSheet.organisation_id, 0),
            PreparationSheet.region_code,
        )
        .join(PreparationSheet.collection)
        .where(PreparationSheet.round_id == in_round.id, overdue_where(limit))
    ).all()
    if not sheets:
        return
    regions = {Supplier(household, organisation): code for household, organisation, code in sheets}
    counts = kept_by(session, list(regions))
    for user_id, code in _overseers(session):
        low, high = subtree_range(code)
        below = sum(low <= region <= high for region in regions.values())
        counts[user_id] = max(counts[user_id], below)
    day = today()
    enqueue_all(
        session,
        [
            Message(
                provider_key=f"overdue:{in_round.id}:{day:%y%m%d}:{user_id}",
                kind="sheets_overdue",
                subject=f"round:{in_round.id}",
                title=f"第 {in_round.number} 期有 {count} 户快交货了还没有回音",
                body="请今天问到，在“备货”里记下回音；备不齐的越早说越好补。",
                to_user_id=user_id,
            )
            for user_id, count in sorted(counts.items())
            if count
        ],
    )


def _overseers(session: Session) -> list[tuple[int, str]]:
    """Reviewers and operators in office today, each with the region they answer for."""
    rows = session.execute(
        select(RoleGrant.user_id, RoleGrant.region_code).where(
            RoleGrant.role.in_(("reviewer", "operator")),
            RoleGrant.region_code.is_not(None),
            in_force(RoleGrant, today()),
        )
    )
    return [(user_id, code) for user_id, code in rows if code]
