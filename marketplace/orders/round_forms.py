"""The one page on which a round is made or changed."""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from wtforms import (
    BooleanField,
    FieldList,
    FormField,
    HiddenField,
    RadioField,
    SelectChoice,
    SelectField,
    SelectMultipleField,
    StringField,
)
from wtforms import Form as PlainForm
from wtforms.validators import InputRequired, ValidationError

from marketplace.core.clock import now
from marketplace.orders.interruptions import NewDates
from marketplace.orders.round_dates import propose
from marketplace.orders.round_models import (
    MOST_DEPOSIT,
    SHORTAGE_RULES,
    UNPAID_RULES,
    CollectionPoint,
    PickupPoint,
    Round,
)
from marketplace.orders.rounds import RoundInput, Slot
from marketplace.regions.models import Region
from marketplace.web.addresses import row_number
from marketplace.web.forms import Form, TrimmedField, at_most, required
from marketplace.web.time_fields import (
    ClosingTimeField,
    DayField,
    MomentField,
    closing_moment,
    closing_parts,
)

AUDIENCES = {
    "open_to_canteens": ("单位食堂", "在“本周货单”里按份订"),
    "open_to_staff": ("干部职工和居民", "在手机商城里订"),
    "open_to_groups": ("团购登记", "组织员收集同事要的，一次下单"),
}
RULE_NOTES = {
    "canteens_first": "货不够时，食堂的订单先满足",
    "staff_first": "货不够时，个人和团购的订单先满足",
    "proportional": "货不够时，大家按同样的比例少给",
}
SPARE_ROWS = 3
MOST_ROWS = 160
NEED_TIMES = "请填从几点到几点，止要在起之后。"


class PickupRow(PlainForm):
    use = BooleanField()
    point_id = HiddenField()
    from_at = MomentField()
    until_at = MomentField()


class CollectionRow(PlainForm):
    """A town's row, or a village's own; a village goes before its town."""

    region_code = SelectField(validate_choice=False)
    point_id = SelectField(validate_choice=False)
    from_at = MomentField()
    until_at = MomentField()


class PercentField(StringField):
    """Whole per cent of an order's price, as typed; nothing typed is none."""

    def pre_validate(self, form: Any) -> None:
        text = self._digits()
        if text and (not text.isdecimal() or len(text) > 2 or int(text) > MOST_DEPOSIT):
            raise ValidationError(f"填 0 到 {MOST_DEPOSIT} 的整数，是货款的百分之几；不收就空着。")

    def _digits(self) -> str:
        typed = unicodedata.normalize("NFKC", str(self.data or "")).strip()
        return typed.removesuffix("%").strip()

    @property
    def percent(self) -> int:
        return int(self._digits() or 0)


class RoundForm(Form):
    name = TrimmedField("名称", required("请给这一期起个名字。") + [at_most(60)])
    opens_at = MomentField("开放订购", [InputRequired("请填开放的日期和时间。")])
    closes_day = DayField("截单日", [InputRequired("请填截单的日期。")])
    closes_time = ClosingTimeField("截单时间")
    delivers_on = DayField("配送日", [InputRequired("请填配送的日期。")])
    audiences = SelectMultipleField(
        "谁能订",
        choices=[
            SelectChoice(key, words, {"data-note": note})
            for key, (words, note) in AUDIENCES.items()
        ],
        validators=required("至少选一类买家。"),
    )
    shortage_rule = RadioField(
        "货不够时",
        choices=[
            SelectChoice(key, words, {"data-note": RULE_NOTES[key]})
            for key, words in SHORTAGE_RULES.items()
        ],
        default="canteens_first",
        validators=required("请选货不够时先保谁。"),
    )
    unpaid_rule = RadioField(
        "截单时还没付清的",
        choices=[SelectChoice(key, words) for key, words in UNPAID_RULES.items()],
        default="keep",
        validators=required("请选没付清的怎么办。"),
    )
    deposit_canteens = PercentField("食堂的押金")
    deposit_staff = PercentField("个人的押金")
    deposit_groups = PercentField("团购的押金")
    refill_cutoff_at = MomentField("补货确认截止")
    pickups = FieldList(FormField(PickupRow), "提货点", max_entries=MOST_ROWS)
    collections = FieldList(FormField(CollectionRow), "集货点", max_entries=MOST_ROWS)

    def validate(self, extra_validators: Any = None) -> bool:
        fine: bool = super().validate(extra_validators)
        ticked = [row.form for row in self.pickups if row.form.use.data]
        placed = [row.form for row in self.collections if row.form.point_id.data]
        for row in (*ticked, *placed):
            if not _times_fit(row):
                row.from_at.errors = [NEED_TIMES]
                fine = False
        if any(row.from_at.errors for row in ticked):
            self.pickups.errors = ["有提货点的时间没填对。"]
        if any(row.from_at.errors for row in placed):
            self.collections.errors = ["有集货点的时间没填对。"]
        return fine

    def given(self) -> RoundInput:
        assert self.opens_at.data
        assert self.closes_day.data
        assert self.delivers_on.data
        return RoundInput(
            name=self.name.data,
            opens_at=self.opens_at.data,
            closes_at=closing_moment(self.closes_day.data, self.closes_time.data),
            delivers_on=self.delivers_on.data,
            shortage_rule=self.shortage_rule.data,
            unpaid_rule=self.unpaid_rule.data,
            deposit_canteens=self.deposit_canteens.percent,
            deposit_staff=self.deposit_staff.percent,
            deposit_groups=self.deposit_groups.percent,
            refill_cutoff_at=self.refill_cutoff_at.data,
            open_to_canteens="open_to_canteens" in self.audiences.data,
            open_to_staff="open_to_staff" in self.audiences.data,
            open_to_groups="open_to_groups" in self.audiences.data,
        )

    def pickup_slots(self) -> list[Slot]:
        rows = [row.form for row in self.pickups if row.form.use.data]
        return [
            Slot(row_number(row.point_id.data), row.from_at.data, row.until_at.data) for row in rows
        ]

    def collection_slots(self) -> list[Slot]:
        rows = [row.form for row in self.collections if row.form.point_id.data]
        return [
            Slot(
                row_number(row.point_id.data),
                row.from_at.data,
                row.until_at.data,
                row.region_code.data,
            )
            for row in rows
        ]


def _times_fit(row: Any) -> bool:
    start, end = row.from_at.data, row.until_at.data
    return start is not None and end is not None and start < end


class PostponeForm(Form):
    opens_at = MomentField("重新开放", [InputRequired("请填重新开放的日期和时间。")])
    closes_day = DayField("截单日", [InputRequired("请填截单的日期。")])
    closes_time = ClosingTimeField("截单时间")
    delivers_on = DayField("配送日", [InputRequired("请填配送的日期。")])

    def given(self) -> NewDates:
        assert self.opens_at.data
        assert self.closes_day.data
        assert self.delivers_on.data
        closes_at = closing_moment(self.closes_day.data, self.closes_time.data)
        return NewDates(self.opens_at.data, closes_at, self.delivers_on.data)


class CancelForm(Form):
    reason = TrimmedField(
        "取消的原因", required("请写取消的原因，每个买家都会看到。") + [at_most(120)]
    )


def proposed_values(pickups: Sequence[PickupPoint], points: Sequence[CollectionPoint],
                    towns: Sequence[Region]) -> dict[str, Any]:  # fmt: skip
    """A new round as most rounds are: every place, the next working days."""
    dates = propose(now())
    closes_day, closes_time = closing_parts(dates.closes_at)
    return {
        "name": f"{closes_day.month}月{closes_day.day}日截单专场",
        "opens_at": dates.opens_at,
        "closes_day": closes_day,
        "closes_time": closes_time,
        "delivers_on": dates.delivers_on,
        "audiences": list(AUDIENCES),
        "shortage_rule": "canteens_first",
        "pickups": [_pickup(point.id, dates.pickup, use=True) for point in pickups],
        "collections": [
            _collection(town.code, _nearest(town.code, points), dates.collection) for town in towns
        ]
        + _spare(dates.collection),
    }


def _nearest(code: str, points: Sequence[CollectionPoint]) -> int | str:
    """The town's own point, else the first one there is."""
    own = [point.id for point in points if point.region_code[:9] == code[:9]]
    return own[0] if own else (points[0].id if points else "")


def values_of(
    found: Round, pickups: Sequence[PickupPoint], towns: Sequence[Region]
) -> dict[str, Any]:
    """What a round says now. Places it does not use stand below, with the times of a likely slot."""
    dates = propose(found.opens_at)
    closes_day, closes_time = closing_parts(found.closes_at)
    used = {row.pickup_point_id: (row.from_at, row.until_at) for row in found.pickups}
    drops = {row.region_code: row for row in found.collections}
    usual = (found.pickups[0].from_at, found.pickups[0].until_at) if found.pickups else dates.pickup
    first = found.collections[0] if found.collections else None
    slot = (first.from_at, first.until_at) if first else dates.collection
    codes = [town.code for town in towns] + sorted(set(drops) - {town.code for town in towns})
    return {
        "name": found.name,
        "opens_at": found.opens_at,
        "closes_day": closes_day,
        "closes_time": closes_time,
        "delivers_on": found.delivers_on,
        "audiences": [key for key in AUDIENCES if getattr(found, key)],
        "shortage_rule": found.shortage_rule,
        "unpaid_rule": found.unpaid_rule,
        "deposit_canteens": found.deposit_canteens or "",
        "deposit_staff": found.deposit_staff or "",
        "deposit_groups": found.deposit_groups or "",
        "refill_cutoff_at": found.refill_cutoff_at,
        "pickups": [
            _pickup(point.id, used.get(point.id, usual), use=point.id in used) for point in pickups
        ],
        "collections": [
            _collection(
                code, drops[code].collection_point_id, (drops[code].from_at, drops[code].until_at)
            )
            if code in drops
            else _collection(code, "", slot)
            for code in codes
        ]
        + _spare(slot),
    }


def _spare(slot: tuple[datetime, datetime]) -> list[dict[str, Any]]:
    return [_collection("", "", slot) for _ in range(SPARE_ROWS)]


def _pickup(point_id: int, span: tuple[datetime, datetime], *, use: bool) -> dict[str, Any]:
    return {"use": use, "point_id": point_id, "from_at": span[0], "until_at": span[1]}


def _collection(code: str, point_id: int | str, span: tuple[datetime, datetime]) -> dict[str, Any]:
    return {
        "region_code": code,
        "point_id": str(point_id),
        "from_at": span[0],
        "until_at": span[1],
    }
