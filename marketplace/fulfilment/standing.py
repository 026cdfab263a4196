"""Where a sheet stands, as conditions of statements: told, answered, overdue, replaced."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, Select, and_, exists, func, select

from marketplace.core.clock import now, today
from marketplace.core.validity import in_force
from marketplace.fulfilment.models import PreparationSheet, SheetAnswer, SheetTold
from marketplace.households.models import CadreAssignment
from marketplace.orders.round_models import Round, RoundCollection

STANDS = {
    "overdue": "到期没回音",
    "untold": "没通知",
    "waiting": "等回音",
    "yes": "能备齐",
    "changed": "改过",
}
"""Filters of the lists; a sheet may fit several."""


@dataclass(frozen=True)
class Filters:
    """What a list is narrowed to; None and '' narrow nothing."""

    round: int | None = None
    village: str = ""
    cadre: int | None = None
    point: int | None = None  # a slot of the round
    stand: str = ""
    sheet: int | None = None  # this one, current or replaced
    live: bool = False  # of rounds that are being collected


def due_before(settings: Mapping[str, str | int]) -> datetime:
    """Hand-overs that begin before this moment should have been answered by now."""
    return now() + timedelta(hours=int(settings["answer_due_hours"]))


def latest_answer() -> ScalarSelect[Any]:
    return (
        select(SheetAnswer.answer)
        .where(SheetAnswer.sheet_id == PreparationSheet.id)
        .order_by(SheetAnswer.id.desc())
        .limit(1)
        .correlate(PreparationSheet)
        .scalar_subquery()
    )


def is_answered() -> ColumnElement[bool]:
    return exists().where(SheetAnswer.sheet_id == PreparationSheet.id)


def is_told() -> ColumnElement[bool]:
    """An answer shows that somebody told the household, too."""
    return exists().where(SheetTold.sheet_id == PreparationSheet.id) | is_answered()


def cadre_of_sheet() -> ScalarSelect[Any]:
    """The account that looks after the sheet's household today; none for cooperatives."""
    return (
        select(func.min(CadreAssignment.user_id))
        .where(
            CadreAssignment.household_id == PreparationSheet.household_id,
            in_force(CadreAssignment, today()),
        )
        .correlate(PreparationSheet)
        .scalar_subquery()
    )


def overdue_where(limit: datetime) -> ColumnElement[bool]:
    """Nobody answered although the hand-over is near. Needs the join with RoundCollection."""
    return and_(
        PreparationSheet.current,
        PreparationSheet.amount_fen > 0,
        RoundCollection.from_at <= limit,
        ~is_answered(),
    )


def narrowed(statement: Select[Any], filters: Filters, limit: datetime) -> Select[Any]:
    if filters.sheet is not None:
        return statement.where(PreparationSheet.id == filters.sheet)
    parts: list[ColumnElement[bool]] = [PreparationSheet.current.is_(True)]
    if filters.round is not None:
        parts.append(PreparationSheet.round_id == filters.round)
    if filters.live:
        parts.append(
            PreparationSheet.round_id.in_(select(Round.id).where(Round.state == "collecting"))
        )
    if filters.village:
        parts.append(PreparationSheet.region_code == filters.village)
    if filters.cadre is not None:
        parts.append(cadre_of_sheet() == filters.cadre)
    if filters.point is not None:
        parts.append(PreparationSheet.collection_id == filters.point)
    wanted = {
        "overdue": overdue_where(limit),
        "untold": ~is_told() & (PreparationSheet.amount_fen > 0),
        "waiting": is_told() & ~is_answered() & (PreparationSheet.amount_fen > 0),
        "yes": latest_answer() == "yes",
        "changed": PreparationSheet.version > 1,
    }.get(filters.stand)
    if wanted is not None:
        parts.append(wanted)
    return statement.where(*parts)
