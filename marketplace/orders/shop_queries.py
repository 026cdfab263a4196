"""What the public shop shows: rounds that take orders, their goods, what stands behind a product."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, defer, joinedload

from marketplace.catalog.accepted_support import SUPPORTED_HOUSEHOLD, with_support
from marketplace.catalog.models import Lot, LotShare, Product
from marketplace.core.chinese_text import normalise_query, query_words
from marketplace.core.clock import format_span, now, today
from marketplace.core.errors import NotFound
from marketplace.core.identifiers import subtree_range
from marketplace.households.public_place import public_villages
from marketplace.orders.order_models import Order
from marketplace.orders.round_models import Commitment, Listing, Round, RoundPickup
from marketplace.orders.rounds import open_rounds
from marketplace.regions.models import Region

URGENT_DAYS = 7
SORTS = {
    "urgent": "先急后缓",
    "cheap": "价格从低到高",
    "dear": "价格从高到低",
    "left": "剩得多的在前",
}
PRICES: dict[str, tuple[str, int, int]] = {
    "20": ("20 元以内", 0, 2000),
    "50": ("20 到 50 元", 2001, 5000),
    "more": ("50 元以上", 5001, 10**12),
}


@dataclass(frozen=True)
class Wish:
    """What a visitor looks for; empty means everything."""

    query: str = ""
    category: str = ""
    town: str = ""  # 12-digit code
    price: str = ""  # a key of PRICES
    urgent: bool = False
    sort: str = "urgent"


@dataclass(frozen=True)
class Reach:
    """Who stands behind a round: distinct supported households and distinct towns."""

    households: int
    towns: int


@dataclass(frozen=True)
class Origin:
    """A town with those of its villages that may be named in public."""

    town: str
    villages: tuple[str, ...]
    households: int


def shop_rounds(session: Session) -> list[Round]:
    """The rounds in which anybody may buy now, the next to close first."""
    return [found for found in open_rounds(session) if found.open_to_staff]


def next_round(session: Session) -> Round | None:
    """The next one that is announced: opened by the county, its time not yet come."""
    return session.scalar(
        select(Round)
        .where(Round.state == "open", Round.opens_at > now(), Round.open_to_staff)
        .order_by(Round.opens_at)
        .limit(1)
    )


def last_round(session: Session) -> Round | None:
    """The round that closed last, whose goods are on their way."""
    return session.scalar(
        select(Round)
        .where(
            Round.state.not_in(("draft", "cancelled")),
            Round.closed_at.is_not(None) | (Round.closes_at <= now()),
        )
        .order_by(func.coalesce(Round.closed_at, Round.closes_at).desc())
        .limit(1)
    )


def takes_orders(found: Round) -> bool:
    return (
        found.state == "open" and found.open_to_staff and found.opens_at <= now() < found.closes_at
    )


def why_not(listing: Listing, packs: int = 1) -> str:
    """Why `packs` of a listing cannot be had, in words for the buyer; empty when they can."""
    found = listing.round
    if found.state == "open" and found.opens_at > now():
        return "还没有开放"
    if not found.open_to_staff:
        return "这一期只供食堂和团购"
    if not takes_orders(found) or listing.state == "closed":
        return "这一期已截单"
    if listing.state != "on_sale":
        return "已停售"
    left = listing.left_packs
    if left == 0:
        return "已订完"
    return "" if packs <= left else f"只剩 {left:,} 份"


def urgent_words(listing: Listing) -> str:
    """「5 天内须售」; empty for what keeps longer than a week or has already been sold off."""
    if listing.urgent_until is None:
        return ""
    days = (listing.urgent_until - today()).days
    if not 0 <= days <= URGENT_DAYS:
        return ""
    return f"{days} 天内须售" if days else "今天须售"


def left_expression() -> ColumnElement[int]:
    return case(
        (Listing.shortfall_packs > 0, 0), else_=Listing.capacity_packs - Listing.reserved_packs
    )


def goods(rounds: Sequence[Round], wish: Wish) -> Select[Listing]:
    """The goods of these rounds that fit the wish, in its order; what is sold out comes last."""
    statement = (
        select(Listing)
        .where(
            Listing.round_id.in_([found.id for found in rounds]),
            Listing.state == "on_sale",
            Listing.capacity_packs > 0,
        )
        .options(joinedload(Listing.product, innerjoin=True), defer(Listing.search_text))
    )
    for part in _wished(wish):
        statement = statement.where(part)
    left = left_expression()
    orders: dict[str, tuple[Any, ...]] = {
        "urgent": (Listing.urgent_until.is_(None), Listing.urgent_until),
        "cheap": (Listing.price_fen,),
        "dear": (Listing.price_fen.desc(),),
        "left": (left.desc(),),
    }
    gone = case((left > 0, 0), else_=1)
    return statement.order_by(gone, *orders.get(wish.sort, orders["urgent"]), Listing.id)


def kinds(session: Session, found: Round) -> int:
    """How many kinds of goods this round alone offers."""
    offered = goods([found], Wish()).with_only_columns(func.count()).order_by(None)
    return session.scalar(offered) or 0


def _wished(wish: Wish) -> list[ColumnElement[bool]]:
    parts: list[ColumnElement[bool]] = []
    if whole := normalise_query(wish.query):
        text = Listing.search_text
        words = [text.contains(word, autoescape=True) for word in query_words(wish.query)]
        parts.append(or_(text.contains(whole, autoescape=True), and_(*words)))
    if wish.category:
        wanted = select(Product.id).where(Product.category == wish.category)
        parts.append(Listing.product_id.in_(wanted))
    if wish.town:
        here = Lot.region_code.between(*subtree_range(wish.town))
        parts.append(
            select(Commitment.id)
            .join(Lot, Lot.id == Commitment.lot_id)
            .where(Commitment.listing_id == Listing.id, Commitment.quantity_base > 0, here)
            .exists()
        )
    if wish.price in PRICES:
        parts.append(Listing.price_fen.between(*PRICES[wish.price][1:]))
    if wish.urgent:
        parts.append(Listing.urgent_until.between(today(), today() + timedelta(days=URGENT_DAYS)))
    return parts


def categories(session: Session, rounds: Sequence[Round]) -> list[str]:
    """The kinds of goods in these rounds."""
    offered = select(Listing.product_id).where(
        Listing.round_id.in_([found.id for found in rounds]), Listing.state == "on_sale"
    )
    return list(
        session.scalars(
            select(Product.category)
            .where(Product.id.in_(offered))
            .distinct()
            .order_by(Product.category)
        )
    )


def towns(session: Session) -> list[Region]:
    return list(
        session.scalars(
            select(Region)
            .where(Region.level == "town", Region.valid_until.is_(None))
            .order_by(Region.code)
        )
    )


_REACH_KEPT = timedelta(minutes=1)
_reaches: WeakKeyDictionary[object, dict[int, tuple[datetime, Reach]]] = WeakKeyDictionary()


def reach(session: Session, found: Round) -> Reach:
    """Counted over the lots behind the round's goods, at most a minute ago: in a county with ten
    thousand listings the count costs more than the rest of the home page."""
    kept = _reaches.setdefault(session.get_bind(), {})
    at, known = kept.get(found.id, (None, None))
    if known is None or at is None or not timedelta(0) <= now() - at < _REACH_KEPT:
        known = _count_reach(session, found)
        kept[found.id] = now(), known
    return known


def _count_reach(session: Session, found: Round) -> Reach:
    households, town_count = session.execute(
        with_support(
            select(
                func.count(func.distinct(SUPPORTED_HOUSEHOLD)),
                func.count(func.distinct(func.substr(Lot.region_code, 1, 9))),
            )
            .select_from(Listing)
            .join(Commitment, Commitment.listing_id == Listing.id)
            .join(Lot, Lot.id == Commitment.lot_id)
            .join(LotShare, LotShare.lot_id == Lot.id),
            today(),
        ).where(
            Listing.round_id == found.id,
            Listing.state == "on_sale",
            Commitment.quantity_base > 0,
        )
    ).one()
    return Reach(households, town_count)


def get_goods(session: Session, listing_id: int) -> Listing:
    """One product of a round that was published; raises NotFound for drafts."""
    listing = session.scalar(
        select(Listing)
        .where(Listing.id == listing_id)
        .options(
            joinedload(Listing.product, innerjoin=True),
            joinedload(Listing.round, innerjoin=True),
            joinedload(Listing.seller),
        )
    )
    if listing is None or listing.round.state == "draft":
        raise NotFound("没有这个产品。", code="unknown_listing")
    return listing


def pickups(session: Session, round_id: int) -> list[RoundPickup]:
    """Where and when buyers of the round fetch their goods."""
    return list(
        session.scalars(
            select(RoundPickup)
            .where(RoundPickup.round_id == round_id)
            .options(joinedload(RoundPickup.point, innerjoin=True))
            .order_by(RoundPickup.id)
        )
    )


def pickup_of(session: Session, order: Order) -> RoundPickup | None:
    """Where and when this order is fetched."""
    here = (row for row in pickups(session, order.round_id))
    return next((row for row in here if row.pickup_point_id == order.pickup_point_id), None)


def pickup_note(row: RoundPickup) -> str:
    """Day, hours, address and how to find it: what stands under the name of a place to choose."""
    known = (format_span(row.from_at, row.until_at), row.point.address, row.point.directions)
    return " · ".join(words for words in known if words)


def origins(session: Session, listing_id: int) -> list[Origin]:
    """Town by town who stands behind a listing; small villages stay unnamed."""
    rows = session.execute(
        with_support(
            select(Lot.region_code, SUPPORTED_HOUSEHOLD)
            .select_from(Commitment)
            .join(Lot, Lot.id == Commitment.lot_id)
            .join(LotShare, LotShare.lot_id == Lot.id),
            today(),
        )
        .where(Commitment.listing_id == listing_id, Commitment.quantity_base > 0)
        .distinct()
    ).all()
    names = public_villages(session, {row.region_code for row in rows})
    found: dict[str, tuple[set[str], set[int]]] = {}
    for code, household_id in rows:
        villages, households = found.setdefault(names[code].town, (set(), set()))
        if names[code].village:
            villages.add(names[code].village)
        if household_id is not None:
            households.add(household_id)
    listed = [
        Origin(town, tuple(sorted(villages)), len(households))
        for town, (villages, households) in found.items()
    ]
    return sorted(listed, key=lambda origin: (-origin.households, origin.town))
