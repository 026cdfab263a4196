"""Lowering a lot: two taps for the cadre, and it never fails.

What is free goes first, then what is committed and unreserved, then what is promised: the listing
then has a shortfall, sells nothing more, and the allocation cuts by the round's rule.
"""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from marketplace.catalog.lots import lock_lots, release_committed, withdraw_free
from marketplace.catalog.models import Lot
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.listings import lock_listings, refresh_listing
from marketplace.orders.round_models import Commitment

WITHDRAW_REASONS = {
    "sold_elsewhere": "别处卖了",
    "eaten": "自家吃了",
    "died": "死亡或损坏",
    "other": "其他",
}
GONE = "gone"
LEFT_FOR = WITHDRAW_REASONS | {GONE: "没有这么多了"}
"""Why goods left a lot: what its people say, and what the scales find."""


def lower_lot(session: Session, actor: Actor, lot_id: int, base: int, reason: str) -> int:
    """Withdraw `base` units; returns by how many packs listings are short because of it.

    Raises InvalidInput when the lot holds less than `base` altogether; Conflict once its packs are
    allocated (then the answer on the preparation sheet is the way).
    """
    if reason not in LEFT_FOR:
        raise InvalidInput("请选原因。", code="unknown_reason", field="reason")
    offered = session.scalars(select(Commitment.listing_id).where(Commitment.lot_id == lot_id))
    listings = lock_listings(session, list(offered))
    lot = lock_lots(session, [lot_id])[lot_id]
    open_ones = _open_commitments(session, lot_id, listings)
    movable = lot.free + sum(c.quantity_base for c in open_ones)
    if not 0 < base <= movable:
        held = lot.committed - sum(c.quantity_base for c in open_ones)
        if held and base <= movable + held:
            raise Conflict("这批货已分配到订单，请在备货单上回答备不齐。", code="allocated")
        raise InvalidInput("撤回的量比手上的还多，请核对。", code="quantity", field="quantity")
    missing = base - lot.free
    if missing > 0:
        _take_from_commitments(session, actor, lot, open_ones, missing)
    withdraw_free(session, actor, lot, base, reason)
    audit.record(session, actor, "lot_lowered", "lot", lot.id, base=base, reason=reason)
    return sum(c.listing.shortfall_packs for c in open_ones)


def _open_commitments(
    session: Session, lot_id: int, listing_ids: Collection[int]
) -> list[Commitment]:
    """What the locked listings hold of the lot at this moment and have not allocated."""
    return list(
        session.scalars(
            select(Commitment)
            .where(
                Commitment.lot_id == lot_id,
                Commitment.listing_id.in_(listing_ids),
                Commitment.quantity_base > 0,
                Commitment.allocated_packs.is_(None),
            )
            .options(selectinload(Commitment.listing))
            .execution_options(populate_existing=True)
        )
    )


def _take_from_commitments(
    session: Session, actor: Actor, lot: Lot, commitments: list[Commitment], missing: int
) -> None:
    """The listing with most packs left gives first; the last ones give although reserved."""
    for commitment in sorted(commitments, key=lambda c: (-c.listing.left_packs, c.id)):
        take = min(missing, commitment.quantity_base)
        if not take:
            continue
        release_committed(session, actor, {lot.id: take}, f"listing:{commitment.listing_id}")
        commitment.quantity_base -= take
        commitment.packs = commitment.quantity_base // commitment.listing.pack_base
        session.flush()
        refresh_listing(session, commitment.listing)
        missing -= take
    session.refresh(lot)
