"""Two people work on the same round in the same moment: the books still agree."""

import pytest
from sqlalchemy import select

from marketplace.core.errors import Conflict
from marketplace.fulfilment.answering import answer_less, get_sheet
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.identity.actor import SYSTEM
from marketplace.identity.permissions import SHEET_ANSWER
from marketplace.orders.allocation_pages import choose_policy
from marketplace.orders.endings import cancel_by_operator
from marketplace.orders.listings import commit_lot, get_listing
from marketplace.orders.lowering import lower_lot
from marketplace.orders.moving import release_unreserved
from marketplace.orders.order_models import Order
from marketplace.orders.round_allocation import allocate_round, undo_allocation
from marketplace.orders.round_models import Commitment, Round
from marketplace.orders.rounds import close_round, get_round
from tests.fulfilment.collecting import Collecting
from tests.support.meanwhile import meanwhile

PACK = 2500


def _lot_id(world, listing):
    with world.transaction() as session:
        return session.scalar(select(Commitment.lot_id).where(Commitment.listing_id == listing.id))


def test_lowering_counts_from_what_a_listing_holds_after_it_gave_goods_back(world):
    in_round, listing = world.shop(packs=10)
    world.order(world.user("staff", unit=world.unit()), in_round, {listing.id: 5})
    lot_id = _lot_id(world, listing)
    meanwhile(
        world,
        lambda session: release_unreserved(session, SYSTEM, get_listing(session, listing.id)),
        lambda session: lower_lot(session, SYSTEM, lot_id, 8 * PACK, "died"),
    )
    with world.transaction() as session:
        assert session.scalars(select(Commitment.quantity_base)).one() == 2 * PACK


def test_an_allocation_shares_out_only_what_a_lot_still_has(world):
    in_round, listing = world.shop(packs=10)
    world.order(world.user("staff", unit=world.unit()), in_round, {listing.id: 4})
    lot_id = _lot_id(world, listing)
    with world.transaction() as session:
        close_round(session, SYSTEM, get_round(session, in_round.id))
    meanwhile(
        world,
        lambda session: lower_lot(session, SYSTEM, lot_id, 7 * PACK, "died"),
        lambda session: allocate_round(session, SYSTEM, get_round(session, in_round.id)),
    )
    with world.transaction() as session:
        assert session.scalars(select(Commitment.allocated_packs)).one() == 3


def test_an_allocation_gives_nothing_to_an_order_that_is_being_cancelled(world):
    in_round, listing = world.shop(packs=10)
    number = world.order(world.user("staff", unit=world.unit()), in_round, {listing.id: 4})
    with world.transaction() as session:
        close_round(session, SYSTEM, get_round(session, in_round.id))
    meanwhile(
        world,
        lambda session: cancel_by_operator(
            session, SYSTEM, session.scalars(select(Order).filter_by(number=number)).one(), "停课"
        ),
        lambda session: allocate_round(session, SYSTEM, get_round(session, in_round.id)),
    )
    with world.transaction() as session:
        assert session.scalars(select(Commitment.allocated_packs)).one() == 0


def test_goods_that_are_being_offered_elsewhere_stop_the_undoing_with_a_reason(world):
    product = world.product()
    lot = world.lot(product, 10 * PACK)
    in_round, other = world.round(), world.round()
    listing = world.listing(in_round, product, [lot])
    elsewhere = world.listing(other, product, [])
    world.open_round(in_round)
    world.order(world.user("staff", unit=world.unit()), in_round, {listing.id: 4})
    with world.transaction() as session:
        close_round(session, SYSTEM, get_round(session, in_round.id))
        allocate_round(session, SYSTEM, get_round(session, in_round.id))
    with pytest.raises(Conflict, match="已用到别处"):
        meanwhile(
            world,
            lambda session: commit_lot(
                session, SYSTEM, get_listing(session, elsewhere.id), lot.id, 6 * PACK, "户主同意"
            ),
            lambda session: undo_allocation(session, SYSTEM, get_round(session, in_round.id)),
        )


def test_a_policy_chosen_while_the_round_is_allocated_comes_too_late(world):
    in_round, listing = world.shop(packs=10)
    world.order(world.user("staff", unit=world.unit()), in_round, {listing.id: 4})
    with world.transaction() as session:
        close_round(session, SYSTEM, get_round(session, in_round.id))
    with pytest.raises(Conflict, match="已经分配"):
        meanwhile(
            world,
            lambda session: allocate_round(session, SYSTEM, get_round(session, in_round.id)),
            lambda session: choose_policy(
                session, SYSTEM, get_round(session, in_round.id), "first_come"
            ),
        )
    with world.transaction() as session:
        assert session.get_one(Round, in_round.id).policy == "urgent_then_fair"


def _answers_less(made):
    actor = made.world.actor(made.cadres[0])
    sheet_id = made.sheet(0).id

    def step(session):
        found = get_sheet(session, actor.scope_for(SHEET_ANSWER), sheet_id, for_update=True)
        answer_less(session, actor, found, {made.listing.id: 2}, "died")

    return step


def _sets_out(made):
    return lambda session: set_out(session, SYSTEM, get_round(session, made.round.id))


def test_what_sets_out_is_what_is_left_after_an_answer_that_came_first(world):
    made = Collecting(world)
    meanwhile(world, _answers_less(made), _sets_out(made))
    made.step(accept_rest)
    assert made.balanced()


def test_nobody_brings_less_of_what_is_setting_out(world):
    made = Collecting(world)
    with pytest.raises(Conflict):
        meanwhile(world, _sets_out(made), _answers_less(made))
    made.step(accept_rest)
    assert made.balanced()
