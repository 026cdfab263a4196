from contextvars import Context
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.core.clock import (
    SHANGHAI,
    as_utc,
    format_day,
    format_deadline,
    format_span,
    format_when,
    local_day_end,
    local_day_start,
    now,
    shanghai_date,
    today,
    use_clock,
)

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _late_in_2026():
    with use_clock(lambda: NOON):
        yield


def china(day, hour, minute=0, *, month=11, year=2026):
    return datetime(year, month, day, hour, minute, tzinfo=SHANGHAI)


def test_now_is_what_the_injected_clock_says_and_only_within_its_block():
    later = NOON + timedelta(days=1)
    with use_clock(lambda: later):
        assert now() == later
    assert now() == NOON


def test_without_injection_the_clock_is_the_system_s_in_utc():
    moment = Context().run(now)
    assert moment.tzinfo is UTC
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)


def test_a_clock_in_another_zone_is_turned_into_utc():
    with use_clock(lambda: china(20, 12)):
        assert now() == NOON
        assert now().tzinfo is UTC


def test_a_naive_time_is_a_fault_of_the_program():
    with pytest.raises(ValueError, match="naive"):
        as_utc(datetime(2026, 11, 20))  # noqa: DTZ001
    with use_clock(lambda: datetime(2026, 11, 20)), pytest.raises(ValueError, match="naive"):  # noqa: DTZ001
        now()


def test_the_day_in_china_begins_while_utc_is_still_yesterday():
    assert shanghai_date(datetime(2026, 11, 20, 15, 59, 59, tzinfo=UTC)) == date(2026, 11, 20)
    assert shanghai_date(datetime(2026, 11, 20, 16, 0, tzinfo=UTC)) == date(2026, 11, 21)
    with use_clock(lambda: datetime(2026, 12, 31, 16, 0, tzinfo=UTC)):
        assert today() == date(2027, 1, 1)


def test_a_round_that_closes_at_24_closes_at_24_in_china():
    end = local_day_end(date(2026, 11, 20))
    assert end == datetime(2026, 11, 20, 16, 0, tzinfo=UTC)
    assert end.tzinfo is UTC
    assert format_deadline(end) == "11月20日 24:00"
    assert format_deadline(local_day_end(date(2026, 12, 31))) == "12月31日 24:00"
    assert format_deadline(china(20, 14, 32)) == "11月20日 14:32"


@settings(deadline=None)
@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 1, 1)))
def test_a_day_is_what_lies_between_its_start_and_its_end(day):
    start, end = local_day_start(day), local_day_end(day)
    assert shanghai_date(start) == day
    assert shanghai_date(end - timedelta(microseconds=1)) == day
    assert shanghai_date(end) == day + timedelta(days=1)


def test_a_moment_is_shown_with_the_year_only_when_it_is_another_one():
    assert format_when(datetime(2026, 11, 20, 6, 32, tzinfo=UTC)) == "11月20日 14:32"
    assert format_when(china(5, 9, 5, month=1)) == "1月5日 09:05"
    assert format_when(china(20, 14, 32, year=2025)) == "2025年11月20日 14:32"
    other_zone = datetime(2026, 11, 20, 1, 32, tzinfo=timezone(timedelta(hours=-5)))
    assert format_when(other_zone) == "11月20日 14:32"


def test_a_day_is_shown_with_its_weekday():
    assert format_day(date(2026, 11, 20)) == "11月20日 周五"
    assert format_day(date(2026, 11, 22)) == "11月22日 周日"
    assert format_day(date(2025, 11, 20)) == "2025年11月20日 周四"


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        (china(20, 8), china(20, 10), "11月20日(周五)上午 8–10 点"),
        (china(20, 8), china(20, 12), "11月20日(周五)上午 8–12 点"),
        (china(20, 14), china(20, 16), "11月20日(周五)下午 2–4 点"),
        (china(20, 14), china(20, 18), "11月20日(周五)下午 2–6 点"),
        (china(20, 18), china(20, 20), "11月20日(周五)晚上 6–8 点"),
        (china(20, 18), china(21, 0), "11月20日(周五)晚上 6–12 点"),
        (china(20, 10), china(20, 14), "11月20日(周五)上午 10 点–下午 2 点"),
        (china(20, 12), china(20, 14), "11月20日(周五)中午 12 点–下午 2 点"),
        (china(20, 5), china(20, 7), "11月20日(周五)凌晨 5 点–上午 7 点"),
        (china(20, 9), china(20, 9), "11月20日(周五)上午 9 点"),
        (china(20, 8, 30), china(20, 10, 15), "11月20日(周五) 08:30–10:15"),
        (china(20, 22, 30), china(21, 0), "11月20日(周五) 22:30–24:00"),
        (china(20, 8), china(21, 10), "11月20日(周五)上午 8 点–11月21日(周六)上午 10 点"),
        (china(20, 8, 30), china(21, 10), "11月20日(周五) 08:30–11月21日(周六) 10:00"),
    ],
)
def test_a_slot_is_said_as_people_say_it(start, end, shown):
    assert format_span(start, end) == shown
    assert format_span(as_utc(start), as_utc(end)) == shown


def test_a_slot_that_ends_before_it_starts_is_a_fault_of_the_program():
    with pytest.raises(ValueError, match="ends before"):
        format_span(china(20, 10), china(20, 8))
