"""What is typed about processing lines and orders, and how it is read."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session
from wtforms import BooleanField, DateField, FileField, HiddenField, SelectField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from marketplace.catalog.lot_papers import Brought
from marketplace.catalog.models import GRADES, Lot, Product
from marketplace.catalog.products import get_product
from marketplace.catalog.words import amount_words
from marketplace.core.money import format_yuan, parse_yuan
from marketplace.core.quantity import parse_quantity
from marketplace.fulfilment.processing_finish import INSPECTION, PAPER_NEEDED
from marketplace.fulfilment.processing_lines import LineInput
from marketplace.fulfilment.processing_models import (
    PROCESSES,
    SLAUGHTER,
    ProcessingLine,
    ProcessingOrder,
    permille_of,
)
from marketplace.fulfilment.regrade_views import usual_unit
from marketplace.web.addresses import row_number
from marketplace.web.forms import Form, TrimmedField, at_most, required

HUNDRED = 100
"""People say yields of so many 斤 or pieces of input."""


class LineForm(Form):
    organisation_id = SelectField("谁加工", default="", validators=required("请选哪个单位加工。"))
    kind = SelectField(
        "做什么",
        choices=[SelectChoice("", "请选"), *(SelectChoice(*pair) for pair in PROCESSES.items())],
        default="",
        validators=required("请选做什么加工。"),
    )
    input_product_id = SelectField("原料", default="", validators=required("请选原料的品种。"))
    output_product_id = SelectField("成品", default="", validators=required("请选成品的品种。"))
    usual = TrimmedField("平常出多少", [*required("请写平常出多少。"), at_most(30)])
    low = TrimmedField("最少出多少", [*required("请写最少出多少。"), at_most(30)])
    high = TrimmedField("最多出多少", [*required("请写最多出多少。"), at_most(30)])
    fee = TrimmedField("加工费", [*required("请写加工费，不收写 0。"), at_most(20)])
    daily = TrimmedField("一天最多加工", [*required("请写一天最多加工多少原料。"), at_most(30)])
    active = BooleanField("在用", default=True)


class FinishForm(Form):
    """`kept` and `sure` come back when a try was refused: the photo, and the quantity asked about."""

    output = TrimmedField("出来多少", [*required("请写出来多少。"), at_most(30)])
    grade = SelectField("等级", choices=[SelectChoice(grade) for grade in GRADES], default="")
    number = TrimmedField("检疫证明编号", [at_most(60)])
    issuer = TrimmedField("谁开的", [at_most(60)])
    issued_on = DateField("开具日期", validators=[Optional()])
    valid_until = DateField("有效期到", validators=[Optional()])
    photos = FileField("照片")
    kept = HiddenField()
    sure = HiddenField()


class SlaughterForm(FinishForm):
    number = TrimmedField("检疫证明编号", [*required(PAPER_NEEDED), at_most(60)])
    issued_on = DateField("开具日期", validators=required("请写检疫证明的开具日期。"))


def finish_form(order: ProcessingOrder, **how: Any) -> FinishForm:
    """Slaughter asks for the certificate, a photo until one has arrived."""
    if order.line.kind != SLAUGHTER:
        return FinishForm(prefix="f", **how)
    form = SlaughterForm(prefix="f", **how)
    form.photos.flags.required = not form.kept.data
    return form


class CancelForm(Form):
    reason = TrimmedField("为什么取消", [*required("请写为什么取消。"), at_most(200)])
    left = TrimmedField("退回来多少", [at_most(30)])


class InvoiceForm(Form):
    invoice_no = TrimmedField("单据号", [*required("请填发票或收据的号码。"), at_most(40)])


def base_of(text: str, product: Product, field: str | None) -> int:
    """Base units of what was typed, in the product's usual unit where none was."""
    base_unit, word = usual_unit(product)
    plain = text.replace(",", "")
    return parse_quantity(plain, base_unit=base_unit, default_unit=word, field=field).base


def _hundred(product: Product) -> int:
    return HUNDRED * (500 if product.base_unit == "g" else 1)


def read_line(session: Session, form: LineForm) -> LineInput:
    into = get_product(session, row_number(form.input_product_id.data or ""))
    out = get_product(session, row_number(form.output_product_id.data or ""))
    yields = {
        name: permille_of(base_of(str(form[name].data), out, name), _hundred(into))
        for name in ("usual", "low", "high")
    }
    return LineInput(
        organisation_id=row_number(form.organisation_id.data or ""),
        kind=form.kind.data or "",
        input_product_id=into.id,
        output_product_id=out.id,
        yield_permille=yields["usual"],
        low_permille=yields["low"],
        high_permille=yields["high"],
        fee_fen=parse_yuan(str(form.fee.data), field="fee", max_fen=10_000_000, allow_zero=True),
        fee_per_base=500 if into.base_unit == "g" else 1,
        daily_base=base_of(str(form.daily.data), into, "daily"),
        active=bool(form.active.data),
    )


def fill_line(form: LineForm, line: ProcessingLine) -> None:
    for name in ("organisation_id", "kind", "input_product_id", "output_product_id"):
        form[name].data = str(getattr(line, name))
    into, out = line.input_product, line.output_product
    for field, permille in (
        (form.usual, line.yield_permille),
        (form.low, line.low_permille),
        (form.high, line.high_permille),
    ):
        field.data = amount_words(permille * _hundred(into) // 1000, out)
    form.fee.data = format_yuan(line.fee_fen).replace(",", "")
    form.daily.data = amount_words(line.daily_base, into)
    form.active.data = line.active


def read_parts(
    lots: Sequence[tuple[Lot, int]], typed: Mapping[str, str], product: Product
) -> dict[int, int]:
    """What was typed beside each lot; nothing typed: it stays out."""
    parts = {}
    for lot, _ in lots:
        text = typed.get(f"q{lot.id}", "").strip()[:30]
        if text not in {"", "0"}:
            parts[lot.id] = base_of(text, product, None)
    return parts


def read_paper(form: FinishForm, order: ProcessingOrder, photo: str) -> Brought | None:
    """The certificate as it was typed; none for what needs none."""
    if order.line.kind != SLAUGHTER:
        return None
    return Brought(
        INSPECTION,
        str(form.number.data or ""),
        form.issued_on.data,
        form.valid_until.data,
        str(form.issuer.data or ""),
        sha256=photo,
    )
