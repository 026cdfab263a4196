"""Putting goods on sale: consent, capacity, prices that stay, moving what nobody reserved."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from marketplace.catalog.models import Lot, LotMovement
from marketplace.core.clock import now, today, use_clock
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.identity.actor import SYSTEM
from marketplace.orders.listing_changes import (
    change_listing,
    remove_listing,
    sell_again,
    stop_listing,
)
from marketplace.orders.listings import ListingInput, LotPart, commit_lots, get_listing
from marketplace.orders.moving import (
    move_unreserved,
    release_lot,
    release_unreserved,
    unreserved_parts,
)
from marketplace.orders.order_models import OrderLine
from marketplace.orders.reserve import SoldOut
from marketplace.orders.round_models import Commitment, Listing

PACK = 2500


@pytest.fixture
def staff(world):
    return world.user("staff", unit=world.unit())


def _given(listing, **changes):
    kept = {
        name: getattr(listing, name)
        for name in (
            "product_id", "title", "grade", "pack_name", "pack_base", "farmgate_fen",
            "service_fen", "freight_fen", "minimum_packs",
        )
    }  # fmt: skip
    return ListingInput(**(kept | changes))


def _commit(world, listing, *parts):
    with world.transaction() as session:
        commit_lots(session, SYSTEM, get_listing(session, listing.id), list(parts))


def _state(world, listing):
    with world.transaction() as session:
        found = session.get_one(Listing, listing.id)
        return found.capacity_packs, found.reserved_packs, found.left_packs


def _lot(world, lot):
    with world.transaction() as session:
        found = session.get_one(Lot, lot.id)
        return found.free, found.committed


def test_a_lot_that_asks_more_enters_only_with_a_note_of_who_agreed(world):
    product = world.product()
    cheap, dear = world.lot(product, 5 * PACK), world.lot(product, 5 * PACK, asked_fen=170)
    listing = world.listing(world.round(), product, [])
    parts = LotPart(cheap.id, 5 * PACK), LotPart(dear.id, 5 * PACK)
    with pytest.raises(Conflict, match=f"{dear.code} 要价每份高 1.00 元") as refused:
        _commit(world, listing, *parts)
    assert refused.value.code == "consent_needed"
    assert _lot(world, cheap) == (5 * PACK, 0)  # all or none
    operator = world.actor(world.operator())
    with world.transaction() as session:
        agreed = LotPart(dear.id, 5 * PACK, "户主本人，电话，11月20日")
        commit_lots(session, operator, get_listing(session, listing.id), [parts[0], agreed])
        row = session.scalars(select(Commitment).where(Commitment.lot_id == dear.id)).one()
        assert (row.consent_note, row.consent_by_id) == (
            "户主本人，电话，11月20日",
            operator.user_id,
        )
    assert _state(world, listing) == (10, 0, 10)


def test_more_lots_can_come_while_the_round_is_open_and_capacity_follows(world, staff):
    in_round, listing = world.shop(packs=2)
    world.order(staff, in_round, {listing.id: 2})
    with world.transaction() as session:
        product = session.get_one(Listing, listing.id).product
    more = world.lot(product, 3 * PACK + 700)
    _commit(world, listing, LotPart(more.id, 3 * PACK + 700))
    assert _state(world, listing) == (5, 2, 3)
    world.order(staff, in_round, {listing.id: 3})


def test_two_pack_sizes_of_one_lot_never_promise_the_same_grams(world):
    product = world.product()
    lot = world.lot(product, 10_000)
    in_round = world.round()
    small = world.listing(in_round, product, {lot: 5_000}, pack_base=1_000)
    big = world.listing(in_round, product, {lot: 5_000}, pack_base=5_000)
    assert _state(world, small)[0] * 1_000 + _state(world, big)[0] * 5_000 == 10_000
    with pytest.raises(Conflict, match="只剩 0 斤"):
        _commit(world, big, LotPart(lot.id, 5_000))
    assert _lot(world, lot) == (0, 10_000)


@pytest.mark.parametrize("fault", ["expired", "other_product", "quantity"])
def test_goods_that_do_not_fit_are_refused_at_their_lot(world, fault):
    product, other = world.product(), world.product("天堂姜")
    lot = world.lot(other if fault == "other_product" else product, 5 * PACK)
    listing = world.listing(world.round(closes_in=timedelta(days=60)), product, [])
    later = now() + timedelta(days=40 if fault == "expired" else 0)
    base = PACK - 1 if fault == "quantity" else PACK
    with use_clock(lambda: later), pytest.raises(InvalidInput) as refused:
        _commit(world, listing, LotPart(lot.id, base))
    assert (refused.value.code, refused.value.field) == (fault, f"lot-{lot.id}")


def test_what_nobody_reserved_moves_in_one_action_and_every_gram_is_accounted_for(world, staff):
    product = world.product()
    soon = world.lot(product, 4 * PACK + 300, available_until=today() + timedelta(days=5))
    late = world.lot(product, 4 * PACK, available_until=today() + timedelta(days=15))
    in_round = world.round()
    source = world.listing(in_round, product, [soon, late])
    target = world.listing(in_round, product, [], pack_base=500, farmgate_fen=200)
    world.open_round(in_round)
    world.order(staff, in_round, {source.id: 3})
    with world.transaction() as session:
        moved = move_unreserved(
            session, SYSTEM, get_listing(session, source.id), get_listing(session, target.id)
        )
        assert moved.base == 8 * PACK + 300 - 3 * PACK
    assert _state(world, source) == (3, 3, 0)
    assert _state(world, target) == ((5 * PACK + 300) // 500, 0, (5 * PACK + 300) // 500)
    with world.transaction() as session:
        left = session.scalars(select(Commitment).where(Commitment.listing_id == source.id)).all()
        # What spoils first stays with the demand that is there.
        assert {row.lot_id: row.packs for row in left} == {soon.id: 3, late.id: 0}
        kinds = [m.kind for m in session.scalars(select(LotMovement).order_by(LotMovement.id))]
        assert kinds.count("released") == 2
    assert _lot(world, soon) == (0, 4 * PACK + 300)


def test_moving_to_a_listing_that_pays_less_needs_consent_again(world):
    product = world.product()
    lot = world.lot(product, 4 * PACK)
    in_round = world.round()
    source = world.listing(in_round, product, [lot])
    target = world.listing(in_round, product, [], farmgate_fen=500)

    def move(note=""):
        with world.transaction() as session:
            one, other = get_listing(session, source.id), get_listing(session, target.id)
            move_unreserved(session, SYSTEM, one, other, note)

    with pytest.raises(Conflict, match="征得农户同意"):
        move()
    assert _state(world, source) == (4, 0, 4)
    move("户主电话同意")
    assert (_state(world, source), _state(world, target)) == ((0, 0, 0), (4, 0, 4))


def test_goods_move_only_between_listings_of_the_same_product(world):
    product, other = world.product(), world.product("天堂姜")
    in_round = world.round()
    source = world.listing(in_round, product, [world.lot(product, 4 * PACK)])
    target = world.listing(in_round, other, [])
    with pytest.raises(InvalidInput, match="同品种"), world.transaction() as session:
        move_unreserved(
            session, SYSTEM, get_listing(session, source.id), get_listing(session, target.id)
        )


def test_released_goods_are_free_again_and_reserved_ones_stay(world, staff):
    in_round, listing = world.shop(packs=10, lots=2)
    world.order(staff, in_round, {listing.id: 7})
    with world.transaction() as session:
        assert (
            release_unreserved(session, SYSTEM, get_listing(session, listing.id)).base == 3 * PACK
        )
    assert _state(world, listing) == (7, 7, 0)
    with pytest.raises(Conflict, match="全都有人订"), world.transaction() as session:
        release_unreserved(session, SYSTEM, get_listing(session, listing.id))
    with pytest.raises(SoldOut):
        world.order(staff, in_round, {listing.id: 1})


def test_one_lot_gives_back_only_what_others_have_not_reserved(world, staff):
    in_round, listing = world.shop(packs=10, lots=2)
    world.order(staff, in_round, {listing.id: 6})
    with world.transaction() as session:
        found = get_listing(session, listing.id)
        lot_id = found.commitments[0].lot_id
        assert release_lot(session, SYSTEM, found, lot_id) == 4 * PACK
    assert _state(world, listing) == (6, 6, 0)


@given(
    st.integers(1, 40).flatmap(
        lambda pack: st.tuples(
            st.just(pack),
            st.lists(st.integers(0, 500), min_size=1, max_size=6),
            st.integers(0, 100),
        )
    )
)
def test_giving_up_what_is_unreserved_always_leaves_the_reserved_packs(case):
    pack, quantities, percent = case
    rows = [
        Commitment(
            id=i,
            quantity_base=base,
            packs=base // pack,
            lot=Lot(available_until=today() + timedelta(days=base % 3)),
        )
        for i, base in enumerate(quantities)
    ]
    capacity = sum(row.packs for row in rows)
    reserved = capacity * percent // 100
    listing = Listing(pack_base=pack, capacity_packs=capacity, reserved_packs=reserved)
    parts = unreserved_parts(listing, rows)
    given_up = {row.id: base for row, base in parts}
    assert all(0 < base <= rows[i].quantity_base for i, base in given_up.items())
    left = sum((row.quantity_base - given_up.get(row.id, 0)) // pack for row in rows)
    assert left == reserved
    assert sum(quantities) - sum(given_up.values()) == reserved * pack


def test_after_the_first_order_the_price_stays_and_the_words_may_change(world, staff):
    in_round, listing = world.shop(packs=10)
    with world.transaction() as session:
        found = get_listing(session, listing.id)
        change_listing(session, SYSTEM, found, _given(found, farmgate_fen=800))
        assert found.price_fen == 800 + 280 + 200
    world.order(staff, in_round, {listing.id: 2})

    def change(**changes):
        with world.transaction() as session:
            found = get_listing(session, listing.id)
            change_listing(session, SYSTEM, found, _given(found, **changes))

    for change_of in ({"farmgate_fen": 900}, {"service_fen": 0}, {"pack_base": 500}):
        with pytest.raises(Conflict) as refused:
            change(**change_of)
        assert refused.value.code == "price_fixed"
    change(title="清水马蹄", minimum_packs=3)
    with world.transaction() as session:
        assert session.get_one(Listing, listing.id).title == "清水马蹄"
        assert session.scalars(select(OrderLine)).one().price_fen == 1280


def test_a_price_lowered_before_the_first_order_needs_the_households_consent(world):
    product = world.product()
    listing = world.listing(world.round(), product, [world.lot(product, 4 * PACK)])
    lower = _given(listing, farmgate_fen=600)
    with pytest.raises(Conflict) as refused, world.transaction() as session:
        change_listing(session, SYSTEM, get_listing(session, listing.id), lower)
    assert refused.value.code == "consent_needed"


def test_a_pack_changed_before_the_first_order_counts_anew(world):
    product = world.product()
    listing = world.listing(world.round(), product, [world.lot(product, 4 * PACK)])
    with world.transaction() as session:
        found = get_listing(session, listing.id)
        change_listing(session, SYSTEM, found, _given(found, pack_base=3000, farmgate_fen=900))
    assert _state(world, listing) == (10_000 // 3000, 0, 3)


def test_a_stopped_listing_sells_nothing_and_can_sell_again(world, staff):
    in_round, listing = world.shop()
    with world.transaction() as session:
        stop_listing(session, SYSTEM, get_listing(session, listing.id))
    with pytest.raises(SoldOut):
        world.order(staff, in_round, {listing.id: 1})
    with world.transaction() as session:
        sell_again(session, SYSTEM, get_listing(session, listing.id))
    world.order(staff, in_round, {listing.id: 1})


def test_a_listing_leaves_a_draft_with_its_goods_but_never_an_open_round(world):
    product = world.product()
    lot = world.lot(product, 4 * PACK)
    listing = world.listing(world.round(), product, [lot])
    with world.transaction() as session:
        remove_listing(session, SYSTEM, get_listing(session, listing.id))
        assert session.get(Listing, listing.id) is None
    assert _lot(world, lot) == (4 * PACK, 0)
    _, sold = world.shop()
    with pytest.raises(InvalidInput, match="停售"), world.transaction() as session:
        remove_listing(session, SYSTEM, get_listing(session, sold.id))
