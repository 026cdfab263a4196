"""Reminding units of their statements: some days before they are due, and every week after. Each once."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import format_day, today
from marketplace.core.county_settings import county_number
from marketplace.core.db import transaction
from marketplace.core.money import format_yuan
from marketplace.core.validity import in_force
from marketplace.identity.models import RoleGrant
from marketplace.notices.outbox import Message, enqueue_all
from marketplace.payments.statement_models import Statement
from marketplace.payments.statements import Standing, listed, standings

TOLD = ("buyer", "approver")


def remind_units() -> None:
    """The due job. Running it again on the same day changes nothing."""
    with transaction() as session:
        soon = today() + timedelta(days=county_number(session, "statement_reminder_days"))
        due = standings(session, listed("open").where(Statement.due_on <= soon))
        people = _people(session, {one.statement.organisation_id for one in due})
        enqueue_all(
            session,
            [
                _message(one, user_id)
                for one in due
                for user_id in people.get(one.statement.organisation_id, ())
            ],
        )


def _people(session: Session, units: set[int]) -> dict[int, list[int]]:
    """Unit → its buyers and approvers in office today, each once."""
    rows = session.execute(
        select(RoleGrant.organisation_id, RoleGrant.user_id)
        .where(
            RoleGrant.organisation_id.in_(units),
            RoleGrant.role.in_(TOLD),
            in_force(RoleGrant, today()),
        )
        .distinct()
    )
    found: dict[int, list[int]] = {}
    for unit, user_id in rows:
        if unit is not None:
            found.setdefault(unit, []).append(user_id)
    return found


def _message(one: Standing, user_id: int) -> Message:
    statement = one.statement
    when = f"late{(one.days_overdue - 1) // 7}" if one.days_overdue else "before"
    title = f"对账单 {statement.number} "
    title += (
        f"过期 {one.days_overdue} 天了"
        if one.days_overdue
        else f"{format_day(statement.due_on)}到期"
    )
    return Message(
        provider_key=f"stmt:{statement.number}:{when}:{user_id}",
        kind="statement_due",
        subject=f"statement:{statement.number}",
        title=title,
        body=f"还有 {format_yuan(one.open_fen)} 元没付。转账时附言写 {statement.number}，到账自己认。",
        to_user_id=user_id,
    )
