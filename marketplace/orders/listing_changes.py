"""Changing a listing: words any time before closing, pack and price only while nobody ordered.

One listing has one price for ever once somebody ordered from it (docs/decisions/0012). A new price
is a new listing; what is unreserved moves there in one action.
"""

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from marketplace.catalog.lots import lock_lots, release_committed
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.states import move
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.orders.listings import (
    ListingInput,
    asks_more,
    check_listing,
    commitments_now,
    lock_listings,
    refresh_listing,
    refuse_two_sellers,
)
from marketplace.orders.order_models import OrderLine
from marketplace.orders.round_models import Commitment, Listing
from marketplace.orders.supplier_checks import refuse_supplier

CHANGED = "这个产品刚刚变了，请刷新再看。"


def ever_ordered(session: Session, listing: Listing) -> bool:
    """Also a cancelled order counts: its lines say what it was offered for."""
    return bool(session.scalar(select(exists().where(OrderLine.listing_id == listing.id))))


def change_listing(session: Session, actor: Actor, listing: Listing, given: ListingInput) -> None:
    """Raises Conflict("price_fixed") when pack or price change after the first order, and
    Conflict("consent_needed") when a lower price needs the consent of a household that gave none."""
    lock_listings(session, [listing.id])
    if listing.state == "closed":
        raise Conflict("截单后不能再改。", code="wrong_state")
    check_listing(given)
    if listing.seller_id != given.seller_id:
        _change_seller(session, listing, given.seller_id)
    if _deal(listing) != _deal(given):
        _change_deal(session, listing, given)
    listing.title = given.title.strip()
    listing.pack_name = given.pack_name.strip()
    listing.required_papers = given.required_papers.strip()
    listing.minimum_packs = given.minimum_packs
    listing.description = given.description.strip()
    session.flush()
    refresh_listing(session, listing)
    audit.record(session, actor, "listing_changed", "listing", listing.id, price=listing.price_fen)


def _change_seller(session: Session, listing: Listing, seller_id: int | None) -> None:
    """Who ordered has a contract with the seller that was named then."""
    if ever_ordered(session, listing):
        raise Conflict(
            "已经有人向这个卖方订了，这一期不能换卖方，下一期上架时再换。",
            code="seller_fixed",
            field="seller_id",
        )
    listing.seller_id = seller_id
    rows = [row for row in commitments_now(session, listing.id) if row.quantity_base]
    lock_lots(session, [row.lot_id for row in rows])  # nobody lists them elsewhere meanwhile
    for row in rows:
        refuse_supplier(session, row.lot, listing)
    refuse_two_sellers(session, listing, [row.lot_id for row in rows])


def _deal(thing: Listing | ListingInput) -> tuple[int | None, ...]:
    band = (thing.band_low_base, thing.band_high_base)
    return (thing.pack_base, thing.farmgate_fen, thing.service_fen, thing.freight_fen, *band)


def _change_deal(session: Session, listing: Listing, given: ListingInput) -> None:
    if ever_ordered(session, listing):
        raise Conflict(
            "已经有人按这个装法和价格订了，不能再改。要换价，请另上一个产品，再把没人订的货挪过去。",
            code="price_fixed",
            field="farmgate",
        )
    listing.pack_base = given.pack_base
    listing.pack_kind = given.pack_kind
    listing.band_low_base, listing.band_high_base = given.band_low_base, given.band_high_base
    listing.farmgate_fen = given.farmgate_fen
    listing.service_fen = given.service_fen
    listing.freight_fen = given.freight_fen
    listing.price_fen = given.farmgate_fen + given.service_fen + given.freight_fen
    for row in commitments_now(session, listing.id):
        if row.quantity_base and asks_more(row.lot, listing) and not row.consent_note:
            raise Conflict(
                f"批次 {row.lot.code} 要价比新的到户价高，请先征得农户同意：撤下这批，再带同意记录重新上架。",
                code="consent_needed",
                field="farmgate",
            )
        row.packs = row.quantity_base // listing.pack_base


def stop_listing(session: Session, actor: Actor, listing: Listing) -> None:
    """Off the shelf; orders stay."""
    move(session, listing, "stopped", because=CHANGED)
    audit.record(session, actor, "listing_stopped", "listing", listing.id)


def sell_again(session: Session, actor: Actor, listing: Listing) -> None:
    if listing.state != "stopped":
        raise Conflict(CHANGED, code="wrong_state")
    move(session, listing, "on_sale", because=CHANGED)
    audit.record(session, actor, "listing_on_sale", "listing", listing.id)


def remove_listing(session: Session, actor: Actor, listing: Listing) -> None:
    """Take a listing out of a draft round; its goods go back to their lots."""
    lock_listings(session, [listing.id])
    if listing.round.state != "draft" or ever_ordered(session, listing):
        raise InvalidInput("已开放的期次不能去掉产品，可以停售。", code="wrong_state")
    rows = commitments_now(session, listing.id)
    lock_lots(session, [row.lot_id for row in rows])
    quantities = {row.lot_id: row.quantity_base for row in rows if row.quantity_base}
    release_committed(session, actor, quantities, f"listing:{listing.id}")
    session.execute(delete(Commitment).where(Commitment.listing_id == listing.id))
    session.execute(delete(Listing).where(Listing.id == listing.id))
    session.expire_all()
    audit.record(session, actor, "listing_removed", "listing", listing.id)
