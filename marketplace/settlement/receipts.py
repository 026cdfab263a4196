"""Where an organisation collects for households: each one's receipt, and what is late.

Until a household has signed, its lot still owes it; an organisation that is late sells nothing new.
"""

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from marketplace.catalog.models import Lot
from marketplace.core.clock import today
from marketplace.core.county_settings import county_number
from marketplace.core.errors import InvalidInput
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation
from marketplace.identity.scope import Scope
from marketplace.ledger.posting import Posting, credit, debit, post_many
from marketplace.orders.round_models import Listing
from marketplace.orders.supplier_checks import supplier_check
from marketplace.settlement.lot_events import record_received
from marketplace.settlement.payout_models import PayoutLine, PayoutPart

MOST_FILED = 50
paying = aliased(PayoutLine)
"""The line by which a part was paid: the one it was split in, or one that replaced it."""


def _members_parts() -> Select[PayoutPart]:
    """Parts of members that have reached their cooperative, with the line that brought them."""
    return (
        select(PayoutPart)
        .join(PayoutPart.line)
        .join(paying, _origin() == PayoutPart.line_id)
        .where(PayoutPart.household_id.is_not(None), PayoutLine.organisation_id.is_not(None))
        .where(paying.state == "paid")
        .options(
            contains_eager(PayoutPart.line).joinedload(PayoutLine.organisation),
            joinedload(PayoutPart.household),
            joinedload(PayoutPart.lot).joinedload(Lot.product),
        )
    )


def _origin() -> ColumnElement[int]:
    return func.coalesce(paying.origin_id, paying.id)


def waiting(session: Session, scope: Scope) -> list[tuple[PayoutPart, date]]:
    """What members have not signed for, with the day on which their cooperative got it; the oldest first."""
    statement = (
        _members_parts()
        .where(PayoutPart.received_on.is_(None), PayoutLine.within(scope))
        .add_columns(paying.paid_on)
        .order_by(paying.paid_on, PayoutPart.id)
    )
    return [(part, paid_on) for part, paid_on in session.execute(statement)]


def filed(session: Session, scope: Scope) -> Sequence[PayoutPart]:
    """The latest receipts."""
    statement = _members_parts().where(
        PayoutPart.received_on.is_not(None), PayoutLine.within(scope)
    )
    return session.scalars(
        statement.order_by(PayoutPart.received_on.desc(), PayoutPart.id.desc()).limit(MOST_FILED)
    ).all()


def allowed_days(session: Session) -> int:
    return county_number(session, "receipt_days")


def is_overdue(found: tuple[PayoutPart, date], days: int) -> bool:
    return found[1] + timedelta(days=days) < today()


def file_receipts(
    session: Session,
    actor: Actor,
    scope: Scope,
    parts: Collection[str],
    day: date,
    receipt: str,
) -> int:
    """Members have signed on `day`; their lots owe them nothing any more. Returns how many, without
    those filed before. Raises InvalidInput, naming what is missing or cannot be."""
    if not receipt.strip():
        raise InvalidInput("请写签收单存在哪里。", code="missing", field="receipt")
    chosen = {int(one[:18]) for one in parts if one.isdecimal()}
    if not chosen:
        raise InvalidInput("还没有勾选农户。", code="empty", field="part")
    statement = (
        _members_parts()
        .where(PayoutPart.id.in_(chosen), PayoutPart.received_on.is_(None))
        .where(PayoutLine.within(scope))
        .add_columns(paying)
        .order_by(PayoutPart.id)
        .with_for_update(of=[PayoutPart, paying])
    )
    rows = session.execute(statement).all()
    if any(not line.paid_on <= day <= today() for _, line in rows):
        raise InvalidInput("签收日期不会早于到账，也不会晚于今天。", code="bad_day", field="day")
    postings = []
    for part, line in rows:
        number = line.number
        part.received_on, part.received_by_id = day, actor.user_id
        part.receipt = receipt.strip()[:120]
        lines = [
            debit("lot_payable", part.fen, f"lot:{part.lot.code}"),
            credit("cooperative_held", part.fen, part.line.party),
        ]
        key = f"member_received:{part.id}"
        postings.append(Posting("member_received", key, f"payout:{number}", lines))
        record_received(session, part, line)
        audit.record(session, actor, "payout_received", "payout_line", number, fen=part.fen)
    if postings:
        post_many(session, actor, postings)
    return len(postings)


@supplier_check
def _late_receipts(session: Session, lot: Lot, listing: Listing) -> str:
    """An organisation that keeps households' money sells nothing new, its own or others'."""
    if not (lot.organisation_id or listing.seller_id):
        return ""
    limit = today() - timedelta(days=allowed_days(session))
    late = session.execute(
        select(Organisation.name, func.count(PayoutPart.id).label("parts"))
        .select_from(PayoutPart)
        .join(PayoutPart.line)
        .join(paying, _origin() == PayoutPart.line_id)
        .join(Organisation, Organisation.id == PayoutLine.organisation_id)
        .where(PayoutLine.organisation_id.in_((lot.organisation_id, listing.seller_id)))
        .where(PayoutPart.household_id.is_not(None), PayoutPart.received_on.is_(None))
        .where(paying.state == "paid", paying.paid_on < limit)
        .group_by(Organisation.name)
    ).first()
    if late is None:
        return ""
    return f"{late.name}还有 {late.parts} 笔代收的货款过期没有农户签收，签收了再上架。"
