"""The checker finds what is wrong, whoever made it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from marketplace.orders.allocation import (
    AllocationRefused,
    Cell,
    Cut,
    Outcome,
    OutcomeBroken,
    Pin,
    allocate,
    check_outcome,
)
from tests.orders.allocation.worlds import line, problem, supply

WORLD = problem(
    [line(1, 20, whole_or_nothing=True), line(2, 10), line(3, 1)],
    [supply(1, "h:1", 12), supply(2, "h:1", 12), supply(3, "h:2", 30)],
    Pin(claimant="h:1", packs=15, reason="人手不够"),
)
GOOD = allocate(WORLD)
FIRST = GOOD.cells[0]


def _other_lot(outcome: Outcome) -> Outcome:
    """Moves a cell to a lot of another claimant, totals adjusted by nobody."""
    moved = replace(FIRST, commitment_id=3 if FIRST.commitment_id != 3 else 1)
    return replace(outcome, cells=(moved, *outcome.cells[1:]))


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda o: replace(o, cells=o.cells[1:]), "ordered"),
        (lambda o: replace(o, cells=(*o.cells, FIRST)), "twice"),
        (lambda o: replace(o, cells=(*o.cells, Cell(2, 99, 1, "fair"))), "does not exist"),
        (lambda o: replace(o, cells=(*o.cells, Cell(99, 1, 1, "fair"))), "does not exist"),
        (lambda o: replace(o, cells=(*o.cells, Cell(3, 99, 0, "fair"))), "takes 0 packs"),
        (lambda o: replace(o, cuts=(Cut(1, 3, "whole_order"),)), "ordered"),
        (lambda o: replace(o, cuts=(Cut(99, 3, "whole_order"),)), "does not exist"),
        (lambda o: replace(o, cells=(Cell(1, 1, 20, "fair"), *o.cells[1:])), "gives"),
        (lambda o: replace(o, totals=o.totals[1:]), "total None"),
        (lambda o: replace(o, totals=o.totals * 2), "two totals"),
        (lambda o: replace(o, policy="first_come"), "for problem"),
        (_other_lot, "pinned"),
    ],
)
def test_a_spoiled_outcome_is_named(spoil: Callable[[Outcome], Outcome], word: str) -> None:
    check_outcome(WORLD, GOOD)
    with pytest.raises(OutcomeBroken, match=word):
        check_outcome(WORLD, spoil(GOOD))


def test_a_broken_whole_order_is_named() -> None:
    world = problem([line(1, 20, whole_or_nothing=True)], [supply(1, "h:1", 12)])
    good = allocate(world)
    half = replace(good, cells=(Cell(1, 1, 12, "fair"),), cuts=(Cut(1, 8, "whole_order"),))
    with pytest.raises(OutcomeBroken, match="whole or nothing"):
        check_outcome(world, half)


@pytest.mark.parametrize(
    ("world", "code"),
    [
        (problem([line(1, 0)], []), "line_without_packs"),
        (problem([line(1, 1), line(1, 2)], []), "line_twice"),
        (problem([line(1, 1, channel="market")], []), "unknown_channel"),
        (problem([], [supply(1, "h:1", 1), supply(1, "h:2", 1)]), "commitment_twice"),
        (problem([], [supply(1, "", 1)]), "supply_without_owner"),
        (problem([], [supply(1, "h:1", -1)]), "supply_below_zero"),
        (problem([], [supply(1, "h:1", 1, weight=-1)]), "supply_below_zero"),
        (problem([], [supply(1, "h:1", 1, best_before="20261108")]), "bad_date"),
        (problem([], [], spoils_before="next week"), "bad_date"),
        (problem([], [], shortage_rule="lottery"), "unknown_shortage_rule"),
    ],
)
def test_input_without_meaning_is_refused(world, code: str) -> None:
    with pytest.raises(AllocationRefused) as refused:
        allocate(world)
    assert refused.value.code == code
