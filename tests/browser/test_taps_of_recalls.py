"""Taps of what cannot wait: a lot is recalled, a pickup point is held and its orders go elsewhere."""

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from marketplace.catalog.models import Lot
from marketplace.orders.round_models import RoundPickup
from tests.support.browser import DESK, JOURNEY, PHONE, Visit
from tests.support.market_day import MarketDay

pytestmark = JOURNEY


@pytest.mark.parametrize(("width", "within"), [(DESK, "aside"), (PHONE, "main")])
def test_a_lot_is_recalled_in_three_taps_from_home(
    day: MarketDay, visit: Visit, width: int, within: str
) -> None:
    """Quality U1. The number is typed into the field that has the focus already, and ended with Enter; who
    taps the button beside it needs one tap more."""
    in_round, number = day.sold()
    day.set_out(in_round)
    with day.world.transaction() as session:
        lot = session.scalars(select(Lot)).one()
    operator = visit(day.operator, width)
    operator.go()
    operator.tap("召回", within=within)
    expect(operator.page.get_by_role("searchbox")).to_be_focused()
    operator.page.keyboard.type(lot.trace_code.lower() if width == PHONE else lot.code)
    operator.page.keyboard.press("Enter")
    operator.sees(number, "在路上，还没验收")
    operator.tap("食品安全有问题")
    operator.press("召回这批货")
    operator.sees("召回了，已告诉")
    assert operator.taps == 3
    with day.world.transaction() as session:
        assert session.scalars(select(Lot.state)).all() == ["recalled"]


def test_a_stop_is_held_in_three_taps_and_its_orders_go_elsewhere_in_two(
    day: MarketDay, visit: Visit
) -> None:
    in_round, number = day.sold()
    day.set_out(in_round)
    other = day.world.pickup_point("北门")
    with day.world.transaction() as session:
        slot = session.scalars(select(RoundPickup)).one()
        point = slot.pickup_point_id
        session.add(
            RoundPickup(
                round_id=in_round.id,
                pickup_point_id=other.id,
                from_at=slot.from_at,
                until_at=slot.until_at,
            )
        )
    operator = visit(day.operator, PHONE)
    operator.go("/desk/holds/new/stop")
    operator.page.locator("select[name=target]").select_option(str(point))
    operator.tap("看影响谁")
    operator.sees(number)
    operator.tap("路不通")
    operator.press("停")
    operator.sees("停着")
    assert operator.taps <= 3
    before = operator.taps
    operator.page.locator("select[name=to]").select_option(str(other.id))
    operator.tap("都改过去")
    operator.sees("1 个订单改了提货点")
    assert operator.taps <= before + 2
