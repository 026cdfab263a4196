"""The story's rounds: one closed, allocated and told to most households; one open; one in preparation."""

from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot, Product
from marketplace.core.clock import SHANGHAI, local_day_end, now, shanghai_date, today
from marketplace.core.db import db, transaction
from marketplace.demo.bring import actor_named
from marketplace.demo.delivering import bring_to_the_stops
from marketplace.demo.orders import (
    approve_all,
    canteens_order,
    colleagues_register,
    collect,
    orders_of,
    sell_out,
)
from marketplace.demo.papers import bring_papers
from marketplace.demo.payouts import pay_households
from marketplace.demo.processing import dryer_of_the_story, processing_of_the_story
from marketplace.demo.produce import OFFERS, Offer
from marketplace.demo.telling import Story
from marketplace.demo.weighing import weigh_everything
from marketplace.fulfilment.answering import answer_yes, get_sheet, record_told
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.fulfilment.models import PreparationSheet
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation, User
from marketplace.identity.permissions import SHEET_ANSWER
from marketplace.orders.listings import ListingInput, asks_more, commit_lot, create_listing
from marketplace.orders.lowering import lower_lot
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.round_models import CollectionPoint, Listing, PickupPoint, Round
from marketplace.orders.rounds import (
    RoundInput,
    Slot,
    close_round,
    create_round,
    get_round,
    open_round,
)

CONSENT = "户主电话里同意，联系人记"


def rounds_of_the_story(start: datetime) -> tuple[Story, ...]:
    day = shanghai_date(start)
    return (
        _a_round_that_is_paid(start, day),
        _a_round_on_its_way(start, day),
        _the_winter_round(start, day),
    )


def _the_winter_round(start: datetime, day: date) -> Story:
    """Told to most households; the next one is open, and the one after it in preparation."""
    yield start - timedelta(days=9)
    first = make_round(
        "冬季滞销专场",
        start - timedelta(days=9),
        day - timedelta(days=2),
        day + timedelta(days=3),
    )
    _offer(first, OFFERS, share=2)
    _open(first)
    yield start - timedelta(days=6)
    colleagues_register(first, submitted=True)
    orders_of(first, buyers=18, seed=1)
    approve_all()
    sell_out(first, "天堂姜")
    yield start - timedelta(days=3)
    _a_loss_before_closing()
    yield start - timedelta(days=1, hours=12)
    _close_and_allocate(first)
    bring_papers(first)
    yield start - timedelta(hours=20)
    _tell_most(first)
    collect(first, slice(None, None, 2))
    processing_of_the_story()
    dryer_of_the_story()
    second = make_round(
        "本周乡味",
        start - timedelta(hours=20),
        day + timedelta(days=3),
        day + timedelta(days=8),
    )
    _offer(second, OFFERS, share=1)
    _open(second)
    yield start - timedelta(hours=6)
    colleagues_register(second, submitted=False)
    orders_of(second, buyers=9, seed=5)
    yield start
    third = make_round(
        "年货预订", start + timedelta(days=5), day + timedelta(days=10), day + timedelta(days=15)
    )
    _offer(third, OFFERS[9:11], share=1)


def _a_round_that_is_paid(start: datetime, day: date) -> Story:
    """Small, over, and its money is with the households, but for a few."""
    titles = {"土鸡蛋", "苹果", "红薯干", "大米", "时令青菜", "马蹄"}
    pilot = tuple(offer for offer in OFFERS if offer.title in titles)
    yield start - timedelta(days=11)
    made = make_round(
        "试销", start - timedelta(days=11), day - timedelta(days=10), day - timedelta(days=8)
    )
    _offer(made, pilot, share=10)
    _open(made)
    orders_of(made, buyers=18, seed=3, canteens=False)
    yield start - timedelta(days=9, hours=-1)
    _close_and_allocate(made)
    collect(made, slice(-3))
    yield from pay_households(made, start)


def _a_round_on_its_way(start: datetime, day: date) -> Story:
    """Today's: in the van, at some stops already, and a few have fetched theirs."""
    titles = {"雪毛鸡", "土鸡蛋", "苹果", "红薯干", "大米"}
    few = tuple(offer for offer in OFFERS if offer.title in titles)
    yield start - timedelta(days=10)
    made = make_round("周中鲜货", start - timedelta(days=10), day - timedelta(days=4), day)
    _offer(made, few, share=12)
    _open(made)
    yield start - timedelta(days=7)
    orders_of(made, buyers=10, seed=7, canteens=False)
    canteens_order(made, {"雪毛鸡": 3, "土鸡蛋": 3, "苹果": 5, "大米": 4})
    yield start - timedelta(days=3)
    _close_and_allocate(made)
    collect(made, slice(None, None, 3))
    bring_papers(made)
    yield start - timedelta(days=1)
    weigh_everything(made)
    yield start - timedelta(hours=2)
    bring_to_the_stops(made)


def _local(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=SHANGHAI)


def make_round(name: str, opens_at: datetime, last_day: date, delivers_on: date) -> int:
    """A round that closes at 24:00 of `last_day`; every town collects the day before delivery."""
    operator = actor_named("yunying")
    with transaction() as session:
        given = RoundInput(
            name=name, opens_at=opens_at, closes_at=local_day_end(last_day), delivers_on=delivers_on
        )
        eve = delivers_on - timedelta(days=1)
        collections = [
            Slot(
                point.id, _local(eve, 8 + i % 2 * 3), _local(eve, 10 + i % 2 * 3), point.region_code
            )
            for i, point in enumerate(
                session.scalars(select(CollectionPoint).order_by(CollectionPoint.id))
            )
        ]
        pickups = [
            Slot(point.id, _local(delivers_on, 9), _local(delivers_on + timedelta(days=1), 18))
            for point in session.scalars(select(PickupPoint).order_by(PickupPoint.id))
        ]
        return create_round(session, operator, given, pickups, collections).id


def _offer(round_id: int, offers: tuple[Offer, ...], share: int) -> None:
    """List each offer with one part in `share` of what its lots have free, 马蹄 in two packs."""
    operator = actor_named("yunying")
    per_product = {
        offer.product: sum(o.product == offer.product for o in offers) for offer in offers
    }
    for offer in offers:
        with transaction() as session:
            product = session.scalars(select(Product).where(Product.name == offer.product)).one()
            seller = session.scalar(
                select(Organisation.id).where(Organisation.name == offer.seller)
            )
            given = _listing(offer, product, seller)
            listing = create_listing(session, operator, get_round(session, round_id), given)
            lots = session.scalars(
                select(Lot)
                .where(Lot.product_id == product.id, Lot.state == "open")
                .order_by(Lot.id)
            ).all()
            for lot in lots:
                part = lot.free // (share * per_product[offer.product])
                base = part - part % offer.pack_base
                if base and lot.available_until > get_round(session, round_id).delivers_on:
                    consent = CONSENT if asks_more(lot, listing) else ""
                    commit_lot(session, operator, listing, lot.id, base, consent)
        per_product[offer.product] -= 1


def _listing(offer: Offer, product: Product, seller_id: int | None) -> ListingInput:
    return ListingInput(
        product_id=product.id,
        title=offer.title,
        grade="统货",
        pack_name=offer.pack,
        pack_base=offer.pack_base,
        farmgate_fen=offer.farmgate,
        service_fen=offer.service,
        freight_fen=offer.freight,
        minimum_packs=offer.minimum,
        pack_kind="by_weight" if offer.band else "fixed",
        band_low_base=offer.band[0] if offer.band else None,
        band_high_base=offer.band[1] if offer.band else None,
        description=offer.text,
        required_papers="承诺达标合格证",
        seller_id=seller_id,
    )


def _open(round_id: int) -> None:
    with transaction() as session:
        open_round(session, actor_named("yunying"), get_round(session, round_id))


def _a_loss_before_closing() -> None:
    """Two farms have sold their ginger elsewhere: it is short, and the round's rule decides."""
    cadre = actor_named("ganbu")
    with transaction() as session:
        lots = session.scalars(
            select(Lot)
            .join(Product, Product.id == Lot.product_id)
            .where(Product.name == "天堂姜", Lot.household_id.is_not(None))
            .order_by(Lot.id)
            .limit(2)
        ).all()
        for lot in lots:
            lower_lot(session, cadre, lot.id, lot.free + lot.committed, "sold_elsewhere")


def _close_and_allocate(round_id: int) -> None:
    operator = actor_named("yunying")
    with transaction() as session:
        close_round(session, operator, get_round(session, round_id))
    with transaction() as session:
        allocate_round(session, operator, get_round(session, round_id))
    with transaction() as session:
        issue_sheets(session, operator, get_round(session, round_id))


def _tell_most(round_id: int) -> None:
    """Most cadres have told their households; half of those have said yes."""
    cadres = db.session.scalars(
        select(User)
        .where(User.login_name.like("ganbu%"), User.login_name != "ganbu")
        .order_by(User.id)
        .limit(30)
    ).all()
    for i, user in enumerate(cadres):
        actor = actor_named(user.login_name)
        scope = actor.scope_for(SHEET_ANSWER)
        with transaction() as session:
            sheets = _sheets(session, actor, round_id)
            if not sheets:
                continue
            record_told(
                session,
                actor,
                scope,
                [sheet.id for sheet in sheets],
                ("call", "visit", "message")[i % 3],
                "",
            )
            for sheet in sheets:
                if sheet.id % 2:
                    answer_yes(session, actor, get_sheet(session, scope, sheet.id))


def _sheets(session: Session, actor: Actor, round_id: int) -> list[PreparationSheet]:
    scope = actor.scope_for(SHEET_ANSWER)
    return list(
        session.scalars(
            scope.visible(select(PreparationSheet))
            .where(PreparationSheet.round_id == round_id, PreparationSheet.current)
            .order_by(PreparationSheet.id)
        )
    )


def ensure_open_round() -> None:
    """A demo that was left alone opens a new round from the last one's set-up, with what is free."""
    with transaction() as session:
        if session.scalar(select(Round.id).where(Round.state == "open")) is not None:
            return
        number = len(session.scalars(select(Round.id)).all()) + 1
    made = make_round(
        f"第 {number} 期乡味", now(), today() + timedelta(days=4), today() + timedelta(days=9)
    )
    _offer(made, OFFERS, share=1)
    if db.session.scalar(
        select(Listing.id).where(Listing.round_id == made, Listing.capacity_packs > 0)
    ):
        _open(made)
