"""For the office's list: who got a message, and which page tells more of what it is about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from marketplace.core.identifiers import mask_name
from marketplace.identity.actor import Actor
from marketplace.identity.audit_names import names_of
from marketplace.identity.models import RoleGrant, User
from marketplace.identity.permissions import (
    LEDGER_VIEW,
    LOT_VIEW,
    ORDER_MANAGE,
    PAYOUT_VIEW,
    ROUND_MANAGE,
    SHEET_VIEW,
    TRACE_VIEW,
)
from marketplace.notices.models import Notice

BUYS_ONLY = "staff"
"""The role of whoever only buys: such a name is masked in the office, as on the order's page."""


class _Way(NamedTuple):
    permission: str
    endpoint: str
    argument: str


_WAYS: Mapping[str, tuple[_Way, ...]] = {
    "hold": (_Way(ROUND_MANAGE, "holds.show", "hold_id"),),
    "lot": (_Way(LOT_VIEW, "lots.detail", "lot_id"),),
    "order": (
        _Way(ORDER_MANAGE, "orders.show", "number"),
        _Way(TRACE_VIEW, "trace.order", "number"),
    ),
    "payout": (_Way(PAYOUT_VIEW, "payouts.line", "line_no"),),
    "round": (_Way(SHEET_VIEW, "sheets.round", "round_id"),),
    "sheet": (_Way(SHEET_VIEW, "sheets.sheet", "sheet_id"),),
    "statement": (_Way(LEDGER_VIEW, "statements.show", "number"),),
}


@dataclass(frozen=True)
class About:
    """`page`: an endpoint with its values, where this reader has one."""

    to: str
    page: tuple[str, dict[str, str | int]] | None


def about(session: Session, actor: Actor, notices: Iterable[Notice]) -> dict[int, About]:
    """By the notice's number; two statements, however many there are."""
    notices = list(notices)
    people = _people(session, {n.to_user_id for n in notices if n.to_user_id})
    orders = names_of(session, _orders(notices))
    return {
        notice.id: About(
            people.get(notice.to_user_id or 0, "不是账号"), _page(actor, notice.subject, orders)
        )
        for notice in notices
    }


def _people(session: Session, ids: set[int]) -> dict[int, str]:
    works = exists().where(RoleGrant.user_id == User.id, RoleGrant.role != BUYS_ONLY)
    rows = session.execute(select(User.id, User.display_name, works).where(User.id.in_(ids)))
    return {number: name if at_work else mask_name(name) for number, name, at_work in rows}


def _orders(notices: Iterable[Notice]) -> set[tuple[str, str]]:
    parts = (notice.subject.partition(":") for notice in notices)
    return {(kind, number) for kind, _, number in parts if kind == "order"}


def _page(
    actor: Actor, subject: str, orders: Mapping[tuple[str, str], str]
) -> tuple[str, dict[str, str | int]] | None:
    kind, _, said = subject.partition(":")
    named = orders.get((kind, said), "") if kind == "order" else said
    for way in _WAYS.get(kind, ()):
        if named and actor.may(way.permission):
            numeric = way.argument.endswith("_id")
            return (way.endpoint, {way.argument: int(named) if numeric else named})
    return None
