"""The claimant is the household: how its goods were reported must not matter."""

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from marketplace.orders.allocation import Problem, allocate, cooperative_weight
from tests.orders.allocation.worlds import line, problem, problems, supply, totals


@given(problems(), st.data())
def test_splitting_a_report_never_raises_a_households_total(
    world: Problem, data: st.DataObject
) -> None:
    """Each piece is rounded down to whole packs, so pieces may lose packs, and may come later."""
    assume(world.supplies)
    whole = data.draw(st.sampled_from(world.supplies))
    pieces = []
    left = whole.packs
    for at in range(data.draw(st.integers(2, 4))):
        packs = data.draw(st.integers(0, left))
        left -= packs
        later = whole.committed_at + data.draw(st.integers(0, 2))
        pieces.append(
            replace(whole, commitment_id=100 + at, lot_id=100 + at, packs=packs, committed_at=later)
        )
    rest = tuple(each for each in world.supplies if each is not whole)
    split = replace(world, supplies=(*rest, *pieces))
    before, after = totals(allocate(world)), totals(allocate(split))
    assert after[whole.claimant] <= before[whole.claimant]


@given(problems(), st.data())
def test_a_split_that_loses_nothing_changes_nobodys_total(
    world: Problem, data: st.DataObject
) -> None:
    assume(world.supplies)
    whole = data.draw(st.sampled_from(world.supplies))
    first = data.draw(st.integers(0, whole.packs))
    pieces = (
        replace(whole, commitment_id=100, packs=first),
        replace(whole, commitment_id=101, packs=whole.packs - first),
    )
    rest = tuple(each for each in world.supplies if each is not whole)
    split = replace(world, supplies=(*rest, *pieces))
    assert totals(allocate(split)) == totals(allocate(world))


@given(problems(), st.data())
def test_more_goods_never_reduce_a_households_total(world: Problem, data: st.DataObject) -> None:
    assume(world.supplies)
    old = data.draw(st.sampled_from(world.supplies))
    more = replace(old, packs=old.packs + data.draw(st.integers(1, 12)))
    rest = tuple(each for each in world.supplies if each is not old)
    richer = replace(world, supplies=(*rest, more))
    assert totals(allocate(richer))[old.claimant] >= totals(allocate(world))[old.claimant]


def test_two_lots_of_one_household_count_as_one_claimant() -> None:
    lots = [supply(1, "h:1", 50), supply(2, "h:1", 50), supply(3, "h:2", 50)]
    assert totals(allocate(problem([line(1, 40)], lots))) == {"h:1": 20, "h:2": 20}


def test_within_a_household_what_spoils_first_goes_first() -> None:
    lots = [
        supply(1, "h:1", 30),
        supply(2, "h:1", 6, best_before="2026-12-01"),
        supply(3, "h:1", 6, best_before="2026-11-20"),
    ]
    outcome = allocate(problem([line(1, 8)], lots))
    assert {cell.commitment_id: cell.packs for cell in outcome.cells} == {2: 2, 3: 6}


def test_a_cooperative_weighs_as_much_as_its_supported_shareholders() -> None:
    weight = cooperative_weight([{"h:11": 2, "h:12": 1}])
    lots = [supply(1, "o:7", 90, weight=weight), supply(2, "h:2", 90, weight=1)]
    assert totals(allocate(problem([line(1, 40)], lots))) == {"o:7": 30, "h:2": 10}


@given(st.lists(st.dictionaries(st.sampled_from("abcd"), st.integers(0, 5))), st.data())
def test_dividing_a_cooperatives_lot_adds_no_weight(lots: list, data: st.DataObject) -> None:
    assume(lots)
    again = data.draw(st.sampled_from(lots))
    assert cooperative_weight([*lots, again]) == cooperative_weight(lots)
