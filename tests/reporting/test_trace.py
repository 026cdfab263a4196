"""The public page tells the way of a pack and nothing that is private."""

import re

import pytest
from sqlalchemy import select

from marketplace.catalog.models import Lot, SupplyReport
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.fulfilment.models import PreparationSheet
from marketplace.households.models import Household
from marketplace.households.service import give_consent, withdraw_consent
from marketplace.identity.actor import SYSTEM
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.round_models import Round
from marketplace.orders.rounds import close_round, get_round
from marketplace.reporting import sales


class Sold:
    """One household's lot of which a staff member bought three packs."""

    def __init__(self, world, *, neighbours=3):
        self.world = world
        self.cadre = world.user("cadre")
        self.household = world.household(name="陈大山", cadre=self.cadre)
        for _ in range(neighbours):
            world.household()
        product = world.product("马蹄")
        self.lot = world.lot(product, 25_000, household=self.household)
        in_round = world.round()
        listing = world.listing(in_round, product, [self.lot], farmgate_fen=1500)
        world.open_round(in_round)
        self.staff = world.user("staff", unit=world.unit("教育局"))
        self.number = world.order(self.staff, in_round, {listing.id: 3})
        with world.transaction() as session:
            close_round(session, SYSTEM, get_round(session, in_round.id))
            allocate_round(session, SYSTEM, get_round(session, in_round.id))

    def page(self, client):
        return client.get(f"/t/{self.lot.trace_code}")

    def consent(self, act):
        actor = self.world.actor(self.world.operator())
        with self.world.transaction() as session:
            household = session.get_one(Household, self.household.id)
            if act == "give":
                give_consent(session, actor, household, "签字")
            else:
                withdraw_consent(session, actor, household)


def test_the_page_names_the_village_and_what_the_farm_gets_from_this_pack(world, client):
    page = Sold(world).page(client).text
    assert "青石镇" in page
    assert "三岔村" in page
    assert "15.00" in page
    assert "分到 3 份" in page


def test_the_name_appears_masked_only_with_consent_and_goes_at_once(world, client):
    sold = Sold(world)
    assert "陈**" not in sold.page(client).text
    sold.consent("give")
    assert "陈**" in sold.page(client).text
    sold.consent("withdraw")
    page = sold.page(client).text
    assert "陈**" not in page
    assert "陈大山" not in page


def test_in_a_small_village_only_the_township_is_named(world, client):
    sold = Sold(world, neighbours=0)
    sold.consent("give")
    page = sold.page(client).text
    assert "青石镇" in page
    assert "三岔村" not in page
    assert "陈**" not in page


def test_an_unknown_code_is_a_friendly_404(client):
    answer = client.get("/t/NOSUCHCODE")
    assert answer.status_code == 404
    assert "没有这个溯源码" in answer.text


def test_a_code_is_typed_without_an_account_as_people_type_it(world, client):
    sold = Sold(world)
    code = sold.page(client).request.path.rpartition("/")[2]
    assert 'href="/t"' in client.get("/shop/").text
    for typed in (
        code,
        code.lower(),
        f" {code[:4]} {code[4:8]}-{code[8:]} ",
        f"http://a.example/t/{code}",
    ):
        answer = client.get("/t", query_string={"q": typed}, follow_redirects=True)
        assert "三岔村" in answer.text, typed
    wrong = client.get("/t", query_string={"q": "D261122-ABCDEF"})
    assert wrong.status_code == 404
    assert "溯源码是 12 位" in wrong.text
    for address in ("/t", "/t/NOSUCHCODE"):
        assert 'role="search" action="/t"' in client.get(address).text


def test_the_code_of_a_sheet_is_told_from_that_of_a_box_and_nothing_else_is_said(world, client):
    sold = Sold(world)
    with world.transaction() as session:
        issue_sheets(session, SYSTEM, session.scalars(select(Round)).one())
        code = session.scalars(select(PreparationSheet.code)).one()
    answer = client.get("/t", query_string={"q": code}, follow_redirects=True)
    assert (answer.status_code, "这是备货单的号" in answer.text) == (404, True)
    assert "三岔村" not in answer.text
    assert sold.lot.trace_code not in answer.text


def test_two_kinds_of_packs_of_one_lot_are_told_apart(world, client):
    sold = Sold(world)
    assert "您这一份，农户得到" in sold.page(client).text
    later = world.round()
    with world.transaction() as session:
        product = session.get_one(Lot, sold.lot.id).product
        session.expunge(product)
    world.listing(later, product, {sold.lot: 5000}, pack_name="10 斤装", pack_base=5000)
    world.open_round(later)
    page = sold.page(client).text
    assert "您这一份" not in page
    assert "5 斤装一份，农户得到" in page
    assert "10 斤装一份，农户得到" in page


def test_many_lots_of_one_village_are_one_line_on_an_order(world):
    product = world.product()
    in_round = world.round()
    lots = [world.lot(product, 2 * 2500) for _ in range(3)]
    listing = world.listing(in_round, product, lots)
    world.open_round(in_round)
    staff = world.user("staff", unit=world.unit())
    number = world.order(staff, in_round, {listing.id: 6})
    with world.transaction() as session:
        close_round(session, SYSTEM, get_round(session, in_round.id))
        allocate_round(session, SYSTEM, get_round(session, in_round.id))
    page = world.sign_in(staff).get(f"/shop/orders/{number}").text
    assert page.count("份来自") == 1
    assert re.search(r"6 份来自[^<]+，3 批货", page)
    assert {f"/t/{lot.trace_code}" for lot in lots} == set(re.findall(r'href="(/t/[^"]+)"', page))


def test_a_buyer_comes_from_the_order_to_the_village(world):
    sold = Sold(world)
    client = world.sign_in(sold.staff)
    order = client.get(f"/shop/orders/{sold.number}")
    (link,) = re.findall(r'href="(/t/[^"]+)"', order.text)
    assert "三岔村" in client.get(link).text


def test_an_auditor_goes_from_order_to_household_and_back_without_the_buyers_name(world):
    sold = Sold(world)
    client = world.sign_in(world.user("auditor", region="990101000000"))
    order = client.get(f"/trace/orders/{sold.number}").text
    assert "陈**" in order
    assert "周小满" not in order
    household = client.get(f"/trace/households/{sold.household.id}").text
    assert sold.number in household
    assert "45.00" in household


def test_a_list_of_sales_that_is_cut_short_says_so(world, monkeypatch):
    sold = Sold(world)
    client = world.sign_in(world.user("auditor", region="990101000000"))
    address = f"/trace/households/{sold.household.id}"
    assert "合计也只是" not in client.get(address).text
    monkeypatch.setattr(sales, "MOST_SALES", 1)
    assert "合计也只是" in client.get(address).text


def test_a_number_or_code_leads_straight_to_what_it_names(world):
    sold = Sold(world)
    with world.transaction() as session:
        issue_sheets(session, SYSTEM, session.scalars(select(Round)).one())
        sheet = session.scalars(select(PreparationSheet)).one()
        receipt = session.scalars(select(SupplyReport.receipt_no)).one()
    auditor = world.sign_in(world.user("auditor", region="990101000000"))
    lot, order = sold.lot, sold.number
    for typed, path in (
        (order, f"/trace/orders/{order}"),
        (f" {order.lower()} ", f"/trace/orders/{order}"),
        (order.replace("-", ""), f"/trace/orders/{order}"),
        (lot.code, f"/trace/lots/{lot.id}"),
        (receipt, f"/trace/lots/{lot.id}"),
        (lot.trace_code, f"/t/{lot.trace_code}"),
        (f"https://xiangbang.example/t/{lot.trace_code}", f"/t/{lot.trace_code}"),
        (sheet.code, f"/sheets/{sheet.id}"),
    ):
        answer = auditor.get("/trace", query_string={"q": typed})
        assert (answer.status_code, answer.location) == (302, path), typed
        assert auditor.get(path).status_code == 200
    for typed in ("陈大山", "D261121-7KQ4M2", "X" * 12, "<script>", "/", "2" * 500):
        answer = auditor.get("/trace", query_string={"q": typed})
        assert answer.status_code == 200
        assert "备货单的码" in answer.text
        assert "<script>" not in answer.text
    for stranger in (
        world.user("cadre"),
        world.user("reviewer", region="990101102000"),
    ):
        browser = world.sign_in(stranger)
        for typed in (order, lot.code, receipt, sheet.code):
            answer = browser.get("/trace", query_string={"q": typed})
            assert (answer.status_code, "没有查到" in answer.text) == (200, True)


@pytest.mark.parametrize("path", ["/trace/lots/{lot}", "/trace/households/{household}"])
def test_outside_the_own_reach_nothing_exists(world, path):
    sold = Sold(world)
    with world.transaction() as session:
        lot = session.scalars(select(Lot)).one()
    address = path.format(lot=lot.id, household=sold.household.id)
    stranger = world.sign_in(world.user("cadre"))
    assert stranger.get(address).status_code == 404
    assert world.sign_in(sold.cadre).get(address).status_code == 200
    assert (
        world.sign_in(world.user("reviewer", region="990101102000")).get(address).status_code == 404
    )
    assert world.sign_in(sold.cadre).get(f"/trace/orders/{sold.number}").status_code == 404
