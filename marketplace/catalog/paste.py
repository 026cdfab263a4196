"""Lines pasted from a WeChat 接龙, read into a preview of supply reports.

A cadre collects in a chat what households want to sell and pastes the whole of it. Nothing is
stored from here: each line becomes a preview with what was understood and, for the rest, sentences
that say how to mend it; the line as pasted stays beside them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise

from marketplace.catalog import paste_fields as fields
from marketplace.catalog.paste_fields import PasteProduct, Price
from marketplace.catalog.paste_who import find_masked, take_household_no, take_name, words_of
from marketplace.core.errors import InvalidInput
from marketplace.core.quantity import MASS_UNITS, PIECE_UNITS, Quantity, parse_quantity
from marketplace.core.spoken_number import plain_text

MAX_LINES = 500
MAX_LINE_LENGTH = 300

_EXAMPLE = re.compile(r"\s*[(（【]?(?:例|示例|举例|格式|模板|样例)")
_PUNCTUATION = re.compile(r"[^\w\s.,:/¥~—–−·-]|(?<![0-9]),|,(?![0-9]{3}(?![0-9]))")
_DASH = re.compile(r"(?<=[㐀-鿿])(?<![日号月])[-—–]+|[-—–]+(?=[㐀-鿿])")
_HAN = re.compile(r"[㐀-鿿]+")
_ENDS_AN_AMOUNT = PIECE_UNITS | set("斤吨克两元块角毛")


@dataclass(frozen=True)
class PastedLine:
    """One report of the preview; `problems` are Chinese sentences, empty when all is understood.

    `line_number` counts from 1 in what was pasted; two products in one line share it. Names and
    villages are texts as written: whoever shows the preview matches them to households.
    """

    line_number: int
    raw: str
    household_name: str | None = None
    village: str | None = None
    phone: str | None = None
    product_code: str | None = None
    quantity: Quantity | None = None
    price_fen: int | None = None
    price_unit: str | None = None
    available_from: date | None = None
    available_until: date | None = None
    remark: str = ""
    problems: tuple[str, ...] = ()
    under: str | None = None  # the village whose heading stands above the line
    masked_name: str | None = None  # 孙**, as lists show it
    household_no: str | None = None
    unit_assumed: bool = False  # no 每什么 is written: `price_unit` is the usual one


def parse_pasted_lines(
    text: str,
    products: Sequence[PasteProduct],
    *,
    today: date,
    default_village: str | None = None,
    village_needed: bool = True,
) -> list[PastedLine]:
    """Read pasted lines into previews, in order; headings, examples and empty lines are left out.

    A line that is only a village name is the village of the lines below it. Whoever can tell
    households by their names alone says that no village is needed. `today` gives dates without a
    year their year. Raises InvalidInput only when far too much is pasted at once.
    """
    lines = text.splitlines()
    if len(lines) > MAX_LINES:
        raise InvalidInput(
            f"一次最多贴 {MAX_LINES} 行，这里有 {len(lines)} 行。请分几次贴。",
            code="paste_too_long",
            field="text",
        )
    names = _Names(products)
    numbered = any(fields.strip_numbering(line)[1] for line in lines)
    village = default_village
    previews: list[PastedLine] = []
    for line_number, raw in enumerate(lines, start=1):
        body, has_number = fields.strip_numbering(raw[:MAX_LINE_LENGTH])
        masked, body = _take_masked(body, names)
        number, body = take_household_no(plain_text(body))
        plain = _tidy(body)
        if not plain or raw.lstrip().startswith(("#", "＃")) or _EXAMPLE.match(raw):
            continue
        if not has_number and (heading := _village_alone(plain)):
            village = heading
            continue
        started = has_number if numbered and not previews else bool(previews)
        if not started and not _tells_of_goods(plain, names):
            continue
        line = PastedLine(
            line_number, raw.strip(), under=village, masked_name=masked, household_no=number
        )
        read = [_read(part, line, names, today) for part in _parts(plain, names)]
        previews += [_finish(line, needed=village_needed) for line in _share(read)]
        if len(raw) > MAX_LINE_LENGTH:
            previews[-1] = _with_problem(
                previews[-1], f"这一行太长，只读了前 {MAX_LINE_LENGTH} 个字。请分成几行。"
            )
    return _mark_repeats(previews)


class _Names:
    """All names and aliases of the products, longest first."""

    def __init__(self, products: Iterable[PasteProduct]) -> None:
        self.by_word: dict[str, dict[str, PasteProduct]] = {}
        for product in products:
            for word in (product.name, *product.aliases):
                if plain := plain_text(word):
                    self.by_word.setdefault(plain, {})[product.code] = product
        words = sorted(self.by_word, key=lambda word: (-len(word), word))
        # one character is a product only where nothing follows: 姜 is, 姜大山 is a person
        patterns = [re.escape(word) + ("(?![㐀-鿿])" if len(word) == 1 else "") for word in words]
        self.pattern = re.compile("|".join(patterns) or r"(?!)")

    def matches(self, text: str) -> list[re.Match[str]]:
        return list(self.pattern.finditer(text))


def _tidy(body: str) -> str:
    plain = _DASH.sub(" ", _PUNCTUATION.sub(" ", plain_text(body)))
    return re.sub(r"\s+", " ", fields.strip_labels(plain)).strip()


def _take_masked(body: str, names: _Names) -> tuple[str | None, str]:
    """A name with stars, and the rest; `马蹄**` is no name."""
    plain = plain_text(body)
    found = find_masked(plain)
    if not found or names.matches(found["name"]):
        return None, body
    return found["name"], f"{plain[: found.start()]} {plain[found.end() :]}"


def _village_alone(plain: str) -> str | None:
    village, rest = fields.take_village(plain)
    return village if village and not rest.strip(" :") else None


def _tells_of_goods(plain: str, names: _Names) -> bool:
    quantities, _ = fields.take_quantities(plain)
    return bool(quantities) or bool(names.matches(plain) and re.search(r"[0-9]", plain))


def _parts(plain: str, names: _Names) -> list[str]:
    """The line cut where the next product begins: `马蹄2000斤 土鸡60只`, `2000斤马蹄 60只土鸡`."""
    seen = fields.blank_other_numbers(plain)
    starts: dict[str, int] = {}
    for found in names.matches(seen):
        starts.setdefault("/".join(names.by_word[found[0]]), found.start())
    amounts = fields.quantity_starts(seen)
    if len(starts) < 2 or len(amounts) != len(starts):
        return [plain]
    firsts = list(starts.values())
    anchors = amounts if amounts[0] < firsts[0] else firsts
    cuts = [0, *(_word_start(plain, anchor) for anchor in anchors[1:]), len(plain)]
    return [plain[start:end] for start, end in pairwise(cuts)]


def _word_start(plain: str, anchor: int) -> int:
    """`散养` belongs to the 土鸡 that follows it."""
    while anchor > 0 and _HAN.match(plain[anchor - 1]) and plain[anchor - 1] not in _ENDS_AN_AMOUNT:
        anchor -= 1
    return anchor


def _read(part: str, line: PastedLine, names: _Names, today: date) -> PastedLine:
    """Take the pieces out of one part in the order of their certainty."""
    phone, rest = fields.take_phone(part)
    price, rest, problems = fields.take_price(rest)
    dotted = price is not None
    first, last, rest, date_problem = fields.take_dates(rest, today, dotted=dotted)
    amounts, rest = fields.take_quantities(rest)
    village, rest = fields.take_village(rest)
    product, rest, glued, product_problem = _take_product(rest, names)
    bare, rest = fields.take_bare_numbers(rest)
    vague, rest = fields.take_vague(rest)
    counted, spare = (amounts, bare) if amounts or vague else (bare[:1], bare[1:])
    quantity, unused, quantity_problem = _read_quantity(counted, vague, product)
    price, assumed = _with_unit(price, product, quantity)
    if not problems and (problem := _price_problem(price, spare, product)):
        problems.append(problem)
    name, words = (None, words_of(rest)) if line.masked_name else take_name(rest, glued)
    if product is None and not product_problem:
        product_problem = _unknown_product(words)
    problems += [said for said in (date_problem, quantity_problem, product_problem) if said]
    return replace(
        line,
        household_name=name,
        village=village,
        phone=phone,
        product_code=product.code if product else None,
        quantity=quantity,
        price_fen=price.fen if price else None,
        price_unit=price.unit if price else None,
        unit_assumed=assumed,
        available_from=first,
        available_until=last,
        remark=" ".join([*words, *unused, *spare]),
        problems=tuple(problems),
    )


def _with_unit(
    price: Price | None, product: PasteProduct | None, quantity: Quantity | None
) -> tuple[Price | None, bool]:
    """A price without 每什么 is for one 斤 or piece, unless it may be a sum or the price of a box."""
    if price is None or price.unit or product is None or price.fen > product.doubtful_fen:
        return price, False
    if quantity and quantity.typed_unit not in MASS_UNITS.keys() | PIECE_UNITS:
        return price, False
    return replace(price, unit=_usual_unit(product)), True


def _price_problem(
    price: Price | None, spare: list[str], product: PasteProduct | None
) -> str | None:
    """The cure names the unit of the goods, never that of the quantity: 2.9 beside 半吨 is per 斤."""
    unit = _usual_unit(product) if product else "斤"
    if price is None and spare:
        return f"“{spare[0]}”是不是价钱？请写成 {spare[0]}元/{unit}。"
    if price is None:
        return f"没有写价钱。请补上，例如 1.5元/{unit}。"
    if price.unit is None:
        said = f"“{price.written}”没写是每什么的价钱。"
        return f"{said}请写单价，不写总价，例如 1.5元/{unit}。"
    return None


def _usual_unit(product: PasteProduct) -> str:
    return "斤" if product.base_unit == "g" else product.piece_word


def _take_product(
    text: str, names: _Names
) -> tuple[PasteProduct | None, str, str | None, str | None]:
    """The product, the rest, the word glued in front of it, and a problem."""
    matches = names.matches(text)
    if not matches:
        return None, text, None, None
    found = matches[0]
    before = re.search(r"[㐀-鿿·]+$", text[: found.start()])
    glued = before[0] if before else None
    rest = names.pattern.sub(" ", text)
    meant = {code for match in matches for code in names.by_word[match[0]]}
    candidates = names.by_word[found[0]]
    if len(candidates) > 1:
        shown = "、".join(product.name for product in candidates.values())
        return None, rest, glued, f"“{found[0]}”可能是{shown}。请写全名。"
    if len(meant) > 1:
        shown = "、".join(dict.fromkeys(match[0] for match in matches))
        return None, rest, glued, f"一行里有几样（{shown}）。请每样各写一行，各带数量。"
    product = next(iter(candidates.values()))
    if after := _HAN.match(text, found.end()):
        whole = found[0] + after[0]
        known = f"“{whole}”不在品种表里。如果就是{product.name}，请只写“{found[0]}”。"
        return None, rest, glued, known
    return product, rest, glued, None


def _read_quantity(
    amounts: list[str], vague: str | None, product: PasteProduct | None
) -> tuple[Quantity | None, list[str], str | None]:
    """The quantity, amounts that only describe it (60只 约180斤), and a problem."""
    if not amounts and vague:
        return None, [], f"数量：“{vague}”里没有数。请写数量和单位，例如 300斤。"
    if not amounts:
        return None, [], "没有写数量。请补上数量和单位，例如 300斤。"
    good: list[tuple[str, Quantity]] = []
    other: list[tuple[str, InvalidInput]] = []
    for words in amounts:
        try:
            good.append((words, _parse_quantity(words, product)))
        except InvalidInput as error:
            other.append((words, error))
    if len(good) == 1 and all(error.code == "quantity_wrong_dimension" for _, error in other):
        return good[0][1], [words for words, _ in other], None
    if len(amounts) > 1:
        shown = "、".join(amounts)
        return None, [], f"写了几个数量（{shown}）。请只留一个，几样东西请分几行。"
    return None, [], f"数量：{other[0][1].message}"


def _parse_quantity(words: str, product: PasteProduct | None) -> Quantity:
    """Without a known product the unit decides whether it is weight or count."""
    if product is None:
        counted = words.strip()[-1:] in PIECE_UNITS
        return parse_quantity(words, base_unit="piece" if counted else "g")
    return parse_quantity(
        words,
        base_unit=product.base_unit,
        containers=product.containers,
        approx_piece_mass_g=product.approx_piece_mass_g,
    )


def _unknown_product(words: list[str]) -> str:
    if words:
        return f"“{words[0]}”不在品种表里。请改成表里的名字，或者先添加这个品种。"
    return "没有写品种。请补上，例如 马蹄。"


def _share(read: list[PastedLine]) -> list[PastedLine]:
    """Parts of one line belong to one household: who and where may stand in any of them."""
    name = next((line.household_name for line in read if line.household_name), None)
    village = next((line.village for line in read if line.village), None)
    phone = next((line.phone for line in read if line.phone), None)
    return [replace(line, household_name=name, village=village, phone=phone) for line in read]


def _finish(line: PastedLine, *, needed: bool) -> PastedLine:
    village = line.village or line.under
    if line.village and line.under and not re.search("[村区寨屯]", line.village):
        village = line.under + line.village
    line = replace(line, village=village)
    if not (line.masked_name or line.household_name or line.household_no):
        line = _with_problem(
            line, "没看出是哪一户。请把户主姓名写在最前面，后面空一格；也可以写户页上的户编号。"
        )
    if line.village is None and needed and not line.household_no:
        line = _with_problem(line, "没有写哪个村。请补上村名，例如 三岔村。")
    return line


def _with_problem(line: PastedLine, problem: str) -> PastedLine:
    return replace(line, problems=(*line.problems, problem))


def _mark_repeats(previews: list[PastedLine]) -> list[PastedLine]:
    """The same household with the same product twice is asked about, not merged."""
    seen: dict[tuple[str | None, ...], int] = {}
    marked: list[PastedLine] = []
    for line in previews:
        who = line.household_no or line.household_name or line.masked_name
        village = None if line.household_no else line.village
        first = seen.setdefault((who, village, line.product_code), line.line_number)
        known = who is not None and line.product_code is not None
        problem = f"和第 {first} 行是同一户同一样。请删掉重复的，或者改数量。"
        marked.append(_with_problem(line, problem) if known and first != line.line_number else line)
    return marked
