"""Which lots can still be offered, the most urgent first."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot, Product
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput
from marketplace.core.quantity import BaseUnit, format_quantity, parse_quantity
from marketplace.identity.scope import Scope, Where
from marketplace.orders.listings import LotPart, asks_above
from marketplace.orders.round_models import Listing, Round

MOST_LOTS = 300
"""So many lots stand on one page; what is left over is added afterwards."""


@dataclass(frozen=True)
class Offerable:
    """All free goods of one product and grade."""

    product: Product
    grade: str
    free: int
    lots: int
    urgent_until: date


@dataclass
class LotRow:
    """One lot in the form, with what was typed and what is wrong with it."""

    lot: Lot
    ticked: bool
    amount_text: str
    note: str = ""
    base: int = 0
    more_fen: int = 0  # asked above the farm-gate price, for one pack
    late: bool = False  # to be sold by a day before the round delivers
    errors: list[str] = field(default_factory=list)


def _free() -> tuple[Where, ...]:
    return (Lot.state == "open", Lot.free > 0, Lot.available_until >= today())


def offerable(session: Session, scope: Scope) -> list[Offerable]:
    """Products with free lots, what must be sold first on top. Two statements."""
    figures = session.execute(
        scope.visible(select(Lot))
        .with_only_columns(
            Lot.product_id,
            Lot.grade,
            func.sum(Lot.free),
            func.count(Lot.id),
            func.min(Lot.available_until),
        )
        .where(*_free())
        .group_by(Lot.product_id, Lot.grade)
    ).all()
    products = {
        product.id: product
        for product in session.scalars(
            select(Product).where(Product.id.in_({row[0] for row in figures}))
        )
    }
    found = [
        Offerable(products[product_id], grade, int(free), lots, until)
        for product_id, grade, free, lots, until in figures
    ]
    return sorted(found, key=lambda one: (one.urgent_until, one.product.code, one.grade))


def free_lots(session: Session, scope: Scope, product_id: int, grade: str) -> list[Lot]:
    return list(
        session.scalars(
            scope.visible(select(Lot))
            .where(Lot.product_id == product_id, Lot.grade == grade, *_free())
            .options(
                joinedload(Lot.household),
                joinedload(Lot.organisation),
                joinedload(Lot.region),
                joinedload(Lot.product),
            )
            .order_by(Lot.available_until, Lot.region_code, Lot.id)
            .limit(MOST_LOTS)
        )
    )


def fresh_rows(
    lots: Collection[Lot], in_round: Round, *, ticked: bool, pack_base: int
) -> list[LotRow]:
    """Nobody typed yet: everything is offered but what is too little for one pack, and what would be
    too old by the day of delivery."""
    rows = [_row(lot, in_round, ticked, amount_words(lot, lot.free)) for lot in lots]
    for row in rows:
        row.base = row.lot.free
        row.ticked = row.ticked and row.base >= pack_base and not row.late
    return rows


def _row(lot: Lot, in_round: Round, ticked: bool, amount: str, note: str = "") -> LotRow:
    return LotRow(lot, ticked, amount, note, late=lot.available_until < in_round.delivers_on)


def typed_rows(lots: Collection[Lot], in_round: Round, typed: Mapping[str, str]) -> list[LotRow]:
    """What the form said about each lot that can be seen; other lots' fields are not looked at."""
    rows = []
    for lot in lots:
        row = _row(
            lot,
            in_round,
            f"lot-{lot.id}" in typed,
            typed.get(f"amount-{lot.id}", "").strip()[:60],
            typed.get(f"note-{lot.id}", "").strip()[:200],
        )
        if row.ticked:
            _read_amount(row)
        rows.append(row)
    return rows


def _read_amount(row: LotRow) -> None:
    lot = row.lot
    base_unit: BaseUnit = "g" if lot.product.base_unit == "g" else "piece"
    unit = "斤" if base_unit == "g" else lot.product.piece_word or "个"
    if not row.amount_text:
        row.amount_text = amount_words(lot, lot.free)
    try:
        row.base = parse_quantity(row.amount_text, base_unit=base_unit, default_unit=unit).base
    except InvalidInput as error:
        row.errors.append(error.message)
        return
    if row.base > lot.free:
        row.errors.append(f"只剩 {amount_words(lot, lot.free)}。")


def judge_rows(rows: list[LotRow], pack_base: int, farmgate_fen: int, *, strict: bool) -> None:
    """Say for each lot whether it asks more; `strict`: without a note that is a fault."""
    for row in rows:
        row.more_fen = asks_above(row.lot, pack_base, farmgate_fen)
        if strict and row.ticked and row.more_fen and not row.note:
            row.errors.append("要价高于到户价，请写谁同意的、怎么同意的。")
        elif strict and row.ticked and row.late and not row.note:
            row.errors.append("配送那天已过了最晚卖到的日子，请问过农户，写谁说能放到那天的。")


def too_small_words(rows: list[LotRow], pack_base: int) -> str:
    """Why most lots cannot be offered in such packs; nothing when most hold at least one."""
    small = sum(row.lot.free < pack_base for row in rows)
    if small * 2 <= len(rows):
        return ""
    which = "每批" if small == len(rows) else f"{len(rows)} 批里 {small} 批"
    return f"{which}都不够一份 {amount_words(rows[0].lot, pack_base)}，请改小一份的量。"


def capacity_of(rows: list[LotRow], pack_base: int) -> int:
    return sum(row.base // pack_base for row in rows if row.ticked and not row.errors)


def parts_of(rows: list[LotRow]) -> list[LotPart]:
    return [LotPart(row.lot.id, row.base, row.note) for row in rows if row.ticked]


def amount_words(lot: Lot, base: int) -> str:
    """As a person types it and `parse_quantity` reads it back."""
    unit: BaseUnit = "g" if lot.product.base_unit == "g" else "piece"
    words = format_quantity(
        base, unit, unit="斤" if unit == "g" else None, piece_word=lot.product.piece_word or "个"
    )
    return words.replace(",", "").replace(" ", "")


def last_listing(session: Session, product_id: int, grade: str) -> Listing | None:
    """How this product was offered last: the best guess for pack and price components."""
    return session.scalar(
        select(Listing)
        .where(Listing.product_id == product_id, Listing.grade == grade)
        .order_by(Listing.id.desc())
        .limit(1)
    )
