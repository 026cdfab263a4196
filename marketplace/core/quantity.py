"""Quantities: whole grams or whole pieces inside, the words of the field outside.

A quantity is kept as an integer in the base unit of its product, `g` or `piece`, beside what the
person typed. 斤 is 500 g exactly. Reading accepts what people write and refuses what cannot be
known, each time with a sentence that says how to mend it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, NoReturn

from marketplace.core.errors import InvalidInput
from marketplace.core.spoken_number import SpokenNumber, read_number, short_plain_text

BaseUnit = Literal["g", "piece"]

GRAMS_PER_JIN = 500
GRAMS_PER_TON = 1_000_000

MASS_UNITS: dict[str, int] = {
    "斤": GRAMS_PER_JIN,
    "市斤": GRAMS_PER_JIN,
    "公斤": 1000,
    "千克": 1000,
    "kg": 1000,
    "吨": GRAMS_PER_TON,
    "t": GRAMS_PER_TON,
    "两": 50,
    "克": 1,
    "g": 1,
}
PIECE_UNITS = frozenset("只个枚头条羽尾颗棵株根匹穗")
CONTAINER_WORDS = frozenset("箱袋盒份筐包瓶桶件篮捆")

MAX_BASE: dict[BaseUnit, int] = {"g": 100_000 * GRAMS_PER_TON, "piece": 100_000_000}
_MAX_WORDS: dict[BaseUnit, str] = {"g": "10 万吨", "piece": "1 亿"}

_UNIT = "|".join(sorted(MASS_UNITS, key=len, reverse=True))
_COMPOUND = re.compile(
    rf"(?P<big>.+?)\s*(?P<unit>{_UNIT})\s*"
    rf"(?:(?P<half>半)|(?P<small>[0-9零一二三四五六七八九十两][0-9.百十零一二三四五六七八九]*?)\s*(?P<sub>{_UNIT}))"
)
_LOOSE_END = re.compile(r"\s*(?:多|左右|上下|以上|出头)$")
_AT_MOST_END = re.compile(r"\s*(?:以内|以下)$")
_UNKNOWN_UNIT = re.compile(
    r".*[0-9零一二三四五六七八九十百千万亿半多来余]\s*(?P<unit>[^\W\d_]+)", re.DOTALL
)


@dataclass(frozen=True)
class Quantity:
    """`base` grams or pieces; `typed_number` and `typed_unit` as written; an estimate is marked."""

    base: int
    base_unit: BaseUnit
    typed_number: str
    typed_unit: str
    approximate: bool


def parse_quantity(
    text: str,
    *,
    base_unit: BaseUnit,
    default_unit: str | None = None,
    containers: Mapping[str, int] | None = None,
    approx_piece_mass_g: int | None = None,
    field: str | None = "quantity",
) -> Quantity:
    """Read `1.5万只`, `上千斤`, `半吨`, `3斤2两` … into base units.

    `default_unit` is meant when no unit is typed. `containers` maps container words to base units in
    one of them (`{"箱": 10_000}`); without it a container is refused. `approx_piece_mass_g` lets a
    product kept by mass be counted; the result is then an estimate. For `3斤2两` and `两斤半` the
    typed number is `3.2` and `2.5`. Raises InvalidInput with a Chinese sentence that has the cure.
    """
    words = short_plain_text(text, field)
    if not words:
        raise InvalidInput(
            "还没有写数量。请写数量和单位，例如 300斤。", code="quantity_missing", field=field
        )
    sizes = _sizes(base_unit, containers, approx_piece_mass_g)
    number, unit, loose = _split_unit(_fold_compound(words, field), extra=set(sizes))
    spoken = None
    if unit is None:
        spoken = _read_unitless(words, number, field)
        unit = default_unit or _refuse_missing_unit(number, base_unit, field)
    if unit not in sizes:
        _refuse_unit(unit, base_unit, field)
    spoken = spoken or read_number(number, field=field)
    counted = unit in PIECE_UNITS and unit not in (containers or {})
    shown = f"“{text.strip()[:20]}”"
    if counted and spoken.value != int(spoken.value):
        raise InvalidInput(
            f"{shown}不是整数。按{unit}算的要写整数，例如 2{unit}。",
            code="quantity_not_whole",
            field=field,
        )
    return Quantity(
        base=_whole_base(spoken.value * sizes[unit], shown, base_unit, field),
        base_unit=base_unit,
        typed_number=number,
        typed_unit=unit,
        approximate=spoken.approximate or loose or (counted and base_unit == "g"),
    )


def _sizes(
    base_unit: BaseUnit, containers: Mapping[str, int] | None, approx_piece_mass_g: int | None
) -> dict[str, int]:
    """Base units in one of each unit that may be used for this product."""
    sizes = dict(MASS_UNITS) if base_unit == "g" else dict.fromkeys(PIECE_UNITS, 1)
    if base_unit == "g" and approx_piece_mass_g is not None:
        sizes |= dict.fromkeys(PIECE_UNITS, approx_piece_mass_g)
    return sizes | dict(containers or {})


def _fold_compound(words: str, field: str | None) -> str:
    """`3斤2两` and `两斤半` as one number of the first unit: `3.2斤`, `2.5斤`."""
    parts = _COMPOUND.fullmatch(words)
    if not parts:
        return words
    unit = MASS_UNITS[parts["unit"]]
    big = read_number(parts["big"], field=field)
    if parts["half"]:
        total = big.value + Decimal("0.5")
    else:
        sub = MASS_UNITS[parts["sub"]]
        small = read_number(parts["small"], field=field)
        if sub >= unit or small.value * sub >= unit:
            return words
        total = big.value + small.value * sub / unit
    return f"{'约' if big.approximate else ''}{total:f}{parts['unit']}"


def _split_unit(words: str, *, extra: set[str]) -> tuple[str, str | None, bool]:
    """The number, the unit (None when there is none) and whether a trailing 左右 makes it loose."""
    core = _LOOSE_END.sub("", words)
    loose = core != words
    at_most = ""
    if ending := _AT_MOST_END.search(core):
        core, at_most = core[: ending.start()], "以内"
    known = {*MASS_UNITS, *PIECE_UNITS, *CONTAINER_WORDS, *extra}
    for unit in sorted(known, key=lambda u: (-len(u), u)):
        number = core.removesuffix(unit).strip()
        if number and number != core:
            return number + at_most, unit, loose
    return core + at_most, None, loose


def _read_unitless(words: str, number: str, field: str | None) -> SpokenNumber:
    """A number without a known unit: what stands where the unit belongs is named in the refusal."""
    if re.search(r"[0-9零一二两三四五六七八九十百千万亿半]", number) is None:
        raise InvalidInput(
            f"“{words[:20]}”里没有数。请写数量和单位，例如 300斤。",
            code="quantity_missing",
            field=field,
        )
    try:
        return read_number(words, field=field)
    except InvalidInput as error:
        tail = _UNKNOWN_UNIT.fullmatch(number)
        if error.code == "number_unreadable" and tail:
            raise InvalidInput(
                f"单位“{tail['unit'][:10]}”认不出来。请改用斤、公斤、吨，或者只、个、枚。",
                code="quantity_unit_unknown",
                field=field,
            ) from error
        raise


def _refuse_missing_unit(number: str, base_unit: BaseUnit, field: str | None) -> NoReturn:
    example = "斤" if base_unit == "g" else "只"
    raise InvalidInput(
        f"没有写单位。请在数字后面写上单位，例如 {number[:20]}{example}。",
        code="quantity_unit_missing",
        field=field,
    )


def _refuse_unit(unit: str, base_unit: BaseUnit, field: str | None) -> NoReturn:
    if unit in CONTAINER_WORDS:
        kind = "多少斤" if base_unit == "g" else "多少只（个、枚）"
        raise InvalidInput(
            f"不知道一{unit}是{kind}。请先写明每{unit}装多少，或者直接写{kind[2:]}。",
            code="quantity_container_undeclared",
            field=field,
        )
    if base_unit == "g":
        cure = "请写斤、公斤或吨，例如 300斤。"
        raise InvalidInput(
            f"这个品种按重量登记，不能按“{unit}”。{cure}",
            code="quantity_wrong_dimension",
            field=field,
        )
    raise InvalidInput(
        f"这个品种按只（个、枚）登记，不能按“{unit}”。请写有多少只（个、枚）。",
        code="quantity_wrong_dimension",
        field=field,
    )


def _whole_base(exact: Decimal, shown: str, base_unit: BaseUnit, field: str | None) -> int:
    if exact <= 0:
        raise InvalidInput(
            f"{shown}不行，数量要大于零。没有货就不用登记。",
            code="quantity_not_positive",
            field=field,
        )
    if exact > MAX_BASE[base_unit]:
        raise InvalidInput(
            f"{shown}太大了，一次最多 {_MAX_WORDS[base_unit]}。请检查是不是多写了零，或者单位写错了。",
            code="quantity_too_large",
            field=field,
        )
    if exact != int(exact):
        what = (
            "整克。请少写几位小数，例如 0.5斤" if base_unit == "g" else "整数。请写整数，例如 2只"
        )
        raise InvalidInput(f"{shown}不是{what}。", code="quantity_not_whole", field=field)
    return int(exact)


def format_quantity(
    base: int, base_unit: BaseUnit, *, unit: str | None = None, piece_word: str = "只"
) -> str:
    """The exact figure: `480 斤`, `198.4 斤`, `80.6 吨`, `12,400 只`; nothing is ever rounded.

    Up to 2 万斤 mass is said in 斤, above in 吨, unless `unit` (one of MASS_UNITS) is given.
    """
    if base_unit == "piece":
        return f"{base:,} {piece_word}"
    if unit is None:
        unit = mass_unit(abs(base))
    return f"{_trimmed(Decimal(base) / MASS_UNITS[unit])} {unit}"


def mass_unit(most: int) -> str:
    """The unit of all masses that stand beside each other, by the greatest of them, in grams."""
    return "吨" if most > 20_000 * GRAMS_PER_JIN else "斤"


def format_quantity_short(
    base: int, base_unit: BaseUnit, *, piece_word: str = "只", most: int = 0
) -> str:
    """A rounded figure for boards: `1.5 万只`, `64 吨`, `1.2 万斤`; never shows something as zero.

    `most` is the greatest of the figures beside it: beside 吨 no mass is said in 斤.
    """
    if base_unit == "piece":
        if abs(base) < 10_000:
            return f"{base:,} {piece_word}"
        return f"{_rounded(Decimal(base) / 10_000, 1)} 万{piece_word}"
    jin = Decimal(base) / GRAMS_PER_JIN
    if mass_unit(max(abs(base), most)) == "吨":
        figure = _rounded(Decimal(base) / GRAMS_PER_TON, 1)
        return f"{figure} 吨" if figure != "0" else format_quantity(base, base_unit, unit="吨")
    if abs(jin) >= 10_000:
        return f"{_rounded(jin / 10_000, 1)} 万斤"
    figure = _rounded(jin, 0 if abs(jin) >= 100 else 1)
    return f"{figure} 斤" if figure != "0" else format_quantity(base, base_unit)


def _rounded(value: Decimal, places: int) -> str:
    return _trimmed(value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP))


def _trimmed(value: Decimal) -> str:
    """Thousands separators, no trailing zeros, no exponent, no negative zero."""
    text = f"{value:,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
