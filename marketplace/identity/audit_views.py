"""The audit trail for those who control: who did what, who looked at whom, what was refused."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import Select, select

from marketplace.core.clock import local_day_end, local_day_start
from marketplace.core.db import db
from marketplace.identity.access import current_scope, requires
from marketplace.identity.audit import AuditRow
from marketplace.identity.audit_words import (
    ACTIONS,
    PERSONAL,
    SUBJECTS,
    accounts_in,
    action_words,
    detail_words,
    subject_words,
)
from marketplace.identity.models import User
from marketplace.identity.permissions import AUDIT_VIEW
from marketplace.identity.scope import Scope
from marketplace.web.paging import paginate

bp = Blueprint("audit", __name__, url_prefix="/audit")
VIEWS = {"": "全部", "personal": "看过个人信息", "refused": "被拒绝的", "rights": "账号和权限"}
RIGHTS = tuple(
    sorted(
        code
        for code in ACTIONS
        if code.startswith(("account_", "activation_", "deputy_", "password_", "role_", "setting_"))
    )
)


@dataclass(frozen=True)
class Asked:
    """The filters in the address; what cannot be read filters nothing and is shown empty."""

    view: str
    person: str
    action: str
    subject: str
    subject_id: str
    first: date | None
    last: date | None


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


def _asked() -> Asked:
    text = {
        name: request.args.get(name, "").strip()[:60]
        for name in ("view", "person", "action", "subject", "subject_id")
    }
    return Asked(**text, first=_day("first"), last=_day("last"))


def trail(scope: Scope, asked: Asked) -> Select[AuditRow]:
    """Rows of the trail, newest first."""
    statement = scope.visible(select(AuditRow))
    if asked.view == "personal":
        statement = statement.where(AuditRow.action.in_(PERSONAL))
    elif asked.view == "refused":
        statement = statement.where(AuditRow.refused)
    elif asked.view == "rights":
        statement = statement.where(AuditRow.action.in_(RIGHTS))
    if asked.person:
        named = select(User.id).where(
            (User.login_name == asked.person.lower())
            | User.display_name.contains(asked.person, autoescape=True)
        )
        statement = statement.where(AuditRow.actor_id.in_(named))
    for column, value in (
        (AuditRow.action, asked.action),
        (AuditRow.subject, asked.subject),
        (AuditRow.subject_id, asked.subject_id),
    ):
        if value:
            statement = statement.where(column == value)
    if asked.first:
        statement = statement.where(AuditRow.at >= local_day_start(asked.first))
    if asked.last:
        statement = statement.where(AuditRow.at < local_day_end(asked.last))
    return statement.order_by(AuditRow.id.desc())


def _people(rows: list[AuditRow]) -> dict[int, str]:
    """Names of those who acted and of those acted on, by account number; the system itself is 0."""
    wanted = {row.actor_id for row in rows}.union(
        *(accounts_in(row.subject, row.subject_id, row.detail) for row in rows)
    )
    found = select(User.id, User.display_name).where(User.id.in_(wanted))
    return {0: "系统"} | {row.id: row.display_name for row in db.session.execute(found)}


@bp.get("")
@requires(AUDIT_VIEW)
def index() -> str:
    asked = _asked()
    page = paginate(db.session, trail(current_scope(), asked), size=50)
    people = _people(list(page.items))
    rows: list[dict[str, Any]] = [
        {
            "at": row.at,
            "who": people.get(row.actor_id, f"账号 {row.actor_id}"),
            "action": action_words(row.action),
            "subject": subject_words(row.subject, row.subject_id, people),
            "detail": detail_words(row.detail, people),
            "refused": row.refused,
            "request_id": row.request_id,
        }
        for row in page.items
    ]
    chips = [
        {
            "label": label,
            "href": url_for("audit.index", view=code or None),
            "active": asked.view == code,
        }
        for code, label in VIEWS.items()
    ]
    return render_template(
        "identity/audit.html",
        page=page,
        rows=rows,
        asked=asked,
        chips=chips,
        actions=sorted(ACTIONS.items(), key=lambda item: item[1]),
        subjects=SUBJECTS.items(),
    )
