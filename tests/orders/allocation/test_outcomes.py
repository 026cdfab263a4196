"""Whatever the orders and the lots, an outcome keeps its promises."""

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from marketplace.orders.allocation import (
    AllocationRefused,
    Outcome,
    Problem,
    allocate,
    check_outcome,
)
from marketplace.orders.allocation.policies import POLICIES
from tests.orders.allocation.worlds import (
    line,
    pinned_problems,
    problem,
    problems,
    supply,
    totals,
)


@given(problems())
def test_every_pack_is_allocated_from_one_lot_or_cut(world: Problem) -> None:
    check_outcome(world, allocate(world))


@given(problems(whole=False))
def test_nothing_is_cut_while_goods_are_left(world: Problem) -> None:
    ordered = sum(each.packs for each in world.lines)
    offered = sum(each.packs for each in world.supplies)
    cut = sum(each.packs for each in allocate(world).cuts)
    assert cut == max(0, ordered - offered)


@given(pinned_problems(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_changes_nothing(world: Problem, mixer: random.Random) -> None:
    def mixed(rows):
        return tuple(mixer.sample(rows, len(rows)))

    other = replace(
        world,
        lines=mixed(world.lines),
        supplies=mixed(world.supplies),
        pins=mixed(world.pins),
    )
    assert _result(other) == _result(world)


@given(pinned_problems())
def test_pins_hold_or_are_refused_with_figures(world: Problem) -> None:
    result = _result(world)
    if isinstance(result, Outcome):
        check_outcome(world, result)
    else:
        assert result[0] in {"pin_beyond_demand", "pin_beyond_supply", "pins_disagree"}


@given(problems(whole=False))
def test_with_enough_orders_every_policy_sells_everything(world: Problem) -> None:
    hungry = replace(world, lines=(*world.lines, line(99, 500)))
    for name, version in POLICIES:
        sold = totals(allocate(replace(hungry, policy=name, policy_version=version)))
        offered = dict.fromkeys(sold, 0)
        for each in world.supplies:
            offered[each.claimant] += each.packs
        assert sold == offered


def test_an_empty_round_has_an_empty_outcome() -> None:
    outcome = allocate(problem([], []))
    assert (outcome.cells, outcome.cuts, outcome.totals) == ((), (), ())


def test_orders_without_any_goods_are_cut_whole() -> None:
    outcome = allocate(problem([line(1, 5)], []))
    assert [(cut.line_id, cut.packs) for cut in outcome.cuts] == [(1, 5)]


def test_a_cell_says_why_its_packs_were_chosen() -> None:
    urgent = supply(1, "h:1", 4, best_before="2026-11-08")
    outcome = allocate(problem([line(1, 10)], [urgent, supply(2, "h:2", 9)]))
    assert {cell.commitment_id: cell.reason for cell in outcome.cells} == {1: "urgent", 2: "fair"}
    plain = allocate(problem([line(1, 10)], [urgent, supply(2, "h:2", 9)], policy="proportional"))
    assert {cell.reason for cell in plain.cells} == {"proportional"}


def _result(world: Problem) -> Outcome | tuple[str, str]:
    try:
        return allocate(world)
    except AllocationRefused as refused:
        return refused.code, refused.message
