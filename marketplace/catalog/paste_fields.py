"""The pieces of one pasted line: numbering, phone, dates, price, village, quantities, products.

Each `take_…` cuts its piece out of the text and returns what is left, so that later pieces cannot
be mistaken for it: the order of the calls is the order of certainty.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from marketplace.core.errors import InvalidInput
from marketplace.core.money import parse_yuan
from marketplace.core.quantity import CONTAINER_WORDS, MASS_UNITS, PIECE_UNITS, BaseUnit

_HAN = "零一二两三四五六七八九"
_NUMERAL = f"0-9{_HAN}十百千万亿半点"
_UNIT = "(?:{})(?![a-z])".format(
    "|".join(sorted({*MASS_UNITS, *PIECE_UNITS, *CONTAINER_WORDS}, key=lambda u: (-len(u), u)))
)

_NUMBERING = re.compile(
    r"^\s*(?:[\u2460-\u249b\u24ea\u2776-\u2793]|[0-9]\ufe0f?\u20e3"
    r"|[(（]?[0-9０-９]{1,3}\s*(?:[、)）:：]|[.．,，](?![0-9０-９]))"
    rf"|[0-9]{{1,3}}\s+(?=[㐀-鿿])(?!{_UNIT}))\s*"
)
_LABEL = re.compile(
    r"(?<![㐀-鿿])(?:户主|姓名|村名|村组|村|品种|产品|数量|可售|电话|手机|时间|日期|上市时间|备注)\s*:"
)
_PHONE = re.compile(r"(?<![0-9])(?:1[3-9][0-9]|000)[- ]?[0-9]{4}[- ]?[0-9]{4}(?![0-9])")

_DAY = "(?:3[01]|[12][0-9]|0?[1-9])"
_ONE_DAY = (
    r"(?:(?P<y{0}>20[0-9]{{2}})[年./-])?(?P<m{0}>1[0-2]|0?[1-9])(?(y{0})[月./-]|[月/])"
    rf"(?P<d{{0}}>{_DAY})(?:[日号]|(?!\s*{_UNIT}|[0-9.元块]))"
)
_DATES = re.compile(
    rf"(?<![0-9.]){_ONE_DAY.format(1)}"
    rf"(?:\s*[-~—–至到]+\s*(?:{_ONE_DAY.format(2)}|(?P<d3>{_DAY})[日号]))?"
    r"\s*(?P<word>以?前|之前|截止|止|起|开始|以?后|之后|上市)?"
)

_DOTTED = re.compile(
    rf"(?<![^\s,])(1[0-2]|0?[1-9])\.({_DAY})\s*[-~—–至到]\s*(1[0-2]|0?[1-9])\.({_DAY})(?![^\s,])"
)

_AMOUNT = rf"(?:[0-9]{{1,3}}(?:,[0-9]{{3}})+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|[{_HAN}十百千点]+)"
_CURRENCY = rf"(?:(?:元|块)钱?(?:[0-9{_HAN}半](?:角|毛)?(?![0-9.]|{_UNIT}))?|角|毛)"
_PRICE = re.compile(
    rf"(?:单价|到户价|价格|价钱|价)?\s*:?\s*(?:"
    rf"(?P<a>¥?{_AMOUNT}\s*{_CURRENCY}?)\s*[/每]\s*一?(?P<ua>{_UNIT})"
    rf"|(?P<b>¥?{_AMOUNT}\s*{_CURRENCY})\s*[一1]\s*(?P<ub>{_UNIT})"
    rf"|(?P<g>[0-9]+(?:\.[0-9]+)?)\s*一(?P<ug>{_UNIT})"
    rf"|每一?(?P<uc>{_UNIT})\s*(?P<c>¥?{_AMOUNT}\s*{_CURRENCY}?)(?!\s*{_UNIT}|[0-9.])"
    rf"|(?<![0-9{_HAN}十百千万])[一1](?P<ud>{_UNIT})\s*(?P<d>¥?{_AMOUNT}\s*{_CURRENCY})(?!\s*[/每一]|[0-9{_HAN}角毛])"
    rf"|(?P<e>¥{_AMOUNT}\s*{_CURRENCY}?|{_AMOUNT}\s*{_CURRENCY})"
    rf"|(?<=价)\s*:?\s*(?P<f>{_AMOUNT})(?!\s*{_UNIT}|[0-9.])"
    r")"
)
_GROUP = f"第?[0-9{_HAN}十]{{1,2}}\\s*(?:村民小组|组|队)"
_VILLAGE = re.compile(
    rf"[^\s,:/0-9]{{1,10}}?(?:村委会|村|社区|寨|屯)(?:\s*{_GROUP})?|(?<![^\s,:/]){_GROUP}"
)
_QUANTITY = re.compile(
    r"(?:(?<=\s)[-−])?(?:(?:大约|大概|差不多|将近|至少|约|近|上|超|不到)\s*)?"
    rf"(?:[0-9]{{1,3}}(?:[ ,][0-9]{{3}})+(?:\.[0-9]+)?|[{_NUMERAL}几数][{_NUMERAL}几数.~到-]*)"
    rf"(?:多|来|余|把)?\s*{_UNIT}(?:半|[0-9{_HAN}]两)?(?:左右|上下|以上|以内|多|出头)?(?![村组寨屯家])"
)
_FILLER = re.compile(
    rf"(?:还有|还剩|剩余|剩|可卖|可售|待售|想卖|要卖|共计|共|有)(?=\s*[约上近大概]*\s*[{_NUMERAL}])"
)
_BARE_NUMBER = re.compile(
    rf"(?<![^\s,;])[-−]?(?:[0-9][0-9.,]*|[{_NUMERAL}]+)(?:多|来|余)?(?![^\s,;])"
)
_VAGUE = re.compile(r"(?<![^\s,:])(?:很多|好多|许多|不少|若干|大量|一些|一点|多得很)(?![^\s,:])")


@dataclass(frozen=True)
class PasteProduct:
    """What reading needs to know of a product: its names and in what it is counted."""

    code: str
    name: str
    base_unit: BaseUnit
    aliases: tuple[str, ...] = ()
    approx_piece_mass_g: int | None = None
    containers: Mapping[str, int] = field(default_factory=dict)
    piece_word: str = "只"
    doubtful_fen: int = 10_000  # more than this for one 斤 or piece is rather a sum


@dataclass(frozen=True)
class Price:
    """What is asked, in fen, and for one of what; None when the line does not say."""

    fen: int
    unit: str | None
    written: str


def strip_numbering(line: str) -> tuple[str, bool]:
    """The line without `1.`, `1、`, `①`; and whether it had one. Must come before NFKC."""
    rest = _NUMBERING.sub("", line, count=1)
    return rest, rest != line


def strip_labels(text: str) -> str:
    """Labels of a form people copy along: `户主:陈大山 数量:2000斤`. 单价 stays: it marks a price."""
    return _LABEL.sub(" ", _FILLER.sub(" ", text))


def take_phone(text: str) -> tuple[str | None, str]:
    """A mobile number in the line, and the rest."""
    found = _PHONE.search(text)
    if not found:
        return None, text
    return re.sub(r"[- ]", "", found[0]), _without(text, found)


def take_dates(
    text: str, today: date, *, dotted: bool
) -> tuple[date | None, date | None, str, str | None]:
    """From, until, the rest, and a problem. Without a year the nearest such day is meant.

    `dotted` also takes `11.20-12.5`; only the caller knows that it is not a price.
    """
    if dotted:
        text = _DOTTED.sub(r"\1月\2日-\3月\4日", text)
    found = _DATES.search(text)
    if not found:
        return None, None, text, None
    rest = _without(text, found)
    written = found[0].strip()
    try:
        first = _day(found["y1"], found["m1"], found["d1"], today)
        last = _last_day(found, first, today)
    except ValueError:
        return None, None, rest, f"日期“{written}”不存在。请改成真有的一天，例如 11月20日。"
    if last is None and found["word"] and re.search("前|止", found["word"]):
        return None, first, rest, None
    if last is not None and last < first:
        return None, None, rest, f"日期“{written}”前后颠倒了。请先写早的一天。"
    return first, last, rest, None


def _last_day(found: re.Match[str], first: date, today: date) -> date | None:
    """The end of a span; 12月20日-1月5日 ends in the year after."""
    if found["d3"]:
        return first.replace(day=int(found["d3"]))
    if not found["d2"]:
        return None
    year = found["y2"] or str(first.year)
    last = _day(year, found["m2"], found["d2"], today)
    return last if last >= first or found["y2"] else last.replace(year=last.year + 1)


def _day(year: str | None, month: str, day: str, today: date) -> date:
    """Half a year back still counts as this season; what lies further back means next year."""
    if year:
        return date(int(year), int(month), int(day))
    found = date(today.year, int(month), int(day))
    if (today - found).days > 183:
        return date(today.year + 1, int(month), int(day))
    if (found - today).days > 183:
        return date(today.year - 1, int(month), int(day))
    return found


def take_price(text: str) -> tuple[Price | None, str, list[str]]:
    """The price, the rest, and problems: none readable, more than one, or one without 每什么."""
    matches = list(_PRICE.finditer(text))
    if not matches:
        return None, text, []
    rest = text
    for found in reversed(matches):
        rest = _without(rest, found)
    if len(matches) > 1:
        written = "、".join(found[0].strip() for found in matches)
        return None, rest, [f"写了几个价钱（{written}）。请只留一个，例如 1.5元/斤。"]
    found = matches[0]
    words = next(found[name] for name in "abcdefg" if found[name]).strip()
    unit = next((found[f"u{name}"] for name in "abcdg" if found[f"u{name}"]), None)
    try:
        return Price(parse_yuan(words), unit, words), rest, []
    except InvalidInput as error:
        return None, rest, [f"价钱：{error.message}"]


def take_village(text: str) -> tuple[str | None, str]:
    """The first word that ends like a village (村, 社区, 寨, 屯, with its 组), and the rest."""
    found = _VILLAGE.search(text)
    if not found:
        return None, text
    return re.sub(r"\s", "", found[0]), _without(text, found)


def take_quantities(text: str) -> tuple[list[str], str]:
    """Everything that looks like a number with a unit, and the rest."""
    found = [match[0].strip() for match in _QUANTITY.finditer(text)]
    return found, _QUANTITY.sub(" ", text)


def take_vague(text: str) -> tuple[str | None, str]:
    """`很多` where an amount belongs, and the rest."""
    found = _VAGUE.search(text)
    return (found[0], _without(text, found)) if found else (None, text)


def take_bare_numbers(text: str) -> tuple[list[str], str]:
    """Numbers that stand alone, without a unit, and the rest."""
    found = [match[0] for match in _BARE_NUMBER.finditer(text)]
    return found, _BARE_NUMBER.sub(" ", text)


def quantity_starts(text: str) -> list[int]:
    """Where quantities begin; prices, dates and villages are to be blanked before."""
    return [match.start() for match in _QUANTITY.finditer(text)]


def blank_other_numbers(text: str) -> str:
    """Phone, dates, prices and villages turned into spaces, every other position kept."""
    for pattern in (_PHONE, _DATES, _PRICE, _VILLAGE):
        text = pattern.sub(lambda match: " " * len(match[0]), text)
    return text


def _without(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]} {text[found.end() :]}"
