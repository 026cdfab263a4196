"""The canteen's sheet: many lines at once, approved by somebody else, nothing typed is lost."""

import re

import pytest
from sqlalchemy import func, select, update

from marketplace.identity.actor import SYSTEM
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_models import Listing
from marketplace.orders.rounds import close_round, get_round
from tests.support.statements import counted


class Canteen:
    """A unit with a buyer and an approver before an open round of `kinds` listings."""

    def __init__(self, world, kinds=2, packs=50, approval_above_fen=None, **round_changes):
        self.world = world
        self.unit = world.unit(has_canteen=True, approval_above_fen=approval_above_fen)
        self.buyer = world.user("buyer", unit=self.unit)
        self.round = world.round(**round_changes)
        self.listings = []
        for number in range(kinds):
            product = world.product(f"蔬菜{number}号")
            lot = world.lot(product, packs * 2500)
            self.listings.append(world.listing(self.round, product, [lot], minimum_packs=2))
        world.open_round(self.round)
        self.browser = world.sign_in(self.buyer)

    def fields(self, packs=None, **changes):
        """What a browser sends after filling the sheet: its hidden fields and the quantities."""
        page = self.browser.get("/canteen/").get_data(as_text=True)
        hidden = dict(
            re.findall(r'id="(unit|key|prices)" name="\1" type="hidden" value="([^"]*)"', page)
        )
        place = re.search(r'name="(place-\d+)" value="(\d+)"', page)
        given = hidden | {
            place[1]: place[2],
            "contact_name": "老周",
            "contact_phone": "000-0000 0009",
            "fund_source": "canteen",
        }
        wanted = {i.id: 3 for i in self.listings} if packs is None else packs
        return given | {f"packs-{i}": str(n) for i, n in wanted.items()} | changes

    def send(self, packs=None, **changes):
        return self.browser.post("/canteen/", data=self.fields(packs, **changes))

    def orders(self):
        with self.world.transaction() as session:
            return session.scalars(select(Order).order_by(Order.id)).all()

    def reserved(self):
        with self.world.transaction() as session:
            return session.scalar(select(func.sum(Listing.reserved_packs)))


def text_of(answer):
    return answer.get_data(as_text=True)


def test_a_sheet_becomes_one_order_of_the_unit_with_its_fund_source(world):
    canteen = Canteen(world, kinds=3)
    first, second, _third = canteen.listings
    answer = canteen.send(
        {first.id: "五份", second.id: "０"}, fund_source="union", whole=str(first.id)
    )
    assert answer.status_code == 303
    (order,) = canteen.orders()
    assert (order.channel, order.state, order.organisation_id) == (
        "canteen",
        "confirmed",
        canteen.unit.id,
    )
    with world.transaction() as session:
        (line,) = session.scalars(select(OrderLine))
        assert (line.packs, line.fund_source, line.whole_or_nothing) == (5, "union", True)
    page = text_of(canteen.browser.get(answer.location))
    assert order.number in page
    assert "还没付" in page


def test_the_same_sheet_sent_twice_is_one_order_and_the_same_answer(world):
    canteen = Canteen(world)
    data = canteen.fields()
    answers = [canteen.browser.post("/canteen/", data=data) for _ in range(2)]
    assert {answer.location for answer in answers} == {
        f"/canteen/orders/{canteen.orders()[0].number}"
    }
    assert len(canteen.orders()) == 1
    changed = canteen.browser.post("/canteen/", data=data | {"note": "换了备注"})
    assert changed.status_code == 422
    assert len(canteen.orders()) == 1


@pytest.mark.parametrize(
    "typed", ["-1", "1e309", "NaN", "0.001", "1000000", "约3", "abc", "1" * 400]
)
def test_no_nonsense_quantity_becomes_an_order_and_what_was_typed_stays(world, typed):
    canteen = Canteen(world)
    first, second = canteen.listings
    answer = canteen.send({first.id: typed, second.id: 4}, note="要新鲜的")
    assert answer.status_code == 422
    page = text_of(answer)
    assert f'value="{typed}"' in page
    assert "要新鲜的" in page
    assert f"{first.title}（{first.pack_name}）：" in page
    assert canteen.orders() == []


def test_a_line_below_its_minimum_is_named_and_each_of_them(world):
    canteen = Canteen(world, kinds=3)
    answer = canteen.send(
        {listing.id: packs for listing, packs in zip(canteen.listings, (1, 1, 5), strict=True)}
    )
    page = text_of(answer)
    assert answer.status_code == 422
    assert page.count("至少订 2 份") >= 2
    assert canteen.listings[2].title + "至少" not in page
    assert canteen.reserved() == 0


def test_all_that_is_wrong_on_a_sheet_is_said_in_one_answer(world):
    canteen = Canteen(world, kinds=4)
    first, second, third, fourth = canteen.listings
    typed = {first.id: "很多", second.id: 51, third.id: 1, fourth.id: 5}
    page = text_of(canteen.send(typed))
    for listing, words in ((second, "只剩 50 份"), (third, "至少订 2 份")):
        assert f'id="wrong-{listing.id}">{words}<' in page
    assert f'id="wrong-{first.id}"' in page
    assert f'id="wrong-{fourth.id}"' not in page
    page = text_of(canteen.send(typed | {first.id: 5}))
    assert "只剩 50 份" in page
    assert "至少订 2 份" in page
    assert canteen.reserved() == 0


def test_what_was_sold_meanwhile_is_named_beside_its_line_and_nothing_is_ordered(world):
    canteen = Canteen(world, packs=10)
    first, second = canteen.listings
    data = canteen.fields({first.id: 8, second.id: 2})
    world.order(world.user("staff", unit=world.unit()), canteen.round, {first.id: 7})
    answer = canteen.browser.post("/canteen/", data=data)
    page = text_of(answer)
    assert answer.status_code == 409
    assert "只剩 3 份" in page
    assert f'name="packs-{first.id}" value="8"' in page
    assert f'name="packs-{second.id}" value="2"' in page
    assert canteen.orders()[0].channel == "shop"
    assert len(canteen.orders()) == 1


def test_a_price_that_changed_since_the_page_was_seen_is_refused(world):
    canteen = Canteen(world)
    data = canteen.fields()
    cheaper = re.sub(r":\d+", ":1", data["prices"])
    assert canteen.browser.post("/canteen/", data=data | {"prices": cheaper}).status_code == 409
    assert canteen.orders() == []


def test_extra_fields_and_foreign_ids_change_nothing(world):
    canteen = Canteen(world)
    other_unit = world.unit()
    data = canteen.fields()
    assert (
        canteen.browser.post("/canteen/", data=data | {"unit": str(other_unit.id)}).status_code
        == 404
    )
    place = next(name for name in data if name.startswith("place-"))
    assert canteen.browser.post("/canteen/", data=data | {place: "999999"}).status_code == 422
    assert canteen.browser.post("/canteen/", data=data | {"packs-999999": "3"}).status_code == 422
    assert canteen.browser.post("/canteen/", data=data | {"fund_source": "own"}).status_code == 422
    fine = canteen.browser.post(
        "/canteen/", data=data | {"state": "closed", "total_fen": "1", "collected_fen": "99"}
    )
    assert fine.status_code == 303
    (order,) = canteen.orders()
    assert (order.state, order.collected_fen) == ("confirmed", 0)


def test_a_round_that_is_not_for_canteens_is_not_on_the_sheet(world):
    canteen = Canteen(world, open_to_canteens=False)
    assert "现在没有开放的期次" in text_of(canteen.browser.get("/canteen/"))


def test_two_open_rounds_become_two_orders_or_none(world):
    canteen = Canteen(world)
    later = world.round(open_to_staff=False)
    product = world.product("冬瓜")
    melon = world.listing(later, product, [world.lot(product, 10 * 2500)])
    world.open_round(later)
    first = canteen.listings[0]
    data = canteen.fields({first.id: 3, melon.id: 11})
    page = text_of(canteen.browser.get("/canteen/"))
    data |= dict(re.findall(r'name="(place-\d+)" value="(\d+)"', page))
    assert canteen.browser.post("/canteen/", data=data).status_code == 409
    assert canteen.orders() == []
    done = canteen.browser.post("/canteen/", data=data | {f"packs-{melon.id}": "10"})
    assert (done.status_code, done.location) == (303, "/canteen/orders")
    assert [order.round_id for order in canteen.orders()] == [canteen.round.id, later.id]
    number = canteen.orders()[1].number
    assert "可以自己改" in text_of(canteen.browser.get(f"/canteen/orders/{number}"))


def test_goods_of_two_rounds_on_one_sheet_need_consent_by_their_sum(world):
    price = 1230
    canteen = Canteen(world, approval_above_fen=7 * price)
    later = world.round()
    product = world.product("冬瓜")
    melon = world.listing(later, product, [world.lot(product, 10 * 2500)])
    world.open_round(later)
    assert melon.price_fen == canteen.listings[0].price_fen == price
    places = dict(
        re.findall(r'name="(place-\d+)" value="(\d+)"', text_of(canteen.browser.get("/canteen/")))
    )
    sent = canteen.send({canteen.listings[0].id: 3, melon.id: 4}, **places)
    said = text_of(canteen.browser.get(sent.location))
    assert "共 2 张单。截单前可以" in said
    sent = canteen.send({canteen.listings[0].id: 4, melon.id: 4}, **places)
    said = text_of(canteen.browser.get(sent.location))
    assert "共 2 张单，合起来等单位审批" in said
    assert [order.state for order in canteen.orders()] == ["confirmed"] * 2 + [
        "awaiting_approval"
    ] * 2
    number = canteen.orders()[2].number
    approver = world.sign_in(world.user("approver", unit=canteen.unit))
    approver.post(f"/approvals/{number}", data={"answer": "yes", "version": "1"})
    for packs, state in ((2, "confirmed"), (5, "awaiting_approval")):
        version = canteen.orders()[2].version
        canteen.browser.post(
            f"/canteen/orders/{number}/change",
            data={f"packs-{canteen.listings[0].id}": str(packs), "version": str(version)},
        )
        assert canteen.orders()[2].state == state


def test_the_last_order_fills_todays_sheet_and_says_what_is_missing(world):
    canteen = Canteen(world, kinds=3)
    first, second, third = canteen.listings
    canteen.send({first.id: 5, second.id: 40, third.id: 3})
    number = canteen.orders()[0].number
    with world.transaction() as session:
        close_round(session, SYSTEM, get_round(session, canteen.round.id))
    again = world.round()
    new = {}
    with world.transaction() as session:
        products = {i.id: session.get_one(Listing, i.id).product for i in (first, second, third)}
        for product in products.values():
            session.expunge(product)
    for old, packs in ((first, 50), (second, 6)):
        product = products[old.id]
        new[old.id] = world.listing(again, product, [world.lot(product, packs * 2500)])
    world.open_round(again)
    assert f"repeat={number}" in text_of(canteen.browser.get("/canteen/"))
    page = text_of(canteen.browser.get(f"/canteen/?repeat={number}"))
    assert f'name="packs-{new[first.id].id}" value="5"' in page
    assert f'name="packs-{new[second.id].id}" value="6"' in page
    assert f"{second.title}上次 40 份，只剩 6 份" in page
    assert f"{third.title}（5 斤装）这次没有" in page


def test_orders_are_changed_and_cancelled_before_closing_and_not_below_the_minimum(world):
    canteen = Canteen(world)
    canteen.send()
    number = canteen.orders()[0].number
    first = canteen.listings[0]
    here = f"/canteen/orders/{number}"
    assert f"{here}/change" in text_of(canteen.browser.get("/canteen/"))
    low = canteen.browser.post(f"{here}/change", data={f"packs-{first.id}": "1", "version": "1"})
    assert (low.status_code, "至少订 2 份" in text_of(low)) == (422, True)
    fine = canteen.browser.post(f"{here}/change", data={f"packs-{first.id}": "7", "version": "1"})
    assert fine.status_code == 303
    assert canteen.reserved() == 10
    late = canteen.browser.post(f"{here}/change", data={f"packs-{first.id}": "8", "version": "1"})
    assert late.status_code == 409
    assert canteen.browser.post(f"{here}/cancel").status_code == 303
    assert canteen.reserved() == 0


def test_the_units_list_says_which_order_was_cut(world):
    canteen = Canteen(world)
    canteen.send()
    assert "货不够" not in text_of(canteen.browser.get("/canteen/orders"))
    with world.transaction() as session:
        session.execute(update(Order).values(state="allocated"))
        session.execute(update(OrderLine).values(allocated_packs=1, cut_packs=2))
    assert "货不够，少 4 份" in text_of(canteen.browser.get("/canteen/orders"))


def test_another_unit_sees_nothing_of_an_order(world):
    canteen = Canteen(world)
    canteen.send()
    number = canteen.orders()[0].number
    stranger = world.sign_in(world.user("buyer", unit=world.unit()))
    for path in (
        f"/canteen/orders/{number}",
        f"/canteen/orders/{number}/change",
        f"/canteen/?repeat={number}",
    ):
        assert stranger.get(path).status_code == 404, path
    for path in (f"/canteen/orders/{number}/change", f"/canteen/orders/{number}/cancel"):
        assert stranger.post(path, data={"version": "1"}).status_code == 404, path
    assert number not in text_of(stranger.get("/canteen/orders"))
    assert canteen.orders()[0].state == "confirmed"


def test_script_in_a_note_comes_back_as_text(world):
    canteen = Canteen(world)
    page = text_of(canteen.send({}, note="<script>alert(1)</script>"))
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("kinds", [1, 40])
def test_an_order_costs_twelve_statements_for_one_line_and_for_forty(world, app, kinds):
    canteen = Canteen(world, kinds=kinds, packs=4, approval_above_fen=0)
    data = canteen.fields()
    with counted(app) as seen:
        assert canteen.browser.post("/canteen/", data=data).status_code == 303
    sent = [text for text in seen if not text.startswith("BEGIN")]
    first = next(at for at, text in enumerate(sent) if "INSERT INTO idempotency_key" in text)
    assert len(sent[first:]) <= 12
    assert first <= 6


def test_lists_cost_few_statements_however_long_they_are(world, statements):
    canteen = Canteen(world, kinds=2)
    for _ in range(2):
        canteen.send()
    pages = ("/canteen/", "/canteen/orders")
    few = [statements(lambda page=page: canteen.browser.get(page)) for page in pages]
    product = world.product("大米")
    for _ in range(5):
        world.listing(canteen.round, product, [world.lot(product, 2500)])
        canteen.send()
    many = [statements(lambda page=page: canteen.browser.get(page)) for page in pages]
    assert many == few
    assert max(many) <= 8
