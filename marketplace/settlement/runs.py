"""What pages ask of payout runs: sums by state, waiting times, lines within reach."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session, aliased, joinedload

from marketplace.core.clock import today
from marketplace.core.errors import NotFound
from marketplace.identity.scope import Scope
from marketplace.settlement.payout_models import LIVE_LINES, OPEN_LINES, PayoutLine, PayoutRun

LOOKED_BACK = timedelta(days=90)
"""Waiting times are told of payments of so many days."""


@dataclass(frozen=True)
class Tally:
    """Lines of a run in one state, and their fen."""

    lines: int = 0
    fen: int = 0
    off_fen: int = 0
    """What is taken off of it."""

    @property
    def net_fen(self) -> int:
        return self.fen - self.off_fen


@dataclass(frozen=True)
class Waiting:
    """From delivery to the account, in days, over `lines` payments; 0 lines say nothing."""

    lines: int
    median_days: int
    longest_days: int


def runs(scope: Scope) -> Select[PayoutRun]:
    """Runs with a line within reach, the newest first."""
    mine = scope.visible(select(PayoutLine)).with_only_columns(PayoutLine.run_id)
    return (
        select(PayoutRun)
        .where(PayoutRun.id.in_(mine))
        .options(
            joinedload(PayoutRun.proposed_by),
            joinedload(PayoutRun.decided_by),
            joinedload(PayoutRun.advance),
        )
        .order_by(PayoutRun.number.desc())
    )


def tallies(session: Session, scope: Scope, run_ids: Sequence[int]) -> dict[int, dict[str, Tally]]:
    """Run id → state → lines within reach."""
    rows = session.execute(
        scope.visible(select(PayoutLine))
        .where(PayoutLine.run_id.in_(run_ids))
        .with_only_columns(
            PayoutLine.run_id,
            PayoutLine.state,
            func.count(PayoutLine.id),
            func.sum(PayoutLine.fen),
            func.sum(case((PayoutLine.state.in_(LIVE_LINES), PayoutLine.deducted_fen), else_=0)),
        )
        .group_by(PayoutLine.run_id, PayoutLine.state)
    )
    found: dict[int, dict[str, Tally]] = {run_id: {} for run_id in run_ids}
    for run_id, state, count, fen, off_fen in rows:
        found[run_id][state] = Tally(count, int(fen), int(off_fen))
    return found


def lines(scope: Scope, run: PayoutRun | None = None, state: str = "") -> Select[PayoutLine]:
    """Lines within reach by village and owner, with what a list shows."""
    statement = (
        scope.visible(select(PayoutLine))
        .options(
            joinedload(PayoutLine.household),
            joinedload(PayoutLine.organisation),
            joinedload(PayoutLine.region),
            joinedload(PayoutLine.payee),
            joinedload(PayoutLine.run),
        )
        .order_by(PayoutLine.region_code, PayoutLine.id)
    )
    if run is not None:
        statement = statement.where(PayoutLine.run_id == run.id)
    return statement.where(PayoutLine.state == state) if state else statement


def open_lines(scope: Scope) -> Select[PayoutLine]:
    """What was approved once and has not reached anybody: the oldest first."""
    later = aliased(PayoutLine)
    followed = select(later.id).where(later.replaces_id == PayoutLine.id, later.state != "rejected")
    return (
        lines(scope)
        .join(PayoutRun, PayoutRun.id == PayoutLine.run_id)
        .where(PayoutLine.state.in_(OPEN_LINES), ~followed.exists())
        .order_by(None)
        .order_by(PayoutLine.accepted_on, PayoutLine.id)
    )


def get_line(session: Session, scope: Scope, number: str) -> PayoutLine:
    found = session.scalar(lines(scope).where(PayoutLine.number == number))
    if found is None:
        raise NotFound("没有这笔货款，或不归您管。")
    return found


def followed_by(session: Session, line: PayoutLine) -> PayoutLine | None:
    """The line of a later run that took this one up."""
    return session.scalar(
        select(PayoutLine).where(PayoutLine.replaces_id == line.id, PayoutLine.state != "rejected")
    )


def waiting_days(session: Session, scope: Scope, run: PayoutRun | None = None) -> Waiting:
    """From the first delivery of a payment's goods to the account (资金回笼)."""
    statement = scope.visible(select(PayoutLine)).where(PayoutLine.state == "paid")
    if run is None:
        statement = statement.where(PayoutLine.paid_on >= today() - LOOKED_BACK)
    else:
        statement = statement.where(PayoutLine.run_id == run.id)
    pairs: Sequence[tuple[date, date]] = session.execute(
        statement.with_only_columns(PayoutLine.accepted_on, PayoutLine.paid_on)
    ).all()  # type: ignore[assignment]
    days = [(paid - accepted).days for accepted, paid in pairs]
    return Waiting(len(days), int(median(days)), max(days)) if days else Waiting(0, 0, 0)
