"""What a round offers: packs, made of lots. Capacity follows from commitments; nobody types it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, case, func, select, update
from sqlalchemy.orm import Session, selectinload

from marketplace.catalog.lots import commit_free, lock_lots
from marketplace.catalog.models import GRADES, Lot, Product
from marketplace.core.chinese_text import search_text
from marketplace.core.clock import now, today
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.money import format_yuan
from marketplace.households.public_place import public_villages
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.orders.supplier_checks import refuse_supplier
from marketplace.orders.supporters import supported_behind
from marketplace.regions.models import Region


@dataclass(frozen=True)
class ListingInput:
    product_id: int
    title: str
    grade: str
    pack_name: str
    pack_base: int
    farmgate_fen: int
    service_fen: int
    freight_fen: int
    minimum_packs: int = 1
    description: str = ""
    required_papers: str = ""
    seller_id: int | None = None
    pack_kind: str = "fixed"
    band_low_base: int | None = None
    band_high_base: int | None = None


def get_listing(session: Session, listing_id: int) -> Listing:
    listing = session.get(Listing, listing_id)
    if listing is None:
        raise NotFound("没有这个产品。")
    return listing


_LOCK = (
    select(Listing)
    .where(Listing.id.in_(bindparam("ids", expanding=True)))
    .order_by(Listing.id)
    .with_for_update(of=Listing)
    .execution_options(populate_existing=True)
)


def lock_listings(session: Session, listing_ids: list[int]) -> dict[int, Listing]:
    """The listings by id, locked in id order, with their figures of now."""
    rows = session.scalars(_LOCK, {"ids": listing_ids})
    return {listing.id: listing for listing in rows}


def create_listing(session: Session, actor: Actor, in_round: Round, given: ListingInput) -> Listing:
    """A listing without goods yet: commit lots to it next."""
    if in_round.state not in {"draft", "open"}:
        raise InvalidInput("截单后不能再上架。", code="wrong_state")
    product = session.get(Product, given.product_id)
    if product is None:
        raise InvalidInput("请选品种。", code="unknown_product", field="product_id")
    check_listing(given)
    listing = Listing(
        round_id=in_round.id,
        product_id=product.id,
        title=given.title.strip(),
        grade=given.grade,
        pack_name=given.pack_name.strip(),
        pack_kind=given.pack_kind,
        pack_base=given.pack_base,
        band_low_base=given.band_low_base,
        band_high_base=given.band_high_base,
        farmgate_fen=given.farmgate_fen,
        service_fen=given.service_fen,
        freight_fen=given.freight_fen,
        price_fen=given.farmgate_fen + given.service_fen + given.freight_fen,
        seller_id=given.seller_id,
        required_papers=given.required_papers.strip(),
        minimum_packs=given.minimum_packs,
        description=given.description.strip(),
        search_text=search_text(given.title, product.name, *product.aliases.split()),
    )
    session.add(listing)
    session.flush()
    audit.record(session, actor, "listing_created", "listing", listing.id, round=in_round.id)
    return listing


def check_listing(given: ListingInput) -> None:
    if not given.title.strip():
        raise InvalidInput("请写品名。", code="missing", field="title")
    if not given.pack_name.strip():
        raise InvalidInput("请写装法，例如 5 斤装。", code="missing", field="pack_name")
    if given.grade not in GRADES:
        raise InvalidInput("请选等级。", code="unknown_grade", field="grade")
    if given.pack_base <= 0:
        raise InvalidInput("每份的量要大于 0。", code="quantity", field="pack")
    _check_band(given)
    if given.farmgate_fen <= 0 or given.service_fen < 0 or given.freight_fen < 0:
        raise InvalidInput(
            "到户价要大于 0，服务费和运费不能是负数。", code="price", field="farmgate"
        )
    if given.minimum_packs < 1:
        raise InvalidInput("起订份数至少是 1。", code="quantity", field="minimum_packs")


def _check_band(given: ListingInput) -> None:
    low, high = given.band_low_base, given.band_high_base
    if given.pack_kind == "fixed" and low is None and high is None:
        return
    if given.pack_kind != "by_weight":
        raise InvalidInput("请选怎么算钱。", code="unknown_kind", field="pack_kind")
    if not low or not high or low > high:
        raise InvalidInput(
            "按实重卖的，请写每份最轻多少、最重多少。", code="band", field="lightest"
        )


def asks_more(lot: Lot, listing: Listing) -> int:
    """By how many fen per pack the lot's asked price exceeds the listing's farm-gate price."""
    return asks_above(lot, listing.pack_base, listing.usual_farmgate_fen)


def asks_above(lot: Lot, pack_base: int, farmgate_fen: int) -> int:
    asked = -(-lot.asked_fen * pack_base // lot.asked_per_base)
    return max(0, asked - farmgate_fen)


@dataclass(frozen=True)
class LotPart:
    """Base units of a lot to be promised; `consent_note` says who agreed to less than asked, and how."""

    lot_id: int
    base: int
    consent_note: str = ""


def commit_lot(
    session: Session, actor: Actor, listing: Listing, lot_id: int, base: int, consent_note: str = ""
) -> Commitment:
    """`commit_lots` for one lot."""
    return commit_lots(session, actor, listing, [LotPart(lot_id, base, consent_note)])[0]


def commit_lots(
    session: Session, actor: Actor, listing: Listing, parts: Sequence[LotPart]
) -> list[Commitment]:
    """Promise base units of lots to a listing: lot.free falls, capacity rises by whole packs.

    All or none. Raises Conflict("consent_needed") naming the lots that ask more than the listing pays
    while nobody recorded the household's consent, Conflict("not_enough") when a lot has less.
    """
    lock_listings(session, [listing.id])
    if listing.state == "closed":
        raise Conflict("已截单，不能再加货。", code="wrong_state")
    lots = lock_lots(session, [part.lot_id for part in parts])
    for part in parts:
        _check_lot(lots.get(part.lot_id), listing)
    _check_consents(listing, [(lots[part.lot_id], part) for part in parts])
    held = {row.lot_id: row for row in commitments_now(session, listing.id)}
    made = [
        _commit(session, actor, listing, lots[part.lot_id], part, held.get(part.lot_id))
        for part in sorted(parts, key=lambda part: part.lot_id)
    ]
    session.flush()
    refresh_listing(session, listing)
    for part in parts:
        audit.record(
            session,
            actor,
            "lot_committed",
            "listing",
            listing.id,
            lot=part.lot_id,
            base=part.base,
            consent=bool(part.consent_note.strip()),
        )
    return made


def commitments_now(session: Session, listing_id: int) -> list[Commitment]:
    """What a listing holds at this moment, with the lots; lock the listing first."""
    rows = session.scalars(
        select(Commitment)
        .where(Commitment.listing_id == listing_id)
        .options(selectinload(Commitment.lot))
        .order_by(Commitment.id)
        .execution_options(populate_existing=True)
    )
    return list(rows)


def _check_lot(lot: Lot | None, listing: Listing) -> None:
    if lot is None:
        raise NotFound("没有这批货。")
    field = f"lot-{lot.id}"
    if lot.product_id != listing.product_id or lot.grade != listing.grade:
        raise InvalidInput("品种或等级与上架的不一样。", code="other_product", field=field)
    if lot.available_until < today():
        raise InvalidInput(f"批次 {lot.code} 已过最晚可售日。", code="expired", field=field)
    if lot.state != "open":
        raise Conflict(f"批次 {lot.code} 现在不能上架。", code="wrong_state", field=field)


def _check_consents(listing: Listing, parts: list[tuple[Lot, LotPart]]) -> None:
    dear = [
        f"批次 {lot.code} 要价每份高 {format_yuan(asks_more(lot, listing))} 元"
        for lot, part in parts
        if asks_more(lot, listing) and not part.consent_note.strip()
    ]
    if dear:
        more = f"等 {len(dear)} 批" if len(dear) > 3 else ""
        raise Conflict(
            f"{'；'.join(dear[:3])}{more}，请先征得农户同意，并记下是谁、怎么同意的。",
            code="consent_needed",
        )


def _commit(
    session: Session,
    actor: Actor,
    listing: Listing,
    lot: Lot,
    part: LotPart,
    held: Commitment | None,
) -> Commitment:
    whole = (part.base + (held.quantity_base if held else 0)) // listing.pack_base
    if part.base <= 0 or whole < 1:
        raise InvalidInput(
            f"批次 {lot.code} 不足一份（{listing.pack_name}），不能上架。",
            code="quantity",
            field=f"lot-{lot.id}",
        )
    refuse_supplier(session, lot, listing)
    refuse_two_sellers(session, listing, [lot.id])
    commit_free(session, actor, lot, part.base, f"listing:{listing.id}")
    if held is None:
        held = Commitment(
            listing_id=listing.id, lot_id=lot.id, quantity_base=0, packs=0, committed_at=now()
        )
        session.add(held)
    held.quantity_base += part.base
    held.packs = whole
    if asks_more(lot, listing):
        held.consent_note = part.consent_note.strip()[:200]
        held.consent_by_id = actor.user_id or None  # the system is no account
    return held


def refuse_two_sellers(session: Session, listing: Listing, lots: Sequence[int]) -> None:
    """In one round a lot is sold by one seller, so that every order says to whom its money goes."""
    elsewhere = session.execute(
        select(Lot.code, Listing.title)
        .join(Commitment, Commitment.lot_id == Lot.id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Lot.id.in_(lots), Commitment.quantity_base > 0)
        .where(Listing.round_id == listing.round_id, Listing.id != listing.id)
        .where(func.coalesce(Listing.seller_id, 0) != (listing.seller_id or 0))
    ).first()
    if elsewhere is not None:
        raise Conflict(
            f"批次 {elsewhere.code} 这一期已经在「{elsewhere.title}」里由别的卖方卖，"
            "一批货一期只能有一个卖方。",
            code="two_sellers",
            field="seller_id",
        )


def refresh_listing(session: Session, listing: Listing) -> None:
    """Bring capacity, shortfall and what the shop shows of the lots up to date. Call it in the
    transaction that changed commitments, with the listing locked."""
    rows = session.scalars(
        select(Commitment)
        .where(Commitment.listing_id == listing.id, Commitment.quantity_base > 0)
        .options(selectinload(Commitment.lot))
        .execution_options(populate_existing=True)
    ).all()
    capacity = sum(row.packs for row in rows)
    lots = [row.lot for row in rows]
    short = Listing.reserved_packs - capacity
    towns = session.scalars(
        select(Region.name)
        .where(Region.code.in_({f"{lot.region_code[:9]}000" for lot in lots}))
        .order_by(Region.code)
    ).all()
    session.execute(
        update(Listing)
        .where(Listing.id == listing.id)
        .values(
            capacity_packs=capacity,
            shortfall_packs=case((short > 0, short), else_=0),
            origin_text=_origin_text(list(towns)),
            supported_households=supported_behind(
                session, [lot.id for lot in lots], today()
            ).households,
            urgent_until=min((lot.available_until for lot in lots), default=None),
            search_text=_search_text(session, listing, lots, list(towns)),
        )
        .execution_options(synchronize_session=False)
    )
    session.refresh(listing)


def _search_text(session: Session, listing: Listing, lots: list[Lot], towns: list[str]) -> str:
    places = public_villages(session, {lot.region_code for lot in lots})
    villages = [place.village for _, place in sorted(places.items()) if place.village]
    suppliers = session.scalars(
        select(Organisation.name).where(Organisation.id.in_({lot.organisation_id for lot in lots}))
    )
    product = listing.product
    words = (
        listing.title,
        product.name,
        *product.aliases.split(),
        *towns,
        *villages,
        *sorted(suppliers),
    )
    return search_text(*words)


def _origin_text(towns: list[str]) -> str:
    if not towns:
        return ""
    return towns[0] if len(towns) == 1 else f"{towns[0]}等 {len(towns)} 个乡镇"
