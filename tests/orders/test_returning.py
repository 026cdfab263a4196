"""After delivery: by line and quantity, to the buyer's source, exactly what those packs had posted."""

import pytest
from sqlalchemy import select

from marketplace.core.errors import Conflict, InvalidInput
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.notices.models import Notice
from marketplace.orders.collecting import due_fen
from marketplace.orders.money_steps import money_steps
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


def _told(world, kind):
    with world.transaction() as session:
        found = session.scalars(select(Notice).where(Notice.kind == kind)).all()
        return [(one.to_user_id, one.title, one.body) for one in found]


def test_what_came_in_and_what_was_handed_back_both_stay_to_be_read(sold):
    world, number = sold.world, sold.first.number
    _returns(sold, sold.first, 4, "farm")
    desk = world.sign_in(world.operator())
    assert (
        desk.post(f"/desk/orders/{number}/handed_back", data={"back": "49.20"}).status_code == 302
    )
    with world.transaction() as session:
        order = session.get_one(Order, sold.first.id)
        steps = money_steps(session, order)
        assert [(step.words, step.way, step.fen) for step in steps] == [
            ("收", "取货时付", 12 * PRICE),
            ("退", "取货时付", -4 * PRICE),
        ]
        assert sum(step.fen for step in steps) == order.collected_fen
    buyer = world.sign_in(sold.collecting.buyers[0])
    for page in (desk.get(f"/desk/orders/{number}").text, buyer.get(f"/shop/orders/{number}").text):
        assert "147.60" in page
        assert "-49.20" in page
    ((to, title, body),) = _told(world, "order_given_back")
    assert to == sold.collecting.buyers[0].id
    assert "退了 49.20 元" in title
    assert "取货时付" in body
    sold.undo(sold.first)
    with world.transaction() as session:
        steps = money_steps(session, session.get_one(Order, sold.first.id))
    assert [step.words for step in steps][2:] == ["撤销收款记录", "撤销退款记录"]
    assert sum(step.fen for step in steps) == 0


def test_a_buyer_hears_what_the_desk_took_off_and_how_his_money_comes_back(sold):
    world = sold.world
    desk = world.sign_in(world.operator())
    for order, index in ((sold.first, 0), (sold.second, 1)):
        with world.transaction() as session:
            part = parts_left(session, session.get_one(Order, order.id))[0]
        field = f"packs-{part.line.id}-{part.lot.id}"
        given = {field: "2", "fault": "goodwill", "words": "压坏了"}
        assert desk.post(f"/desk/orders/{order.number}/return", data=given).status_code == 302
        to, title, body = _told(world, "order_returned")[index]
        assert to == sold.collecting.buyers[index].id
        assert f"订单 {order.number} 退了 2 份，少付 24.60 元" == title
        left = (
            "要退您 24.60 元：取货时付的，由平台和提货点当面退给您"
            if index == 0
            else "还要付 73.80 元"
        )
        assert body.startswith(f"压坏了。{left}")
    mine = world.sign_in(sold.collecting.buyers[0]).get(f"/shop/orders/{sold.first.number}").text
    assert "取货时付的，由平台和提货点当面退给您" in mine
    assert "原路" not in mine
    claim = world.sign_in(sold.collecting.buyers[0]).get(f"/shop/orders/{sold.first.number}/claim")
    assert "原路" not in claim.text


def test_the_lines_of_an_order_add_up_to_its_sum_after_a_return(sold):
    _returns(sold, sold.first, 4, "farm")
    number = sold.first.number
    mine = sold.world.sign_in(sold.collecting.buyers[0]).get(f"/shop/orders/{number}").text
    assert '<s class="muted num">¥147.60</s><b class="num">¥98.40</b>' in mine
    assert "实际合计" in mine
    assert "现在应付" not in mine
    assert "<b>60.00</b>" in mine, "what the farm gets of eight packs"
    _returns(sold, sold.first, 8, "farm")
    whole = sold.world.sign_in(sold.collecting.buyers[0]).get(f"/shop/orders/{number}").text
    assert '<b class="num">¥0.00</b>' in whole
    assert "要退 147.60 元" in whole
