"""The report form of a phone, and how what was typed becomes a ReportInput."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import TypeVar, cast

from wtforms import BooleanField, HiddenField, MultipleFileField, RadioField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

from marketplace.catalog.asked_price import read_price
from marketplace.catalog.models import GRADES, Product, SupplyReport
from marketplace.catalog.reports import ReportInput, check_days, check_price
from marketplace.catalog.words import MASS_WORDS
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput
from marketplace.core.money import format_yuan
from marketplace.core.quantity import BaseUnit, Quantity, parse_quantity
from marketplace.web.forms import Form, TrimmedField, at_most, required
from marketplace.web.time_fields import DayField

CAUSES = ("没有销路", "收购商没来", "价格太低", "集中上市", "路远运不出", "下架或退单")
PRICE_UNITS = (
    SelectChoice("", "每斤或每只"),
    SelectChoice("斤", "每斤"),
    SelectChoice("公斤", "每公斤"),
    SelectChoice("吨", "每吨"),
    SelectChoice("只", "每只（枚、个）"),
)


Value = TypeVar("Value")
Shares = tuple[tuple[int | None, int], ...]


class ReportForm(Form):
    """`supplier` is h:<household> or o:<organisation>; the page fills in the choices."""

    client_uuid = HiddenField()
    supplier = SelectField("谁家的货", validators=[InputRequired("请选是哪一户。")])
    product = RadioField("什么货", validators=[InputRequired("请选品种。")], coerce=str)
    grade = RadioField(
        "等级",
        choices=[SelectChoice(grade) for grade in reversed(GRADES)],
        default=GRADES[-1],
        validators=[InputRequired("请选等级。")],
    )
    quantity = TrimmedField("有多少", required("请写有多少，例如 300斤。") + [at_most(60)])
    as_much = BooleanField("核对过，就是这么多")
    price = TrimmedField("到户价（元）", required("请写到户价，例如 1.5。") + [at_most(30)])
    price_unit = SelectField("这个价是", choices=PRICE_UNITS, default="")
    available_from = DayField(
        "从哪天可以卖", default=today, validators=[InputRequired("请选从哪天可以卖。")]
    )
    available_until = DayField("最晚哪天卖掉", validators=[Optional()])
    cause = RadioField(
        "为什么卖不出", choices=[SelectChoice(cause) for cause in CAUSES], validators=[Optional()]
    )
    cause_note = TrimmedField("还想说的", [at_most(150)])
    measures = TrimmedField("已经想过的办法", [at_most(200)])
    photos = MultipleFileField("照片")


def read_report(
    form: ReportForm, products: Sequence[Product], shares: Mapping[int, str]
) -> ReportInput | None:
    """What the form says; `shares` holds a member's household id and the quantity typed for it.

    None when anything is wrong; every problem then stands beside its field, also where no product
    is picked but no product would do.
    """
    picked = [p for p in products if str(p.id) == form.product.data]
    kind, _, supplier_id = str(form.supplier.data).partition(":")
    quantity = _read(form, "quantity", picked or products, _read_quantity)
    price = _read(form, "price", picked or products, _read_asked)
    last = _read(form, "available_until", picked or products, _read_last_day)
    divided: Shares | None = ()
    if quantity and picked and kind == "o":
        whole = quantity.base
        divided = _read(form, "shares", picked, lambda _, p: _shares(shares, p, whole))
    if form.errors or quantity is None or price is None or last is None or divided is None:
        return None
    assert form.available_from.data is not None
    return ReportInput(
        product_id=picked[0].id,
        grade=str(form.grade.data),
        typed_quantity=str(form.quantity.data),
        quantity_base=quantity.base,
        approximate=quantity.approximate,
        asked_fen=price[0],
        asked_per_base=price[1],
        available_from=form.available_from.data,
        available_until=last,
        household_id=int(supplier_id) if kind == "h" else None,
        organisation_id=int(supplier_id) if kind == "o" else None,
        cause=":".join(filter(None, (form.cause.data, form.cause_note.data))),
        measures=str(form.measures.data or ""),
        shares=divided,
    )


def _read(
    form: ReportForm,
    name: str,
    products: Sequence[Product],
    read: Callable[[ReportForm, Product], Value],
) -> Value | None:
    """The field as one of the products allows; a refusal stands beside it, unless one stands there."""
    if name in form and form[name].errors:
        return None
    refused: list[InvalidInput] = []
    for product in products:
        try:
            return read(form, product)
        except InvalidInput as error:
            refused.append(error)
    if refused:
        form.refuse(refused[0])
    return None


def _read_quantity(form: ReportForm, product: Product) -> Quantity:
    return _quantity(str(form.quantity.data), product, "quantity")


def _read_asked(form: ReportForm, product: Product) -> tuple[int, int]:
    unit = "" if form.price_unit.errors else str(form.price_unit.data or "")
    fen, per_base = read_price(str(form.price.data), unit, product)
    check_price(product, fen, per_base)
    return fen, per_base


def _read_last_day(form: ReportForm, product: Product) -> date | None:
    first: date | None = form.available_from.data
    if first is None:
        return None
    last: date = form.available_until.data or first + timedelta(days=product.shelf_days)
    check_days(first, last)
    return last


def _quantity(text: str, product: Product, field: str) -> Quantity:
    mass = product.base_unit == "g"
    return parse_quantity(
        text,
        base_unit=cast("BaseUnit", product.base_unit),
        default_unit="斤" if mass else "只",
        approx_piece_mass_g=product.piece_mass_g if mass else None,
        field=field,
    )


def _shares(typed: Mapping[int, str], product: Product, whole: int) -> Shares:
    """Members' shares; what is left belongs to members who are not on the list."""
    read: list[tuple[int | None, int]] = [
        (household_id, _quantity(text, product, "shares").base)
        for household_id, text in sorted(typed.items())
        if text.strip()
    ]
    rest = whole - sum(base for _, base in read)
    if rest < 0:
        raise InvalidInput("各户份额加起来比总数还多，请核对。", code="shares", field="shares")
    return tuple(read + ([(None, rest)] if rest and read else []))


def typed_last_day(report: SupplyReport) -> date | None:
    """None where the shelf life gives the same day: a correction of the product moves it then."""
    usual = report.available_from + timedelta(days=report.product.shelf_days)
    return None if report.available_until == usual else report.available_until


def fill_form(form: ReportForm, report: SupplyReport) -> None:
    """Put what a report says into a form, for a correction or for reporting it again."""
    product = report.product
    form.supplier.data = (
        f"h:{report.household_id}" if report.household_id else f"o:{report.organisation_id}"
    )
    form.product.data = str(report.product_id)
    form.grade.data = report.grade
    form.quantity.data = report.typed_quantity
    form.price_unit.data = MASS_WORDS.get(report.asked_per_base, "")
    per = report.asked_per_base
    if product.base_unit == "g" and per not in MASS_WORDS:
        form.price_unit.data = "只"
    form.price.data = format_yuan(report.asked_fen).replace(",", "")
    cause, _, note = report.cause.partition(":")
    form.cause.data, form.cause_note.data = (cause, note) if cause in CAUSES else ("", report.cause)
    form.measures.data = report.measures
