"""Supply reports from the lines of a 接龙: the same rows, checks and door as those of a file.

A chat names households by their heads and villages; the table of a county by numbers. What the text
did not say clearly stands in the row as words of the reader, and the row waits to be mended.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import cached_property
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Product, SupplyReport
from marketplace.catalog.paste import PastedLine, parse_pasted_lines
from marketplace.catalog.paste_fields import PasteProduct, strip_numbering
from marketplace.catalog.paste_who import surname_of
from marketplace.catalog.report_import import COLUMNS, ReportChecker, ReportRow, uuid_of
from marketplace.catalog.reports import ReportInput
from marketplace.catalog.words import piece_word
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput
from marketplace.core.money import format_yuan, value_fen
from marketplace.core.quantity import GRAMS_PER_JIN, BaseUnit, Quantity
from marketplace.core.secret_text import keyring
from marketplace.core.validity import in_force
from marketplace.households.models import CadreAssignment, Household
from marketplace.identity.actor import Actor
from marketplace.identity.permissions import HOUSEHOLD_VIEW, REPORT_SUBMIT
from marketplace.imports.importer import (
    Cells,
    Column,
    FaultyRow,
    Importer,
    PastedRows,
    PastedText,
    Problem,
    RowReader,
    register,
)
from marketplace.regions.models import Region

LINE, RAW, UNDER, VILLAGE, HEAD, UNCLEAR = "行", "原文", "上文的村", "村", "户主", "没看懂"
NUMBER, ASSUMED = "户编号", "价钱怎么算"
READ = ("品类", "待售量", "到户价", "上市起", "上市止", "成因")
HEADINGS = (LINE, RAW, UNDER, VILLAGE, HEAD, NUMBER, UNCLEAR, *READ, ASSUMED)
_GROUP = re.compile(r"第?[0-9零一二三四五六七八九十]{1,2}(?:村民小组|组|队)$")
_KIND = re.compile(r"(?:村委会|村|社区|寨|屯)$")


def read_pasted(session: Session, text: str) -> PastedRows:
    """The lines as rows, whatever they leave open; raises InvalidInput when none is a report."""
    products = {p.code: p for p in session.scalars(select(Product).where(Product.active))}
    lines = parse_pasted_lines(
        text, [_known(p) for p in products.values()], today=today(), village_needed=False
    )
    if not lines:
        raise InvalidInput(
            "没有读到登记。请一户一行，写上户主、品种、数量和价钱。",
            code="nothing_read",
            field="text",
        )
    names = {code: product.name for code, product in products.items()}
    rows = [(number, _cells(line, names)) for number, line in enumerate(lines, start=1)]
    said = {line.line_number for line in lines}
    villages = {line.under for line in lines}
    left_out = tuple(
        number
        for number, raw in enumerate(text.splitlines(), start=1)
        if raw.strip() and number not in said and raw.strip(" :：#＃") not in villages
        and not raw.lstrip().startswith(("#", "＃"))
    )  # fmt: skip
    return PastedRows(HEADINGS, rows, left_out)


def _known(product: Product) -> PasteProduct:
    mass = product.base_unit == "g"
    return PasteProduct(
        product.code,
        product.name,
        cast("BaseUnit", product.base_unit),
        tuple(product.aliases.split()),
        product.piece_mass_g if mass else None,
        piece_word=piece_word(product),
        doubtful_fen=10
        * value_fen(
            product.reference_fen, GRAMS_PER_JIN if mass else 1, product.reference_per_base
        ),
    )


def _cells(line: PastedLine, names: dict[str, str]) -> list[str]:
    price = ""
    if line.price_fen is not None:
        price = f"{format_yuan(line.price_fen).replace(',', '')}元"
        price += f"/{line.price_unit}" if line.price_unit else ""
    return [
        str(line.line_number),
        line.raw,
        line.under or "",
        line.village or "",
        line.household_name or line.masked_name or "",
        line.household_no or "",
        "\n".join(line.problems),
        names[line.product_code] if line.product_code else "",
        _amount(line.quantity) if line.quantity else "",
        price,
        line.available_from.isoformat() if line.available_from else "",
        line.available_until.isoformat() if line.available_until else "",
        line.remark[:200],
        f"没写每什么，按每{line.price_unit}算" if line.unit_assumed else "",
    ]


def _amount(quantity: Quantity) -> str:
    """As it can be read again: what was only estimated stays an estimate."""
    about = "约" if quantity.approximate and quantity.typed_number[:1].isdecimal() else ""
    return f"{about}{quantity.typed_number}{quantity.typed_unit}"


def said(cells: Cells) -> tuple[str, str]:
    """Whose, and what, as it was understood."""
    whose = " · ".join(filter(None, (cells[HEAD], cells[NUMBER], cells[VILLAGE])))
    words = [cells["品类"], cells["待售量"], cells["到户价"], cells[ASSUMED]]
    words.append(f"{cells['上市起']} 起" if cells["上市起"] else "")
    words.append(f"到 {cells['上市止']}" if cells["上市止"] else "")
    return whose or "没看出是谁", "，".join(filter(None, words))


def give_back(rows: Sequence[tuple[Cells, Sequence[str]]]) -> str:
    """Lines to mend, each under the reasons; what begins with # is passed over when pasted again."""
    told: dict[str, tuple[Cells, list[str]]] = {}
    for cells, problems in rows:
        told.setdefault(cells[LINE], (cells, []))[1].extend(problems)
    text: list[str] = []
    village = ""
    for number, (cells, problems) in enumerate(told.values(), start=1):
        if cells[UNDER] != village:
            village = cells[UNDER]
            text.append(village)
        text += [f"# {problem}" for problem in dict.fromkeys(problems)]
        text.append(f"{number}. {strip_numbering(cells[RAW])[0].strip()}")
    return "\n".join(text)


@dataclass(frozen=True)
class _Home:
    household_id: int
    number: str
    village: str
    town: str

    def lies_in(self, written: str) -> bool:
        """三岔村, 三岔, 青石镇三岔村 and 三岔村2组 are one village."""
        plain = _KIND.sub("", _GROUP.sub("", written.replace(" ", "")).removeprefix(self.town))
        return plain in {"", _KIND.sub("", self.village)}


class PasteChecker(ReportChecker):
    """Finds households within the person's reach by the head's whole name, and the village."""

    channel = "paste"

    def __init__(self, session: Session, actor: Actor) -> None:
        super().__init__(session, actor)
        rows = session.execute(
            select(Household.id, Household.household_no, Household.head_name_hash, Region)
            .join(Household.region)
            .options(joinedload(Region.parent))
            .where(Household.within(actor.scope_for(HOUSEHOLD_VIEW)), Household.active)
            .order_by(Household.household_no)
        )
        self._session = session
        self._homes: dict[str, list[_Home]] = {}
        self._numbers: dict[str, _Home] = {}
        for household_id, number, name_hash, region in rows:
            town = region.parent.name if region.parent else ""
            home = _Home(household_id, number, region.name, town)
            self._homes.setdefault(name_hash, []).append(home)
            self._numbers[number.upper()] = home

    def check(self, cells: Cells) -> ReportRow:
        """The reader's own doubts come first: what follows from them would only be said twice."""
        if cells[UNCLEAR]:
            reader = RowReader(cells)
            if cells[HEAD] or cells[NUMBER]:
                self._supplier(reader)
            doubts = [Problem("", words) for words in cells[UNCLEAR].split("\n")]
            raise FaultyRow(doubts + reader.problems)
        return super().check(cells)

    def _supplier(self, reader: RowReader) -> tuple[int | None, int | None]:
        """A number that is known says who; else the name, whole or as far as it is written."""
        name, village, number = (reader.cells[column] for column in (HEAD, VILLAGE, NUMBER))
        numbered = self._numbers.get(number)
        called = self._called(name) if name else []
        if number and numbered is None and not name:
            reader.problem(NUMBER, f"没有户编号 {number}，或不归您管。请照户页上的编号写。")
            return None, None
        if numbered is not None and (not name or numbered in called):
            return numbered.household_id, None
        if numbered is not None:
            reader.problem(NUMBER, f"{number} 的户主不叫“{name}”。请核对编号和姓名，只写一样也行。")
            return None, None
        found = [home for home in called if not village or home.lies_in(village)]
        if len(found) > 1:
            written = set(re.split(r"[\s,，、]+", reader.cells[RAW].upper()))
            found = [home for home in found if home.number.upper() in written] or found
        if len(found) == 1:
            return found[0].household_id, None
        reader.problem(HEAD, _who_is_meant(name, village, called, found))
        return None, None

    def _called(self, name: str) -> list[_Home]:
        """Of the whole name; of `陈**`, `陈` or `陈家` only among the households one looks after."""
        if whole := self._homes.get(keyring.lookup(name)):
            return whole
        before, stars, after = name.replace("×", "*").partition("*")
        begins = before if stars else surname_of(name)
        if not begins:
            return []
        ends = after.strip("*")
        return [
            home
            for home, head in self._own_heads
            if head.startswith(begins) and head.endswith(ends)
        ]

    @cached_property
    def _own_heads(self) -> list[tuple[_Home, str]]:
        """Names are encrypted: only those of the households in the person's own care are read."""
        rows = self._session.execute(
            select(Household.household_no, Household.head_name)
            .join(CadreAssignment, CadreAssignment.household_id == Household.id)
            .where(
                CadreAssignment.user_id == self._actor.user_id,
                in_force(CadreAssignment, today()),
            )
            .order_by(Household.household_no)
        )
        known = ((self._numbers.get(number.upper()), head) for number, head in rows)
        return [(home, head) for home, head in known if home is not None]

    def _uuid(self, cells: Cells, report: ReportInput) -> str:
        """What is said counts, not how the line was written or numbered; days only as typed."""
        price = Fraction(report.asked_fen, report.asked_per_base)
        meant: list[object] = [report.household_id, report.product_id, report.quantity_base, price]
        meant += [cells["上市起"], cells["上市止"]]
        return uuid_of(self._actor, "\n".join(["接龙", *map(str, meant)]))

    def apply(self, session: Session, value: ReportRow) -> bool:
        """The same line is the same report until its days are over; then it is new goods."""
        mark = value.client_uuid
        while (held := _until(session, mark)) is not None:
            if held >= today():
                return False
            mark = uuid_of(self._actor, mark)
        return super().apply(session, ReportRow(mark, value.report))


def _until(session: Session, client_uuid: str) -> date | None:
    return session.scalar(
        select(SupplyReport.available_until).where(SupplyReport.client_uuid == client_uuid)
    )


def _who_is_meant(name: str, village: str, called: list[_Home], found: list[_Home]) -> str:
    if found:
        numbers = "、".join(home.number for home in found[:5])
        where = "" if village else "请补上村名；同村的"
        return f"有 {len(found)} 户叫“{name}”。{where}请在行里写上户编号：{numbers}。"
    if called:
        places = "、".join(dict.fromkeys(home.village for home in called))
        return f"“{name}”不在{village}，在{places}。请改村名，或改姓名。"
    short = "*" in name or surname_of(name)
    unclear = f"“{name}”看不出是谁" if short else f"没有叫“{name}”的户，或不归您管"
    return f"{unclear}。请写户主的全名，或写户页上的户编号。"


PASTED = register(
    Importer(
        code="pasted",
        title="接龙",
        permission=REPORT_SUBMIT,
        columns=(
            *COLUMNS,
            *(Column(c) for c in (LINE, RAW, UNDER, VILLAGE, HEAD, UNCLEAR, ASSUMED)),
        ),
        start=PasteChecker,
        note="把微信群里的接龙整段贴进来，一次登记很多户。",
        pasted=PastedText(
            read=read_pasted,
            said=said,
            give_back=give_back,
            hint="一户一样货一行：户主或户编号、村、品种、数量、到户价。标题和例子会跳过。",
            example="1. 陈大山 三岔村 马蹄 2000斤 1.5元/斤\n2. LX0002 土鸡 60只 90元/只",
        ),
    )
)
