"""The audit trail for those who control: who did what, who looked at whom, what was refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import Select, or_, select

from marketplace.core.clock import local_day_end, local_day_start
from marketplace.core.db import db
from marketplace.identity.access import current_scope, requires
from marketplace.identity.audit import AuditRow
from marketplace.identity.audit_details import detail_words, things_in
from marketplace.identity.audit_names import Names, Thing, names_of, things_named
from marketplace.identity.audit_words import (
    ACTIONS,
    PERSONAL,
    SUBJECTS,
    action_words,
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
    for column, value in ((AuditRow.action, asked.action), (AuditRow.subject, asked.subject)):
        if value:
            statement = statement.where(column == value)
    if asked.subject_id:
        things = {
            (AuditRow.subject == subject) & (AuditRow.subject_id == number)
            for subject, number in things_named(db.session, asked.subject_id)
        }
        statement = statement.where(or_(AuditRow.subject_id == asked.subject_id, *things))
    if asked.first:
        statement = statement.where(AuditRow.at >= local_day_start(asked.first))
    if asked.last:
        statement = statement.where(AuditRow.at < local_day_end(asked.last))
    return statement.order_by(AuditRow.id.desc())


def _names(rows: Sequence[AuditRow]) -> dict[Thing, str]:
    """Of those who acted, of what they acted on, and of what the details name."""
    wanted = {("account", str(row.actor_id)) for row in rows}
    wanted |= {(row.subject, row.subject_id) for row in rows}
    for row in rows:
        wanted.update(things_in(row.action, row.detail))
    return names_of(db.session, wanted)


def _who(row: AuditRow, names: Names) -> str:
    known = names.get(("account", str(row.actor_id)), f"账号 {row.actor_id}")
    return known if row.actor_id else "系统"


@bp.get("")
@requires(AUDIT_VIEW)
def index() -> str:
    asked = _asked()
    page = paginate(db.session, trail(current_scope(), asked), size=50)
    names = _names(page.items)
    rows: list[dict[str, Any]] = [
        {
            "at": row.at,
            "who": _who(row, names),
            "action": action_words(row.action),
            "subject": subject_words(row.subject, row.subject_id, names),
            "detail": detail_words(row.detail, names, row.action),
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
