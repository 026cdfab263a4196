"""Who sells what of an order, on paper: contract, invoice and account by seller of record."""

import re

import pytest
from sqlalchemy import select

from marketplace.fulfilment.said_received import Scaled
from marketplace.orders.collecting import record_collected
from marketplace.orders.order_models import Order
from marketplace.orders.sellers import sales_of
from tests.fulfilment.arriving import BY_WEIGHT, CANTEEN, HENS, Arriving

HERE = "县供销集团"


@pytest.fixture
def sold(world):
    """A canteen's order of goods of households and of a cooperative; its number, buyer and unit."""
    cooperative = world.unit("云岭禽业合作社", kind="cooperative", uscc="93990101MA0000001X")
    products = [world.product("马蹄"), world.product("土鸡蛋")]
    in_round = world.round()
    lots = [world.lot(product, 400 * 2500) for product in products]
    of_farms = world.listing(in_round, products[0], [lots[0]], pack_base=2500)
    of_cooperative = world.listing(
        in_round, products[1], [lots[1]], pack_base=2500, seller_id=cooperative.id
    )
    world.open_round(in_round)
    unit = world.unit("清源县第一中学", has_canteen=True)
    buyer = world.user("buyer", unit=unit)
    packs = {of_farms.id: 3, of_cooperative.id: 5}
    number = world.order(
        buyer, in_round, packs, channel="canteen", organisation_id=unit.id, fund_source="canteen"
    )
    return number, buyer, unit


def test_each_seller_stands_with_its_goods_contract_and_invoice(world, sold):
    number, buyer, _ = sold
    page = world.sign_in(buyer).get(f"/canteen/orders/{number}/paper").text
    farms, cooperative = page.split("卖方：")[1:]
    assert "农户委托县平台代销" in farms
    assert "马蹄" in farms
    assert "土鸡蛋" not in farms
    assert "发票：云岭禽业合作社开" in cooperative
    assert "93990101MA0000001X" in cooperative
    sums = re.findall(r"这个卖方合计</th><td class=\"num\"><b>([\d.,]+)", page)
    assert sums == ["36.90", "61.50"]
    assert "98.40" in cooperative
    assert "玖拾捌元肆角" in cooperative


def test_it_names_the_account_of_the_county_and_who_is_paid_from_it(world, sold):
    number, buyer, _ = sold
    administrator = world.sign_in(world.user("administrator"))
    form = {"bank_account_name": HERE, "bank_name": "清源农商行", "bank_account": "0000 0000 0001"}
    page = administrator.get("/admin/county").text
    fields = dict(re.findall(r'name="([a-z_]+)"[^>]*value="([^"]*)"', page))
    assert administrator.post("/admin/county", data=fields | form).status_code in {302, 303}
    paper = world.sign_in(buyer).get(f"/canteen/orders/{number}/paper").text
    assert f"{HERE}代收，按云岭禽业合作社的委托直接付给农户" in paper
    assert f"{HERE}代收，付到每一户的账户" in paper
    assert "0000 0000 0001" in paper


def test_only_the_buyers_side_and_the_operator_read_it(world, sold):
    number, _, unit = sold
    colleague = world.user("buyer", unit=unit)
    stranger = world.user("buyer", unit=world.unit(has_canteen=True))
    address = f"/canteen/orders/{number}/paper"
    assert world.sign_in(colleague).get(address).status_code == 200
    assert world.sign_in(stranger).get(address).status_code == 404
    assert world.sign_in(world.operator()).get(f"/desk/orders/{number}/paper").status_code == 200


def test_what_is_not_delivered_or_came_back_is_not_sold(world, sold):
    number, _, _ = sold
    with world.transaction() as session:
        order = session.scalars(select(Order).where(Order.number == number)).one()
        first, second = order.lines
        first.allocated_packs, first.cut_packs = 0, 3
        second.allocated_packs, second.cut_packs, second.returned_packs = 5, 0, 2
        (sale,) = sales_of(session, order.lines, HERE)
        assert sale.name == "云岭禽业合作社"
        assert sale.fen == 3 * second.price_fen
        session.rollback()


def test_what_is_to_be_weighed_costs_at_most_and_then_its_weight_and_how_it_was_paid(world):
    arriving = Arriving(world, goods=HENS, pack=1, listing=BY_WEIGHT)
    address = f"/canteen/orders/{arriving.numbers[CANTEEN]}/paper"
    reader = world.sign_in(arriving.buyer)
    before = reader.get(address).text
    assert "合计最多" in before
    assert "称了以后才定" in before
    assert "大写" not in before
    assert "还没付" in before
    with world.transaction() as session:
        order = arriving.order(session)
        record_collected(session, arriving.actor, order, "pickup", 12 * 4485)
    weights = {place: Scaled(packs * 1500) for place, packs in arriving.places().items()}
    arriving.accept(weights=weights)
    after = reader.get(address).text
    assert "最多" not in after
    assert "实重 36 斤" in after
    assert "414.00" in after, "36 斤 at 11.50 yuan"
    assert "肆佰壹拾肆元整" in after
    assert "收（取货时付）" in after
    assert "538.20" in after
