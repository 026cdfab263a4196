"""The story's buyers: staff, canteens with their approvers, and colleagues who register together."""

import uuid
from collections.abc import Mapping
from datetime import timedelta

from sqlalchemy import select

from marketplace.core.clock import local_day_end, today
from marketplace.core.db import db, transaction
from marketplace.demo.bring import actor_named
from marketplace.demo.people import person, phone
from marketplace.identity.actor import Actor
from marketplace.identity.models import User
from marketplace.identity.permissions import ORDER_APPROVE
from marketplace.orders.approvals import decide, waiting_orders
from marketplace.orders.collecting import due_fen, record_collected
from marketplace.orders.group_registrations import EntryInput, GroupInput, create_group, save_entry
from marketplace.orders.group_submission import SubmitInput, submit_group
from marketplace.orders.order_models import Order
from marketplace.orders.ordering import OrderInput, place_order
from marketplace.orders.round_models import Listing, PickupPoint

APPROVERS = ("shenpi", "shenpi2", "shenpi3")
ORGANISERS = ("gonghui", "gonghui2")
DEPARTMENTS = ("办公室", "人事科", "财务科", "业务科")


def _listings(round_id: int) -> dict[str, Listing]:
    found = db.session.scalars(
        select(Listing).where(Listing.round_id == round_id).order_by(Listing.id)
    )
    return {listing.title: listing for listing in found}


def _points() -> list[int]:
    return list(db.session.scalars(select(PickupPoint.id).order_by(PickupPoint.id)))


def orders_of(round_id: int, buyers: int, seed: int, *, canteens: bool = True) -> None:
    """Staff buy a little of two or three things, canteens a lot of many."""
    listings, points = _listings(round_id), _points()
    titles = list(listings)
    for i, user in enumerate(_users("zhigong")[:buyers]):
        wanted = {
            listings[titles[(i * 5 + seed + k * 3) % len(titles)]].id: 1 + (i + k) % 3
            for k in range(2 + i % 2)
        }
        _place(round_id, user, wanted, points[i % 3], f"shop{seed}-{i}")
    for i, user in enumerate(_users("caigou") if canteens else []):
        wanted = _canteen_wishes(listings, i + seed)
        _place(round_id, user, wanted, points[3], f"canteen{seed}-{i}", channel="canteen")


def canteens_order(round_id: int, packs: Mapping[str, int]) -> None:
    """Two canteens order the same few packs (title → packs), and their units agree."""
    listings = _listings(round_id)
    wanted = {listings[title].id: count for title, count in packs.items()}
    for user in _users("caigou")[:2]:
        mark = f"few{round_id}-{user.login_name}"
        _place(round_id, user, wanted, _points()[3], mark, channel="canteen")
    approve_all()


def _users(login: str) -> list[User]:
    return list(
        db.session.scalars(
            select(User).where(User.login_name.like(f"{login}%")).order_by(User.id)
        ).all()
    )


def _canteen_wishes(listings: Mapping[str, Listing], number: int) -> dict[int, int]:
    wanted = {
        "马蹄（食堂装）": 90 + number % 5 * 30,
        "雪毛鸡": 480 + number % 4 * 160,
        "土鸡蛋": 24 + number % 3 * 8,
        "时令青菜": 8 + number % 4,
        "大米": 60 + number % 5 * 15,
        "冬瓜": 30 + number % 6 * 5,
        "苹果": 260 + number % 3 * 60,
    }
    return {
        listings[title].id: packs
        for i, (title, packs) in enumerate(wanted.items())
        if (i + number) % 4 and title in listings
    }


def sell_out(round_id: int, title: str) -> None:
    """One canteen takes all that is left of it, so that the next loss makes it short."""
    db.session.rollback()
    listing = _listings(round_id)[title]
    buyer = _users("caigou")[-1]
    _place(
        round_id, buyer, {listing.id: listing.left_packs}, _points()[3], "rest", channel="canteen"
    )
    approve_all()


def _place(
    round_id: int,
    user: User,
    packs: Mapping[int, int],
    point: int,
    mark: str,
    channel: str = "shop",
) -> None:
    number = sum(map(ord, mark))
    actor = actor_named(user.login_name)
    given = OrderInput(
        round_id=round_id,
        packs=packs,
        pickup_point_id=point,
        contact_name=user.display_name or person(number),
        contact_phone=user.phone or phone(number),
        idempotency_key=str(uuid.uuid5(uuid.NAMESPACE_OID, mark)),
        channel=channel,
        organisation_id=user.organisation_id,
        fund_source={"shop": "own", "canteen": "canteen"}[channel],
    )
    with transaction() as session:
        place_order(session, actor, given)


def approve_all() -> None:
    """The units' approvers agree to what their canteens ordered."""
    for login in APPROVERS:
        actor = actor_named(login)
        with transaction() as session:
            for order in session.scalars(waiting_orders(actor.scope_for(ORDER_APPROVE))).all():
                decide(session, actor, order, approve=True)


def colleagues_register(round_id: int, *, submitted: bool) -> None:
    """Each organiser's colleagues fill in the shared page; in a closed round it was handed in."""
    for i, login in enumerate(ORGANISERS):
        _register(actor_named(login), round_id, people=14 + 4 * i, submitted=submitted)


def _register(organiser: Actor, round_id: int, people: int, *, submitted: bool) -> None:
    listings, points = _listings(round_id), _points()
    titles = ("马蹄", "雪毛鸡", "土鸡蛋", "苹果", "红薯干")
    with transaction() as session:
        user = session.get_one(User, organiser.user_id)
        assert user.organisation_id is not None
        closes = local_day_end(today() + timedelta(days=1))
        given = GroupInput(round_id, user.organisation_id, "工会会员登记", closes)
        group = create_group(session, organiser, given)
        for i in range(people):
            wanted = {listings[titles[(i + k) % 5]].id: 1 + (i + k) % 3 for k in range(1 + i % 3)}
            number = 500 + 40 * user.id + i
            entry = EntryInput(person(number), phone(number), DEPARTMENTS[i % 4], points[0], wanted)
            save_entry(session, group.id, f"story-{round_id}-{i}", entry)
        if submitted:
            handed_in = SubmitInput(user.display_name, user.phone or phone(user.id), "union")
            submit_group(session, organiser, group, handed_in)


def collect(round_id: int, which: slice) -> None:
    """These orders of the round, in the order in which they came, were paid to a unit or at the counter."""
    operator = actor_named("yunying")
    with transaction() as session:
        orders = session.scalars(
            select(Order)
            .where(Order.round_id == round_id, Order.state == "allocated")
            .order_by(Order.id)
        ).all()
        for order in orders[which]:
            how = "pickup" if order.channel == "shop" else "unit"
            record_collected(session, operator, order, how, due_fen(session, order))
