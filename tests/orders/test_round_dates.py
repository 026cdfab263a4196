"""Dates of rounds: 24:00 is the end of a day in China, whole weeks keep weekday and hour."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.clock import SHANGHAI, format_deadline, local_day_start, shanghai_date
from marketplace.orders.round_dates import WEEK, add_working_days, propose, weeks_to_shift
from marketplace.web.time_fields import closing_moment, closing_parts

MOMENTS = st.integers(0, 20 * 365 * 24 * 60).map(
    lambda minutes: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def test_a_round_that_closes_at_24_closes_at_the_end_of_that_day_in_china():
    moment = closing_moment(date(2026, 11, 20), "24:00")
    assert moment == datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    assert format_deadline(moment) == "11月20日 24:00"
    assert closing_parts(moment) == (date(2026, 11, 20), "24:00")


@given(MOMENTS)
def test_a_closing_taken_apart_and_put_together_is_the_same_moment(moment):
    assert closing_moment(*closing_parts(moment)) == moment


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [
        (date(2026, 11, 19), 1, date(2026, 11, 20)),
        (date(2026, 11, 20), 1, date(2026, 11, 23)),
        (date(2026, 11, 21), 3, date(2026, 11, 25)),
    ],
)
def test_working_days_pass_over_the_weekend(start, count, expected):
    assert add_working_days(start, count) == expected


@given(MOMENTS)
def test_a_proposed_round_is_in_order(moment):
    dates = propose(moment)
    assert moment < dates.opens_at < dates.closes_at
    assert shanghai_date(dates.closes_at - timedelta(seconds=1)) < dates.collects_on
    assert dates.collects_on < dates.delivers_on
    assert dates.collects_on.weekday() < 5
    assert dates.delivers_on.weekday() < 5


@given(MOMENTS, MOMENTS)
def test_a_copied_opening_is_the_first_same_weekday_from_today_on_and_never_the_old_one(
    opened, moment
):
    weeks = weeks_to_shift(opened, moment)
    start = local_day_start(shanghai_date(moment))
    assert weeks >= 1
    assert opened + weeks * WEEK >= start
    assert weeks == 1 or opened + (weeks - 1) * WEEK < start
    moved = (opened + weeks * WEEK).astimezone(SHANGHAI)
    assert (moved.weekday(), moved.time()) == (
        opened.astimezone(SHANGHAI).weekday(),
        opened.astimezone(SHANGHAI).time(),
    )
