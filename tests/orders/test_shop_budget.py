"""What the shop may ask of the database and send over the wire: constant, whatever the county's size."""

import gzip
import re
from datetime import timedelta

import pytest
from sqlalchemy import insert

from marketplace.core.chinese_text import search_text
from marketplace.core.clock import today
from marketplace.orders.round_models import Listing
from tests.support.pages import form_on
from tests.support.statements import counted


def _bulk(world, count):
    """An open round with so many listings, written as rows."""
    in_round, first = world.shop(packs=10)
    with world.transaction() as session:
        columns = {
            column.name: getattr(session.get_one(Listing, first.id), column.name)
            for column in Listing.__table__.columns
            if column.name != "id"
        }
        rows = [
            columns
            | {
                "title": f"马蹄{number}",
                "price_fen": 800 + number,
                "farmgate_fen": 320 + number,
                "search_text": search_text("马蹄"),
                "urgent_until": today() + timedelta(days=number % 30),
                "capacity_packs": 100,
            }
            for number in range(count - 1)
        ]
        session.execute(insert(Listing), rows)
    return in_round, first


def _work(statements):
    return len([text for text in statements if not text.startswith("BEGIN")])


@pytest.mark.parametrize("count", [10, 10_000])
def test_list_pages_take_at_most_eight_statements_at_any_size(app, world, count):
    _bulk(world, count)
    client = world.sign_in(world.user("staff", unit=world.unit()))
    for address in (
        "/shop/",
        "/shop/goods",
        "/shop/goods?q=mt&category=蔬菜&town=990101101000&price=20&urgent=1&sort=left",
        f"/shop/goods?page={count // 24}",
    ):
        with counted(app) as statements:
            assert client.get(address).status_code == 200
        assert _work(statements) <= 8, (address, statements)


@pytest.mark.parametrize("lines", [1, 40])
def test_placing_an_order_takes_at_most_twelve_statements(app, world, lines):
    in_round, first = _bulk(world, 50)
    client = world.sign_in(world.user("staff", unit=world.unit()))
    for listing_id in range(first.id, first.id + lines):
        client.post(f"/shop/basket/add/{listing_id}")
    page = client.get(f"/shop/checkout?round={in_round.id}").get_data(as_text=True)
    form = form_on(page, "/shop/checkout")
    assert sum(name.startswith("packs-") for name in form) == lines
    with counted(app) as statements:
        assert client.post("/shop/checkout", data=form).status_code == 303
    assert _work(statements) <= 12, statements


def test_my_orders_take_at_most_eight_statements(app, world):
    in_round, listing = world.shop(packs=100)
    staff = world.user("staff", unit=world.unit())
    for _ in range(25):
        world.order(staff, in_round, {listing.id: 1})
    client = world.sign_in(staff)
    with counted(app) as statements:
        assert client.get("/shop/mine").status_code == 200
    assert _work(statements) <= 8, statements


def test_the_first_load_of_the_shop_is_small(world, client):
    """Compressed bytes of the home page with all that it names: ≤ 170 kB, scripts ≤ 50 kB."""
    _bulk(world, 60)
    answer = client.get("/shop/", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    total, scripts = len(answer.data), 0
    page = client.get("/shop/").get_data(as_text=True)
    for address in {*re.findall(r'(?:src|href)="((?:/static|/bootstrap)/[^"#]+)', page)}:
        with client.get(address) as part:
            assert part.status_code == 200, address
            size = len(part.data if part.mimetype == "image/png" else gzip.compress(part.data))
        total += size
        scripts += size if address.split("?")[0].endswith(".js") else 0
    assert scripts <= 50_000
    assert total <= 170_000
