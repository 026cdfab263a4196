"""What a preparation sheet says, as plain data: its lines, what changed, and the short texts.

A household's message calls it by its surname, as people do, and says no more of the name unless a
reader has just revealed it: telephones are shared and lie about. The
text for the village loudspeaker or the village's chat names no household at all and no household's
money: who sells what for how much is nobody else's business, and a masked name read aloud helps
nobody. It says what the village brings together, where and when, and whom to ask.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from marketplace.core.clock import format_span
from marketplace.core.money import format_yuan
from marketplace.core.quantity import BaseUnit, format_quantity

SMS_LENGTH = 70
"""Characters of one short message in Chinese; a longer one is cut in two on its way."""
_NAME = 6


@dataclass(frozen=True)
class Prepared:
    """What of one listing a supplier prepares, over all its lots."""

    listing_id: int
    title: str
    pack_name: str
    base_unit: BaseUnit
    piece_word: str
    by_weight: bool  # what a pack weighs is known when it is weighed
    packs: int
    quantity_base: int
    farmgate_fen: int  # for one pack
    amount_fen: int

    @property
    def quantity(self) -> str:
        return total_words(self.quantity_base, self.base_unit, self.piece_word, self.by_weight)


@dataclass(frozen=True)
class Change:
    """A line that differs from the version before; 0 packs: not there."""

    title: str
    pack_name: str
    was: int
    now: int

    @property
    def words(self) -> str:
        if not self.now:
            return f"{self.title} {self.pack_name}原来 {self.was} 份，现在不用备"
        if not self.was:
            return f"新增{self.title} {self.pack_name} {self.now} 份"
        return f"{self.title} {self.pack_name}原来 {self.was} 份，现在 {self.now} 份"


@dataclass(frozen=True)
class Handover:
    """Where and when goods are brought, and whom to call."""

    from_at: datetime
    until_at: datetime
    place: str
    phone: str

    @property
    def when(self) -> str:
        return format_span(self.from_at, self.until_at)


def total_words(base: int, unit: BaseUnit, piece_word: str, by_weight: bool) -> str:
    words = format_quantity(base, unit, piece_word=piece_word or "个")
    return f"约 {words}" if by_weight and unit == "g" else words


def total_fen_words(lines: Iterable[Prepared], fen: int) -> str:
    """What the lines bring, in yuan; by weight nobody knows it before the goods were weighed."""
    return f"最多 {format_yuan(fen)}" if any(x.by_weight for x in lines) else format_yuan(fen)


def changes(before: Iterable[Prepared], after: Iterable[Prepared]) -> list[Change]:
    """Lines whose packs differ, in the order of the lines."""
    old = {line.listing_id: line for line in before}
    new = {line.listing_id: line for line in after}
    found = []
    for listing_id in sorted({*old, *new}):
        was = old[listing_id].packs if listing_id in old else 0
        is_now = new[listing_id].packs if listing_id in new else 0
        if was != is_now:
            line = new.get(listing_id) or old[listing_id]
            found.append(Change(line.title, line.pack_name, was, is_now))
    return found


def _by_title(lines: Sequence[Prepared]) -> list[tuple[str, str]]:
    """Each product once with all of it: two packs of one product are no two products."""
    bases: dict[str, int] = {}
    for line in lines:
        bases[line.title] = bases.get(line.title, 0) + line.quantity_base
    kinds = {line.title: line for line in lines}
    return [
        (title, _close(replace(kinds[title], quantity_base=base).quantity))
        for title, base in bases.items()
    ]


def short_message(
    who: str, lines: Sequence[Prepared], handover: Handover, *, number: int, changed: bool
) -> str:
    """The sheet in at most 70 characters: whose (`who`: 陈家), what, when, where, for how much, whom
    to call. What does not fit is left out in this order: packs, weekday, further products (the
    sheet has them), the ends of long names.
    """
    phone = handover.phone  # as the county wrote it, as on the paper
    if not lines:
        return f"{who[:_NAME]}：第{number}期的货取消了，不用备，不用送。有疑问打{phone}"
    total = _close(total_fen_words(lines, sum(line.amount_fen for line in lines)))
    verb = "备货改为" if changed else "请备"
    dated = _close(handover.when)
    undated = re.sub(r"\(周.\)", "", dated)
    in_packs = "、".join(f"{line.title}{line.packs}份共{_close(line.quantity)}" for line in lines)
    goods = _by_title(lines)
    in_all = "、".join(f"{title}{quantity}" for title, quantity in goods)
    first = "".join(goods[0])
    summary = first if len(goods) == 1 else f"{first}等{len(goods)}样"

    def text(name: str, what: str, when: str, place: str) -> str:
        return f"{name}{verb}{what}，{when}送{place}，得{total}元。备不齐打{phone}"

    for name, what, when in (
        (who, in_packs, dated),
        (who, in_all, dated),
        (who, in_all, undated),
        (who, summary, undated),
        (who[:_NAME], summary, undated),
    ):
        words = text(name, what, when, handover.place)
        if len(words) <= SMS_LENGTH:
            return words
    name = who[:_NAME]
    room = max(0, SMS_LENGTH - len(text(name, "", undated, "")))
    for_place = min(len(handover.place), room // 2)
    return text(name, summary[: room - for_place], undated, handover.place[:for_place])


def village_text(
    village: str, number: int, suppliers: int, lines: Iterable[Prepared], handover: Handover
) -> str:
    """For the loudspeaker and the village's chat: totals, where, when; no household, no money."""
    goods = "、".join(f"{title} {quantity}" for title, quantity in village_totals(lines))
    return (
        f"{village}的乡亲请注意：第 {number} 期有 {suppliers} 家的货订出去了，一共{goods}。"
        f"请照备货单备好，{handover.when}送到{handover.place}。"
        f"没拿到备货单的、备不齐的，请找帮扶联系人，或者打电话 {handover.phone}。"
    )


def village_totals(lines: Iterable[Prepared]) -> list[tuple[str, str]]:
    """Products with their sums over all packs of the village, in order of the words."""
    sums: dict[tuple[str, BaseUnit, str], tuple[int, bool]] = {}
    for line in lines:
        key = (line.title, line.base_unit, line.piece_word)
        base, by_weight = sums.get(key, (0, False))
        sums[key] = (base + line.quantity_base, by_weight or line.by_weight)
    return [
        (title, total_words(base, unit, word, by_weight))
        for (title, unit, word), (base, by_weight) in sorted(sums.items())
    ]


def _close(words: str) -> str:
    return words.replace(" ", "")
