"""Fields for moments: the wall clock of China in front of people, aware UTC inside."""

from datetime import date, datetime, time, timedelta
from typing import Any

from wtforms import DateField, DateTimeLocalField, SelectField
from wtforms.validators import InputRequired

from marketplace.core.clock import SHANGHAI, local_day_end, shanghai_time

EARLIEST, LATEST = date(2000, 1, 1), date(2100, 1, 1)
WRONG_MOMENT = "请填日期和时间，例如 2026-11-20 18:00。"
WRONG_DAY = "请填日期，例如 2026-11-20。"


def sensible(day: date) -> bool:
    return EARLIEST <= day <= LATEST


class MomentField(DateTimeLocalField):
    """`data` is an aware moment; empty stays None unless a validator demands it."""

    def __init__(self, label: str = "", validators: Any = None, **kwargs: Any) -> None:
        formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
        super().__init__(label, validators, format=formats, **kwargs)

    def process_data(self, value: Any) -> None:
        self.data: datetime | None = value

    def _value(self) -> str:
        if self.raw_data:
            return " ".join(str(part) for part in self.raw_data)
        return f"{shanghai_time(self.data):%Y-%m-%dT%H:%M}" if self.data else ""

    def process_formdata(self, valuelist: list[Any]) -> None:
        if not valuelist or not valuelist[0]:
            self.data = None
            return
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError(WRONG_MOMENT) from error
        assert self.data is not None
        if not sensible(self.data.date()):
            self.data = None
            raise ValueError(WRONG_MOMENT)
        self.data = self.data.replace(tzinfo=SHANGHAI)


class DayField(DateField):
    """A calendar day with a message that has the cure."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        if not valuelist or not valuelist[0]:
            self.data: date | None = None
            return
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError(WRONG_DAY) from error
        if self.data is None or not sensible(self.data):
            self.data = None
            raise ValueError(WRONG_DAY)


class ClosingTimeField(SelectField):
    """Half-hours up to 24:00, which a browser's own time box cannot say. `data` is `HH:MM`."""

    def __init__(self, label: str = "", **kwargs: Any) -> None:
        self.choices: list[str] = []
        choices = [f"{half // 2:02d}:{half % 2 * 30:02d}" for half in range(1, 49)]
        super().__init__(
            label, [InputRequired("请选时间。")], choices=choices, default="24:00", **kwargs
        )

    def also_offer(self, words: str) -> None:
        """A time that is already chosen and is no half-hour."""
        if words not in self.choices:
            self.choices = sorted([*self.choices, words])


def closing_parts(moment: datetime) -> tuple[date, str]:
    """Day and time as people say them: midnight is 24:00 of the day before."""
    local = shanghai_time(moment)
    if local.time() == time.min:
        return local.date() - timedelta(days=1), "24:00"
    return local.date(), f"{local:%H:%M}"


def closing_moment(day: date, words: str) -> datetime:
    """The moment that `closing_parts` took apart; `words` is one of the field's choices."""
    if words == "24:00":
        return local_day_end(day)
    hour, minute = words.split(":")
    return datetime.combine(day, time(int(hour), int(minute)), tzinfo=SHANGHAI)
