"""Labels as PDF: sheets of 21 on A4, or a roll with one on each page.

The QR code of a lot is one picture in the file, however many packs it has; only those characters of the
font that are used are embedded. Measures are millimetres.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import segno
from fpdf import FPDF

from marketplace.core.errors import Conflict
from marketplace.fulfilment.labels import Label

FONT = "NotoSansHans-Regular.otf"
PAD, QR = 2.0, 19.0
BLANK, BLANK_SIZE = "______斤", 10
"""Where the weight is written by hand: always whole, the name beside it is shortened."""


@dataclass(frozen=True)
class Format:
    """A label's size, and how many stand beside and below each other on a page."""

    name: str
    note: str
    width: float
    height: float
    page: tuple[float, float]
    columns: int = 1
    rows: int = 1
    left: float = 0.0
    top: float = 0.0
    gap: float = 0.0


FORMATS = {
    "a4": Format(
        "A4 不干胶",
        "一张 21 枚，每枚 63.5 × 38.1 毫米",
        63.5,
        38.1,
        (210, 297),
        columns=3,
        rows=7,
        left=7.2,
        top=15.1,
        gap=2.5,
    ),
    "roll": Format("标签卷", "每枚 60 × 40 毫米", 60, 40, (60, 40)),
}


def labels_pdf(
    labels: Iterable[Label], form: Format, font: Path, address: Callable[[str], str]
) -> bytes:
    """`address` gives what the QR code of a trace code says. Raises Conflict where the font is missing."""
    if not font.is_file():
        raise Conflict("还没有装标签用的字体，请管理员照说明重新安装一次。", code="no_font")
    pdf = FPDF(unit="mm", format=form.page)
    pdf.set_auto_page_break(False)
    pdf.add_font("hans", fname=font)
    pdf.set_font("hans")
    codes: dict[str, bytes] = {}
    on_page = form.columns * form.rows
    for i, label in enumerate(labels):
        place = i % on_page
        if place == 0:
            pdf.add_page()
        x = form.left + place % form.columns * (form.width + form.gap)
        y = form.top + place // form.columns * form.height
        if label.trace_code not in codes:
            codes[label.trace_code] = _qr(address(label.trace_code))
        _draw(pdf, label, x, y, form, codes[label.trace_code])
    return bytes(pdf.output())


def _qr(text: str) -> bytes:
    picture = BytesIO()
    segno.make(text, error="m", micro=False).save(picture, kind="png", scale=4, border=2)
    return picture.getvalue()


def _draw(pdf: FPDF, label: Label, x: float, y: float, form: Format, code: bytes) -> None:
    left, right, bottom = x + PAD, x + form.width - PAD, y + form.height - PAD
    whole, beside = form.width - 2 * PAD, form.width - 3 * PAD - QR
    count = f"{label.number}/{label.of}"
    pdf.set_font_size(9)
    wide = pdf.get_string_width(count)
    pdf.text(right - wide, y + PAD + 3.6, count)
    room = whole - wide - PAD
    if label.weighed:
        pdf.set_font_size(BLANK_SIZE)
        blank = pdf.get_string_width(BLANK)
        pdf.text(left + room - blank, y + PAD + 4, BLANK)
        room -= blank + PAD / 2
    _line(pdf, label.goods, left, y + PAD + 4, room, 12)
    _line(pdf, f"送到 {label.drop}", left, y + PAD + 9.5, whole, 9)
    _line(pdf, label.order_number and f"订单 {label.order_number}", left, y + PAD + 14.5, beside, 8)
    _line(pdf, f"产地 {label.place}", left, bottom - 12.5, beside, 8)
    _line(pdf, f"第 {label.round_number} 期 {label.lot_code}", left, bottom - 8.5, beside, 8)
    _line(pdf, f"溯源码 {label.trace_code}", left, bottom - 4.5, beside, 8)
    _line(pdf, "扫码看这批货的来路", left, bottom - 0.5, beside, 7)
    pdf.image(BytesIO(code), right - QR, bottom - QR, QR, QR)


def _line(pdf: FPDF, text: str, x: float, y: float, width: float, size: float) -> None:
    """In the largest type that fits, down to 6 points; what is still too long ends with an ellipsis."""
    if not text:
        return
    pdf.set_font_size(size)
    wide = pdf.get_string_width(text)
    if wide > width:
        size = max(6.0, size * width / wide)
        pdf.set_font_size(size)
        while len(text) > 1 and pdf.get_string_width(text) > width:
            text = f"{text.rstrip('…')[:-1]}…"
    pdf.text(x, y, text)
