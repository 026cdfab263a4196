"""The operator's word holds, or is refused with the figures that stand against it."""

import pytest

from marketplace.orders.allocation import AllocationRefused, Pin, allocate, check_outcome
from tests.orders.allocation.worlds import line, problem, supply, totals

LOTS = [supply(1, "h:1", 30), supply(2, "h:1", 30), supply(3, "h:2", 60)]


def test_a_pinned_household_gets_exactly_its_packs_and_the_rest_is_shared() -> None:
    world = problem([line(1, 60)], LOTS, Pin(claimant="h:1", packs=12, reason="人手不够"))
    outcome = allocate(world)
    check_outcome(world, outcome)
    assert totals(outcome) == {"h:1": 12, "h:2": 48}
    assert {cell.reason for cell in outcome.cells if cell.commitment_id < 3} == {"pinned"}


def test_a_pinned_lot_counts_toward_its_households_level() -> None:
    world = problem([line(1, 60)], LOTS, Pin(commitment_id=1, packs=20, reason="已经装车"))
    outcome = allocate(world)
    check_outcome(world, outcome)
    assert totals(outcome) == {"h:1": 30, "h:2": 30}


def test_a_lot_may_be_pinned_inside_a_pinned_household() -> None:
    pins = (
        Pin(claimant="h:1", packs=25, reason="人手不够"),
        Pin(commitment_id=1, packs=5, reason="路不通"),
    )
    outcome = allocate(problem([line(1, 60)], LOTS, *pins))
    packs = {cell.commitment_id: cell.packs for cell in outcome.cells}
    assert (packs[1], packs[2]) == (5, 20)


def test_a_pin_at_nothing_takes_the_household_out() -> None:
    pin = Pin(claimant="h:1", packs=0, reason="家里有事")
    assert totals(allocate(problem([line(1, 40)], LOTS, pin))) == {"h:1": 0, "h:2": 40}


@pytest.mark.parametrize(
    ("pins", "code", "figures"),
    [
        (
            [Pin(claimant="h:1", packs=61, reason="多卖")],
            "pin_beyond_supply",
            {"target": "h:1", "pinned": 61, "supply": 60},
        ),
        (
            [Pin(commitment_id=3, packs=70, reason="多卖")],
            "pin_beyond_supply",
            {"target": "c:3", "pinned": 70, "supply": 60},
        ),
        (
            [Pin(claimant="h:1", packs=30, reason="a"), Pin(claimant="h:2", packs=30, reason="b")],
            "pin_beyond_demand",
            {"pinned": 60, "demand": 50},
        ),
        (
            [Pin(claimant="h:1", packs=9, reason="a"), Pin(commitment_id=2, packs=10, reason="b")],
            "pins_disagree",
            {"target": "h:1", "pinned": 9, "inside": 10},
        ),
        (
            [Pin(claimant="h:9", packs=1, reason="a")],
            "pin_unknown",
            {"target": "h:9"},
        ),
        (
            [Pin(claimant="h:1", commitment_id=1, packs=1, reason="a")],
            "pin_unknown",
            {"target": "h:1"},
        ),
        (
            [Pin(claimant="h:1", packs=1, reason=" ")],
            "pin_incomplete",
            {"target": "h:1", "packs": 1},
        ),
        (
            [Pin(claimant="h:1", packs=1, reason="a"), Pin(claimant="h:1", packs=2, reason="b")],
            "pin_twice",
            {"key": "h:1"},
        ),
    ],
)
def test_a_pin_that_cannot_hold_is_refused_with_figures(
    pins: list[Pin], code: str, figures: dict[str, int | str]
) -> None:
    with pytest.raises(AllocationRefused) as refused:
        allocate(problem([line(1, 50)], LOTS, *pins))
    assert (refused.value.code, refused.value.figures) == (code, figures)


def test_a_pin_cannot_stand_on_orders_that_cannot_be_served() -> None:
    whole = line(1, 500, whole_or_nothing=True)
    with pytest.raises(AllocationRefused) as refused:
        allocate(problem([whole], LOTS, Pin(claimant="h:1", packs=5, reason="多卖")))
    assert refused.value.figures == {"pinned": 5, "demand": 0}
