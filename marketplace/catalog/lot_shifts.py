"""Goods that go from one lot into another, or are more than was verified; shares go with them, and no
gram is made or lost."""

from collections.abc import Mapping

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.catalog.lot_events import open_stream
from marketplace.catalog.lots import lot_like, record_movements
from marketplace.catalog.models import Lot, LotShare
from marketplace.catalog.words import amount_words
from marketplace.core.clock import today
from marketplace.core.errors import Conflict
from marketplace.core.money import split_by_largest_remainder
from marketplace.core.states import move
from marketplace.identity.actor import Actor

Shares = Mapping[int | None, int]
"""Household (none: nobody's in particular) → base units."""
CLOSED = {
    "on_hold": "停着，请先让县里恢复，再来转等级",
    "recalled": "召回了，不能再转进去",
    "withdrawn": "撤回了，不能再转进去",
}
"""Why a lot of that grade cannot take more, by its state."""


def lot_of_grade(session: Session, lot: Lot, grade: str) -> Lot | None:
    """The same supplier's lot of that grade that can take more, of the same report first; one that is sold out
    is opened by reopen."""
    whose = (
        Lot.household_id == lot.household_id
        if lot.household_id
        else Lot.organisation_id == lot.organisation_id
    )
    return session.scalar(
        select(Lot)
        .where(whose, Lot.product_id == lot.product_id, Lot.grade == grade, Lot.id != lot.id)
        .where(Lot.state.in_(("open", "exhausted")), Lot.available_until >= today())
        .order_by(Lot.report_id != lot.report_id, Lot.state != "open", Lot.id)
        .limit(1)
    )


def open_other_grade(session: Session, lot: Lot, grade: str, fen: int, per_base: int) -> Lot:
    """An empty lot of the same report in another grade, at its own price; `lot` must be locked."""
    held = session.scalar(select(Lot).where(Lot.report_id == lot.report_id, Lot.grade == grade))
    if held is not None:
        why = CLOSED.get(held.state, "过了最晚可售日，不能再转进去")
        raise Conflict(f"{grade}的那一批 {held.code} {why}。", code="wrong_state")
    made = lot_like(lot)
    made.grade, made.asked_fen, made.asked_per_base = grade, fen, per_base
    session.add(made)
    session.flush()
    open_stream(session, made, [])
    return made


def reopen(session: Session, lot: Lot) -> None:
    """A lot that was sold out gets goods again; it must be locked."""
    if lot.state == "exhausted":
        move(session, lot, "open", because="这批货刚刚变了，请刷新再看。")


def shift_free(
    session: Session, actor: Actor, source: Lot, target: Lot, base: int, reference: str
) -> None:
    """So much of what is free goes from `source` to `target`, of every share its part in whole units. Both
    must be locked; raises Conflict when less is free."""
    shares = part_of_shares(session, source, base)
    take_free(session, actor, source, shares, reference)
    _change(session, actor, target, "adjusted", base, shares, reference)


def take_free(session: Session, actor: Actor, lot: Lot, shares: Shares, reference: str) -> None:
    """What is free leaves a lot for another one, out of these shares."""
    base = sum(shares.values())
    _change(
        session, actor, lot, "adjusted", -base, {k: -part for k, part in shares.items()}, reference
    )


def add_surplus(session: Session, actor: Actor, lot: Lot, base: int, reference: str) -> None:
    """More was brought than the lot was verified for: it is free, and everybody's in proportion."""
    shares = part_of_shares(session, lot, base)
    _change(session, actor, lot, "surplus", base, shares, reference)


def part_of_shares(session: Session, lot: Lot, base: int) -> Shares:
    """`base` split over whose the lot is. A lot that was emptied is its supplier's own."""
    rows = session.execute(
        select(LotShare.household_id, LotShare.quantity_base)
        .where(LotShare.lot_id == lot.id)
        .order_by(LotShare.id)
    )
    whose = {household: quantity for household, quantity in rows} or {lot.household_id: 1}  # noqa: C416  # rows are no pairs to mypy
    keys = [str(household or 0) for household in whose]
    parts = split_by_largest_remainder(base, list(whose.values()), tie_keys=keys, salt=lot.code)
    return {who: part for who, part in zip(whose, parts, strict=True) if part}


def _change(
    session: Session,
    actor: Actor,
    lot: Lot,
    kind: str,
    base: int,
    shares: Shares,
    reference: str,
) -> None:
    """One conditional UPDATE, the shares, one movement; `base` is negative for what leaves."""
    if lot.state != "open":
        raise Conflict(f"批次 {lot.code} 停着或已经结束，现在不能动。", code="wrong_state")
    hit = session.execute(
        update(Lot)
        .where(Lot.id == lot.id, Lot.free + base >= 0, Lot.state == "open")
        .values({kind: getattr(Lot, kind) + base, "free": Lot.free + base})
        .execution_options(synchronize_session=False)
    )
    if hit.rowcount != 1:  # type: ignore[attr-defined]
        session.refresh(lot)
        raise Conflict(
            f"批次 {lot.code} 手上只有 {amount_words(lot.free, lot.product)}，请改少一些。",
            code="not_enough",
            field="quantity",
        )
    _change_shares(session, lot.id, shares)
    record_movements(
        session, actor, kind, {lot.id: base}, reference=reference, shares={lot.id: shares}
    )
    session.refresh(lot)
    session.expire(lot, ["shares"])


def _change_shares(session: Session, lot_id: int, changes: Shares) -> None:
    """A share of which nothing is left is no share."""
    rows = session.scalars(
        select(LotShare).where(LotShare.lot_id == lot_id).execution_options(populate_existing=True)
    )
    held = {row.household_id: row for row in rows}
    for household, base in changes.items():
        row = held.get(household)
        if row is None:
            session.add(LotShare(lot_id=lot_id, household_id=household, quantity_base=base))
        elif row.quantity_base + base == 0:
            session.delete(row)
        else:
            row.quantity_base += base
    session.flush()
