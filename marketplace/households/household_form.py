"""The form of one household, and how what was typed becomes a HouseholdInput."""

from collections.abc import Callable
from dataclasses import replace

from wtforms import BooleanField, SelectField
from wtforms.validators import Optional, ValidationError

from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput
from marketplace.core.identifiers import normalise_phone, parse_identity_number
from marketplace.households.household_import import read_land
from marketplace.households.models import SUPPORT_KINDS, Household
from marketplace.households.service import MOST_BIRDS, MOST_PERSONS, HouseholdInput, StatusInput
from marketplace.web.forms import Form, TrimmedField, at_most, required, whole_number
from marketplace.web.time_fields import DayField


def _readable(text: str | None, read: Callable[[str], object]) -> None:
    """So that every fault of the form is said at once."""
    try:
        if text:
            read(text)
    except InvalidInput as error:
        raise ValidationError(error.message) from None


NONE = "无"
"""Typed over a recorded phone or ID, it is removed."""


def _phone(text: str) -> str:
    return "" if text == NONE else normalise_phone(text, field="phone")


def _identity(text: str) -> str:
    if text == NONE:
        return ""
    return parse_identity_number(text, today=today(), field="identity_no").number


class HouseholdForm(Form):
    """Name, phone and ID of a recorded household are never shown here: empty leaves them as they are."""

    region_code = SelectField("村", required("请选村。"))
    head_name = TrimmedField("户主姓名", [at_most(30)])
    phone = TrimmedField("电话", [at_most(40)])
    identity_no = TrimmedField("证件号码", [at_most(40)])
    persons = TrimmedField("人口", required("请填人口。") + [at_most(6)])
    land = TrimmedField("耕地（亩）", [at_most(20)])
    poultry = TrimmedField("家禽（只）", [at_most(10)])
    other_household = BooleanField("核对过，不是同一户")

    number = ""
    """Recorded already; only a new household is given one."""

    def validate_phone(self, field: TrimmedField) -> None:
        _readable(field.data, _phone)

    def validate_identity_no(self, field: TrimmedField) -> None:
        _readable(field.data, _identity)

    def validate_land(self, field: TrimmedField) -> None:
        _readable(field.data, read_land)

    def validate_persons(self, field: TrimmedField) -> None:
        whole_number(field.data, "人口", minimum=1, maximum=MOST_PERSONS)

    def validate_poultry(self, field: TrimmedField) -> None:
        if field.data:
            whole_number(field.data, "家禽数", maximum=MOST_BIRDS)

    def given(self, held: Household | None) -> HouseholdInput:
        """What was typed, checked; raises InvalidInput with the field at fault."""
        phone, identity = str(self.phone.data or ""), str(self.identity_no.data or "")
        land, poultry = str(self.land.data or ""), str(self.poultry.data or "")
        return HouseholdInput(
            household_no=held.household_no if held else self.number,
            region_code=str(self.region_code.data),
            head_name=str(self.head_name.data or "") or (held.head_name if held else ""),
            phone=_phone(phone) if phone else None,
            identity_no=_identity(identity) if identity else None,
            persons=whole_number(self.persons.data, "人口", minimum=1, maximum=MOST_PERSONS),
            land_mu_hundredths=read_land(land, field="land") if land else None,
            poultry=whole_number(poultry, "家禽数", maximum=MOST_BIRDS) if poultry else None,
        )


class NewHouseholdForm(HouseholdForm):
    """Also the number, the first status and the cadre, which later have acts of their own."""

    household_no = TrimmedField("户编号", required("请填户编号。") + [at_most(30)])
    head_name = TrimmedField("户主姓名", required("请填户主姓名。") + [at_most(30)])
    kind = SelectField("户类别", choices={"": "没有帮扶类别"} | SUPPORT_KINDS, default="")
    valid_from = DayField("从哪天起", [Optional()])
    cadre = TrimmedField("帮扶联系人的账号", [at_most(60)])

    def given(self, held: Household | None) -> HouseholdInput:
        self.number = str(self.household_no.data)
        given = super().given(held)
        if not self.kind.data:
            return given
        if self.valid_from.data is None:
            raise InvalidInput(
                "请填这一类从哪天起，例如识别监测时间。", code="missing", field="valid_from"
            )
        status = StatusInput(str(self.kind.data), self.valid_from.data)
        return replace(given, statuses=(status,))


class StatusForm(Form):
    kind = SelectField("加一类", required("请选户类别。"), choices={"": "请选"} | SUPPORT_KINDS)
    valid_from = DayField("从哪天起", required("请填从哪天起，例如识别监测时间。"))
    valid_until = DayField("到哪天止", [Optional()])

    def status(self) -> StatusInput:
        assert self.valid_from.data is not None
        return StatusInput(str(self.kind.data), self.valid_from.data, self.valid_until.data)


class EndForm(Form):
    until = DayField("最后一天", required("请填最后一天。"))


class RevealForm(Form):
    reason = TrimmedField("为什么要看", required("请写为什么要看，会留下记录。") + [at_most(100)])


class HandOverForm(Form):
    cadre = TrimmedField("接手人的账号", required("请填接手人的账号。") + [at_most(60)])


class ConsentForm(Form):
    how = TrimmedField("怎么同意的", required("请写怎么同意的，例如上门签字。") + [at_most(100)])
