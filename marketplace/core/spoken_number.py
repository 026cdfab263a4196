"""Numbers as people write them: `1.5万`, `上千`, `一千二百`, `1千5百`, `80多`, `1,000`, `１２０`.

Own grammar instead of cn2an: that one computes with floats, cannot read `上千`, `80多` or `1,000`, and
takes `一二三` for 123; here an estimate must be marked and a range refused with its cure.
The result is an exact Decimal.
"""

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal

from marketplace.core.errors import InvalidInput

MAX_WHOLE_DIGITS = 15
MAX_TEXT = 60  # what people type is short; patterns are never tried on more
_MAX_LENGTH = 24  # fewer than the 28 digits Decimal keeps, so that no product is ever rounded

_SAME_MEANING = str.maketrans(
    "壹贰叁肆伍陆柒捌玖拾佰仟萬億兩隻個噸〇",
    "一二三四五六七八九十百千万亿两只个吨零",
)
_TO_ARABIC = str.maketrans("一二两三四五六七八九点", "1223456789.")
_SCALES = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "亿": 10**8}

_HAN = "一二两三四五六七八九"
_GROUPED = re.compile(r"[0-9]{1,3}(?:[ ,][0-9]{3})+(?:\.[0-9]+)?")
_POINTED = re.compile(
    r"(?P<whole>[0-9零十百千]+)\.(?P<part>[0-9零]+)(?P<small>[十百千]?)(?P<large>[万亿]?)"
)
_SECTION = re.compile(
    r"零?(?:(?P<q>[1-9])千)?(?:零?(?P<b>[1-9])百)?(?:零?(?P<s>[1-9])?(?P<ten>十))?"
    r"(?P<zero>零)?(?P<rest>[0-9]+)?"
)
_NEGATIVE = re.compile(rf"[-−–—负]\s*[0-9零{_HAN}十百千万.]")
_BETWEEN = re.compile(rf"[0-9{_HAN}十百千万亿]\s*[-~—–―−到至]+\s*[0-9{_HAN}十]")
_NEIGHBOURS = re.compile(rf"[{_HAN}][0-9{_HAN}]|[0-9][{_HAN}]")
_AT_MOST = re.compile(r"^(?:不到|不足|不超过|最多|至多)|以内$|以下$")
_MANY = re.compile(r"[几数]|若干|好多|很多|许多|不少$")
_BEFORE = re.compile(r"^(?:大约|大概|约|将近|接近|近|差不多|估计|至少|最少|不少于|超过|超|上)\s*")
_AFTER = re.compile(r"\s*(?:多|余|来|把|左右|上下|以上|出头)$")


@dataclass(frozen=True)
class SpokenNumber:
    """The exact value, and whether the words make it an estimate (约, 多, 上千)."""

    value: Decimal
    approximate: bool


def short_plain_text(text: str, field: str | None) -> str:
    """`plain_text` of a field that holds one number; InvalidInput when it is far too long for that."""
    if len(text) > MAX_TEXT:
        raise InvalidInput(
            f"“{text.strip()[:10]}……”太长了，看不懂。请只写一个数，例如 300 或 1.5万。",
            code="number_unreadable",
            field=field,
        )
    return plain_text(text)


def plain_text(text: str) -> str:
    """What was typed with full-width and traditional forms made plain, lower case, no outer space."""
    return unicodedata.normalize("NFKC", text).translate(_SAME_MEANING).lower().strip()


def read_number(
    words: str, *, field: str | None = None, examples: str = "300、1.5万 或 一千二百"
) -> SpokenNumber:
    """Read one number (no unit) as a person writes it; it may be zero.

    Raises InvalidInput for ranges, vague words, negative numbers, scientific notation, NaN and
    everything else that is not one number. An estimate counts as its lower bound (上千 is 1000).
    """
    text = short_plain_text(words, field)
    shown = f"“{words.strip()[:20]}”"
    _refuse_unclear(text, shown, field)
    core = _AFTER.sub("", _BEFORE.sub("", text)).strip()
    approximate = core != text
    value = _exact_value(core, bare_scale=approximate)
    if value is None:
        raise InvalidInput(
            f"{shown}看不懂。请写一个数，例如 {examples}。",
            code="number_unreadable",
            field=field,
        )
    if len(str(int(value))) > MAX_WHOLE_DIGITS:
        raise InvalidInput(
            f"{shown}太大了。请检查是不是多写了零。", code="number_too_large", field=field
        )
    return SpokenNumber(value, approximate)


def read_count(
    words: str, label: str, *, least: int = 0, most: int, field: str | None = None
) -> int:
    """A whole number of things, exactly known: `30`, `三十`, `1,200`; `label` names what is counted.

    Raises InvalidInput, one sentence with the cure.
    """
    outside = InvalidInput(
        f"{label}要在 {least} 到 {most:,} 之间。", code="count_out_of_range", field=field
    )
    try:
        spoken = read_number(words, field=field)
    except InvalidInput as error:
        if error.code == "number_negative":
            raise outside from None
        spoken = None
    if spoken is None or spoken.approximate or spoken.value != int(spoken.value):
        raise InvalidInput(f"{label}要填整数，例如 3。", code="not_a_count", field=field)
    if not least <= spoken.value <= most:
        raise outside
    return int(spoken.value)


def _refuse_unclear(text: str, shown: str, field: str | None) -> None:
    """Each way of writing that names no single number gets its own cure."""
    if _NEGATIVE.match(text):
        raise InvalidInput(
            f"{shown}是负数。请写一个大于零的数。", code="number_negative", field=field
        )
    if _BETWEEN.search(text) or _NEIGHBOURS.search(text.partition("点")[0]):
        raise InvalidInput(
            f"{shown}像是一个范围。请只写一个拿得准的数，例如范围里小的那个。",
            code="number_range",
            field=field,
        )
    if _AT_MOST.search(text) or _MANY.search(text):
        raise InvalidInput(
            f"{shown}看不出到底有多少。请写一个拿得准的数，例如 300。",
            code="number_vague",
            field=field,
        )


def _exact_value(text: str, *, bare_scale: bool) -> Decimal | None:
    """The value of a bare number; `bare_scale` allows 千 and 万 without a digit (上千, 万把)."""
    if len(text) > _MAX_LENGTH:
        return None
    if _GROUPED.fullmatch(text):
        return Decimal(text.replace(",", "").replace(" ", ""))
    if text == "半":
        return Decimal("0.5")
    text = text.translate(_TO_ARABIC).replace(" ", "") if not text.isascii() else text
    if pointed := _POINTED.fullmatch(text):
        whole = _whole(pointed["whole"])
        if whole is None:
            return None
        scale = _SCALES.get(pointed["small"], 1) * _SCALES.get(pointed["large"], 1)
        return Decimal(f"{whole}.{pointed['part'].replace('零', '0')}") * scale
    if text[:1] in _SCALES and bare_scale:
        text = f"1{text}"
    whole = _whole(text)
    return None if whole is None else Decimal(whole)


def _whole(text: str, *, above: int | None = None) -> int | None:
    """A whole number in Arabic digits and scales; `above` is the scale it follows (2万 → 5)."""
    for mark in "亿万":
        if mark in text:
            scale = _SCALES[mark]
            head, _, tail = text.partition(mark)
            many = _whole(head) if head and not _ends_short(head) else None
            rest = _whole(tail, above=scale) if tail else 0
            if many is None or rest is None or rest >= scale:  # 2万3万 is no number
                return None
            return many * scale + rest
    return _below_ten_thousand(text, above)


def _below_ten_thousand(text: str, above: int | None) -> int | None:
    parts = _SECTION.fullmatch(text)
    if not parts or not text or text.endswith("零") != (text == "零"):
        return None
    value = 1000 * int(parts["q"] or 0) + 100 * int(parts["b"] or 0)
    if parts["ten"]:
        value += 10 * int(parts["s"] or 1)
    rest = parts["rest"]
    if rest is None:
        return value
    smallest = 10 if parts["ten"] else 100 if parts["b"] else 1000 if parts["q"] else above
    if smallest is None:
        return value + int(rest)
    if int(rest) >= smallest:
        return None
    # 一千五 is 1500 and 2万5 is 25 000, while 一千零五 and 1万05 say what they mean
    spoken_short = len(rest) == 1 and smallest > 10 and not text.startswith("零")
    if spoken_short and not parts["zero"]:
        return value + int(rest) * (smallest // 10)
    return value + int(rest)


def _ends_short(head: str) -> bool:
    """三千二万 cannot be read: the 二 might be two hundred or two."""
    return re.search(r"[百千][0-9]$", head) is not None
