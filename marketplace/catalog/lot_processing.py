"""Goods that leave lots to be made into something else, and what comes back when that fails."""

from collections.abc import Mapping

from sqlalchemy import update
from sqlalchemy.orm import Session

from marketplace.catalog.lots import record_movements
from marketplace.catalog.models import STOPPED, Lot, LotMovement
from marketplace.catalog.words import amount_words
from marketplace.core.errors import Conflict
from marketplace.core.states import move, move_many
from marketplace.identity.actor import Actor

REFERENCE = "processing:"
"""Movements that an order of processing made name it after this; `released` and `lost` with it take off
what is processed, not what is committed."""
FROM_PROCESSING = LotMovement.reference.startswith(REFERENCE)
Parts = Mapping[int, int]
"""Lot id → base units."""


def take_to_process(
    session: Session, actor: Actor, lots: Mapping[int, Lot], parts: Parts, number: str
) -> None:
    """free → processed; the lots must be locked. Raises Conflict("not_enough") with the figure."""
    for lot_id, base in sorted(parts.items()):
        hit = session.execute(
            update(Lot)
            .where(Lot.id == lot_id, Lot.free >= base, Lot.state == "open")
            .values(free=Lot.free - base, processed=Lot.processed + base)
            .execution_options(synchronize_session=False)
        )
        if hit.rowcount != 1:  # type: ignore[attr-defined]
            lot = lots[lot_id]
            if lot.state in STOPPED:
                words = "停着，恢复以后再开工" if lot.state == "on_hold" else "召回了，请取消这张单"
                raise Conflict(f"批次 {lot.code} {words}。", code="held")
            left = amount_words(lot.free if lot.state == "open" else 0, lot.product)
            raise Conflict(
                f"批次 {lot.code} 现在只剩 {left} 能加工。请取消这张单，改少再开一张。",
                code="not_enough",
            )
    record_movements(session, actor, "processed", dict(parts), reference=f"{REFERENCE}{number}")
    session.expire_all()


def bring_back(
    session: Session,
    actor: Actor,
    lots: Mapping[int, Lot],
    back: Parts,
    lost: Parts,
    number: str,
    reason: str,
) -> None:
    """processed → free for `back`, processed → lost for `lost`; the lots must be locked. One that was
    exhausted has goods again."""
    for lot_id in sorted({*back, *lost}):
        free, gone = back.get(lot_id, 0), lost.get(lot_id, 0)
        hit = session.execute(
            update(Lot)
            .where(Lot.id == lot_id, Lot.processed >= free + gone)
            .values(
                free=Lot.free + free, lost=Lot.lost + gone, processed=Lot.processed - free - gone
            )
            .execution_options(synchronize_session=False)
        )
        assert hit.rowcount == 1, f"lot {lot_id} has less than {free + gone} processed"  # type: ignore[attr-defined]
    reference = f"{REFERENCE}{number}"
    record_movements(session, actor, "released", dict(back), reason=reason, reference=reference)
    record_movements(session, actor, "lost", dict(lost), reason=reason, reference=reference)
    session.expire_all()
    for lot_id, lot in sorted(lots.items()):
        if lot.state == "exhausted" and back.get(lot_id):
            move(session, lot, "open", because="这批货刚刚变了，请刷新再看。")


def close_empty(session: Session, lots: Mapping[int, Lot]) -> None:
    """Lots of which nothing is left are exhausted."""
    nothing_left = Lot.id.in_(lots) & (Lot.free == 0) & (Lot.committed == 0)
    move_many(session, Lot, nothing_left, "open", "exhausted")
    for lot in lots.values():
        session.expire(lot)
