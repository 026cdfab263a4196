"""How many taps it takes to receive, to fetch, to say that something was wrong, and to scan a box."""

import pytest

from tests.fulfilment.arriving import CANTEEN, COLLEAGUE, Arriving
from tests.support.browser import DESK, JOURNEY, PHONE, Visit
from tests.support.fitness import unfit
from tests.support.world import World

pytestmark = JOURNEY


@pytest.fixture
def arriving(world: World) -> Arriving:
    return Arriving(world)


@pytest.mark.parametrize("screen", [PHONE, DESK])
def test_a_canteen_accepts_with_a_shortage_in_four_taps(
    arriving: Arriving, visit: Visit, screen: int
) -> None:
    arriving.hand_over()
    buyer = visit(arriving.buyer, screen)
    buyer.go()
    buyer.tap("去验收")
    buyer.sees("都收齐了，直接点最下面的按钮")
    assert unfit(buyer, 200) == []
    buyer.type("实收", "1")
    buyer.tap("少送了")
    buyer.tap("验收完了")
    buyer.sees("没有收")
    assert buyer.taps <= 4
    assert arriving.faults() == []


def test_a_member_of_staff_shows_the_pickup_code_in_one_tap(
    arriving: Arriving, visit: Visit
) -> None:
    staff = visit(arriving.staff, PHONE)
    staff.go()
    staff.tap("看取货码")
    staff.sees("取货码", "马蹄")
    assert staff.taps == 1
    assert unfit(staff, 200) == []


def test_a_keeper_hands_over_in_one_tap_after_scanning(arriving: Arriving, visit: Visit) -> None:
    arriving.hand_over()
    keeper = visit(arriving.clerk, PHONE)
    keeper.go(f"/field/handover?q={arriving.pickup_code()}")
    assert unfit(keeper, 200) == []
    keeper.tap("交给他了")
    keeper.sees("收齐了")
    assert keeper.taps == 1


def test_a_member_of_staff_asks_for_his_money_back_in_four_taps(
    arriving: Arriving, visit: Visit
) -> None:
    arriving.accept(which=COLLEAGUE)
    staff = visit(arriving.staff, PHONE)
    staff.go()
    staff.tap("我的")
    staff.tap("货有问题")
    staff.sees("前可以申请")
    assert unfit(staff, 200) == []
    staff.tap("压坏、摔坏了")
    staff.tap("申请退货", "main")
    staff.sees("等平台处理")
    assert staff.taps <= 4


def test_who_scans_a_box_sees_where_it_came_from_without_signing_in(
    arriving: Arriving, visit: Visit
) -> None:
    arriving.accept(which=CANTEEN)
    stranger = visit(None, PHONE)
    stranger.go(f"/t/{arriving.lots[0].trace_code}")
    stranger.sees("送到", "农户得")
    assert stranger.taps == 0
