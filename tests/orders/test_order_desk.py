"""The operator's orders: found, paid once and whole, cancelled with a reason, history kept."""

import pytest
from sqlalchemy import func, select

from marketplace.core.errors import Conflict, InvalidInput
from marketplace.identity.audit import AuditRow
from marketplace.identity.permissions import ORDER_MANAGE, ORDER_OWN
from marketplace.orders.collecting import record_collected
from marketplace.orders.endings import cancel_by_operator
from marketplace.orders.order_desk import order_for_desk
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.ordering import change_order, get_order
from marketplace.orders.round_models import Listing
from marketplace.orders.rounds import close_round, get_round

BUDGET = 8


@pytest.fixture
def staff(world):
    return world.user("staff", unit=world.unit("清源县一中"))


@pytest.fixture
def operator(world):
    return world.operator()


@pytest.fixture
def desk(world, operator):
    return world.sign_in(operator)


def _order(world, number):
    with world.transaction() as session:
        return session.scalars(select(Order).where(Order.number == number)).one()


def _collect(world, operator, number, how, fen):
    actor = world.actor(operator)
    with world.transaction() as session:
        order = order_for_desk(session, actor.scope_for(ORDER_MANAGE), number)
        return record_collected(session, actor, order, how, fen)


def test_money_is_noted_once_and_whole(world, staff, operator):
    in_round, listing = world.shop()
    number = world.order(staff, in_round, {listing.id: 2})
    for wrong in (1, 2459, 2461):
        with pytest.raises(InvalidInput, match=r"应收 24\.60 元，要一次收齐") as refused:
            _collect(world, operator, number, "unit", wrong)
        assert refused.value.code == "partial"
    assert _collect(world, operator, number, "unit", 2460)
    assert not _collect(world, operator, number, "unit", 2460)  # a second press
    order = _order(world, number)
    assert (order.collected_fen, order.collected_how, order.collected_by_id) == (
        2460,
        "unit",
        operator.id,
    )
    with world.transaction() as session:
        noted = select(func.count()).where(AuditRow.action == "order_collected")
        assert session.scalar(noted) == 1


def test_an_order_changed_after_it_was_paid_says_what_is_open_or_too_much(
    world, staff, operator, desk
):
    in_round, listing = world.shop()
    number = world.order(staff, in_round, {listing.id: 2})
    _collect(world, operator, number, "unit", 2460)
    buyer = world.actor(staff)

    def change(packs, version):
        with world.transaction() as session:
            order = get_order(session, buyer.scope_for(ORDER_OWN), number)
            change_order(session, buyer, order, {listing.id: packs}, version)

    change(3, 1)
    assert 'value="12.30"' in desk.get(f"/desk/orders/{number}").text
    assert _collect(world, operator, number, "unit", 1230)
    change(1, 2)
    page = desk.get(f"/desk/orders/{number}").text
    assert "多出的 24.60 元要退给买家" in page
    assert f"{listing.title}（5 斤装） 2 份" in page  # what it held before the change


def test_a_cancelled_order_whose_money_is_here_says_so_and_takes_no_more(
    world, staff, operator, desk
):
    in_round, listing = world.shop()
    number = world.order(staff, in_round, {listing.id: 2})
    _collect(world, operator, number, "pickup", 2460)
    assert desk.post(f"/desk/orders/{number}/cancel", data={"reason": " "}).status_code == 422
    answer = desk.post(
        f"/desk/orders/{number}/cancel", data={"reason": "买家调走了"}, follow_redirects=True
    )
    assert "订单已取消，但钱还在这里" in answer.text
    assert "买家调走了" in answer.text
    with pytest.raises(Conflict, match="已经结束"):
        _collect(world, operator, number, "pickup", 2460)
    listed = desk.get(f"/desk/orders?round={in_round.id}&money=over").text
    assert number in listed
    assert "多收 24.60 元，要退" in listed


def test_the_operator_cancels_once_also_after_closing_and_goods_go_back(world, staff, operator):
    in_round, listing = world.shop(packs=10)
    number = world.order(staff, in_round, {listing.id: 4})
    actor = world.actor(operator)
    with world.transaction() as session:
        close_round(session, actor, get_round(session, in_round.id))

    def cancel():
        with world.transaction() as session:
            order = order_for_desk(session, actor.scope_for(ORDER_MANAGE), number)
            cancel_by_operator(session, actor, order, "买家来电")

    cancel()
    with pytest.raises(Conflict):
        cancel()
    with world.transaction() as session:
        assert session.get_one(Listing, listing.id).reserved_packs == 0  # given back once


def test_what_is_due_follows_what_was_allocated(world, staff, operator):
    in_round, listing = world.shop()
    number = world.order(staff, in_round, {listing.id: 4})
    with world.transaction() as session:
        session.execute(Order.__table__.update().values(state="allocated"))
        session.execute(
            OrderLine.__table__.update().values(allocated_packs=3, cut_packs=1, cut_reason="short")
        )
    assert _collect(world, operator, number, "unit", 3 * 1230)


def test_a_note_made_by_mistake_is_taken_back_with_a_reason(world, staff, operator, desk):
    in_round, listing = world.shop()
    number = world.order(staff, in_round, {listing.id: 1})
    _collect(world, operator, number, "unit", 1230)
    address = f"/desk/orders/{number}/uncollect"
    assert desk.post(address, data={"reason": "because"}).status_code == 422
    assert desk.post(address, data={"reason": "mistaken"}).status_code == 302
    assert desk.post(address, data={"reason": "mistaken"}).status_code == 409
    assert _order(world, number).collected_fen == 0
    assert "撤销收款记录" in desk.get(f"/desk/orders/{number}").text


def test_many_are_noted_at_once_and_one_that_changed_stops_no_other(world, staff, desk):
    in_round, listing = world.shop()
    numbers = [world.order(staff, in_round, {listing.id: packs}) for packs in (1, 2, 3)]
    pick = [f"{numbers[0]}:1230", f"{numbers[1]}:2460", f"{numbers[2]}:1230", "D000000-NONE22:5"]
    answer = desk.post(
        f"/desk/orders/collect?round={in_round.id}",
        data={"pick": pick, "how": "unit"},
        follow_redirects=True,
    )
    assert "记好了 2 个订单的收款" in answer.text
    assert f"{numbers[2]}：这个订单应收 36.90 元" in answer.text
    assert "没有这个订单" in answer.text
    again = desk.post(
        "/desk/orders/collect", data={"pick": pick[:2], "how": "unit"}, follow_redirects=True
    )
    assert "2 个早已记过" in again.text
    for bad in ({"how": "unit"}, {"pick": pick, "how": "x"}, {"pick": ["rubbish"], "how": "unit"}):
        assert desk.post("/desk/orders/collect", data=bad).status_code == 422


def test_orders_are_found_by_round_state_channel_unit_listing_money_and_number(world, desk):
    in_round, listing = world.shop()
    other_round, other = world.shop()
    first, second = world.unit("清源县一中"), world.unit("县医院")
    staff = world.user("staff", unit=first)
    mine = world.order(staff, in_round, {listing.id: 1}, organisation_id=first.id)
    theirs = world.order(staff, other_round, {other.id: 1}, organisation_id=second.id)

    def found(query):
        page = desk.get(f"/desk/orders?{query}").text
        return {number for number in (mine, theirs) if f"/desk/orders/{number}" in page}

    assert found("") == {mine, theirs}
    assert found(f"round={in_round.id}") == {mine}
    assert found(f"unit={second.id}") == {theirs}
    assert found(f"listing={other.id}") == {theirs}
    assert found("state=cancelled") == set()
    assert found("channel=canteen") == set()
    assert found("money=open") == {mine, theirs}
    assert found("money=done") == set()
    assert found(f"q={mine[-6:].lower()}") == {mine}
    assert found("round=x&state=x&channel=x&unit=²&money=x&page=-1") == {mine, theirs}
    assert found("q=%25_%27") == set()


def test_the_contact_is_masked(world, staff, desk):
    in_round, listing = world.shop()
    number = world.order(staff, in_round, {listing.id: 1})
    for address in ("/desk/orders", f"/desk/orders/{number}"):
        page = desk.get(address).text
        assert "周**" in page
        assert "周小满" not in page
        assert "000-0000 0002" not in page


def test_the_desk_reaches_only_its_region_and_only_with_the_right(world, staff):
    in_round, listing = world.shop()
    number = world.order(staff, in_round, {listing.id: 1})
    elsewhere = world.sign_in(world.user("operator", region="990101102000"))
    assert number not in elsewhere.get("/desk/orders").text
    for address in ("", "/collect", "/cancel", "/uncollect"):
        method = elsewhere.post if address else elsewhere.get
        data = {"reason": "x", "amount": "12.30", "how": "unit"}
        assert method(f"/desk/orders/{number}{address}", data=data).status_code == 404
    assert world.sign_in(staff).get("/desk/orders").status_code == 403


def test_the_list_asks_as_often_for_many_orders_as_for_one(world, staff, desk, statements):
    in_round, listing = world.shop()
    number = world.order(staff, in_round, {listing.id: 1})
    address = f"/desk/orders?round={in_round.id}"
    few = statements(lambda: desk.get(address))
    for _ in range(12):
        world.order(staff, in_round, {listing.id: 1})
    assert statements(lambda: desk.get(address)) == few <= BUDGET
    assert statements(lambda: desk.get(f"/desk/orders/{number}")) <= BUDGET + 2
