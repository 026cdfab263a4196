"""From basket to order over HTTP: once, for the price that was shown, or not at all."""

import contextvars
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from marketplace.core.clock import use_clock
from marketplace.identity.models import User
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_models import Listing
from marketplace.orders.rounds import close_round, get_round
from tests.support.app import dispose, make_app, settings_for
from tests.support.pages import form_on


@pytest.fixture
def staff(world):
    return world.user("staff", unit=world.unit("清源一中"))


@pytest.fixture
def buyer(world, staff):
    return world.sign_in(staff)


def _put(client, listing, packs=1):
    assert client.post(f"/shop/basket/add/{listing.id}", data={"packs": packs}).status_code == 303


def _form(client, in_round):
    page = client.get(f"/shop/checkout?round={in_round.id}")
    assert page.status_code == 200
    return form_on(page.get_data(as_text=True), "/shop/checkout")


def _submit(client, form, **changes):
    return client.post("/shop/checkout", data=form | changes)


def _orders(world):
    with world.transaction() as session:
        return session.scalar(select(func.count(Order.id)))


def _reserved(world, listing):
    with world.transaction() as session:
        return session.get_one(Listing, listing.id).reserved_packs


def test_an_order_takes_one_form_that_is_already_filled_in(world, buyer, staff):
    in_round, listing = world.shop(packs=10)
    _put(buyer, listing, 2)
    form = _form(buyer, in_round)
    assert form["contact_name"] == staff.display_name
    assert form["pay_how"] == "unit"
    answer = _submit(buyer, form)
    assert answer.status_code == 303
    page = buyer.get(answer.headers["Location"]).get_data(as_text=True)
    for said in ("已订好", "取货", "县城南街", "还没付 24.60 元", "由您单位统一收齐"):
        assert said in page, said
    assert "购物篮是空的" in buyer.get("/shop/basket").get_data(as_text=True)


def test_the_price_is_the_same_in_list_basket_checkout_order_and_database(world, buyer):
    in_round, listing = world.shop(packs=10)
    assert "12.30" in buyer.get("/shop/goods").get_data(as_text=True)
    _put(buyer, listing, 3)
    assert "36.90" in buyer.get("/shop/basket").get_data(as_text=True)
    form = _form(buyer, in_round)
    assert form["shown"] == "3690"
    order = buyer.get(_submit(buyer, form).headers["Location"]).get_data(as_text=True)
    assert "36.90" in order
    with world.transaction() as session:
        assert session.scalars(select(Order.total_fen)).one() == 3690


def test_a_price_that_changed_meanwhile_is_shown_before_it_is_charged(world, buyer):
    in_round, listing = world.shop(packs=10)
    _put(buyer, listing)
    form = _form(buyer, in_round)
    with world.transaction() as session:
        session.execute(
            update(Listing).values(
                price_fen=Listing.price_fen + 100, service_fen=Listing.service_fen + 100
            )
        )
    refused = _submit(buyer, form)
    assert refused.status_code == 409
    page = refused.get_data(as_text=True)
    assert "价格刚刚变了" in page
    assert _orders(world) == 0
    assert _submit(buyer, form_on(page, "/shop/checkout")).status_code == 303
    with world.transaction() as session:
        assert session.scalars(select(Order.total_fen)).one() == 1330


def test_added_form_fields_change_nothing(world, buyer):
    in_round, listing = world.shop(packs=10)
    _put(buyer, listing)
    extra = {
        "price_fen": "1", "total_fen": "1", "state": "closed", "collected_fen": "999999",
        "buyer_id": "1", "channel": "canteen", "organisation_id": "1", "role": "operator",
    }  # fmt: skip
    assert _submit(buyer, _form(buyer, in_round), **extra).status_code == 303
    with world.transaction() as session:
        order = session.scalars(select(Order)).one()
        assert (order.total_fen, order.collected_fen) == (1230, 0)
        assert (order.state, order.channel) == ("confirmed", "shop")


@pytest.mark.parametrize("packs", ["-1", "0", "1e309", "NaN", "0.001", "", "9" * 5000])
def test_packs_that_are_no_number_make_no_order(world, buyer, packs):
    in_round, listing = world.shop(packs=10)
    _put(buyer, listing)
    form = _form(buyer, in_round)
    refused = _submit(buyer, form, **{f"packs-{listing.id}": packs})
    assert refused.status_code == 422
    assert (_orders(world), _reserved(world, listing)) == (0, 0)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("contact_phone", "12", "手机号"),
        ("contact_phone", "", "请填电话"),
        ("contact_name", " ", "请填取货人姓名"),
        ("contact_name", "长" * 200, "最多写 30 个字"),
        ("pickup_point_id", "999999", "请选这一期的提货点"),
        ("pickup_point_id", "<script>", "请选这一期的提货点"),
        ("pay_how", "free", "请选怎么付款"),
        ("key", "", "提交编号不对"),
        ("round_id", "9" * 40, "请选这一期的提货点"),
    ],
)
def test_a_bad_field_is_named_and_nothing_typed_is_lost(world, buyer, field, value, said):
    in_round, listing = world.shop(packs=10)
    _put(buyer, listing)
    form = _form(buyer, in_round) | {"contact_name": "周小满"} | {field: value}
    refused = _submit(buyer, form)
    page = refused.get_data(as_text=True)
    assert refused.status_code == 422
    assert said in page
    if field != "contact_name":
        assert form_on(page, "/shop/checkout")["contact_name"] == "周小满"
    assert _orders(world) == 0


def test_a_buyer_without_a_unit_pays_at_pickup(world, staff):
    in_round, listing = world.shop(packs=10)
    with world.transaction() as session:
        session.execute(update(User).where(User.id == staff.id).values(organisation_id=None))
    client = world.sign_in(staff)
    _put(client, listing)
    form = _form(client, in_round)
    assert form["pay_how"] == "pickup"
    assert _submit(client, form, pay_how="unit").status_code == 422
    assert _submit(client, form).status_code == 303


def test_sold_out_between_basket_and_checkout_names_the_line_and_one_tap_mends_it(world, buyer):
    in_round, listing = world.shop(packs=5)
    _put(buyer, listing, 4)
    form = _form(buyer, in_round)
    world.order(world.user("staff", unit=world.unit()), in_round, {listing.id: 3})
    refused = _submit(buyer, form, contact_name="周小满")
    page = refused.get_data(as_text=True)
    assert refused.status_code == 409
    assert "您要 4 份，还剩 2 份" in page
    assert "改成剩下的" in page
    assert (_orders(world), _reserved(world, listing)) == (1, 3)
    mended = buyer.post("/shop/checkout", data=form_on(page, "/shop/checkout") | {"fit": "1"})
    again = form_on(mended.get_data(as_text=True), "/shop/checkout")
    assert (again[f"packs-{listing.id}"], again["contact_name"]) == ("2", "周小满")
    assert _orders(world) == 1
    assert _submit(buyer, again).status_code == 303
    assert _reserved(world, listing) == 5


def test_wholly_sold_out_goes_back_to_the_basket_where_the_line_stays(world, buyer):
    in_round, listing = world.shop(packs=2)
    _put(buyer, listing, 2)
    form = _form(buyer, in_round)
    world.order(world.user("staff", unit=world.unit()), in_round, {listing.id: 2})
    assert _submit(buyer, form).status_code == 409
    mended = buyer.post("/shop/checkout", data=form | {"fit": "1"})
    assert mended.headers["Location"] == "/shop/basket"
    assert listing.title in buyer.get("/shop/basket").get_data(as_text=True)


def test_a_round_that_closed_meanwhile_takes_nothing_and_keeps_the_basket(world, buyer):
    in_round, listing = world.shop(packs=5)
    _put(buyer, listing)
    form = _form(buyer, in_round)
    operator = world.actor(world.operator())
    with world.transaction() as session:
        close_round(session, operator, get_round(session, in_round.id))
    refused = _submit(buyer, form)
    assert refused.status_code == 409
    assert "已经截单" in refused.get_data(as_text=True)
    assert _orders(world) == 0
    assert "这一期已截单" in buyer.get("/shop/basket").get_data(as_text=True)


def test_a_round_whose_time_is_over_takes_nothing_even_before_the_job_closes_it(
    world, buyer, staff
):
    in_round, listing = world.shop(packs=5)
    _put(buyer, listing)
    form = _form(buyer, in_round)
    late = in_round.closes_at + timedelta(seconds=1)
    with use_clock(lambda: late):
        refused = _submit(world.sign_in(staff), form)
    assert refused.status_code == 409
    assert _orders(world) == 0


def test_a_product_of_another_round_is_refused(world, buyer):
    in_round, listing = world.shop(packs=5)
    _, foreign = world.shop(packs=5)
    _put(buyer, listing)
    refused = _submit(buyer, _form(buyer, in_round), **{f"packs-{foreign.id}": "1"})
    assert refused.status_code == 422
    assert "已不在这一期" in refused.get_data(as_text=True)
    assert _orders(world) == 0


def test_two_rounds_in_one_basket_are_two_orders(world, buyer):
    first, one = world.shop(packs=5)
    second, two = world.shop(packs=5)
    _put(buyer, one)
    _put(buyer, two)
    assert _submit(buyer, _form(buyer, first)).status_code == 303
    page = buyer.get("/shop/basket").get_data(as_text=True)
    assert two.title in page
    assert one.title not in page
    assert _submit(buyer, _form(buyer, second)).status_code == 303
    assert _orders(world) == 2


def test_the_same_key_again_is_the_same_order_also_after_a_restart(app, world, staff, buyer):
    in_round, listing = world.shop(packs=10)
    _put(buyer, listing, 2)
    form = _form(buyer, in_round)
    first = _submit(buyer, form).headers["Location"]
    assert _submit(buyer, form).headers["Location"] == first
    settings = app.extensions["settings"]
    url = settings.database_url
    restarted = make_app(settings_for(url, settings.folder, data_keys=settings.data_keys))
    restarted.config["WTF_CSRF_ENABLED"] = False
    try:
        again = world.sign_in(staff, restarted.test_client())
        assert _submit(again, form).headers["Location"] == first
    finally:
        dispose(restarted)
    assert (_orders(world), _reserved(world, listing)) == (1, 2)


def test_a_changed_body_under_a_used_key_is_refused_and_may_be_sent_as_a_new_order(world, buyer):
    in_round, listing = world.shop(packs=10)
    _put(buyer, listing, 2)
    form = _form(buyer, in_round)
    _submit(buyer, form)
    refused = _submit(buyer, form, **{f"packs-{listing.id}": "3"})
    assert refused.status_code == 422
    assert _orders(world) == 1
    fresh = form_on(refused.get_data(as_text=True), "/shop/checkout")
    assert fresh["key"] != form["key"]
    assert _submit(buyer, fresh).status_code == 303
    assert _orders(world) == 2


def test_eight_taps_at_once_are_one_order(app, world, staff):
    in_round, listing = world.shop(packs=10)
    client = world.sign_in(staff)
    _put(client, listing, 2)
    form = _form(client, in_round)

    def tap(_):
        return contextvars.Context().run(
            lambda: _submit(world.sign_in(staff, app.test_client()), form)
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(tap, range(8)))
    assert {answer.status_code for answer in answers} <= {303, 409}
    assert len({a.headers["Location"] for a in answers if a.status_code == 303}) == 1
    assert (_orders(world), _reserved(world, listing)) == (1, 2)
    with world.transaction() as session:
        assert session.scalar(select(func.count(OrderLine.id))) == 1


def test_going_back_after_ordering_finds_the_order_and_never_the_goods_of_another_round(
    world, buyer
):
    in_round, listing = world.shop(packs=10)
    other, more = world.shop(packs=10)
    _put(buyer, listing)
    _put(buyer, more)
    order = _submit(buyer, _form(buyer, in_round)).headers["Location"]
    back = buyer.get(f"/shop/checkout?round={in_round.id}").get_data(as_text=True)
    assert "这一期的货已经下单了" in back
    assert f'href="{order}"' in back
    assert 'href="/shop/basket"' in back
    assert "提交订单" not in back
    assert more.title not in back
    assert _submit(buyer, _form(buyer, other)).status_code == 303
    empty = buyer.get("/shop/checkout", follow_redirects=True).get_data(as_text=True)
    assert "刚下的订单在“我的”里" in empty
    never = buyer.get("/shop/checkout?round=987654").get_data(as_text=True)
    assert "购物篮里没有这一期的货" in never
    assert _orders(world) == 2


def test_nobody_orders_without_the_token_of_the_form(app, world, buyer):
    in_round, listing = world.shop(packs=10)
    _put(buyer, listing)
    form = _form(buyer, in_round)
    app.config["WTF_CSRF_ENABLED"] = True
    assert _submit(buyer, form).status_code == 400
    assert buyer.post(f"/shop/basket/add/{listing.id}").status_code == 400
    assert _orders(world) == 0
