"""What nobody has reserved leaves a listing in one action: to another listing, or back to its lots.

What spoils last goes first, so that the demand that exists keeps what must be sold soon. Grams that
make no whole pack belong to no order and go along.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from marketplace.catalog.lots import lock_lots, release_committed
from marketplace.core.clock import today
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.listings import (
    LotPart,
    commit_lots,
    commitments_now,
    lock_listings,
    refresh_listing,
)
from marketplace.orders.round_models import Commitment, Listing


@dataclass(frozen=True)
class Moved:
    """How much left the listing, from how many lots; `kept` lots could not go along."""

    base: int
    lots: int
    kept: int = 0


def unreserved_parts(listing: Listing, rows: list[Commitment]) -> list[tuple[Commitment, int]]:
    """What each commitment can give, in base units; the sum leaves every reserved pack in place."""
    spare = max(0, listing.capacity_packs - listing.reserved_packs)
    parts = []
    for row in sorted(rows, key=lambda row: (row.lot.available_until, row.id), reverse=True):
        packs = min(row.packs, spare)
        spare -= packs
        base = row.quantity_base - (row.packs - packs) * listing.pack_base
        if base:
            parts.append((row, base))
    return parts


def release_unreserved(session: Session, actor: Actor, listing: Listing) -> Moved:
    """Back to the lots, where other rounds can offer it. Raises Conflict when all is reserved."""
    lock_listings(session, [listing.id])
    parts = _parts_now(session, listing)
    _take(session, actor, listing, parts)
    moved = Moved(sum(base for _, base in parts), len(parts))
    audit.record(session, actor, "listing_released", "listing", listing.id, base=moved.base)
    return moved


def move_unreserved(
    session: Session, actor: Actor, source: Listing, target: Listing, consent_note: str = ""
) -> Moved:
    """To another listing of the same product and grade, whatever its pack and price.

    A consent given for the source's price counts when the target pays no less; otherwise
    `consent_note` is needed for lots that ask more. Lots past their last day, and remains smaller
    than a pack of the target, stay where they are.
    """
    if source.id == target.id:
        raise InvalidInput("请选另一个产品。", code="same_listing", field="target")
    if (source.product_id, source.grade) != (target.product_id, target.grade):
        raise InvalidInput("只能挪到同品种、同等级的产品。", code="other_product", field="target")
    lock_listings(session, [source.id, target.id])
    parts = _parts_now(session, source)
    held = {row.lot_id: row.quantity_base for row in commitments_now(session, target.id)}
    going = [
        (row, base)
        for row, base in parts
        if row.lot.available_until >= today()
        and (base + held.get(row.lot_id, 0)) // target.pack_base
    ]
    if not going:
        raise Conflict("没有能挪过去的货：已过可售日，或不足一份。", code="nothing_to_move")
    notes = {
        row.lot_id: row.consent_note if _pays_no_less(source, target) else "" for row, _ in going
    }
    _take(session, actor, source, going)
    commit_lots(
        session,
        actor,
        target,
        [LotPart(row.lot_id, base, notes[row.lot_id] or consent_note) for row, base in going],
    )
    moved = Moved(sum(base for _, base in going), len(going), len(parts) - len(going))
    audit.record(
        session, actor, "listing_moved", "listing", source.id, to=target.id, base=moved.base
    )
    return moved


def _pays_no_less(source: Listing, target: Listing) -> bool:
    return (
        target.usual_farmgate_fen * source.pack_base >= source.usual_farmgate_fen * target.pack_base
    )


def _parts_now(
    session: Session, listing: Listing, only: int | None = None
) -> list[tuple[Commitment, int]]:
    rows = [
        row for row in commitments_now(session, listing.id) if only is None or row.lot_id == only
    ]
    if any(row.allocated_packs is not None for row in rows):
        raise Conflict("这个产品已经分配到户，剩下的已退回货源。", code="allocated")
    lock_lots(session, [row.lot_id for row in rows])
    parts = unreserved_parts(listing, rows)
    if not parts:
        raise Conflict("没有能挪的货：全都有人订了。", code="nothing_to_move")
    return parts


def _take(
    session: Session, actor: Actor, listing: Listing, parts: list[tuple[Commitment, int]]
) -> None:
    quantities = {row.lot_id: base for row, base in parts}
    release_committed(session, actor, quantities, f"listing:{listing.id}")
    for row, base in parts:
        row.quantity_base -= base
        row.packs = row.quantity_base // listing.pack_base
    session.flush()
    refresh_listing(session, listing)


def release_lot(session: Session, actor: Actor, listing: Listing, lot_id: int) -> int:
    """What one lot can give back; returns base units. Raises Conflict when others have reserved it."""
    lock_listings(session, [listing.id])
    parts = _parts_now(session, listing, only=lot_id)
    _take(session, actor, listing, parts)
    base = sum(base for _, base in parts)
    audit.record(session, actor, "lot_uncommitted", "listing", listing.id, lot=lot_id, base=base)
    return base
