"""What comes to which point: the plan adds up to the sheets, and a clerk sees his own places."""

from sqlalchemy import func, select

from marketplace.fulfilment.collection_plan import plan_of
from marketplace.identity.permissions import SHEET_VIEW
from marketplace.orders.allocation_models import Allocation
from tests.fulfilment.collecting import Weighing
from tests.support.statements import counted
from tests.support.world import COUNTY

VILLAGES = ("990101101201", "990101102201")


def test_the_plan_adds_up_to_the_allocation_and_says_what_was_weighed(world):
    made = Weighing(world, ordered=(12, 8), supplies=(10, 10), villages=VILLAGES)
    made.weigh(0, 10 * 2500)
    operator = world.actor(world.operator())
    with world.transaction() as session:
        plans = plan_of(session, operator.scope_for(SHEET_VIEW), made.round.id)
        given = session.scalar(select(func.sum(Allocation.packs)))
    coming = [one for plan in plans for one in plan.coming]
    assert sum(one.packs for one in coming) == given == 20
    assert {(one.village, one.packs, one.weighed) for one in coming} == {
        ("三岔村", 10, 10),
        ("松坪村", 10, 0),
    }
    assert len(plans) == 2


def test_a_clerk_sees_what_comes_to_his_town_and_nobody_else_does(world, app):
    made = Weighing(world, ordered=(12, 8), supplies=(10, 10), villages=VILLAGES)
    here = f"/sheets/round/{made.round.id}/plan"
    page = world.sign_in(made.clerk).get(here).text
    assert "三岔村" in page
    assert "松坪村" not in page
    whole = world.sign_in(world.user("clerk", region=COUNTY))
    with counted(app) as statements:
        assert "松坪村" in whole.get(here).text
    assert len(statements) <= 11
    elsewhere = world.sign_in(world.user("clerk", region="990101102202"))
    assert elsewhere.get(here).status_code == 404
