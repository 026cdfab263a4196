"""Dates that a new round is likely to want. Pure; the operator changes what does not fit.

Working days are Monday to Friday: holidays move every year, and the operator sees the weekday.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from marketplace.core.clock import SHANGHAI, local_day_end, local_day_start, shanghai_date

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Proposal:
    """Ordering for four working days, two to prepare, brought in and handed out on the days after."""

    opens_at: datetime
    closes_at: datetime
    collects_on: date
    delivers_on: date

    @property
    def collection(self) -> tuple[datetime, datetime]:
        return at(self.collects_on, 8), at(self.collects_on, 11)

    @property
    def pickup(self) -> tuple[datetime, datetime]:
        return at(self.delivers_on, 15), at(self.delivers_on, 19)


def at(day: date, hour: int) -> datetime:
    """That hour in China."""
    return datetime.combine(day, time(hour), tzinfo=SHANGHAI)


def add_working_days(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        if day.weekday() < 5:
            count -= 1
    return day


def propose(moment: datetime) -> Proposal:
    """Opens with the next full hour; closes at 24:00 of the fourth working day."""
    opens_at = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    closes_on = add_working_days(shanghai_date(moment), 4)
    collects_on = add_working_days(closes_on, 3)
    return Proposal(
        opens_at, local_day_end(closes_on), collects_on, add_working_days(collects_on, 1)
    )


def weeks_to_shift(opens_at: datetime, moment: datetime) -> int:
    """The fewest whole weeks, at least one, that bring an opening to today or later. China keeps no
    summer time, so a week is always 7 × 24 hours and every slot keeps its weekday and hour."""
    start = local_day_start(shanghai_date(moment))
    weeks = max(1, -((opens_at - start) // WEEK))
    return weeks if opens_at + weeks * WEEK >= start else weeks + 1
