"""The shop as anybody sees it: home, list, search, filters, one product."""

from datetime import timedelta

import pytest

from marketplace.core.clock import now, today
from marketplace.core.county_settings import set_county_setting
from marketplace.orders.listings import get_listing
from marketplace.orders.lowering import lower_lot
from marketplace.orders.rounds import close_round, get_round


def _text(client, address, status=200):
    answer = client.get(address)
    assert answer.status_code == status, address
    return answer.get_data(as_text=True)


def _order_of(page, *titles):
    places = [page.index(f"{title} · ") for title in titles]
    return [title for _, title in sorted(zip(places, titles, strict=True))]


@pytest.fixture
def market(world):
    """An open round of two towns: 马蹄 sold within two days, 土鸡 and 天堂姜 keep longer."""
    in_round = world.round()
    made = {}
    for name, village, days, fen, category in (
        ("马蹄", "990101101201", 2, 150, "蔬菜"),
        ("土鸡", "990101102201", 40, 900, "肉蛋"),
        ("天堂姜", "990101102201", 60, 300, "蔬菜"),
    ):
        product = world.product(name, reference_fen=fen, category=category)
        lot = world.lot(
            product, 25_000, village=village, available_until=today() + timedelta(days=days)
        )
        made[name] = world.listing(in_round, product, [lot])
    world.open_round(in_round)
    return in_round, made


def test_the_home_page_says_until_when_whom_it_helps_and_what_is_urgent(client, market):
    page = _text(client, "/shop/")
    assert "data-deadline" in page
    assert "2 个乡镇、3 户帮扶户" in page
    assert "2 天内须售" in page
    assert _order_of(page, "马蹄", "土鸡") == ["马蹄", "土鸡"]


def test_the_front_door_leads_a_visitor_to_the_shop(client, market):
    assert client.get("/").headers["Location"].endswith("/shop/")


def test_between_rounds_the_home_page_says_when_the_next_one_opens(world, client):
    product = world.product()
    later = world.round(opens_at=now() + timedelta(days=1), name="腊月专场")
    world.listing(later, product, [world.lot(product, 25_000)])
    assert "现在没有开放的期次" in _text(client, "/shop/")
    world.open_round(later)
    page = _text(client, "/shop/")
    assert "腊月专场" in page
    assert "后开始订" in page
    assert "现在没有开放的期次" in _text(client, "/shop/goods")


def test_two_open_rounds_are_both_announced_and_every_card_says_of_which_it_is(world, client):
    first, one = world.shop()
    assert "期 · " not in _text(client, "/shop/goods")
    second, two = world.shop()
    home = _text(client, "/shop/")
    assert "两期分开下单" in home
    assert "最早截单的一期" in home
    assert "1 种货，等人要" in home
    listed = _text(client, "/shop/goods")
    for page in (home, listed):
        for in_round, listing in ((first, one), (second, two)):
            card = page.partition(f'id="goods-{listing.id}"')[2].partition("</article>")[0]
            assert f"第 {in_round.number} 期 · " in card
    for in_round in (first, second):
        assert f"第 {in_round.number} 期 <time" in listed


def test_a_round_for_canteens_alone_is_not_in_the_shop(world, client):
    product = world.product()
    in_round = world.round(open_to_staff=False)
    listing = world.listing(in_round, product, [world.lot(product, 25_000)])
    world.open_round(in_round)
    assert "现在没有开放的期次" in _text(client, "/shop/")
    assert "这一期只供食堂和团购" in _text(client, f"/shop/goods/{listing.id}")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("马", {"马蹄"}),
        ("马蹄", {"马蹄"}),
        ("蹄马", set()),
        ("mati", {"马蹄"}),
        ("ma ti", {"马蹄"}),
        ("mt", {"马蹄"}),
        ("TTJ", {"天堂姜"}),
        ("tu ji", {"土鸡"}),
        ("云岭镇 姜", {"天堂姜"}),
        ("云岭", {"土鸡", "天堂姜"}),
        ("%", {"马蹄", "土鸡", "天堂姜"}),  # no word at all
        ("a_i", set()),
        ("' OR 1=1 --", set()),
        ("{{7*7}}", set()),
    ],
)
def test_search_finds_characters_pinyin_and_initials_and_nothing_else(client, market, asked, found):
    page = client.get("/shop/goods", query_string={"q": asked}).get_data(as_text=True)
    assert {name for name in market[1] if f"{name} · " in page} == found


def test_filters_narrow_the_list_and_nonsense_in_the_address_narrows_nothing(client, market):
    def shown(**query):
        page = client.get("/shop/goods", query_string=query).get_data(as_text=True)
        return {name for name in market[1] if f"{name} · " in page}

    everything = set(market[1])
    assert shown(category="肉蛋") == {"土鸡"}
    assert shown(town="990101102000") == {"土鸡", "天堂姜"}
    assert shown(urgent="1") == {"马蹄"}
    assert shown(price="20") == {"马蹄", "天堂姜"}
    assert shown(price="20", town="990101102000") == {"天堂姜"}
    assert shown(town="x", price="x", sort="x", page="-1") == everything
    assert shown(town="99' OR '1", page="9" * 30) == everything
    assert shown(town="0" * 12) == everything


def test_the_list_can_be_sorted_by_price(client, market):
    assert _order_of(_text(client, "/shop/goods?sort=cheap"), *market[1])[0] == "马蹄"
    assert _order_of(_text(client, "/shop/goods?sort=dear"), *market[1])[0] == "土鸡"


def test_what_is_sold_out_comes_last_and_cannot_be_put_into_the_basket(world, client, market):
    in_round, made = market
    staff = world.user("staff", unit=world.unit())
    world.order(staff, in_round, {made["马蹄"].id: 10})
    page = _text(client, "/shop/goods")
    assert _order_of(page, *made)[-1] == "马蹄"
    assert f"/shop/basket/add/{made['马蹄'].id}" not in page
    assert f"/shop/basket/add/{made['土鸡'].id}" in page


def test_the_product_page_tells_price_place_pickup_and_what_is_left(client, market):
    page = _text(client, f"/shop/goods/{market[1]['马蹄'].id}")
    for said in ("12.30", "农户得", "7.50", "还剩", "10", "青石镇", "提货点", "收货后约 20 天"):
        assert said in page, said


def test_a_village_with_few_supported_households_is_not_named(world, client, market):
    address = f"/shop/goods/{market[1]['马蹄'].id}"
    assert "三岔村" not in _text(client, address)
    assert "没有找到" in _text(client, "/shop/goods?q=三岔村")
    with world.transaction() as session:
        set_county_setting(session, "public_minimum_households", "1")
    assert "三岔村" in _text(client, address)


def test_sold_out_closed_and_short_products_say_so_and_what_next(world, client, market):
    in_round, made = market
    address = f"/shop/goods/{made['马蹄'].id}"
    staff = world.user("staff", unit=world.unit())
    world.order(staff, in_round, {made["马蹄"].id: 10})
    assert "有人取消就会放出来" in _text(client, address)
    operator = world.actor(world.operator())
    with world.transaction() as session:
        lot = get_listing(session, made["土鸡"].id).commitments[0].lot_id
        lower_lot(session, operator, lot, 25_000, "died")
    assert "已订完" in _text(client, f"/shop/goods/{made['土鸡'].id}")
    with world.transaction() as session:
        close_round(session, operator, get_round(session, in_round.id))
    assert "这一期已截单" in _text(client, address)


def test_a_draft_and_an_unknown_number_do_not_exist(world, client):
    product = world.product()
    draft = world.listing(world.round(), product, [world.lot(product, 25_000)])
    _text(client, f"/shop/goods/{draft.id}", 404)
    _text(client, "/shop/goods/999999999", 404)
    _text(client, f"/shop/goods/{10**30}", 404)
