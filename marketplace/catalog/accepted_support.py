"""Whom a sale helped is settled on the day of the sale: the support status of a lot's shareholders is
kept when goods of it are first accepted, and read from there ever after."""

from collections.abc import Sequence
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import Select, and_, case, func, insert, literal, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import NO_SUPPORT, AcceptedSupport, LotShare
from marketplace.core.clock import today
from marketplace.core.validity import in_force
from marketplace.households.models import SUPPORTED_KINDS, SupportStatus

Selected = TypeVar("Selected", bound="Select[*tuple[Any, ...]]")
LOTS_AT_ONCE = 1000  # a statement names so many; databases take some ten thousand
SUPPORT_KIND = func.coalesce(AcceptedSupport.kind, SupportStatus.kind)
"""Of a statement made by `with_support`: one of SUPPORT_KINDS, or of a share without any NULL or NO_SUPPORT."""
SUPPORTED_HOUSEHOLD = case((SUPPORT_KIND.in_(SUPPORTED_KINDS), LotShare.household_id))
"""The share's household if it counts as supported, else NULL."""


def with_support(statement: Selected, day: date) -> Selected:
    """A statement that has LotShare in it, with each share's support statuses: those kept at acceptance,
    else those of `day`. A share has a row for each of them, or one."""
    kept = and_(
        AcceptedSupport.lot_id == LotShare.lot_id,
        AcceptedSupport.household_id == LotShare.household_id,
    )
    present = and_(
        SupportStatus.household_id == LotShare.household_id,
        AcceptedSupport.id.is_(None),
        in_force(SupportStatus, day),
    )
    return statement.outerjoin(AcceptedSupport, kept).outerjoin(SupportStatus, present)


def freeze_support(session: Session, lot_ids: Sequence[int]) -> None:
    """Goods of these lots were accepted today: what each shareholder is today stays with the lot. Who was
    there at an earlier acceptance stays as he was then. The caller has locked the lots."""
    day = today()
    for start in range(0, len(lot_ids), LOTS_AT_ONCE):
        shares = with_support(
            select(
                LotShare.lot_id,
                LotShare.household_id,
                func.coalesce(SupportStatus.kind, NO_SUPPORT),
                literal(day),
            ),
            day,
        ).where(
            LotShare.lot_id.in_(lot_ids[start : start + LOTS_AT_ONCE]),
            LotShare.household_id.is_not(None),
            AcceptedSupport.id.is_(None),
        )
        columns = ["lot_id", "household_id", "kind", "day"]
        session.execute(insert(AcceptedSupport).from_select(columns, shares.distinct()))
