"""Nothing is oversold, nothing is half ordered."""

import pytest
from sqlalchemy import func, select

from marketplace.catalog.models import Lot
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.identity.permissions import ORDER_OWN
from marketplace.orders.lowering import lower_lot
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.ordering import cancel_order, change_order, get_order
from marketplace.orders.reserve import SoldOut
from marketplace.orders.round_models import Listing


def _listing(world, listing):
    with world.transaction() as session:
        return session.get_one(Listing, listing.id)


@pytest.fixture
def staff(world):
    return world.user("staff", unit=world.unit())


def test_an_order_reserves_and_copies_prices(world, staff):
    in_round, listing = world.shop(packs=10)
    number = world.order(staff, in_round, {listing.id: 4})
    with world.transaction() as session:
        line = session.scalars(select(OrderLine)).one()
        assert (line.packs, line.price_fen, line.farmgate_fen) == (4, 750 + 280 + 200, 750)
        assert session.scalars(select(Order)).one().number == number
    assert _listing(world, listing).reserved_packs == 4


def test_the_last_pack_is_sold_once_and_the_refusal_names_what_is_left(world, staff):
    in_round, listing = world.shop(packs=3)
    world.order(staff, in_round, {listing.id: 2})
    with pytest.raises(SoldOut, match="只剩 1 份"):
        world.order(staff, in_round, {listing.id: 2})
    assert _listing(world, listing).reserved_packs == 2


def test_one_short_line_leaves_the_whole_order_undone(world, staff):
    in_round, listing = world.shop(packs=3)
    other_product = world.product("天堂姜")
    other = world.listing(in_round, other_product, [world.lot(other_product, 5000)])
    with pytest.raises(SoldOut):
        world.order(staff, in_round, {listing.id: 4, other.id: 1})
    with world.transaction() as session:
        assert session.scalar(select(func.sum(Listing.reserved_packs))) == 0
        assert session.scalar(select(func.count(Order.id))) == 0


def test_the_same_key_orders_once_and_a_changed_body_is_refused(world, staff):
    in_round, listing = world.shop(packs=10)
    first = world.order(staff, in_round, {listing.id: 2}, idempotency_key="key-of-the-form")
    again = world.order(staff, in_round, {listing.id: 2}, idempotency_key="key-of-the-form")
    assert first == again
    with pytest.raises(InvalidInput) as refused:
        world.order(staff, in_round, {listing.id: 3}, idempotency_key="key-of-the-form")
    assert refused.value.code == "changed_body"
    assert _listing(world, listing).reserved_packs == 2


def test_a_change_and_a_cancellation_give_back(world, staff):
    in_round, listing = world.shop(packs=10)
    number = world.order(staff, in_round, {listing.id: 8})
    actor = world.actor(staff)
    with world.transaction() as session:
        change_order(
            session,
            actor,
            get_order(session, actor.scope_for(ORDER_OWN), number),
            {listing.id: 9},
            1,
        )
    assert _listing(world, listing).reserved_packs == 9
    with world.transaction() as session:
        cancel_order(session, actor, get_order(session, actor.scope_for(ORDER_OWN), number))
    assert _listing(world, listing).reserved_packs == 0
    with pytest.raises(Conflict), world.transaction() as session:
        cancel_order(session, actor, get_order(session, actor.scope_for(ORDER_OWN), number))
    assert _listing(world, listing).reserved_packs == 0


def test_lowering_a_lot_below_what_is_reserved_stops_the_listing_and_never_fails(world, staff):
    in_round, listing = world.shop(packs=10)
    world.order(staff, in_round, {listing.id: 8})
    actor = world.actor(world.operator())
    with world.transaction() as session:
        lot = session.scalars(select(Lot)).one()
        assert lower_lot(session, actor, lot.id, 5 * 2500, "died") == 3
    found = _listing(world, listing)
    assert (
        found.capacity_packs,
        found.reserved_packs,
        found.shortfall_packs,
        found.left_packs,
    ) == (5, 8, 3, 0)
    with pytest.raises(SoldOut):
        world.order(staff, in_round, {listing.id: 1})
