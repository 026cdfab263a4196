"""The time: aware UTC inside, Asia/Shanghai in front of people.

Nothing else in the product asks the operating system for the time, so a demonstration or a test can
stand at any moment. The clock is a context variable: a thread or a server that should see another
time enters `use_clock` itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")

_WEEKDAYS = "一二三四五六日"


def _system_clock() -> datetime:
    return datetime.now(UTC)


_clock: ContextVar[Callable[[], datetime]] = ContextVar("clock", default=_system_clock)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return as_utc(_clock.get()())


@contextmanager
def use_clock(clock: Callable[[], datetime]) -> Iterator[None]:
    """Let `now()` ask `clock` (which returns aware datetimes) within this block and context."""
    token = _clock.set(clock)
    try:
        yield
    finally:
        _clock.reset(token)


def as_utc(moment: datetime) -> datetime:
    """The same moment in UTC. A naive datetime is a fault of the program: ValueError."""
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise ValueError(f"naive datetime: {moment!r}")
    return moment.astimezone(UTC)


def shanghai_time(moment: datetime) -> datetime:
    """The same moment as the clock on the wall in China shows it."""
    return as_utc(moment).astimezone(SHANGHAI)


def shanghai_date(moment: datetime) -> date:
    """The calendar day in China at this moment."""
    return shanghai_time(moment).date()


def today() -> date:
    """The calendar day in China now."""
    return shanghai_date(now())


def local_day_start(day: date) -> datetime:
    """00:00 of the day in China, as aware UTC."""
    return datetime.combine(day, time.min, tzinfo=SHANGHAI).astimezone(UTC)


def local_day_end(day: date) -> datetime:
    """24:00 of the day in China, as aware UTC: the first moment that no longer belongs to it."""
    return local_day_start(day + timedelta(days=1))


def format_when(moment: datetime) -> str:
    """`11月20日 14:32`, with the year in front when it is not the current one."""
    local = shanghai_time(moment)
    return f"{_month_day(local.date())} {local:%H:%M}"


def format_deadline(moment: datetime) -> str:
    """As `format_when`, but midnight is the end of a day: `11月20日 24:00`, never 11月21日 00:00."""
    local = shanghai_time(moment)
    if local.time() == time.min:
        return f"{_month_day(local.date() - timedelta(days=1))} 24:00"
    return format_when(moment)


def format_day(day: date) -> str:
    """`11月20日 周五`, with the year in front when it is not the current one."""
    return f"{_month_day(day)} {_weekday(day)}"


def format_span(start: datetime, end: datetime) -> str:
    """A slot as people say it: `11月20日(周五)上午 8–10 点`; minutes are shown when there are any."""
    if as_utc(end) < as_utc(start):
        raise ValueError("a span ends before it starts")
    first = shanghai_time(start)
    first_day, first_hour = first.date(), first.hour
    last_day, last_hour = _ending(shanghai_time(end), first_day)
    day = f"{_month_day(first_day)}({_weekday(first_day)})"
    whole = first.minute == 0 and shanghai_time(end).minute == 0
    if last_day != first_day:
        other = f"{_month_day(last_day)}({_weekday(last_day)})"
        if not whole:
            return f"{day} {first:%H:%M}–{other} {shanghai_time(end):%H:%M}"
        return f"{day}{_say_hour(first_hour)}–{other}{_say_hour(last_hour)}"
    if not whole:
        closing = "24:00" if last_hour == 24 else f"{shanghai_time(end):%H:%M}"
        return f"{day} {first:%H:%M}–{closing}"
    if first_hour == last_hour:
        return f"{day}{_say_hour(first_hour)}"
    part = _part_of_day(first_hour)
    if part in {"上午", "下午", "晚上"} and part == _part_of_day(last_hour, ending=True):
        return f"{day}{part} {_twelve(first_hour)}–{_twelve(last_hour)} 点"
    return f"{day}{_say_hour(first_hour)}–{_say_hour(last_hour)}"


def _ending(local: datetime, first_day: date) -> tuple[date, int]:
    """Day and hour of an end; midnight after the first day counts as its hour 24."""
    if local.time() == time.min and local.date() > first_day:
        return local.date() - timedelta(days=1), 24
    return local.date(), local.hour


def _month_day(day: date) -> str:
    year = "" if day.year == today().year else f"{day.year}年"
    return f"{year}{day.month}月{day.day}日"


def _weekday(day: date) -> str:
    return f"周{_WEEKDAYS[day.weekday()]}"


def _part_of_day(hour: int, *, ending: bool = False) -> str:
    """An hour that ends a slot still belongs to the part before it: 8–12 is one morning."""
    at = hour - 1 if ending else hour
    for limit, name in ((6, "凌晨"), (12, "上午"), (13, "中午"), (18, "下午")):
        if at < limit:
            return "下午" if name == "中午" and ending else name
    return "晚上"


def _twelve(hour: int) -> int:
    return hour - 12 if hour > 12 else hour


def _say_hour(hour: int) -> str:
    if hour == 24:
        return "晚上 12 点"
    return f"{_part_of_day(hour)} {_twelve(hour)} 点"
