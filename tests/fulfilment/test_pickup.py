"""At the pickup point: the code, its picture, a second scan, and nobody who comes."""

from datetime import timedelta
from io import BytesIO

import pytest
from PIL import Image
from sqlalchemy import select, update

from marketplace.core.clock import now
from marketplace.fulfilment.delivery_models import Delivery
from marketplace.orders.round_models import RoundPickup
from tests.fulfilment.arriving import COLLEAGUE, Arriving


@pytest.fixture
def arriving(world):
    return Arriving(world)


@pytest.fixture
def code(arriving):
    with arriving.world.transaction() as session:
        order = arriving.order(session, COLLEAGUE)
        mine = select(Delivery.pickup_code).where(Delivery.order_id == order.id)
        return session.scalars(mine).one()


def test_a_code_that_was_used_says_who_handed_over_and_when(arriving, code):
    arriving.accept(which=COLLEAGUE)
    keeper = arriving.world.sign_in(arriving.clerk)
    page = keeper.get(f"/field/handover?q={code}").text
    assert "这个码用过了" in page
    assert f"由{arriving.clerk.display_name}交给" in page
    assert "收齐了" in page
    assert "周小满" not in page
    assert f"/field/handover/{arriving.numbers[COLLEAGUE]}" in page
    elsewhere = arriving.world.sign_in(arriving.world.user("clerk", region="990101101000"))
    assert "这个码用过了" not in elsewhere.get(f"/field/handover?q={code}").text


def test_a_code_typed_full_width_is_the_same_code(arriving, code):
    wide = code.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    keeper = arriving.world.sign_in(arriving.clerk)
    found = keeper.get(f"/field/handover?q={wide[:3]}　{wide[3:]}")
    assert f"/{arriving.numbers[COLLEAGUE]}?" in found.location


def test_the_saved_picture_carries_more_than_the_squares(arriving, code):
    buyer = arriving.world.sign_in(arriving.staff)
    page = f"/shop/orders/{arriving.numbers[COLLEAGUE]}/code"
    assert "没网也能用" not in buyer.get(page).text
    picture = Image.open(BytesIO(buyer.get(f"{page}.png").data)).convert("L")
    wide, high = picture.size
    assert high > wide, "words stand below the code"
    foot = picture.crop((0, wide - 40, wide, high))
    assert foot.getextrema() == (0, 255)
    with arriving.world.transaction() as session:
        order = arriving.order(session, COLLEAGUE)
        order.pickup_point.name = "清源县人民政府机关事务服务中心东门值班室旁的临时提货点" * 2
    assert buyer.get(f"{page}.png").status_code == 200


def test_that_nobody_came_is_offered_only_once_the_time_is_over(arriving):
    keeper = arriving.world.sign_in(arriving.clerk)
    page = f"/field/handover/{arriving.numbers[COLLEAGUE]}"
    early = keeper.get(page).text
    assert "not_collected" not in early
    assert "先留着" in early
    with arriving.world.transaction() as session:
        past = {"from_at": now() - timedelta(hours=2), "until_at": now() - timedelta(hours=1)}
        session.execute(update(RoundPickup).values(past))
    assert "not_collected" in keeper.get(page).text


def test_where_the_goods_are_is_said_the_same_everywhere(arriving):
    buyer = arriving.world.sign_in(arriving.staff)
    page = f"/shop/orders/{arriving.numbers[COLLEAGUE]}"
    assert "货在路上，先看取货码" in buyer.get("/shop/").text
    assert "配送中" in buyer.get(page).text
    with arriving.world.transaction() as session:
        session.execute(update(Delivery).values(state="handed_over"))
    for address in ("/shop/", page, "/shop/mine"):
        here = buyer.get(address).text
        assert "货到了" in here
        assert "配送中" not in here
    arriving.accept(which=COLLEAGUE)
    done = buyer.get(page).text
    assert "报订单号" not in done
    assert "pickup-time" not in done
    assert "办完了" in done
    assert f"{page}/claim" in done
    with arriving.world.transaction() as session:
        arriving.order(session, COLLEAGUE).ended_at = now() - timedelta(days=30)
    late = buyer.get(page).text
    assert f"{page}/claim" not in late
    assert "现在过了" in late
