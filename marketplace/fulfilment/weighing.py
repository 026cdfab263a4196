"""Weighing in what a household brings, line by line of its sheet.

What is short is taken from ready households or cut from orders at once, as when a household answers that
it brings less; the reason decides whether it stays in its lot. Two clerks who weigh one line meet: the
second hears what the first wrote down, and sets it aside only with words.
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.lot_events import subject_of
from marketplace.catalog.lots import lock_lots
from marketplace.catalog.models import GRADES, STOPPED
from marketplace.core.clock import format_when, now
from marketplace.core.codes import dated_code
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.quantity import BaseUnit, format_quantity
from marketplace.fulfilment.answering import Answered, lower_sheet
from marketplace.fulfilment.models import PreparationSheet, SheetLine
from marketplace.fulfilment.surplus import take_back_surplus
from marketplace.fulfilment.weighing_models import (
    DEDUCTIONS,
    FAR_LESS,
    FAR_MORE,
    SHORT_REASONS,
    STAYS,
    WeighIn,
)
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.lowering import GONE
from marketplace.orders.round_models import Commitment, Listing
from marketplace.trace.streams import Event, append

OTHER_GRADE = "grade"
"""Why goods of another grade are short, a key of SHORT_REASONS."""


@dataclass(frozen=True)
class Reading:
    """What stands on the scales and what goes off, in grams or pieces. `mass`: grams of what counts, of goods
    that are counted and sold by weight. `sure`: asked about this very figure, and it is right."""

    gross: int
    tare: int = 0
    deduction: int = 0
    deduction_reason: str = ""
    short_reason: str = ""
    grade: str = ""
    """As it was found; empty: the sheet's."""
    mass: int = 0
    sure: bool = False

    @property
    def net(self) -> int:
        return self.gross - self.tare - self.deduction


@dataclass(frozen=True)
class Weighed:
    """The receipt, and what a shortage led to."""

    row: WeighIn
    short: Answered | None


class FarOff(InvalidInput):
    """Nothing is stored: whoever weighs looks at the unit again. `net` is the figure in question."""

    default_code = "far_off"

    def __init__(self, words: str, net: int) -> None:
        super().__init__(words, field="gross")
        self.net = net


class WeighedBefore(Conflict):
    """Somebody has weighed this line: `row` is what he wrote down."""

    default_code = "weighed"

    def __init__(self, row: WeighIn) -> None:
        super().__init__(
            f"{row.by.display_name}{format_when(row.at)}已经过了这一行：净 {amount(row, row.net_base)}，"
            f"{row.packs} 份，单号 {row.number}。要用新的，请写明原因。"
        )
        self.row = row


def amount(row: WeighIn | SheetLine, base: int) -> str:
    """Base units of a line's product in words: 128.5 斤, 30 枚."""
    product = row.listing.product
    unit: BaseUnit = "g" if product.base_unit == "g" else "piece"
    word = product.piece_word or "个"
    return format_quantity(base, unit, unit="斤" if unit == "g" else None, piece_word=word)


def weigh(
    session: Session,
    actor: Actor,
    sheet: PreparationSheet,
    line_id: int,
    reading: Reading,
    *,
    instead_why: str = "",
) -> Weighed:
    """Store what the scales said of a line; the sheet must come from get_sheet with for_update.

    Raises WeighedBefore unless `instead_why` says why the former weighing does not count, FarOff for a
    figure that can hardly be, InvalidInput and Conflict for what cannot.
    """
    line = _line(sheet, line_id)
    before = weighed_lines(session, sheet).get((line.listing_id, line.lot_id))
    if before is not None:
        if not instead_why.strip():
            raise WeighedBefore(before)
        _lock_lots(session, line)
        _set_aside(session, actor, before, instead_why.strip()[:200])
    if reading.grade and reading.grade != line.lot.grade:
        reading = replace(reading, short_reason=OTHER_GRADE)
    packs = _packs(line, reading)
    if packs < line.packs:
        _lock_lots(session, line)
    row = _store(session, actor, line, reading, packs)
    if packs == line.packs:
        return Weighed(row, None)
    short = _short(session, actor, sheet, line, packs, reading.short_reason)
    session.refresh(row)
    return Weighed(row, short)


def _store(
    session: Session, actor: Actor, line: SheetLine, reading: Reading, packs: int
) -> WeighIn:
    row = WeighIn(
        number=dated_code("W", now()),
        sheet_id=line.sheet_id,
        listing_id=line.listing_id,
        lot_id=line.lot_id,
        grade=reading.grade or line.lot.grade,
        gross_base=reading.gross,
        tare_base=reading.tare,
        deduction_base=reading.deduction,
        deduction_reason=reading.deduction_reason if reading.deduction else "",
        net_base=reading.net,
        asked_packs=line.packs,
        packs=packs,
        mass_g=_mass(line, reading),
        short_reason=reading.short_reason if packs < line.packs else "",
        farmgate_fen=line.farmgate_fen,
        at=now(),
        by_id=actor.user_id,
    )
    session.add(row)
    session.flush()
    append(session, [Event(subject_of(row.lot_id), "weighed", weighed_data(row))])
    audit.record(session, actor, "weighed_in", "weigh_in", row.number, packs=packs)
    return row


def _line(sheet: PreparationSheet, line_id: int) -> SheetLine:
    if not sheet.current:
        raise Conflict("这张备货单已经改过，请看新的一版。", code="superseded")
    if sheet.round.state != "collecting":
        raise Conflict("这一期已经发车，不能再过磅。", code="wrong_state")
    found = next((line for line in sheet.lines if line.id == line_id), None)
    if found is None:
        raise NotFound("备货单上没有这一行。")
    if found.lot.state in STOPPED:
        raise Conflict(
            f"批次 {found.lot.code} 停着，先不收、不过磅。等县里恢复或者减掉。", code="held"
        )
    return found


def _packs(line: SheetLine, reading: Reading) -> int:
    """Whole packs of what counts; never more than the sheet asks for, none of another grade."""
    if reading.grade not in {"", *GRADES}:
        raise InvalidInput("请选等级。", code="unknown_grade", field="grade")
    if reading.tare + reading.deduction > reading.gross:
        raise InvalidInput("皮重加扣重比毛重还多，请核对。", code="net", field="gross")
    if reading.deduction and reading.deduction_reason not in DEDUCTIONS:
        raise InvalidInput("扣了重，请选为什么。", code="missing", field="deduction_reason")
    packs = min(line.packs, reading.net // _least(line.listing))
    if reading.grade not in {"", line.lot.grade}:
        packs = 0
    if packs < line.packs and reading.short_reason not in SHORT_REASONS:
        raise InvalidInput(
            f"够 {packs} 份，备货单上要 {line.packs} 份，少 {line.packs - packs} 份，请选为什么少。",
            code="short",
            field="short_reason",
        )
    asked = line.quantity_base
    far = reading.net > asked * FAR_MORE or 0 < reading.net * FAR_LESS <= asked
    if far and not reading.sure:
        raise FarOff(
            f"备货单上是 {amount(line, asked)}，这里净 {amount(line, reading.net)}，差得太多。"
            "单位写对了吗？对的话再点一次。",
            reading.net,
        )
    return packs


def _least(listing: Listing) -> int:
    """Base units without which nothing is a pack: of goods in grams sold by weight the lightest."""
    if listing.by_weight and listing.product.base_unit == "g":
        return listing.band_low_base or listing.pack_base
    return listing.pack_base


def _mass(line: SheetLine, reading: Reading) -> int | None:
    """Grams of what counts, where the weight is paid; raises InvalidInput for packs that no band has."""
    listing = line.listing
    if not listing.by_weight:
        return None
    if listing.product.base_unit == "g" or not reading.net:
        return reading.net
    low, high = listing.band_low_base or 0, listing.band_high_base or 0
    if not low * reading.net <= reading.mass * listing.pack_base <= high * reading.net:
        raise InvalidInput(
            f"{amount(line, reading.net)}一共多重？说好每份 {format_quantity(low, 'g', unit='斤')}到 "
            f"{format_quantity(high, 'g', unit='斤')}，平均下来不在里面。太轻太重的挑出来，不算进去。",
            code="mass",
            field="mass",
        )
    return reading.mass


def _lock_lots(session: Session, line: SheetLine) -> None:
    """Before the weighing itself holds its own: a shortage may touch any lot of the listing."""
    mine = select(Commitment.lot_id).where(Commitment.listing_id == line.listing_id)
    lock_lots(session, list(session.scalars(mine)))


def _set_aside(session: Session, actor: Actor, row: WeighIn, why: str) -> None:
    row.void_at, row.void_by_id, row.void_why = now(), actor.user_id, why
    session.flush()
    take_back_surplus(session, actor, row)
    audit.record(session, actor, "weigh_in_set_aside", "weigh_in", row.number)


def weighed_data(row: Any) -> dict[str, Any]:
    """What the lot's stream says of a weighing."""
    mass = {} if row.mass_g is None else {"mass": row.mass_g}
    return mass | {
        "deduction": row.deduction_base,
        "grade": row.grade,
        "gross": row.gross_base,
        "listing": row.listing_id,
        "net": row.net_base,
        "packs": row.packs,
        "receipt": row.number,
        "tare": row.tare_base,
    }


def _short(
    session: Session,
    actor: Actor,
    sheet: PreparationSheet,
    line: SheetLine,
    packs: int,
    reason: str,
) -> Answered:
    """The round goes on with what came; the sheet says so from now on."""
    by_line = {one.id: packs if one.id == line.id else one.packs for one in sheet.lines}
    leaves = "" if reason in STAYS else GONE
    words = f"过磅：{SHORT_REASONS[reason]}"
    return lower_sheet(session, actor, sheet, by_line, leaves, words)


def weighed_lines(session: Session, sheet: PreparationSheet) -> dict[tuple[int, int], WeighIn]:
    """What counts for the goods of a sheet, whichever version it was: by listing and lot."""
    rows = session.scalars(
        select(WeighIn)
        .where(WeighIn.void_at.is_(None), WeighIn.lot_id.in_([x.lot_id for x in sheet.lines]))
        .where(WeighIn.listing_id.in_([line.listing_id for line in sheet.lines]))
        .options(joinedload(WeighIn.by), joinedload(WeighIn.listing))
        .execution_options(populate_existing=True)
    )
    return {(row.listing_id, row.lot_id): row for row in rows}
