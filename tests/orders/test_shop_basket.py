"""The basket: kept without an account, never more than there is, nothing lost silently."""

import pytest

from marketplace.orders.rounds import close_round, get_round
from tests.support.pages import form_on


def _page(client, address="/shop/basket"):
    return client.get(address).get_data(as_text=True)


def _add(client, listing, packs=1, **headers):
    return client.post(
        f"/shop/basket/add/{listing.id}", data={"packs": str(packs)}, headers=headers
    )


def _change(client, **fields):
    return client.post("/shop/basket", data={k.replace("_", "-"): v for k, v in fields.items()})


def test_anybody_adds_and_comes_back_to_the_page_he_was_on(world, client):
    _, listing = world.shop(packs=10)
    came_from = "http://localhost/shop/goods?q=mt"
    answer = _add(client, listing, 2, Referer=came_from)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/shop/goods?q=mt")
    assert form_on(_page(client), "/shop/basket")[f"packs-{listing.id}"] == "2"


def test_a_foreign_page_is_never_returned_to(world, client):
    _, listing = world.shop(packs=10)
    for came_from in ("http://evil.example/shop/", "http://localhost/sign-out", "javascript:x"):
        assert _add(client, listing, Referer=came_from).headers["Location"] == "/shop/basket"


def test_a_script_gets_the_new_count_and_stays(world, client):
    _, listing = world.shop(packs=10)
    answer = _add(client, listing, 3, Accept="application/json")
    assert (answer.status_code, answer.json["badge"], answer.json["packs"]) == (200, "3", 3)
    refused = _add(client, listing, -1, Accept="application/json")
    assert (refused.status_code, refused.json["error"]) == (422, "count_out_of_range")


def test_never_more_than_is_left_and_it_says_so(world, client):
    _, listing = world.shop(packs=3)
    answer = _add(client, listing, 5, Accept="application/json")
    assert answer.json["packs"] == 3
    assert "只剩 3 份" in answer.json["said"]


@pytest.mark.parametrize("packs", ["-1", "0", "1e309", "NaN", "0.001", "", "三四", "9" * 5000])
def test_what_is_no_number_of_packs_is_refused_with_a_cure_and_kept_as_typed(world, client, packs):
    _, listing = world.shop(packs=10)
    answer = _add(client, listing, packs)
    assert answer.status_code == 422
    assert "份数要" in answer.get_data(as_text=True)
    assert "购物篮是空的" in _page(client)


def test_full_width_digits_count(world, client):
    _, listing = world.shop(packs=10)
    assert _add(client, listing, "三", Accept="application/json").json["packs"] == 3


def test_quantities_change_zero_removes_and_nonsense_keeps_what_was_typed(world, client):
    _, listing = world.shop(packs=10)
    _add(client, listing, 2)
    assert _change(client, **{f"packs_{listing.id}": "4"}).status_code == 303
    assert form_on(_page(client), "/shop/basket")[f"packs-{listing.id}"] == "4"
    refused = _change(client, **{f"packs_{listing.id}": "1e309"})
    assert refused.status_code == 422
    assert form_on(refused.get_data(as_text=True), "/shop/basket")[f"packs-{listing.id}"] == "1e309"
    assert form_on(_page(client), "/shop/basket")[f"packs-{listing.id}"] == "4"
    _change(client, **{f"packs_{listing.id}": "0"})
    assert "购物篮是空的" in _page(client)


def test_a_line_that_asks_too_much_keeps_its_field_for_another_number(world, client):
    _, listing = world.shop(packs=10)
    _add(client, listing)
    _change(client, **{f"packs_{listing.id}": "99999"})
    page = _page(client)
    assert "只剩 10 份" in page
    assert form_on(page, "/shop/basket")[f"packs-{listing.id}"] == "99999"
    _change(client, **{f"packs_{listing.id}": "7"})
    assert form_on(_page(client), "/shop/basket")[f"packs-{listing.id}"] == "7"


def test_a_line_that_ran_short_is_named_and_one_tap_takes_what_is_left(world, client):
    in_round, listing = world.shop(packs=5)
    _add(client, listing, 4)
    world.order(world.user("staff", unit=world.unit()), in_round, {listing.id: 3})
    page = _page(client)
    assert "只剩 2 份" in page
    assert "改成剩下的 2 份" in page
    assert "/shop/checkout" not in page
    _change(client, fit=str(listing.id))
    page = _page(client)
    assert form_on(page, "/shop/basket")[f"packs-{listing.id}"] == "2"
    assert "/shop/checkout" in page


def test_closed_lines_stay_visible_and_do_not_count(world, client):
    gone_round, gone = world.shop(packs=5)
    _, other = world.shop(packs=5)
    _add(client, gone, 1)
    _add(client, other, 1)
    operator = world.actor(world.operator())
    with world.transaction() as session:
        close_round(session, operator, get_round(session, gone_round.id))
    page = _page(client)
    assert gone.title in page
    assert "这一期已截单" in page
    assert "两期分开配送" in page
    assert page.count("/shop/checkout?round=") == 1
    _change(client, drop=str(gone.id))
    assert gone.title not in _page(client)


def test_one_press_keeps_what_was_typed_for_every_round(world, client):
    kinds = [world.shop(packs=9)[1] for _ in range(2)]
    for listing in kinds:
        _add(client, listing, 1)
    typed = form_on(_page(client), "/shop/basket") | {f"packs-{i.id}": "3" for i in kinds}
    client.post("/shop/basket", data=typed)
    shown = form_on(_page(client), "/shop/basket")
    assert [shown.get(f"packs-{i.id}") for i in kinds] == ["3", "3"]


def test_the_basket_survives_signing_in(world, client):
    _, listing = world.shop(packs=5)
    _add(client, listing, 2)
    answer = client.get("/shop/checkout?round=1")
    assert answer.headers["Location"].startswith("/sign-in?next=/shop/checkout")
    user = world.user("staff", unit=world.unit())
    signed = client.post(
        answer.headers["Location"],
        data={"login_name": user.login_name, "password": "four unrelated words here"},
    )
    assert signed.headers["Location"].startswith("/shop/checkout")
    assert listing.title in _page(client, signed.headers["Location"])


def test_who_may_not_order_keeps_the_basket_and_reads_why(world):
    _, listing = world.shop(packs=5)
    client = world.sign_in(world.user("cadre"))
    _add(client, listing)
    page = _page(client)
    assert "您的账号不能个人下单" in page
    assert "/shop/checkout" not in page
    assert client.get("/shop/checkout").status_code == 403


def test_a_basket_of_sixty_kinds_still_fits_the_cookie(world, client):
    in_round, _ = world.shop()
    product = world.product()
    lot = world.lot(product, 61 * 2500)
    kinds = [world.listing(in_round, product, {lot: 2500}, title=f"货{i}") for i in range(61)]
    for listing in kinds[:60]:
        assert _add(client, listing).status_code == 303
    assert _add(client, kinds[60]).status_code == 422
    cookie = client.get_cookie("session")
    assert cookie is not None
    assert len(cookie.value) < 3500
