"""A county's largest round: the promises hold there too."""

import random

from marketplace.orders.allocation import Problem, allocate, check_outcome, refill
from marketplace.orders.allocation.types import CHANNELS
from tests.orders.allocation.worlds import line, problem, replace, supply


def county(lines: int, lots: int) -> Problem:
    """Fixed by its seed; half the lots too little, a tenth of the orders whole-or-nothing."""
    dice = random.Random(20261105)
    orders = [
        line(
            at,
            dice.choice((1, 1, 1, 1, 2, 2, 3, 5, 10, 40)),
            channel=dice.choice(CHANNELS),
            drop=f"d{dice.randrange(60)}",
            confirmed_at=dice.randrange(10**6),
            whole_or_nothing=dice.random() < 0.1,
        )
        for at in range(1, lines + 1)
    ]
    packs = sum(order.packs for order in orders) // lots
    offers = [
        supply(
            at,
            f"h:{dice.randrange(lots)}",
            dice.randrange(2 * packs),
            best_before=dice.choice(("", "2026-11-08", "2026-12-01")),
            weight=dice.randrange(5),
            village=f"v{dice.randrange(40)}",
            committed_at=dice.randrange(10**6),
            refill_ready=dice.random() < 0.3,
        )
        for at in range(1, lots + 1)
    ]
    return problem(orders, offers, shortage_rule="canteens_first")


def test_twenty_thousand_lines_over_a_thousand_lots_keep_every_promise() -> None:
    world = county(20_000, 1_000)
    outcome = allocate(world)
    check_outcome(world, outcome)
    served = {cell.line_id for cell in outcome.cells}
    assert len(outcome.cells) < len(served) * 1.02
    answered = tuple(
        replace(each, packs=each.packs // 2) if each.commitment_id % 9 == 0 else each
        for each in world.supplies
    )
    now = replace(world, supplies=answered)
    check_outcome(now, refill(now, outcome))
