"""Few lots per line, few villages per drop."""

from collections import defaultdict

from hypothesis import given

from marketplace.orders.allocation import Problem, allocate
from tests.orders.allocation.worlds import line, problem, problems, supply


@given(problems())
def test_splits_stay_below_what_lining_up_would_need(world: Problem) -> None:
    """Lining up lines against lots needs at most lines + lots - 1 cells; villages add their own."""
    outcome = allocate(world)
    if not outcome.cells:
        return
    lines = {cell.line_id for cell in outcome.cells}
    lots = {cell.commitment_id for cell in outcome.cells}
    drops = {each.drop for each in world.lines}
    villages = {each.village for each in world.supplies}
    assert len(outcome.cells) < len(lines) + len(lots) + len(drops) * len(villages)


def test_equal_villages_and_drops_are_paired_off() -> None:
    lots = [
        supply(at, f"h:{at}", 10, village=village) for at, village in enumerate("ABCABC", start=1)
    ]
    orders = [line(at, 10, drop=drop) for at, drop in enumerate("xyzxyz", start=1)]
    outcome = allocate(problem(orders, lots))
    assert len(outcome.cells) == 6
    met = defaultdict(set)
    for cell in outcome.cells:
        met[orders[cell.line_id - 1].drop].add(lots[cell.commitment_id - 1].village)
    assert [len(villages) for villages in met.values()] == [1, 1, 1]


def test_a_large_order_takes_few_lots_and_small_ones_fill_the_rest() -> None:
    lots = [supply(1, "h:1", 50), supply(2, "h:2", 30), supply(3, "h:3", 20)]
    orders = [line(1, 50), line(2, 30), *[line(at, 1) for at in range(10, 30)]]
    outcome = allocate(problem(orders, lots))
    assert len(outcome.cells) == len(orders)
