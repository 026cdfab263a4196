"""After delivery: by line and quantity, to the buyer's source, exactly what those packs had posted."""

import pytest
from sqlalchemy import select

from marketplace.core.errors import Conflict, InvalidInput
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.orders.collecting import due_fen
from marketplace.orders.order_models import Order
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.returning import parts_left, record_given_back, record_return
from tests.fulfilment.collecting import Collecting
from tests.reporting.test_ledger import FARMGATE, FREIGHT, PRICE, SERVICE, Sold
from tests.settlement.payday import Payday
from tests.support.meanwhile import meanwhile


@pytest.fixture
def sold(world):
    made = Sold(world)
    made.deliver()
    return made


def _returns(sold, order, packs, fault="goodwill", words="压坏了"):
    with sold.world.transaction() as session:
        found = session.get_one(Order, order.id)
        line = found.lines[0].id
        return record_return(session, sold.operator, found, {line: packs}, fault, words)


def test_what_a_farm_bears_is_taken_back_exactly(sold):
    before = sold.stand()
    assert _returns(sold, sold.second, 3, "farm") == 3 * PRICE
    stand = sold.stand()
    assert stand["buyer_receivable"] == 5 * PRICE
    assert stand["lot_payable"] == before["lot_payable"] - 3 * FARMGATE
    assert stand["service_payable"] == before["service_payable"] - 3 * SERVICE
    assert stand["freight_payable"] == before["freight_payable"] - 3 * FREIGHT


def test_what_no_farm_bears_leaves_households_as_they_are(sold):
    before = sold.stand()
    _returns(sold, sold.second, 2, "transport")
    stand = sold.stand()
    assert stand["lot_payable"] == before["lot_payable"]
    assert stand["carrier_receivable"] == 2 * FARMGATE
    assert stand["buyer_receivable"] == 6 * PRICE


def test_who_has_paid_gets_back_and_it_is_noted_once(sold):
    _returns(sold, sold.first, 4, "farm")
    stand = sold.stand()
    assert (stand["collected"], stand["buyer_prepayment"]) == (12 * PRICE, 4 * PRICE)
    with sold.world.transaction() as session:
        order = session.get_one(Order, sold.first.id)
        with pytest.raises(InvalidInput):
            record_given_back(session, sold.operator, order, PRICE, due_fen(session, order))
    with sold.world.transaction() as session:
        order = session.get_one(Order, sold.first.id)
        due = due_fen(session, order)
        record_given_back(session, sold.operator, order, 4 * PRICE, due)
    stand = sold.stand()
    assert stand["collected"] == 8 * PRICE
    assert "buyer_prepayment" not in stand


def test_money_that_is_taken_back_after_a_return_leaves_one_debt_and_no_prepayment(sold):
    sold.collect(sold.second)
    _returns(sold, sold.second, 3, "farm")
    sold.undo(sold.second)
    stand = sold.stand()
    assert stand["buyer_receivable"] == 5 * PRICE
    assert "buyer_prepayment" not in stand
    sold.collect(sold.second)
    assert "buyer_receivable" not in sold.stand()


def test_a_note_that_is_taken_back_after_some_was_handed_back_leaves_the_books_even(sold):
    _returns(sold, sold.first, 4, "farm")
    with sold.world.transaction() as session:
        order = session.get_one(Order, sold.first.id)
        record_given_back(session, sold.operator, order, 4 * PRICE, due_fen(session, order))
    sold.undo(sold.first)
    stand = sold.stand()
    assert "collected" not in stand
    assert stand["buyer_receivable"] == 16 * PRICE


def test_a_whole_order_may_come_back_bit_by_bit_and_no_more(sold):
    for packs in (3, 5):
        _returns(sold, sold.second, packs, "farm")
    assert "buyer_receivable" not in sold.stand()
    with pytest.raises(InvalidInput):
        _returns(sold, sold.second, 1)


@pytest.mark.parametrize(
    ("packs", "fault", "words"),
    [(0, "farm", "坏"), (13, "farm", "坏"), (1, "", "坏"), (1, "farm", " "), (-1, "farm", "坏")],
)
def test_what_cannot_be_is_refused(sold, packs, fault, words):
    before = sold.stand()
    with pytest.raises(InvalidInput):
        _returns(sold, sold.first, packs, fault, words)
    assert sold.stand() == before


def test_before_delivery_nothing_is_returned(world):
    sold = Sold(world)
    with pytest.raises(Conflict):
        _returns(sold, sold.first, 1)


def test_two_clerks_in_one_moment_return_what_there_is_once(sold):
    def act(session):
        order = session.get_one(Order, sold.second.id)
        record_return(session, sold.operator, order, {order.lines[0].id: 5}, "farm", "坏")

    with pytest.raises(InvalidInput):
        meanwhile(sold.world, act, act)
    assert sold.stand()["buyer_receivable"] == 3 * PRICE


def test_once_a_household_is_being_paid_it_bears_nothing(world):
    payday = Payday(world)
    payday.propose()
    with world.transaction() as session:
        order = session.scalars(select(Order).order_by(Order.id)).first()
        line = order.lines[0].id
        with pytest.raises(Conflict, match="已经在付"):
            record_return(session, payday.operator, order, {line: 1}, "farm", "坏了")
    with world.transaction() as session:
        order = session.scalars(select(Order).order_by(Order.id)).first()
        record_return(session, payday.operator, order, {line: 1}, "goodwill", "坏了")
    payday.approve(1)
    payday.stand()


def test_less_is_paid_out_when_a_farm_bore_it_before_the_run(world):
    payday = Payday(world)
    with world.transaction() as session:
        order = session.scalars(select(Order).order_by(Order.id)).first()
        line = order.lines[0].id
        record_return(session, payday.operator, order, {line: 2}, "farm", "烂了两份")
    assert payday.run(payday.propose()).fen == 18 * FARMGATE


def test_the_operator_returns_by_line_and_the_buyer_sees_it(world):
    collecting = Collecting(world)
    for step in (set_out, accept_rest):
        collecting.step(step)
    with world.transaction() as session:
        order = session.scalars(select(Order).order_by(Order.id)).first()
        number = order.number
        first, *others = parts_left(session, order)
        line, owner = f"{first.line.id}-{first.lot.id}", first.lot.household_id
    assert others, "two households, and one is chosen"
    desk = world.sign_in(world.operator())
    here = f"/desk/orders/{number}"
    assert "退货退款" in desk.get(here).text
    given = {f"packs-{line}": "2份", "fault": "transport", "words": "箱子压坏了"}
    for change in (
        {f"packs-{line}": "很多"},
        {f"packs-{line}": "99"},
        {"words": ""},
        {"fault": ""},
    ):
        refused = desk.post(f"{here}/return", data=given | change)
        assert refused.status_code == 422, change
        assert (given | change)[f"packs-{line}"] in refused.text
    assert desk.post(f"{here}/return", data=given).status_code == 302
    with world.transaction() as session:
        (row,) = session.scalars(select(GoodsReturn)).all()
        assert row.lot.household_id == owner
    page = desk.get(here).text
    assert "箱子压坏了" in page
    assert "没有收、退了 2 份" in page
    buyer = world.sign_in(collecting.buyers[0])
    mine = buyer.get(f"/shop/orders/{number}").text
    assert "退了、没有收 2 份（箱子压坏了）" in mine
