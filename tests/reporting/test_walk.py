"""R19: every accepted pack reaches a household, seen by statements that share nothing with the product."""

import pytest
from sqlalchemy import text

from marketplace.fulfilment.said_received import NotTaken
from tests.fulfilment.arriving import CANTEEN, COLLEAGUE, PHOTO, Arriving
from tests.settlement.payday import Payday
from tests.support.walk import astray


def walk(world):
    with world.transaction() as session:
        return astray(session)


@pytest.fixture
def received(world):
    """Losses on the way and for quality, and what is left of both orders."""
    arriving = Arriving(world)
    first, *_ = arriving.places(CANTEEN)
    second, *_ = arriving.places(COLLEAGUE)
    arriving.accept(NotTaken(first, 2, "crushed"))
    arriving.accept(NotTaken(second, 1, "rotten", photo=PHOTO), which=COLLEAGUE)
    return arriving


def test_what_was_accepted_reaches_its_household(received):
    assert walk(received.world) == []


def test_and_so_does_what_is_paid_out(world):
    payday = Payday(world)
    payday.sent()
    assert walk(world) == []


def test_without_accepted_packs_the_walk_says_so(world):
    assert walk(world) == ["nothing was accepted"]


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE allocation SET packs = packs + 1 WHERE id = (SELECT min(id) FROM allocation)",
        "DELETE FROM lot_share WHERE id = (SELECT min(id) FROM lot_share)",
        "UPDATE lot_share SET quantity_base = quantity_base + 1 WHERE id = (SELECT min(id) FROM lot_share)",
        "UPDATE lot SET sold = sold - 1, committed = committed + 1 WHERE sold > 0",
        "UPDATE order_line SET farmgate_fen = farmgate_fen + 1, price_fen = price_fen + 1",
    ],
)
def test_what_goes_astray_is_found(received, forged):
    with received.world.transaction() as session:
        session.execute(text(forged))
    assert walk(received.world) != []


@pytest.mark.parametrize(
    "forged",
    [
        "UPDATE payout_part SET fen = fen + 1 WHERE id = (SELECT min(id) FROM payout_part)",
        "UPDATE payout_item SET fen = fen + 1 WHERE id = (SELECT min(id) FROM payout_item)",
        "UPDATE payout_part SET household_id = NULL WHERE id = (SELECT min(id) FROM payout_part)",
    ],
)
def test_what_is_paid_to_somebody_else_is_found(world, forged):
    Payday(world).sent()
    with world.transaction() as session:
        session.execute(text(forged))
    assert walk(world) != []
