"""What became of goods, altered behind the program's back: why they came back, what they weighed, whom they helped."""

import pytest
from sqlalchemy import select, text

from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.fulfilment.said_received import NotTaken, Scaled
from marketplace.fulfilment.weighing import Reading
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.claims import file_claim, grant_claim
from marketplace.orders.returning import record_return
from marketplace.reporting.verify import verify
from tests.fulfilment.arriving import BY_WEIGHT, HENS, PHOTO, Arriving
from tests.fulfilment.slaughterhouse import Slaughterhouse
from tests.trace.test_streams import Forger

UNLIKE = "溯源记录与账目不符"
OTHER = "c" * 64


def _rules(world):
    with world.transaction() as session:
        found = verify(session)
    assert all(fault.where for fault in found)
    return {fault.what for fault in found}


def _change(world, statement):
    Forger(world)(text(statement))
    return _rules(world)


def _largest(arriving):
    places = arriving.places()
    return max(places, key=lambda place: places[place])


@pytest.fixture
def back(world):
    """Packs that were crushed on the way; one that was claimed later, and one that the desk has noted."""
    arriving = Arriving(world)
    first = _largest(arriving)
    arriving.accept(NotTaken(first, 2, "crushed", photo=PHOTO))
    arriving.step(accept_rest)
    with world.transaction() as session:
        order = arriving.order(session)
        claim = file_claim(session, arriving.actor, order, first, 2, "rotten", "", PHOTO)
        grant_claim(session, arriving.actor, claim, 1, "goodwill")
        record_return(session, arriving.actor, order, {first[0]: 1}, "transport", "少一袋")
    assert _rules(world) == set()
    return arriving


@pytest.mark.parametrize("change", ["fault = 'goodwill'", "reason = 'late'", f"photo = '{OTHER}'"])
def test_why_packs_were_not_taken_cannot_be_changed(world, back, change):
    assert UNLIKE in _change(world, f"UPDATE goods_return SET {change} WHERE stage = 'acceptance'")


def test_who_bears_what_came_back_later_cannot_be_changed(world, back):
    later = "UPDATE goods_return SET fault = 'unfetched' WHERE stage = 'later'"
    assert UNLIKE in _change(world, later)


@pytest.mark.parametrize("change", ["reason = 'light'", f"photo = '{OTHER}'", "reason = ''"])
def test_what_came_back_later_was_claimed_so(world, back, change):
    changed = f"UPDATE goods_return SET {change} WHERE stage = 'later' AND reason = 'rotten'"
    assert _change(world, changed) == {"退货和买家的申请不符"}


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM claim",
        "UPDATE claim SET reason = 'light'",
        f"UPDATE claim SET photo = '{OTHER}'",
        "UPDATE claim SET granted_packs = 2",
        f"UPDATE goods_return SET photo = '{OTHER}' WHERE reason = ''",
    ],
)
def test_a_claim_that_was_granted_stays(world, back, statement):
    assert _change(world, statement) == {"退货和买家的申请不符"}


def test_a_claim_that_nobody_has_answered_is_no_fault(world, back):
    first = _largest(back)
    with world.transaction() as session:
        file_claim(session, back.actor, back.order(session), first, 1, "light", "", PHOTO)
    assert _rules(world) == set()


@pytest.mark.parametrize("which", ["=", "<>"])
def test_an_order_that_set_out_has_its_delivery(world, which):
    arriving = Arriving(world)
    arriving.accept()
    assert _rules(world) == set()
    gone = f"DELETE FROM delivery WHERE state {which} 'accepted'"
    assert _change(world, gone) == {"送出的订单没有配送单"}


@pytest.fixture
def hens(world):
    """Sold by weight: some were crushed on the way, one came back later."""
    made = Arriving(world, gone=False, goods=HENS, pack=1, listing=BY_WEIGHT)
    made.weigh(Reading(10, mass=16000), Reading(10, mass=16000))
    made.step(set_out)
    places = made.places()
    first = _largest(made)
    weights = {place: Scaled(1500 * packs) for place, packs in places.items()}
    weights[first] = Scaled(1500 * (places[first] - 3))
    made.accept(NotTaken(first, 3, "crushed"), weights=weights)
    made.step(accept_rest)
    with world.transaction() as session:
        order = made.order(session)
        record_return(session, made.actor, order, {order.lines[0].id: 1}, "goodwill", "烂")
    assert _rules(world) == set()
    return made


TAKEN = "goods_return_id IS NULL"
BORNE = "goods_return_id IS NOT NULL AND packs > 0"
LATER = "packs < 0"


@pytest.mark.parametrize(
    ("which", "change", "rule"),
    [
        (TAKEN, "farmgate_fen = farmgate_fen + 1", UNLIKE),
        (TAKEN, "grams = grams + 1, farmgate_fen = farmgate_fen + 2", UNLIKE),
        (BORNE, "farmgate_fen = farmgate_fen + 1", "实重和农户的钱不符"),
        (BORNE, "grams = grams + 10", "实重和农户的钱不符"),
        (BORNE, "farmgate_off_fen = farmgate_off_fen + 1", "实重和农户的钱不符"),
        (BORNE, "off_fen = 1", "实重和退货不符"),
        (LATER, "farmgate_fen = farmgate_fen - 1", "退货以后的实重和农户的钱不符"),
        (LATER, "grams = grams - 10", UNLIKE),
    ],
)
def test_what_goods_weighed_and_were_worth_cannot_be_changed(world, hens, which, change, rule):
    assert rule in _change(world, f"UPDATE accepted_weight SET {change} WHERE {which}")


@pytest.mark.parametrize("which", [TAKEN, BORNE, LATER])
def test_weights_do_not_go(world, hens, which):
    assert _rules(world) == set()
    found = _change(world, f"DELETE FROM accepted_weight WHERE {which}")
    assert found & {UNLIKE, "退货没有实重"}


def test_what_the_farm_gets_for_a_pack_cannot_be_changed(world, back):
    with world.transaction() as session:
        line = session.scalars(select(Allocation.order_line_id)).first()
    more = "farmgate_fen = farmgate_fen + 1, service_fen = service_fen - 1"
    assert UNLIKE in _change(world, f"UPDATE order_line SET {more} WHERE id = {line}")


def test_nobody_is_given_a_status_he_never_had(world, back):
    assert _rules(world) == set()
    given = "UPDATE accepted_support SET kind = 'dibao'"
    assert _change(world, given) == {"留下的户类别从来没有记过"}


@pytest.mark.parametrize("day", ["2020-01-01", "2099-01-01"])
def test_a_status_is_kept_with_a_day_on_which_something_was_accepted(world, back, day):
    assert UNLIKE in _change(world, f"UPDATE accepted_support SET day = '{day}'")


def test_what_processing_gave_back_is_what_moved(world):
    house = Slaughterhouse(world)
    house.done({0: 20, 1: 10}, 30)
    order = house.plan({2: 5})
    house.start(order)
    house.cancel(order, left=3)
    assert _rules(world) == set()
    more = "UPDATE processing_input SET returned_base = returned_base + 1"
    assert _change(world, f"{more} WHERE returned_base > 0") == {"加工取消退回的和流水不符"}
