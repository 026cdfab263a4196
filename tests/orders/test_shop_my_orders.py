"""A buyer's own orders: his alone, changed and cancelled in time, goods and money told apart."""

import contextvars
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_models import Listing
from marketplace.orders.rounds import close_round, get_round
from tests.support.pages import form_on


@pytest.fixture
def staff(world):
    return world.user("staff", unit=world.unit())


@pytest.fixture
def ordered(world, staff):
    """A round, its listing, and the address of an order of four packs."""
    in_round, listing = world.shop(packs=10)
    number = world.order(staff, in_round, {listing.id: 4}, pay_how="pickup")
    return in_round, listing, f"/shop/orders/{number}"


def _listing(world, listing):
    with world.transaction() as session:
        return session.get_one(Listing, listing.id)


def _close(world, in_round):
    operator = world.actor(world.operator())
    with world.transaction() as session:
        close_round(session, operator, get_round(session, in_round.id))


def _change(client, address, **fields):
    page = client.get(f"{address}/change").get_data(as_text=True)
    return client.post(f"{address}/change", data=form_on(page, f"{address}/change") | fields)


def test_nobody_sees_or_touches_the_order_of_another(world, ordered):
    _, listing, address = ordered
    other = world.sign_in(world.user("staff", unit=world.unit()))
    for path in (address, f"{address}/change"):
        assert other.get(path).status_code == 404
    packs = {f"packs-{listing.id}": "1", "version": "1"}
    assert other.post(f"{address}/change", data=packs).status_code == 404
    assert other.post(f"{address}/cancel").status_code == 404
    assert address not in other.get("/shop/mine").get_data(as_text=True)
    assert _listing(world, listing).reserved_packs == 4


def test_roles_without_own_orders_are_refused(world, ordered):
    assert world.sign_in(world.operator()).get(ordered[2]).status_code == 403


def test_the_buyer_finds_it_under_mine_with_goods_and_money_apart(world, staff, ordered):
    page = world.sign_in(staff).get("/shop/mine").get_data(as_text=True)
    for said in (ordered[2], "已订好", "还没付 49.20 元"):
        assert said in page, said


def test_packs_can_be_changed_before_closing(world, staff, ordered):
    _, listing, address = ordered
    client = world.sign_in(staff)
    assert _change(client, address, **{f"packs-{listing.id}": "7"}).status_code == 303
    assert "86.10" in client.get(address).get_data(as_text=True)
    assert _listing(world, listing).reserved_packs == 7


@pytest.mark.parametrize("packs", ["-1", "1e309", "NaN", "0.001", "", "11", "0"])
def test_a_change_that_cannot_be_keeps_the_order_as_it_was(world, staff, ordered, packs):
    _, listing, address = ordered
    client = world.sign_in(staff)
    refused = _change(client, address, **{f"packs-{listing.id}": packs})
    assert refused.status_code in {409, 422}
    page = refused.get_data(as_text=True)
    assert "还没改成" in page
    assert form_on(page, f"{address}/change")[f"packs-{listing.id}"] == packs
    if not packs.isdecimal():
        assert page.count("份数要") == 2, (
            "in the summary with the product's name, and beside the line"
        )
    assert _listing(world, listing).reserved_packs == 4


def test_a_change_cannot_bring_in_another_product(world, staff, ordered):
    _, other = world.shop(packs=5)
    client = world.sign_in(staff)
    assert _change(client, ordered[2], **{f"packs-{other.id}": "1"}).status_code == 422
    assert _listing(world, other).reserved_packs == 0


def test_an_old_page_cannot_change_what_was_changed_since(world, staff, ordered):
    _, listing, address = ordered
    client = world.sign_in(staff)
    old = form_on(client.get(f"{address}/change").get_data(as_text=True), f"{address}/change")
    _change(client, address, **{f"packs-{listing.id}": "5"})
    answer = client.post(f"{address}/change", data=old | {f"packs-{listing.id}": "9"})
    assert answer.status_code == 409
    assert _listing(world, listing).reserved_packs == 5


def test_changes_and_a_cancellation_at_once_never_give_back_twice(app, world, staff, ordered):
    _, listing, address = ordered
    client = world.sign_in(staff)
    form = form_on(client.get(f"{address}/change").get_data(as_text=True), f"{address}/change")

    def act(number):
        mine = world.sign_in(staff, app.test_client())
        if number == 3:
            return mine.post(f"{address}/cancel").status_code
        return mine.post(
            f"{address}/change", data=form | {f"packs-{listing.id}": str(5 + number)}
        ).status_code

    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(lambda n: contextvars.Context().run(act, n), range(6)))
    assert set(codes) <= {303, 409}
    with world.transaction() as session:
        order = session.scalars(select(Order)).one()
        held = sum(line.packs for line in order.lines) if order.state == "confirmed" else 0
        assert session.get_one(Listing, listing.id).reserved_packs == held


def test_cancelling_gives_back_once_and_the_row_stays(world, staff, ordered):
    _, listing, address = ordered
    client = world.sign_in(staff)
    assert client.post(f"{address}/cancel").status_code == 303
    assert "已取消" in client.get(address).get_data(as_text=True)
    assert _listing(world, listing).reserved_packs == 0
    assert client.post(f"{address}/cancel").status_code == 409
    assert client.get(f"{address}/change").status_code == 302
    assert _listing(world, listing).reserved_packs == 0


def test_a_cancelled_order_whose_money_is_here_says_so(world, staff, ordered):
    client = world.sign_in(staff)
    with world.transaction() as session:
        session.execute(update(Order).values(collected_fen=4920))
    assert "已付清 49.20 元" in client.get(ordered[2]).get_data(as_text=True)
    client.post(f"{ordered[2]}/cancel")
    page = client.get(ordered[2]).get_data(as_text=True)
    assert "要退 49.20 元" in page
    assert "已付清" not in page


def test_after_closing_the_order_says_what_to_do_instead(world, staff, ordered):
    in_round, listing, address = ordered
    _close(world, in_round)
    client = world.sign_in(staff)
    page = client.get(address).get_data(as_text=True)
    assert "已截单" in page
    assert "请打服务电话" in page
    assert "/cancel" not in page
    assert client.get(f"{address}/change").headers["Location"].endswith(address)
    assert client.post(f"{address}/cancel").status_code == 409
    packs = {f"packs-{listing.id}": "1", "version": "1"}
    assert client.post(f"{address}/change", data=packs).status_code == 409
    assert _listing(world, listing).reserved_packs == 4


def test_the_list_says_which_order_was_cut(world, staff, ordered):
    in_round = ordered[0]
    client = world.sign_in(staff)
    _close(world, in_round)
    assert "货不够" not in client.get("/shop/mine").get_data(as_text=True)
    with world.transaction() as session:
        session.execute(update(Order).values(state="allocated"))
        session.execute(update(OrderLine).values(allocated_packs=1, cut_packs=3))
    assert "货不够，少 3 份" in client.get("/shop/mine").get_data(as_text=True)


def test_mine_is_for_the_signed_in_and_leads_to_the_account(world, client, staff):
    assert client.get("/shop/mine").headers["Location"].startswith("/sign-in")
    page = world.sign_in(staff).get("/shop/mine").get_data(as_text=True)
    assert "还没有订单" in page
    assert "/me/security" in page
    assert "/sign-out" in page
    assert "您的账号不用来个人下单" in world.sign_in(world.user("cadre")).get(
        "/shop/mine"
    ).get_data(as_text=True)
