"""The next round like the last one: one action."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import now
from marketplace.core.errors import Conflict
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.listings import ListingInput, create_listing
from marketplace.orders.round_dates import WEEK, weeks_to_shift
from marketplace.orders.round_models import Listing, Round, RoundCollection, RoundPickup
from marketplace.orders.rounds import RoundInput, Slot, create_round


def copy_round(session: Session, actor: Actor, source: Round) -> Round:
    """A draft with the same rules, places and listings, all dates later by whole weeks.

    Listings come without goods: lots are proposed anew. Places and products that are no longer in
    use stay behind; raises Conflict when no place is left.
    """
    shift = weeks_to_shift(source.opens_at, now()) * WEEK
    given = RoundInput(
        name=source.name,
        opens_at=source.opens_at + shift,
        closes_at=source.closes_at + shift,
        delivers_on=source.delivers_on + shift,
        open_to_canteens=source.open_to_canteens,
        open_to_staff=source.open_to_staff,
        open_to_groups=source.open_to_groups,
        shortage_rule=source.shortage_rule,
        unpaid_rule=source.unpaid_rule,
        deposit_canteens=source.deposit_canteens,
        deposit_staff=source.deposit_staff,
        deposit_groups=source.deposit_groups,
        policy=source.policy,
        policy_version=source.policy_version,
        refill_cutoff_at=source.refill_cutoff_at + shift,
    )
    pickups, collections = _pickups(session, source, shift), _collections(session, source, shift)
    if not pickups or not collections:
        raise Conflict("上一期的地点都已停用，请新建一期。", code="no_places")
    made = create_round(session, actor, given, pickups, collections)
    for listing in _templates(session, source):
        create_listing(session, actor, made, _as_input(listing))
    session.expire(made, ["listings"])
    audit.record(session, actor, "round_copied", "round", made.id, source=source.id)
    return made


def _pickups(session: Session, source: Round, shift: timedelta) -> list[Slot]:
    rows = session.scalars(
        select(RoundPickup)
        .where(RoundPickup.round_id == source.id)
        .options(joinedload(RoundPickup.point))
        .order_by(RoundPickup.id)
    )
    return [
        Slot(row.pickup_point_id, row.from_at + shift, row.until_at + shift)
        for row in rows
        if row.point.active
    ]


def _collections(session: Session, source: Round, shift: timedelta) -> list[Slot]:
    rows = session.scalars(
        select(RoundCollection)
        .where(RoundCollection.round_id == source.id)
        .options(joinedload(RoundCollection.point))
        .order_by(RoundCollection.id)
    )
    return [
        Slot(row.collection_point_id, row.from_at + shift, row.until_at + shift, row.region_code)
        for row in rows
        if row.point.active
    ]


def _templates(session: Session, source: Round) -> list[Listing]:
    rows = session.scalars(
        select(Listing)
        .where(Listing.round_id == source.id)
        .options(joinedload(Listing.product))
        .order_by(Listing.id)
    )
    return [listing for listing in rows if listing.product.active]


def _as_input(listing: Listing) -> ListingInput:
    return ListingInput(
        product_id=listing.product_id,
        title=listing.title,
        grade=listing.grade,
        pack_name=listing.pack_name,
        pack_base=listing.pack_base,
        farmgate_fen=listing.farmgate_fen,
        service_fen=listing.service_fen,
        freight_fen=listing.freight_fen,
        minimum_packs=listing.minimum_packs,
        description=listing.description,
        required_papers=listing.required_papers,
        seller_id=listing.seller_id,
        pack_kind=listing.pack_kind,
        band_low_base=listing.band_low_base,
        band_high_base=listing.band_high_base,
    )
