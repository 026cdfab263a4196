"""What was brought is of another grade, and the household agrees to that grade's price: it goes from its
lot into that grade's lot, where it is free to be offered again."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.lot_events import record_shifted
from marketplace.catalog.lot_shifts import lot_of_grade, open_other_grade, reopen, shift_free
from marketplace.catalog.lots import lock_lots
from marketplace.catalog.models import GRADES, Lot
from marketplace.catalog.reports import check_price
from marketplace.catalog.words import price_words
from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.fulfilment.receipts import refuse_closed
from marketplace.fulfilment.shift_models import OF_HOUSEHOLDS, OF_ORGANISATIONS, LotShift
from marketplace.fulfilment.weighing import OTHER_GRADE, amount
from marketplace.fulfilment.weighing_models import WeighIn
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.round_models import Listing

UNSORTED = "统货"
"""What was taken out of it for its grade is worse, whatever it is called."""
AGREE_FIRST = "先把价钱告诉农户，他同意了再记是谁、怎么同意的。不同意的货让他带回。"


@dataclass(frozen=True)
class Regrade:
    """Base units, their grade, the price (fen for per_base) that was told, and who agreed to it how."""

    grade: str
    base: int
    fen: int
    per_base: int
    consent: str
    sure: bool = False
    """Asked about a lower grade that is dearer than the lot's own, and it is right."""


class DearerGrade(InvalidInput):
    """Nothing is stored: whoever writes it looks at the price again."""

    default_code = "dearer"


def consents_for(lot: Lot) -> dict[str, str]:
    """Who may agree, and how."""
    return OF_HOUSEHOLDS if lot.household_id else OF_ORGANISATIONS


def may_regrade(row: WeighIn) -> bool:
    return (
        row.void_at is None
        and row.short_reason == OTHER_GRADE
        and row.sheet.round.state == "collecting"
    )


def regrade(session: Session, actor: Actor, row: WeighIn, given: Regrade) -> LotShift:
    """Move what is of another grade; `row` must come from hold_weigh_in of receipts.

    Raises InvalidInput("consent") while nobody agreed, InvalidInput("more_than_weighed") beyond the weighing, Conflict("price") when that grade of the supplier
    has another price already, Conflict("not_enough") with the figure that is there.
    """
    _check(row, given)
    _check_weighed(session, row, given)
    near = lot_of_grade(session, row.lot, given.grade)
    lots = lock_lots(session, [row.lot_id] + ([near.id] if near else []))
    source = lots[row.lot_id]
    target = lot_of_grade(session, source, given.grade)
    if target is None:
        target = open_other_grade(session, source, given.grade, given.fen, given.per_base)
    elif target.id not in lots:  # opened a moment ago
        target = lock_lots(session, [target.id])[target.id]
    _check_target(session, row, target, given)
    reopen(session, target)
    shift_free(session, actor, source, target, given.base, row.number)
    made = LotShift(
        kind="regraded",
        from_lot_id=source.id,
        to_lot_id=target.id,
        weigh_in_id=row.id,
        base=given.base,
        fen=given.fen,
        per_base=given.per_base,
        consent=given.consent,
        at=now(),
        by_id=actor.user_id,
    )
    session.add(made)
    session.flush()
    record_shifted(
        session,
        ("regraded", "regraded"),
        source,
        target,
        given.base,
        consent=given.consent,
        fen=given.fen,
        grade=given.grade,
        per=given.per_base,
    )
    audit.record(session, actor, "lot_regraded", "lot", source.id, to=target.id, base=given.base)
    return made


def _check(row: WeighIn, given: Regrade) -> None:
    refuse_closed(row)
    if row.short_reason != OTHER_GRADE:
        raise Conflict("这一磅不是因为等级少的，不用转等级。", code="not_short")
    if given.grade not in GRADES or given.grade == row.lot.grade:
        raise InvalidInput("请选是哪个等级。", code="unknown_grade", field="grade")
    if given.base <= 0:
        raise InvalidInput("请写有多少。", code="quantity", field="quantity")
    if given.consent not in consents_for(row.lot):
        raise InvalidInput(AGREE_FIRST, code="consent", field="consent")
    check_price(row.lot.product, given.fen, given.per_base)
    _check_dearer(row.lot, given)


def _check_dearer(lot: Lot, given: Regrade) -> None:
    better = lot.grade != UNSORTED and GRADES.index(given.grade) < GRADES.index(lot.grade)
    if (
        not (better or given.sure)
        and given.fen * lot.asked_per_base > lot.asked_fen * given.per_base
    ):
        new, own = (
            price_words(*price, lot.product)
            for price in ((given.fen, given.per_base), (lot.asked_fen, lot.asked_per_base))
        )
        raise DearerGrade(
            f"{given.grade}写的是 {new}，比{lot.grade}的 {own} 还贵。没写错就再点一次。",
            field="price",
        )


def brought_base(row: WeighIn) -> int:
    """Base units of another grade that a weighing speaks of: all of it, else what the sheet lacks for it."""
    if row.grade != row.lot.grade:
        return row.net_base
    return (row.asked_packs - row.packs) * row.listing.pack_base


def _check_weighed(session: Session, row: WeighIn, given: Regrade) -> None:
    left = brought_base(row) - sum(shift.base for shift in shifts_of(session, row))
    if given.base > left:
        words = (
            f"这一磅别的等级的只有 {amount(row, left)}，请改少。" if left else "这一磅的都转过了。"
        )
        raise InvalidInput(words, code="more_than_weighed", field="quantity")


def _check_target(session: Session, row: WeighIn, target: Lot, given: Regrade) -> None:
    if target.asked_fen * given.per_base != given.fen * target.asked_per_base:
        words = price_words(target.asked_fen, target.asked_per_base, target.product)
        raise Conflict(
            f"这一户的{given.grade}已经有一批 {target.code}，按 {words} 卖。请按这个价再问一声。",
            code="price",
            field="price",
        )
    twice = select(LotShift.id).where(
        LotShift.weigh_in_id == row.id, LotShift.to_lot_id == target.id
    )
    if session.scalar(twice) is not None:
        raise Conflict(f"这一磅转成{given.grade}的已经记过了。", code="already")


def price_of_grade(session: Session, lot: Lot, grade: str) -> tuple[int, int] | None:
    """What goods of that grade bring: the supplier's own price, else what the newest listing of it pays."""
    own = lot_of_grade(session, lot, grade)
    if own is not None:
        return own.asked_fen, own.asked_per_base
    paid = session.scalar(
        select(Listing)
        .where(Listing.product_id == lot.product_id, Listing.grade == grade)
        .order_by(Listing.id.desc())
        .limit(1)
    )
    return (paid.usual_farmgate_fen, paid.pack_base) if paid else None


def shifts_of(session: Session, row: WeighIn) -> Sequence[LotShift]:
    """What was moved to other grades after a weighing."""
    return session.scalars(
        select(LotShift)
        .where(LotShift.weigh_in_id == row.id)
        .options(joinedload(LotShift.target).joinedload(Lot.product), joinedload(LotShift.by))
        .order_by(LotShift.id)
    ).all()
