"""A pickup code as a picture for the phone's album: to be scanned, or read out, where there is no signal.

It says where and when to fetch, and nothing about the goods or the person.
"""

from io import BytesIO
from pathlib import Path

import segno
from PIL import Image, ImageDraw, ImageFont

from marketplace.core.clock import format_span
from marketplace.core.errors import Conflict
from marketplace.orders.order_models import Order
from marketplace.orders.round_models import RoundPickup

WIDE, EDGE, CODE = 720, 40, 560
INK, PAPER = "black", "white"
DIGITS, WORDS, SMALL, LEAST = 120, 40, 32, 20
"""Heights of type in pixels; the least that a long name is drawn in."""


def pickup_picture(
    code: str, link: str, order: Order, slot: RoundPickup | None, font: Path
) -> bytes:
    """A PNG. Raises Conflict where the font is missing."""
    if not font.is_file():
        raise Conflict("还没有装字体，请管理员照说明重新安装一次。", code="no_font")
    lines = [(f"{code[:3]} {code[3:]}", DIGITS), (order.pickup_point.name, WORDS)]
    if slot:
        lines.append((format_span(slot.from_at, slot.until_at), WORDS))
    lines.append((f"订单 {order.number}", SMALL))
    high = EDGE + CODE + sum(size * 3 // 2 for _, size in lines) + EDGE
    picture = Image.new("RGB", (WIDE, high), PAPER)
    qr = _qr(link)
    picture.paste(qr, ((WIDE - qr.width) // 2, EDGE))
    pen, y = ImageDraw.Draw(picture), EDGE + CODE
    for words, size in lines:
        y += size * 3 // 2
        pen.text((WIDE // 2, y), words, INK, _fitting(words, size, font), anchor="ms")
    made = BytesIO()
    picture.save(made, "PNG", optimize=True)
    return made.getvalue()


def _qr(text: str) -> Image.Image:
    code, drawn = segno.make(text, error="m", micro=False), BytesIO()
    code.save(drawn, kind="png", scale=CODE // code.symbol_size(border=4)[0], border=4)
    with Image.open(drawn) as squares:
        return squares.convert("RGB")


def _fitting(words: str, size: int, font: Path) -> ImageFont.FreeTypeFont:
    while True:
        type_ = ImageFont.truetype(str(font), size)
        if size <= LEAST or type_.getlength(words) <= WIDE - 2 * EDGE:
            return type_
        size -= 2
