"""The operator's day begins with what waits for him from delivery."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from marketplace.core.clock import now
from marketplace.fulfilment.delivering import set_out
from marketplace.fulfilment.recalling import recall
from marketplace.orders.claim_models import Claim
from marketplace.orders.collecting import record_collected
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.returning import record_given_back, record_return
from marketplace.orders.round_models import RoundPickup
from marketplace.reporting.desk import waiting_on_desk
from tests.fulfilment.arriving import COLLEAGUE, PRICE, Arriving
from tests.fulfilment.test_held_ordering import Desk


@pytest.fixture
def made(world):
    return Arriving(world, gone=False)


def _tasks(world):
    with world.app.test_request_context(), world.transaction() as session:
        return {task.text: (task.badge, task.href) for task in waiting_on_desk(session)}


def test_nothing_waits_before_anything_has_set_out(world, made):
    assert _tasks(world) == {}


def test_each_thing_that_waits_is_counted_and_leads_to_its_list(world, made, statements):
    made.step(set_out)
    assert _tasks(world) == {}
    desk = Desk(world)
    desk.hold("lot", made.lots[1].code)
    with world.transaction() as session:
        recall(session, desk.actor, made.lots[0].id, "food_safety", "")
        session.execute(
            update(RoundPickup).values(
                from_at=now() - timedelta(hours=1), until_at=now() - timedelta(minutes=1)
            )
        )
    waits = _tasks(world)
    late = f"/desk/deliveries/round/{made.round.id}"
    assert waits["过了时间没有验收"] == ("2 个订单", late)
    assert waits["召回的货还在路上"][1] == "/desk/recalls"
    assert waits["停着的货还在路上"][1] == "/desk/holds"
    browser = world.sign_in(desk.user)
    page = browser.get("/board").text
    for text, (badge, href) in waits.items():
        assert text in page
        assert badge in page
        assert f'href="{href}"' in page
        assert browser.get(href).status_code == 200
    assert statements(lambda: browser.get("/board")) <= 12
    assert "个订单" in browser.get("/desk/recalls").text


def test_a_claim_waits_until_it_is_decided(world, made):
    made.step(set_out)
    made.accept(which=COLLEAGUE)
    with world.transaction() as session:
        order = made.order(session, COLLEAGUE)
        line = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).one()
        session.add(
            Claim(
                number="C1", order_line_id=line.id, lot_id=made.lots[0].id, packs=1,
                reason="rotten", at=now(), by_id=made.staff.id,
            )
        )  # fmt: skip
    assert _tasks(world) == {"退货申请等您定": ("1 件", "/desk/claims")}
    with world.transaction() as session:
        session.execute(
            update(Claim).values(state="refused", decided_at=now(), decided_by_id=made.operator.id)
        )
    assert _tasks(world) == {}


def test_money_that_somebody_has_to_hand_back_is_not_forgotten(world, made):
    made.step(set_out)
    made.accept(which=COLLEAGUE)
    with world.transaction() as session:
        order = made.order(session, COLLEAGUE)
        record_collected(session, made.actor, order, "pickup", 8 * PRICE)
        record_return(session, made.actor, order, {order.lines[0].id: 2}, "goodwill", "压坏了")
    words = "1 张订单多收了，要退 ¥24.60"
    assert _tasks(world) == {words: ("1 个订单", "/desk/orders?money=over")}
    desk = world.sign_in(made.operator)
    assert words in desk.get("/board").text
    assert made.numbers[COLLEAGUE] in desk.get("/desk/orders?money=over").text
    assert made.numbers[COLLEAGUE] not in desk.get("/desk/orders?money=returning").text
    with world.transaction() as session:
        session.execute(update(Order).values(collected_how="alipay"))
    assert _tasks(world) == {}, "it goes back by itself"
    assert made.numbers[COLLEAGUE] in desk.get("/desk/orders?money=returning").text
    with world.transaction() as session:
        session.execute(update(Order).values(collected_how="pickup"))
    with world.transaction() as session:
        order = made.order(session, COLLEAGUE)
        record_given_back(session, made.actor, order, 2 * PRICE, 6 * PRICE)
    assert _tasks(world) == {}
