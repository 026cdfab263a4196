"""Several households answer in the same moment: the books hold, and nobody's answer is half taken."""

import threading

from sqlalchemy import func, select

from marketplace.core.errors import Conflict
from marketplace.fulfilment.answering import answer_less, get_sheet
from marketplace.fulfilment.models import PreparationSheet, SheetLine
from marketplace.identity.permissions import SHEET_ANSWER
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import OrderLine
from tests.fulfilment.collecting import Collecting


def test_households_that_answer_less_at_once_leave_sheets_equal_to_the_allocation(world):
    made = Collecting(world, ordered=(12, 9, 7), supplies=(15, 15, 15, 15), ready=(0, 1, 2, 3))
    actors = [world.actor(cadre) for cadre in made.cadres]
    sheets = [made.sheet(index).id for index in range(4)]
    start = threading.Barrier(4)
    outcomes: list[str] = []

    def answer(index: int) -> None:
        start.wait()
        try:
            with world.transaction() as session:
                scope = actors[index].scope_for(SHEET_ANSWER)
                sheet = get_sheet(session, scope, sheets[index], for_update=True)
                answer_less(session, actors[index], sheet, {made.listing.id: 2}, "died")
            outcomes.append("taken")
        except Conflict as refused:
            outcomes.append(refused.code)
        except Exception as fault:
            outcomes.append(repr(fault))

    threads = [threading.Thread(target=answer, args=[index]) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) <= {"taken", "superseded"}, outcomes
    assert "taken" in outcomes
    assert made.balanced()
    with world.transaction() as session:
        current = session.execute(
            select(PreparationSheet.household_id, func.count())
            .where(PreparationSheet.current)
            .group_by(PreparationSheet.household_id)
        ).all()
        assert [count for _household, count in current] == [1, 1, 1, 1]
        on_sheets = session.scalar(
            select(func.sum(SheetLine.packs))
            .join(PreparationSheet, PreparationSheet.id == SheetLine.sheet_id)
            .where(PreparationSheet.current)
        )
        allocated = session.scalar(select(func.sum(Allocation.packs)))
        assert on_sheets == allocated
        assert allocated == session.scalar(select(func.sum(OrderLine.allocated_packs)))
