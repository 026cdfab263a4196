"""What makes a report doubtful, with the evidence. Pure: plain figures in, sentences out.

`report_queue.doubtful` says the same in SQL for the queue's filter; a test holds the two together.
"""

from dataclasses import dataclass
from typing import Any, cast

from marketplace.core.money import format_yuan, value_fen
from marketplace.core.quantity import BaseUnit, format_quantity


def longest_days(shelf_days: Any) -> Any:
    """A month may pass in the field, and goods are kept twice as long as usual; a number or a column."""
    return 2 * shelf_days + 30


@dataclass(frozen=True)
class Other:
    """Another waiting report or open lot of the same supplier and product."""

    kind: str  # report or lot
    id: int
    code: str
    quantity_base: int


@dataclass(frozen=True)
class Claim:
    """The figures of a report that the checks look at; quantities in base units, prices in fen."""

    base_unit: str
    piece_word: str
    quantity_base: int
    asked_fen: int
    asked_per_base: int
    reference_fen: int
    reference_per_base: int
    land_mu_hundredths: int | None = None
    yield_per_mu_base: int | None = None
    poultry: int | None = None
    yield_per_bird_base: int | None = None
    others: tuple[Other, ...] = ()
    days: int = 0  # from the first to the last day of sale
    shelf_days: int = 0

    def words(self, base: int) -> str:
        return format_quantity(
            base, cast("BaseUnit", self.base_unit), piece_word=self.piece_word or "个"
        )


@dataclass(frozen=True)
class Flag:
    code: str
    label: str
    evidence: str
    others: tuple[Other, ...] = ()


def flags_of(claim: Claim, *, alarm_percent: int) -> tuple[Flag, ...]:
    """Everything doubtful about a report; `alarm_percent` is the county's limit for prices."""
    found = (_twice(claim), _price(claim, alarm_percent), _land(claim), _flock(claim), _days(claim))
    return tuple(flag for flag in found if flag is not None)


def impossible(claim: Claim) -> tuple[Flag, ...]:
    """What says that the quantity cannot be, whatever else is doubtful."""
    return tuple(flag for flag in (_land(claim), _flock(claim)) if flag is not None)


def _twice(claim: Claim) -> Flag | None:
    if not claim.others:
        return None
    names = {"report": "登记", "lot": "批次"}
    told = "、".join(
        f"{names[other.kind]} {other.code}（{claim.words(other.quantity_base)}）"
        for other in claim.others[:3]
    )
    more = f"等 {len(claim.others)} 条" if len(claim.others) > 3 else ""
    return Flag("twice", "可能重复", f"同一家同一品种还有{told}{more}。", claim.others)


def _price(claim: Claim, alarm_percent: int) -> Flag | None:
    asked = claim.asked_fen * claim.reference_per_base
    reference = claim.reference_fen * claim.asked_per_base
    if abs(asked - reference) * 100 <= alarm_percent * reference:
        return None
    percent = (200 * abs(asked - reference) + reference) // (2 * reference)  # half up
    unit, per = ("斤", 500) if claim.base_unit == "g" else (claim.piece_word or "个", 1)
    here = format_yuan(value_fen(claim.asked_fen, per, claim.asked_per_base))
    usual = format_yuan(value_fen(claim.reference_fen, per, claim.reference_per_base))
    way = "高" if asked > reference else "低"
    return Flag(
        "price",
        f"价格偏{way}",
        f"要价 {here} 元/{unit}，县参考价 {usual} 元/{unit}，{way} {percent}%。",
    )


def _land(claim: Claim) -> Flag | None:
    if claim.land_mu_hundredths is None or claim.yield_per_mu_base is None:
        return None
    most = claim.yield_per_mu_base * claim.land_mu_hundredths // 100
    if claim.quantity_base <= most:
        return None
    land = f"{claim.land_mu_hundredths / 100:g}"
    return Flag(
        "land",
        "超出地力",
        f"登记 {claim.words(claim.quantity_base)}，这户 {land} 亩地最多约 {claim.words(most)}。",
    )


def _flock(claim: Claim) -> Flag | None:
    if claim.poultry is None or claim.yield_per_bird_base is None:
        return None
    most = claim.yield_per_bird_base * claim.poultry
    if claim.quantity_base <= most:
        return None
    return Flag(
        "flock",
        "超出存栏",
        f"登记 {claim.words(claim.quantity_base)}，这户存栏 {claim.poultry} 羽最多约 {claim.words(most)}。",
    )


def _days(claim: Claim) -> Flag | None:
    if claim.days <= longest_days(claim.shelf_days):
        return None
    return Flag(
        "days",
        "日期太远",
        f"登记可卖 {claim.days} 天，这个品种一般放 {claim.shelf_days} 天。",
    )
