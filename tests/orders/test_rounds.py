"""A round's life: what may change when, and what happens to its orders and goods."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select

from marketplace.catalog.models import Lot
from marketplace.core.clock import now, shanghai_date, today, use_clock
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.identity.actor import SYSTEM
from marketplace.identity.audit import AuditRow
from marketplace.orders.collecting import record_collected
from marketplace.orders.copying import copy_round
from marketplace.orders.interruptions import (
    NewDates,
    cancel_round,
    hold_round,
    postpone_round,
    reopen_round,
    resume_round,
)
from marketplace.orders.order_models import Order
from marketplace.orders.round_models import CollectionPoint, Listing, PickupPoint, Round
from marketplace.orders.rounds import (
    RoundInput,
    Slot,
    change_round,
    close_round,
    get_round,
    open_round,
    uncovered_regions,
)
from tests.support.world import TOWNS


@pytest.fixture
def staff(world):
    return world.user("staff", unit=world.unit())


def _input(found: Round, **changes: object) -> RoundInput:
    kept = {
        name: getattr(found, name)
        for name in ("name", "opens_at", "closes_at", "delivers_on", "shortage_rule")
    }
    return RoundInput(**(kept | changes))


def _slots(found: Round) -> tuple[list[Slot], list[Slot]]:
    return (
        [Slot(row.pickup_point_id, row.from_at, row.until_at) for row in found.pickups],
        [
            Slot(row.collection_point_id, row.from_at, row.until_at, row.region_code)
            for row in found.collections
        ],
    )


def _slots_of(world, in_round):
    with world.transaction() as session:
        return _slots(get_round(session, in_round.id))


def _place(world, in_round, pickups, collections):
    with world.transaction() as session:
        found = get_round(session, in_round.id)
        change_round(session, SYSTEM, found, _input(found), pickups, collections)


def _change(world, in_round, **changes):
    with world.transaction() as session:
        found = get_round(session, in_round.id)
        change_round(session, SYSTEM, found, _input(found, **changes), *_slots(found))


def test_delivery_may_be_on_the_day_that_a_closing_at_24_ends(world):
    in_round = world.round()
    midnight = now().replace(hour=16, minute=0, second=0, microsecond=0) + timedelta(days=3)
    last_day = shanghai_date(midnight - timedelta(seconds=1))
    _change(world, in_round, closes_at=midnight, delivers_on=last_day)
    with pytest.raises(InvalidInput) as refused:
        _change(world, in_round, closes_at=midnight + timedelta(hours=2), delivers_on=last_day)
    assert refused.value.field == "delivers_on"


def test_an_open_round_closes_later_but_never_earlier_than_said(world):
    in_round, _ = world.shop()
    _change(world, in_round, closes_at=in_round.closes_at + timedelta(hours=2))
    with pytest.raises(InvalidInput, match="只能延后"):
        _change(world, in_round, closes_at=in_round.closes_at + timedelta(hours=1))


def test_a_closed_round_does_not_change(world):
    in_round, _ = world.shop()
    with world.transaction() as session:
        close_round(session, SYSTEM, get_round(session, in_round.id))
    with pytest.raises(Conflict, match="截单后"):
        _change(world, in_round, name="改名")


def test_a_pickup_point_that_an_order_chose_stays_in_the_round(world, staff):
    in_round, listing = world.shop()
    number = world.order(staff, in_round, {listing.id: 1})
    other = world.pickup_point("另一处")
    pickups, collections = _slots_of(world, in_round)
    moved = [Slot(other.id, slot.from_at, slot.until_at) for slot in pickups]
    with pytest.raises(Conflict, match="有 1 个订单") as refused:
        _place(world, in_round, moved, collections)
    assert refused.value.field == "pickups"
    with world.transaction() as session:
        point = session.scalars(select(Order).where(Order.number == number)).one().pickup_point_id
        assert point in {row.pickup_point_id for row in get_round(session, in_round.id).pickups}


@pytest.mark.parametrize("fault", ["twice", "unknown_place", "unknown_region"])
def test_places_that_cannot_be_are_refused_with_words(world, fault):
    in_round = world.round()
    pickups, collections = _slots_of(world, in_round)
    if fault == "twice":
        collections *= 2
    elif fault == "unknown_place":
        pickups = [Slot(999_999, pickups[0].from_at, pickups[0].until_at)]
    else:
        drop = collections[0]
        collections = [Slot(drop.point_id, drop.from_at, drop.until_at, "123")]
    with pytest.raises(InvalidInput) as refused:
        _place(world, in_round, pickups, collections)
    assert refused.value.code == fault


def test_a_round_opens_only_with_goods_and_a_place_to_bring_them(world):
    product = world.product()
    lot = world.lot(product, 25_000, village="990101102201")
    in_round = world.round()
    with pytest.raises(Conflict, match="先选货源"), world.transaction() as session:
        open_round(session, SYSTEM, get_round(session, in_round.id))
    world.listing(in_round, product, [lot])
    with world.transaction() as session:
        found = get_round(session, in_round.id)
        pickups, collections = _slots(found)
        only_first = [slot for slot in collections if slot.region_code == next(iter(TOWNS))]
        change_round(session, SYSTEM, found, _input(found), pickups, only_first)
        assert uncovered_regions(session, found) == ["松坪村"]
    with pytest.raises(Conflict, match="松坪村"), world.transaction() as session:
        open_round(session, SYSTEM, get_round(session, in_round.id))


def test_a_listing_without_goods_stays_off_the_shelf_when_the_round_opens(world):
    product, other = world.product(), world.product("天堂姜")
    in_round = world.round()
    world.listing(in_round, product, [world.lot(product, 25_000)])
    empty = world.listing(in_round, other, [])
    with world.transaction() as session:
        assert open_round(session, SYSTEM, get_round(session, in_round.id)) == 1
        assert session.get_one(Listing, empty.id).state == "stopped"


def test_a_round_that_waits_for_its_day_can_be_opened_at_once(world, staff):
    in_round, listing = world.shop(opens_at=now() + timedelta(days=1))
    desk = world.sign_in(world.operator())
    with pytest.raises(Conflict):
        world.order(staff, in_round, {listing.id: 1})
    assert "现在就开放" in desk.get(f"/rounds/{in_round.id}").text
    assert desk.post(f"/rounds/{in_round.id}/start").status_code == 302
    world.order(staff, in_round, {listing.id: 1})
    assert desk.post(f"/rounds/{in_round.id}/start").status_code == 409


def test_on_hold_nobody_orders_and_resuming_goes_back_to_where_it_was(world, staff):
    in_round, listing = world.shop()
    with world.transaction() as session:
        hold_round(session, SYSTEM, get_round(session, in_round.id))
    with pytest.raises(Conflict):
        world.order(staff, in_round, {listing.id: 1})
    with world.transaction() as session:
        found = get_round(session, in_round.id)
        resume_round(session, SYSTEM, found)
        assert found.state == "open"
        close_round(session, SYSTEM, found)
        hold_round(session, SYSTEM, found)
        resume_round(session, SYSTEM, found)
        assert found.state == "closed"


def test_resuming_after_the_closing_time_asks_what_is_wanted(world):
    in_round, _ = world.shop()
    with world.transaction() as session:
        hold_round(session, SYSTEM, get_round(session, in_round.id))
    late = in_round.closes_at + timedelta(minutes=1)
    with use_clock(lambda: late):
        with pytest.raises(Conflict, match="直接截单"), world.transaction() as session:
            resume_round(session, SYSTEM, get_round(session, in_round.id))
        with world.transaction() as session:
            found = get_round(session, in_round.id)
            close_round(session, SYSTEM, found)
            assert found.state == "closed"


def test_postponing_moves_places_with_the_delivery_and_keeps_orders(world, staff):
    in_round, listing = world.shop()
    number = world.order(staff, in_round, {listing.id: 2})
    week = timedelta(days=7)
    with world.transaction() as session:
        found = get_round(session, in_round.id)
        before = found.pickups[0].from_at, found.collections[0].until_at
        dates = NewDates(now() + week, found.closes_at + week, found.delivers_on + week)
        postpone_round(session, SYSTEM, found, dates)
        assert found.state == "postponed"
        assert (found.pickups[0].from_at, found.collections[0].until_at) == (
            before[0] + week,
            before[1] + week,
        )
    with pytest.raises(Conflict):
        world.order(staff, in_round, {listing.id: 1})
    with world.transaction() as session:
        reopen_round(session, SYSTEM, get_round(session, in_round.id))
    world.order(staff, in_round, {listing.id: 1})
    with world.transaction() as session:
        assert (
            session.scalars(select(Order).where(Order.number == number)).one().state == "confirmed"
        )
        assert session.get_one(Listing, listing.id).reserved_packs == 3


def test_a_round_is_never_postponed_to_an_earlier_day(world):
    in_round, _ = world.shop()
    dates = NewDates(now(), in_round.closes_at, in_round.delivers_on - timedelta(days=1))
    with pytest.raises(InvalidInput) as refused, world.transaction() as session:
        postpone_round(session, SYSTEM, get_round(session, in_round.id), dates)
    assert refused.value.field == "delivers_on"


def test_cancelling_a_round_ends_every_order_and_returns_all_goods(world, staff):
    in_round, listing = world.shop(packs=10, lots=2)
    operator = world.actor(world.operator())
    numbers = [world.order(staff, in_round, {listing.id: packs}) for packs in (1, 2, 3)]
    with world.transaction() as session:
        order = session.scalars(select(Order).where(Order.number == numbers[0])).one()
        record_collected(session, operator, order, "unit", order.total_fen)
    with world.transaction() as session:
        assert cancel_round(session, operator, get_round(session, in_round.id), "大雪封路") == 3
    with world.transaction() as session:
        assert session.get_one(Round, in_round.id).state == "cancelled"
        orders = session.scalars(select(Order).order_by(Order.id)).all()
        assert {order.state for order in orders} == {"cancelled"}
        assert orders[0].ended_because == "本期取消：大雪封路"
        assert orders[0].collected_fen == orders[0].total_fen  # the money is still here
        after = session.get_one(Listing, listing.id)
        assert (after.reserved_packs, after.capacity_packs, after.state) == (0, 0, "closed")
        assert [(lot.free, lot.committed) for lot in session.scalars(select(Lot))] == [
            (12_500, 0),
            (12_500, 0),
        ]
        trail = select(func.count()).where(AuditRow.action == "order_cancelled")
        assert session.scalar(trail) == 3


def test_cancelling_a_round_needs_a_reason_and_comes_too_late_once_allocated(world):
    in_round, _ = world.shop()
    with pytest.raises(InvalidInput), world.transaction() as session:
        cancel_round(session, SYSTEM, get_round(session, in_round.id), " ")
    with world.transaction() as session:
        get_round(session, in_round.id)
        session.execute(
            Round.__table__.update().where(Round.id == in_round.id).values(state="allocated")
        )
    with pytest.raises(Conflict, match="撤销分配"), world.transaction() as session:
        cancel_round(session, SYSTEM, get_round(session, in_round.id), "停办")


def test_a_copy_has_the_same_weekdays_places_packs_and_prices_and_no_goods(world):
    in_round, listing = world.shop()
    with world.transaction() as session:
        close_round(session, SYSTEM, get_round(session, in_round.id))
    with use_clock(lambda: in_round.closes_at + timedelta(days=9)), world.transaction() as session:
        source = get_round(session, in_round.id)
        made = copy_round(session, SYSTEM, source)
        shift = made.closes_at - source.closes_at
        assert made.state == "draft"
        assert made.number == source.number + 1
        assert shift.total_seconds() % timedelta(days=7).total_seconds() == 0
        assert made.opens_at - source.opens_at == shift
        assert made.delivers_on - source.delivers_on == shift
        assert [row.from_at for row in made.pickups] == [
            row.from_at + shift for row in source.pickups
        ]
        assert {row.region_code for row in made.collections} == set(TOWNS)
        copied = made.listings[0]
        assert (copied.title, copied.pack_base, copied.farmgate_fen, copied.price_fen) == (
            listing.title,
            listing.pack_base,
            listing.farmgate_fen,
            listing.price_fen,
        )
        assert (copied.capacity_packs, copied.reserved_packs, copied.commitments) == (0, 0, [])


def test_a_copy_leaves_behind_what_is_no_longer_in_use(world):
    in_round, listing = world.shop()
    with world.transaction() as session:
        listing = session.get_one(Listing, listing.id)
        listing.product.active = False
    with world.transaction() as session:
        assert copy_round(session, SYSTEM, get_round(session, in_round.id)).listings == []
    with world.transaction() as session:
        for model in (PickupPoint, CollectionPoint):
            for point in session.scalars(select(model)):
                point.active = False
    with pytest.raises(Conflict, match="停用"), world.transaction() as session:
        copy_round(session, SYSTEM, get_round(session, in_round.id))


def test_a_new_round_says_what_is_wrong(world):
    with pytest.raises(InvalidInput) as refused:
        world.round(closes_in=timedelta(days=-1), delivers_on=today())
    assert refused.value.field == "closes_at"
