"""A buyer leaves after closing: waiting buyers first, and a sheet shrinks only when nobody takes them."""

import pytest
from sqlalchemy import func, select

from marketplace.core.errors import Conflict, InvalidInput
from marketplace.fulfilment.cancelling import cancel_order_of
from marketplace.fulfilment.delivering import set_out
from marketplace.fulfilment.models import PreparationSheet
from marketplace.identity.actor import SYSTEM
from marketplace.notices.models import Notice
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_allocation import allocate_round, undo_allocation
from marketplace.orders.rounds import get_round
from tests.fulfilment.collecting import Collecting
from tests.support.meanwhile import meanwhile


def orders_of(made):
    return made.read(select(Order).order_by(Order.id))


def cancel(made, index, reason="单位停课"):
    operator = made.world.actor(made.world.operator())
    with made.world.transaction() as session:
        order = session.scalars(select(Order).order_by(Order.id)).all()[index]
        return cancel_order_of(session, operator, order, reason)


def lines(made):
    return [
        (line.allocated_packs, line.cut_packs)
        for line in made.read(select(OrderLine).order_by(OrderLine.order_id))
    ]


def test_packs_go_to_a_buyer_who_went_short(world):
    made = Collecting(world, ordered=(12, 8), supplies=(12, 8))
    made.less(1, 2)
    (short,) = [i for i, (_, cut) in enumerate(lines(made)) if cut]
    missing = lines(made)[short][1]
    left = cancel(made, 1 - short)
    assert left.taken_over == missing
    assert lines(made)[short][1] == 0
    assert lines(made)[1 - short] == (None, None)
    assert made.balanced()
    told = made.read(select(Notice).where(Notice.kind == "order_more"))
    assert [one.to_user_id for one in told] == [made.buyers[short].id]


def test_what_nobody_takes_shrinks_the_sheets(world):
    made = Collecting(world, ordered=(12, 8), supplies=(12, 8))
    before = sum(sheet.amount_fen for sheet in made.sheets())
    left = cancel(made, 0)
    assert left.taken_over == 0
    assert left.sheets >= 1
    assert sum(sheet.amount_fen for sheet in made.sheets()) == before * 8 // 20
    assert made.balanced()


def test_before_sheets_are_out_it_works_the_same(world):
    made = Collecting(world, ordered=(12, 8), supplies=(12, 8), issue=False)
    cancel(made, 0)
    assert made.read(select(func.count()).select_from(PreparationSheet)) == [0]
    assert lines(made)[1] == (8, 0)
    assert made.balanced()


def test_without_a_reason_or_on_its_way_nothing_is_cancelled(world):
    made = Collecting(world)
    with pytest.raises(InvalidInput):
        cancel(made, 0, " ")
    made.step(set_out)
    with pytest.raises(Conflict):
        cancel(made, 0)
    with pytest.raises(Conflict):
        cancel(made, 0)
    assert made.balanced()


def test_the_only_buyer_leaves_and_all_goes_back(world):
    made = Collecting(world, ordered=(12,), supplies=(12,))
    left = cancel(made, 0)
    assert (left.taken_over, left.sheets) == (0, 1)
    assert [sheet.amount_fen for sheet in made.sheets()] == [0]
    assert made.balanced()


def test_who_cancels_while_packs_are_shared_out_waits_and_shares_them_anew(world):
    made = Collecting(world, ordered=(12, 8), supplies=(12, 8), issue=False)
    made.step(undo_allocation)
    operator = world.actor(world.operator())

    def leaves(session):
        order = session.scalars(select(Order).order_by(Order.id)).first()
        cancel_order_of(session, operator, order, "单位停课")

    meanwhile(
        world,
        lambda session: allocate_round(session, SYSTEM, get_round(session, made.round.id)),
        leaves,
    )
    assert lines(made)[0] == (None, None)
    assert made.balanced()


def test_the_last_buyer_of_a_listing_can_leave(world):
    made = Collecting(world, ordered=(12, 8), supplies=(12, 8))
    cancel(made, 0)
    cancel(made, 1)
    assert lines(made) == [(None, None), (None, None)]
    assert sum(sheet.amount_fen for sheet in made.sheets()) == 0
    assert made.balanced()


def test_a_cancelled_order_is_not_said_to_be_refilled(world):
    made = Collecting(world, ordered=(12, 8), supplies=(12, 8))
    made.less(1, 2)
    (short,) = [i for i, (_, cut) in enumerate(lines(made)) if cut]
    cancel(made, short)
    number = orders_of(made)[short].number
    page = world.sign_in(world.operator()).get(f"/desk/orders/{number}").text
    assert "货不够，减" in page
    assert "补回" not in page
    assert "还没分" not in page
    assert "</s> 0.00" in page
    assert lines(made)[short] == (None, None), "nothing was given to it"
    mine = world.sign_in(made.buyers[short]).get(f"/shop/orders/{number}").text
    assert "¥0.00" in mine
    assert "不用付了" in mine
    paper = world.sign_in(world.operator()).get(f"/desk/orders/{number}/paper").text
    assert "这张订单没有要付钱的货" in paper
