"""What listings hold of lots that are recalled or on hold, and have not allocated, comes out of them."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from marketplace.catalog.lots import release_committed
from marketplace.identity.actor import Actor
from marketplace.orders.listings import refresh_listing
from marketplace.orders.round_models import Commitment, Listing


def take_out(session: Session, actor: Actor, lots: Collection[int]) -> list[Listing]:
    """The goods are free in their lots again; a listing that is left short sells nothing and is cut when it
    is allocated. Returns the listings. The caller has locked listings and lots."""
    rows = session.scalars(
        select(Commitment)
        .where(
            Commitment.lot_id.in_(lots),
            Commitment.quantity_base > 0,
            Commitment.allocated_packs.is_(None),
        )
        .options(selectinload(Commitment.listing))
        .order_by(Commitment.listing_id, Commitment.id)
        .execution_options(populate_existing=True)
    ).all()
    for row in rows:
        reference = f"listing:{row.listing_id}"
        release_committed(session, actor, {row.lot_id: row.quantity_base}, reference)
        row.quantity_base = row.packs = 0
    session.flush()
    listings = list({row.listing_id: row.listing for row in rows}.values())
    for listing in listings:
        refresh_listing(session, listing)
    return listings
