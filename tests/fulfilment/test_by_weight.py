"""Hens ordered by the piece and paid by what they weigh, from the order to the refund of the difference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from marketplace.catalog.models import Lot
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.money import format_yuan
from marketplace.fulfilment.accepted_weights import TooLight
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.fulfilment.said_received import NotTaken, Scaled
from marketplace.fulfilment.weighing import Reading
from marketplace.notices.models import Notice
from marketplace.orders.collecting import record_collected
from marketplace.orders.my_order_words import price_parts
from marketplace.orders.order_models import OrderLine
from marketplace.orders.returning import Taken, record_return
from marketplace.orders.weight_models import AcceptedWeight
from marketplace.orders.worth import Weight, worth
from tests.fulfilment.arriving import BY_WEIGHT, CANTEEN, COLLEAGUE, HENS, PHOTO, Arriving
from tests.support.walk import astray

JIN = 500
PER_JIN, FARM_PER_JIN = 1150, 1000
HEAVIEST = 4485
MIXED = {**BY_WEIGHT, "pack_name": "约 5 斤装", "band_low_base": 2300, "band_high_base": 2500} | {
    "farmgate_fen": 750, "service_fen": 280, "freight_fen": 200,
}  # fmt: skip


@pytest.fixture
def hens(world):
    """Ten hens of 3.2 斤 from each household are on their way."""
    made = Arriving(world, gone=False, goods=HENS, pack=1, listing=BY_WEIGHT)
    made.weigh(Reading(10, mass=32 * JIN), Reading(10, mass=32 * JIN))
    made.step(set_out)
    return made


def scaled(arriving, grams, which=CANTEEN):
    """Place → what all packs of an order weigh, shared by packs."""
    places = arriving.places(which)
    each = grams // sum(places.values())
    return {place: Scaled(each * packs) for place, packs in places.items()}


def sound(arriving):
    assert arriving.faults() == []
    with arriving.world.transaction() as session:
        assert astray(session) == []


def line_of(arriving, which=CANTEEN):
    with arriving.world.transaction() as session:
        return arriving.order(session, which).lines[0]


def test_the_heaviest_is_paid_first_and_the_difference_is_owed_no_more(hens):
    assert hens.due() == 12 * HEAVIEST
    with hens.world.transaction() as session:
        record_collected(session, hens.actor, hens.order(session), "pickup", 12 * HEAVIEST)
    assert hens.accept(weights=scaled(hens, 12 * 3 * JIN)) == "accepted"
    assert hens.due() == 36 * PER_JIN
    line = line_of(hens)
    assert (line.due_g, line.off_fen) == (36 * JIN, 12 * HEAVIEST - 36 * PER_JIN)
    assert hens.stand("lot_payable") == -36 * FARM_PER_JIN
    assert hens.stand("buyer_prepayment") == 36 * PER_JIN - 12 * HEAVIEST, "goes back to the buyer"
    with hens.world.transaction() as session:
        sold = [session.get_one(Lot, lot.id).sold for lot in hens.lots]
    assert sum(sold) == 12, "lots count hens"
    sound(hens)


def test_a_weighed_line_shows_what_its_price_is_made_of(hens):
    buyer = hens.world.sign_in(hens.staff)
    page = f"/shop/orders/{hens.numbers[COLLEAGUE]}"
    hens.accept(which=COLLEAGUE, weights=scaled(hens, 8 * 3 * JIN, COLLEAGUE))
    shown = buyer.get(page).text
    assert "¥276.00" in shown, "24 斤 at 11.50 yuan"
    for part in ("<b>240.00</b>", "24.00", "12.00"):
        assert part in shown
    with hens.world.transaction() as session:
        order = hens.order(session, COLLEAGUE)
        record_return(session, hens.actor, order, {order.lines[0].id: 1}, "farm", "坏了")
        parts = price_parts(session, order)
        assert {line.id: line.due_fen for line in order.lines} == {
            line_id: part.fen for line_id, part in parts.items()
        }


def test_who_bears_what_never_arrived_pays_what_it_weighed_in(hens):
    first, *_ = hens.places()
    weights = scaled(hens, 12 * 3 * JIN)
    weights[first] = Scaled(weights[first].grams - 2 * 3 * JIN)
    hens.accept(NotTaken(first, 2, "crushed"), weights=weights)
    assert hens.stand("carrier_receivable") == 2 * 32 * FARM_PER_JIN // 10
    assert hens.stand("lot_payable") == -(300 + 64) * FARM_PER_JIN // 10
    assert hens.due() == 30 * PER_JIN
    sound(hens)


def test_what_the_farm_bears_is_owed_to_nobody(hens):
    first, *_ = hens.places()
    weights = scaled(hens, 12 * 3 * JIN)
    weights[first] = Scaled(weights[first].grams - 3 * JIN)
    hens.accept(NotTaken(first, 1, "rotten", photo=PHOTO), weights=weights)
    assert hens.stand("lot_payable") == -33 * FARM_PER_JIN
    assert hens.due() == 33 * PER_JIN
    sound(hens)


@pytest.mark.parametrize("fault", ["farm", "goodwill"])
def test_what_comes_back_later_takes_its_part_of_the_weight(hens, fault):
    places = hens.places()
    hens.accept(weights={place: Scaled(packs * 1501) for place, packs in places.items()})
    line = line_of(hens).id
    for packs in (5, 1, 6):
        with hens.world.transaction() as session:
            record_return(session, hens.actor, hens.order(session), {line: packs}, fault, "不新鲜")
        sound(hens)
    assert hens.due() == 0
    assert (line_of(hens).due_g, line_of(hens).off_fen) == (0, 0)
    owed = 0 if fault == "farm" else sum(packs * 1501 * 2 for packs in places.values())
    assert hens.stand("lot_payable") == -owed
    assert hens.stand("service_payable") == hens.stand("freight_payable") == 0


def test_the_county_says_it_arrived_and_the_scales_count(hens):
    hens.step(accept_rest)
    assert hens.due() == 12 * 32 * PER_JIN // 10
    assert hens.due(COLLEAGUE) == 8 * 32 * PER_JIN // 10
    sound(hens)


def test_what_nobody_weighed_is_accepted_one_by_one(world):
    arriving = Arriving(world, goods=HENS, pack=1, listing=BY_WEIGHT)
    with pytest.raises(Conflict, match="要逐单验收"):
        arriving.step(accept_rest)
    for which, hens in ((CANTEEN, 12), (COLLEAGUE, 8)):
        arriving.accept(which=which, weights=scaled(arriving, hens * 3 * JIN, which))
    assert arriving.due(COLLEAGUE) == 24 * PER_JIN
    sound(arriving)


def test_weights_that_cannot_be_are_said_beside_their_goods(hens):
    places = hens.places()
    heavy = {place: Scaled(packs * 1950 + 1) for place, packs in places.items()}
    with pytest.raises(InvalidInput, match=r"每份最重按 3\.9 斤算") as refused:
        hens.accept(weights=heavy)
    assert refused.value.field == "p{}_{}".format(*next(iter(places)))
    with pytest.raises(InvalidInput, match="实收多重"):
        hens.accept()
    light = {place: packs * 1200 for place, packs in places.items()}
    with pytest.raises(TooLight, match="再点一次"):
        hens.accept(weights={place: Scaled(grams) for place, grams in light.items()})
    assert hens.stand("lot_payable") == 0
    hens.accept(weights={place: Scaled(grams, sure=grams) for place, grams in light.items()})
    assert hens.due() == 12 * 1200 * PER_JIN // JIN
    sound(hens)


@pytest.mark.parametrize("mass", [0, 10 * 1300 - 1, 10 * 1950 + 1])
def test_hens_out_of_the_band_do_not_pass_the_scales(world, mass):
    arriving = Arriving(world, gone=False, goods=HENS, pack=1, listing=BY_WEIGHT)
    good = Reading(10, mass=32 * JIN)
    with pytest.raises(InvalidInput) as refused:
        arriving.weigh(Reading(10, mass=mass), good)
    assert refused.value.field == "mass"


def test_loose_goods_weigh_less_than_was_kept_and_the_rest_is_free_again(world):
    arriving = Arriving(world, gone=False, listing=MIXED)
    arriving.weigh(Reading(10 * 2400), Reading(10 * 2400))
    arriving.step(set_out)
    arriving.accept(weights={p: Scaled(n * 2390) for p, n in arriving.places().items()})
    arriving.step(accept_rest)
    with world.transaction() as session:
        lots = [session.get_one(Lot, lot.id) for lot in arriving.lots]
    assert sum(lot.sold for lot in lots) == 12 * 2390 + 8 * 2400
    assert sum(lot.free for lot in lots) == 20 * 2500 - 12 * 2390 - 8 * 2400
    assert {lot.committed for lot in lots} == {0}
    sound(arriving)


def test_the_weights_are_never_changed_and_a_forged_one_is_found(hens):
    hens.accept(weights=scaled(hens, 12 * 3 * JIN))
    with hens.world.transaction() as session:
        row = session.scalars(select(AcceptedWeight)).first()
        assert row.packs > 0
        assert row.grams == row.packs * 3 * JIN
        session.execute(
            OrderLine.__table__.update()
            .where(OrderLine.id == row.order_line_id)
            .values(off_fen=OrderLine.off_fen + 1)
        )
    assert any("按重量卖" in fault.what for fault in hens.faults())


PRICED = OrderLine(
    pack_base=1,
    heaviest_g=1950,
    price_fen=4485,
    farmgate_fen=3899,
    service_fen=391,
    freight_fen=195,
)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.data())
def test_taken_back_piece_by_piece_nothing_is_left_over(pieces, data):
    packs = sum(pieces)
    grams = data.draw(st.integers(packs, packs * 1950))
    whole, left = worth(PRICED, packs, grams), Weight(packs, grams)
    taken = []
    for piece in pieces:
        one = Taken(PRICED, 1, "L", piece, left)
        assert 0 <= one.worth.fen <= piece * 4485 + 3
        left = Weight(left.packs - piece, left.grams - one.grams)
        assert 0 <= left.grams <= left.packs * 1950
        taken.append(one.worth)
    assert left == Weight(0, 0)
    for part in ("farmgate", "service", "freight"):
        assert sum(getattr(one, part) for one in taken) == getattr(whole, part)


def test_returns_that_are_worth_nothing_come_back_all_the_same(world):
    """Packs for a fen that weigh a third of the heaviest: most of them round to nothing."""
    cheap = {**MIXED, "farmgate_fen": 1, "service_fen": 0, "freight_fen": 0}
    arriving = Arriving(world, listing=cheap)
    light = {place: packs * 800 for place, packs in arriving.places().items()}
    arriving.accept(weights={place: Scaled(grams, sure=grams) for place, grams in light.items()})
    assert 0 < arriving.due() < 12
    line = line_of(arriving)
    for _ in range(12):
        with world.transaction() as session:
            order = arriving.order(session)
            record_return(session, arriving.actor, order, {line.id: 1}, "farm", "烂了")
    assert arriving.due() == 0
    sound(arriving)


def test_a_slip_of_the_finger_is_no_weight_even_if_it_is_said_twice(hens):
    places = hens.places()
    with pytest.raises(InvalidInput, match="再称一次"):
        hens.accept(weights={place: Scaled(1, sure=1) for place in places})


def test_the_cadre_hears_what_the_household_really_loses(hens):
    hens.accept(weights=scaled(hens, 12 * 3 * JIN))
    owed = hens.stand("lot_payable")
    with hens.world.transaction() as session:
        order = hens.order(session)
        record_return(session, hens.actor, order, {order.lines[0].id: 1}, "farm", "烂了")
    lost = hens.stand("lot_payable") - owed
    with hens.world.transaction() as session:
        told = session.scalars(select(Notice.body).where(Notice.kind == "goods_rejected")).all()
    assert told
    assert all(f"一共少 {format_yuan(lost)} 元" in body for body in told)
