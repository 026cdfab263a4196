"""Money: whole fen inside, yuan in front of people.

Everything here is integer arithmetic or exact Decimal; a float never touches a sum.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256

from marketplace.core.errors import InvalidInput
from marketplace.core.spoken_number import read_number, short_plain_text

FEN_PER_YUAN = 100
MAX_FEN = 100_000_000 * FEN_PER_YUAN  # one hundred million yuan: more was never typed on purpose

_DIGIT = "[0-9一二两三四五六七八九]"
_YUAN = re.compile(
    rf"(?:(?P<yuan>.+?)\s*[元块](?:钱|整)?)?\s*"
    rf"(?:(?P<jiao>{_DIGIT})\s*[角毛](?:钱|整)?)?\s*"
    rf"(?:零?(?P<fen>{_DIGIT})\s*分)?"
)
_YUAN_AND_SHORT = re.compile(rf"(?P<yuan>.+?)\s*[元块]\s*(?P<jiao>{_DIGIT}|半)")
_HAN_DIGITS = str.maketrans("一二两三四五六七八九半", "12234567895")


def parse_yuan(
    text: str, *, field: str | None = "price", max_fen: int = MAX_FEN, allow_zero: bool = False
) -> int:
    """Read a sum in yuan into fen: `19.8`, `￥19.80`, `19元8角`, `19块8`, `1,200.00`, `２万元`.

    Raises InvalidInput for what is negative, zero (unless allowed), not exact, finer than a fen or
    above `max_fen`; the message says how to mend it.
    """
    words = (
        re.sub(r"^(?:人民币|rmb|cny)\s*", "", short_plain_text(text, field))
        .replace("¥", "")
        .strip()
    )
    words = re.sub(r"\s*(?:rmb|cny)$", "", words)
    if not words:
        raise InvalidInput(
            "还没有写金额。请写多少元，例如 19.8。", code="money_missing", field=field
        )
    shown = f"“{text.strip()[:20]}”"
    exact = _exact_yuan(words, shown, field)
    if exact < 0 or (exact == 0 and not allow_zero):
        raise InvalidInput(
            f"{shown}不行，金额要大于零。请写多少元，例如 19.8。",
            code="money_not_positive",
            field=field,
        )
    fen = exact * FEN_PER_YUAN
    if fen > max_fen:
        raise InvalidInput(
            f"{shown}太大了，最多 {format_yuan(max_fen)} 元。请检查是不是多写了零。",
            code="money_too_large",
            field=field,
        )
    decimals = re.search(r"\.([0-9]+)(?![0-9万千百亿])", words)
    if fen != int(fen) or (decimals and len(decimals[1]) > 2):
        raise InvalidInput(
            f"{shown}比分还小。请最多写两位小数，例如 19.85。", code="money_too_fine", field=field
        )
    return int(fen)


def _exact_yuan(words: str, shown: str, field: str | None) -> Decimal:
    parts = _YUAN_AND_SHORT.fullmatch(words) or _YUAN.fullmatch(words)
    found = parts.groupdict() if parts else {"yuan": words}
    yuan = found.get("yuan")
    number = read_number(yuan, field=field, examples="1.8、19元8角 或 三块五") if yuan else None
    if number and number.approximate:
        raise InvalidInput(
            f"{shown}不是准数。金额要写准，例如 19.8。", code="money_approximate", field=field
        )
    total = number.value if number else Decimal(0)
    small = Decimal(0)
    for name, worth in (("jiao", Decimal("0.1")), ("fen", Decimal("0.01"))):
        digit = found.get(name)
        if digit:
            small += int(digit.translate(_HAN_DIGITS)) * worth
    if small and total != int(total):
        raise InvalidInput(
            f"{shown}看不懂。请只写一种，例如 19.8 或 19元8角。",
            code="money_unreadable",
            field=field,
        )
    return total + small


def format_yuan(fen: int) -> str:
    """`1,440.00`, without a sign for the currency; credits carry a minus."""
    yuan, rest = divmod(abs(fen), FEN_PER_YUAN)
    return f"{'-' if fen < 0 else ''}{yuan:,}.{rest:02d}"


_UPPER = "零壹贰叁肆伍陆柒捌玖"
_UPPER_SCALES = ("", "拾", "佰", "仟")
_UPPER_GROUPS = ("", "万", "亿")


def amount_in_words(fen: int) -> str:
    """人民币大写 as on vouchers: 1010.10 → 壹仟零壹拾元壹角, 1440.00 → 壹仟肆佰肆拾元整.

    Own lines instead of cn2an: that takes a fifth of a second to import, for twenty lines, and says
    `壹万亿` wrongly above its range; here a sum of a trillion yuan or more is a ValueError.
    """
    yuan, rest = divmod(abs(fen), FEN_PER_YUAN)
    if yuan >= 10**12:
        raise ValueError(f"too large for words: {fen}")
    jiao, last = divmod(rest, 10)
    words = f"{_yuan_words(yuan)}元" if yuan else ""
    if jiao:
        words += f"{_UPPER[jiao]}角"
    elif words and last:
        words += "零"
    if last:
        words += f"{_UPPER[last]}分"
    elif not jiao:
        words = f"{words or '零元'}整"
    return f"{'负' if fen < 0 else ''}{words}"


def _yuan_words(yuan: int) -> str:
    """Groups of four digits; a gap between digits that are said is one 零."""
    words = ""
    gap = False
    for place in range(len(_UPPER_GROUPS) - 1, -1, -1):
        group = yuan // 10 ** (4 * place) % 10_000
        for power in range(3, -1, -1):
            digit = group // 10**power % 10
            if digit:
                words += f"{'零' if gap else ''}{_UPPER[digit]}{_UPPER_SCALES[power]}"
                gap = False
            else:
                gap = bool(words)
        if group:
            words += _UPPER_GROUPS[place]
    return words


def split_by_largest_remainder(
    total: int, weights: Sequence[int], *, tie_keys: Sequence[str], salt: str
) -> list[int]:
    """Split `total` in proportion to `weights` into integers that add up to it exactly.

    Each part is its exact share rounded down, and the largest remainders get one more; equal
    remainders are ordered by a hash of `salt` and key, so that the odd fen does not always go to
    the same household and every replay gives the same answer, whatever the order of the rows.
    A negative total (a reversal) splits as the positive one would. Weights are ≥ 0; keys are
    distinct; ValueError otherwise, or when something must be split over weights that are all zero.
    """
    if len(tie_keys) != len(weights) or len(set(tie_keys)) != len(tie_keys):
        raise ValueError("one distinct tie key per weight is needed")
    if any(weight < 0 for weight in weights):
        raise ValueError("weights must not be negative")
    if total < 0:
        return [
            -part
            for part in split_by_largest_remainder(-total, weights, tie_keys=tie_keys, salt=salt)
        ]
    whole = sum(weights)
    if whole == 0:
        if total:
            raise ValueError("nothing to split over: all weights are zero")
        return [0] * len(weights)
    parts = [total * weight // whole for weight in weights]

    def rank(index: int) -> tuple[int, bytes]:
        remainder = total * weights[index] % whole
        return -remainder, sha256(f"{salt}\0{tie_keys[index]}".encode()).digest()

    for index in sorted(range(len(weights)), key=rank)[: total - sum(parts)]:
        parts[index] += 1
    return parts


def value_fen(price_fen: int, accepted_base: int, pack_base: int) -> int:
    """price × accepted ÷ pack, rounded half up once, all in integers.

    `price_fen` is one component of the price of a pack of `pack_base` grams or pieces. Components
    are valued one by one and added; never value their sum. Nothing may be negative: ValueError.
    """
    if price_fen < 0 or accepted_base < 0 or pack_base <= 0:
        raise ValueError(f"cannot value {accepted_base} of a pack of {pack_base} at {price_fen}")
    return (2 * price_fen * accepted_base + pack_base) // (2 * pack_base)


def per_jin_fen(fen: int, grams: int) -> int:
    """Of a price for so many grams what a 斤 costs."""
    return value_fen(fen, 500, grams)
