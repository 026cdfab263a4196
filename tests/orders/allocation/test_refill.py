"""A household answers less, a buyer leaves: what still fits stays."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.orders.allocation import (
    AllocationRefused,
    Cell,
    Outcome,
    Pin,
    Problem,
    allocate,
    check_outcome,
    refill,
)
from marketplace.orders.allocation.shortage import CLASSES
from tests.orders.allocation.worlds import allocated, line, pinned_problems, problem, supply, totals


@st.composite
def changed_rounds(draw: st.DrawFn) -> tuple[Problem, Outcome, Problem]:
    """A round, its outcome, and the same round after answers came in and buyers came or left."""
    world = draw(pinned_problems())
    try:
        outcome = allocate(world)
    except AllocationRefused:
        world = replace(world, pins=())
        outcome = allocate(world)
    supplies = tuple(
        replace(each, packs=max(0, each.packs + draw(st.sampled_from((0, 0, -3, -25, 4)))))
        for each in world.supplies
    )
    lines = tuple(each for each in world.lines if draw(st.integers(0, 5)))
    if draw(st.booleans()):
        lines += (line(50, draw(st.integers(1, 9)), drop="gate"),)
    return world, outcome, replace(world, supplies=supplies, lines=lines)


@given(changed_rounds())
def test_a_refilled_outcome_keeps_every_promise(case) -> None:
    _, before, now = case
    check_outcome(now, refill(now, before))


@given(changed_rounds())
def test_what_still_fits_stays(case) -> None:
    _, before, now = case
    after = refill(now, before)
    packs = {(cell.line_id, cell.commitment_id): cell.packs for cell in after.cells}
    used = Counter()
    for cell in before.cells:
        used[cell.commitment_id] += cell.packs
    available = {each.commitment_id: each.packs for each in now.supplies}
    lines = {each.line_id: each for each in now.lines}
    got = allocated(after)
    for cell in before.cells:
        fits = used[cell.commitment_id] <= available[cell.commitment_id]
        ordered = lines.get(cell.line_id)
        given_up = ordered is None or (ordered.whole_or_nothing and got.get(cell.line_id, 0) == 0)
        behind = ordered and ordered.channel not in CLASSES[now.shortage_rule][0]
        if fits and not given_up and not behind:
            assert packs[cell.line_id, cell.commitment_id] >= cell.packs


@given(changed_rounds())
def test_nobody_served_later_holds_packs_while_who_is_served_first_goes_short(case) -> None:
    _, before, now = case
    if any(each.whole_or_nothing for each in now.lines):
        return
    first = CLASSES[now.shortage_rule][0]
    got, cut = allocated(refill(now, before)), Counter()
    for one in before.cuts:
        cut[one.line_id] += one.packs
    short = sum(
        max(0, each.packs - cut[each.line_id]) - got.get(each.line_id, 0)
        for each in now.lines
        if each.channel in first
    )
    held = sum(got.get(each.line_id, 0) for each in now.lines if each.channel not in first)
    assert not short or not held


def test_a_canteen_whose_household_brings_less_eats_what_staff_would_have_got() -> None:
    orders = [line(1, 10, channel="canteen"), line(2, 6), line(3, 1)]
    lots = [supply(1, "h:1", 10), supply(2, "h:2", 7)]
    world = problem(orders, lots, shortage_rule="canteens_first")
    cells = (Cell(1, 1, 10, "fair"), Cell(2, 2, 6, "fair"), Cell(3, 2, 1, "fair"))
    before = replace(allocate(world), cells=cells)
    after = refill(replace(world, supplies=(supply(1, "h:1", 7), lots[1])), before)
    assert allocated(after) == {1: 10, 2: 3, 3: 1}
    assert totals(after) == {"h:1": 7, "h:2": 7}


@given(changed_rounds())
def test_only_ready_goods_give_more_than_their_sheet_said(case) -> None:
    _, before, now = case
    pinned = {pin.claimant or pin.commitment_id for pin in now.pins}
    used, first = Counter(), Counter()
    for outcome, counter in ((refill(now, before), used), (before, first)):
        for cell in outcome.cells:
            counter[cell.commitment_id] += cell.packs
    for each in now.supplies:
        if used[each.commitment_id] > first[each.commitment_id]:
            assert each.refill_ready
            assert not pinned & {each.claimant, each.commitment_id}


@given(changed_rounds())
def test_nothing_is_cut_while_ready_goods_are_left(case) -> None:
    _, before, now = case
    if any(each.whole_or_nothing for each in now.lines) or now.pins:
        return
    after = refill(now, before)
    used = Counter()
    for cell in after.cells:
        used[cell.commitment_id] += cell.packs
    left = sum(s.packs - used[s.commitment_id] for s in now.supplies if s.refill_ready)
    lines = {each.line_id for each in now.lines}
    earlier = sum(cut.packs for cut in before.cuts if cut.line_id in lines)
    assert left == 0 or sum(cut.packs for cut in after.cuts) == earlier


@given(changed_rounds())
def test_a_household_keeps_what_it_can_still_give_while_its_buyers_stay(case) -> None:
    world, before, now = case
    after = refill(replace(now, lines=world.lines), before)
    if any(each.whole_or_nothing for each in world.lines):
        return
    can = dict.fromkeys(totals(before), 0)
    used = Counter()
    for cell in before.cells:
        used[cell.commitment_id] += cell.packs
    for each in now.supplies:
        can[each.claimant] += min(each.packs, used[each.commitment_id])
    for total in after.totals:
        assert total.fact("kept") == can[total.claimant]


@given(pinned_problems())
def test_without_a_change_nothing_moves(world: Problem) -> None:
    try:
        before = allocate(world)
    except AllocationRefused:
        return
    after = refill(world, before)
    assert (after.cells, after.cuts) == (before.cells, before.cuts)
    assert totals(after) == totals(before)


def test_missing_packs_come_from_ready_goods_only() -> None:
    lots = [supply(1, "h:1", 20), supply(2, "h:2", 60), supply(3, "h:3", 60, refill_ready=True)]
    pins = (Pin(claimant="h:2", packs=10, reason="a"), Pin(claimant="h:3", packs=10, reason="b"))
    before = allocate(problem([line(1, 40)], lots, *pins))
    after = refill(problem([line(1, 40)], [supply(1, "h:1", 5), *lots[1:]]), before)
    assert totals(after) == {"h:1": 5, "h:2": 10, "h:3": 25}
    assert not after.cuts


def test_without_ready_goods_the_round_s_rule_decides_who_goes_without() -> None:
    lots = [supply(1, "h:1", 12)]
    orders = [line(1, 10, channel="canteen"), line(2, 1), line(3, 1)]
    before = allocate(problem(orders, lots))
    less = [supply(1, "h:1", 11)]
    after = refill(problem(orders, less, shortage_rule="canteens_first"), before)
    assert allocated(after) == {1: 10, 2: 1}
    after = refill(problem(orders, less, shortage_rule="staff_first"), before)
    assert allocated(after) == {1: 9, 2: 1, 3: 1}


def test_a_whole_order_that_cannot_be_made_whole_frees_its_packs_for_others() -> None:
    orders = [line(1, 30, whole_or_nothing=True), line(2, 20)]
    lots = [supply(1, "h:1", 25), supply(2, "h:2", 25)]
    before = allocate(problem(orders, lots))
    for gone in (1, 2):
        after = refill(
            problem(orders, [each for each in lots if each.commitment_id != gone]), before
        )
        assert allocated(after) == {2: 20}


def test_the_latest_of_two_broken_whole_orders_is_given_up_to_mend_the_other() -> None:
    orders = [line(at, 20, whole_or_nothing=True) for at in (1, 2)]
    lots = [supply(at, f"h:{at}", packs) for at, packs in ((1, 5), (2, 15), (3, 5), (4, 15))]
    cells = [Cell(1, 1, 5, "fair"), Cell(1, 2, 15, "fair")]
    cells += [Cell(2, 3, 5, "fair"), Cell(2, 4, 15, "fair")]
    before = replace(allocate(problem(orders, lots)), cells=tuple(cells))
    check_outcome(problem(orders, lots), before)
    less = [supply(1, "h:1", 3), lots[1], supply(3, "h:3", 3), lots[3]]
    after = refill(problem(orders, less), before)
    assert allocated(after) == {1: 20}
    assert [(cut.line_id, cut.packs, cut.reason) for cut in after.cuts] == [(2, 20, "whole_order")]


def test_a_whole_order_keeps_what_its_lot_still_has_and_is_mended_from_ready_goods() -> None:
    orders = [line(1, 20, whole_or_nothing=True)]
    lots = [supply(1, "h:1", 20), supply(2, "h:2", 50, refill_ready=True)]
    pin = Pin(claimant="h:1", packs=20, reason="a")
    before = allocate(problem(orders, lots, pin))
    now = problem(orders, [supply(1, "h:1", 14), lots[1]])
    assert totals(refill(now, before)) == {"h:1": 14, "h:2": 6}


def test_an_order_that_was_not_touched_is_not_broken_to_mend_another() -> None:
    orders = [line(at, 20, whole_or_nothing=True) for at in (1, 2)]
    lots = [supply(1, "h:1", 20), supply(2, "h:2", 20)]
    before = allocate(problem(orders, lots))
    (hit,) = (cell.line_id for cell in before.cells if cell.commitment_id == 1)
    after = refill(problem(orders, [supply(1, "h:1", 18), lots[1]]), before)
    assert allocated(after) == {3 - hit: 20}


def test_packs_of_a_buyer_who_left_go_to_one_who_waits() -> None:
    lots = [supply(1, "h:1", 10), supply(2, "h:2", 90, refill_ready=True)]
    pin = Pin(claimant="h:1", packs=10, reason="a")
    before = allocate(problem([line(1, 10), line(2, 10)], lots, pin))
    waiting = line(3, 10)
    after = refill(problem([line(2, 10), waiting], lots), before)
    assert totals(after) == totals(before)
    assert allocated(after) == {2: 10, 3: 10}


def test_a_sheet_shrinks_when_nobody_takes_the_packs() -> None:
    lots = [supply(1, "h:1", 10), supply(2, "h:2", 10)]
    before = allocate(problem([line(1, 10), line(2, 10)], lots))
    after = refill(problem([line(1, 10)], lots), before)
    assert sum(totals(after).values()) == 10


def test_what_was_cut_before_stays_cut() -> None:
    before = allocate(problem([line(1, 10)], [supply(1, "h:1", 6)]))
    more = [supply(1, "h:1", 10, refill_ready=True)]
    after = refill(problem([line(1, 10)], more), before)
    assert allocated(after) == {1: 6}
    assert after.cuts == before.cuts


def test_a_pin_does_not_stop_a_household_from_answering_less() -> None:
    pin = Pin(claimant="h:1", packs=10, reason="a")
    before = allocate(problem([line(1, 10)], [supply(1, "h:1", 10)], pin))
    now = problem([line(1, 10)], [supply(1, "h:1", 4)], pin)
    after = refill(now, before)
    check_outcome(now, after)
    assert totals(after) == {"h:1": 4}


def test_a_round_that_names_an_unknown_policy_is_refused() -> None:
    before = allocate(problem([], []))
    with pytest.raises(AllocationRefused):
        refill(problem([], [], policy="lottery"), before)
