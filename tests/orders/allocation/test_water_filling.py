"""Weighted max-min fairness, to the pack."""

from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from marketplace.orders.allocation import Problem, allocate
from marketplace.orders.allocation.water_filling import Vessel, fill
from tests.orders.allocation.worlds import line, problem, problems, supply, totals


@st.composite
def waters(draw: st.DrawFn) -> tuple[int, list[Vessel]]:
    vessels = []
    for turn in range(draw(st.integers(0, 8))):
        low = draw(st.integers(0, 10))
        high = low + draw(st.integers(0, 20))
        vessels.append(Vessel(low=low, high=high, weight=draw(st.integers(0, 5)), turn=turn))
    lowest, highest = sum(v.low for v in vessels), sum(v.high for v in vessels)
    return draw(st.integers(lowest, highest)), vessels


def packs_of(packs: int, vessels: list[Vessel]) -> list[int]:
    return [filled.portion.packs for filled in fill(packs, vessels)]


@given(waters())
def test_all_the_water_is_poured_and_no_vessel_leaves_its_bounds(world) -> None:
    packs, vessels = world
    poured = packs_of(packs, vessels)
    assert sum(poured) == packs
    assert all(v.low <= got <= v.high for v, got in zip(vessels, poured, strict=True))


@given(waters())
def test_nobody_could_get_more_without_a_lower_level_getting_less(world) -> None:
    packs, vessels = world
    found = [pair for pair in zip(vessels, packs_of(packs, vessels), strict=True) if pair[0].weight]
    for poor, few in found:
        for rich, many in found:
            if few < poor.high and many > rich.low:
                assert Fraction(many - 1, rich.weight) < Fraction(few + 1, poor.weight)


@given(waters())
def test_each_ends_within_a_pack_of_the_exact_level(world) -> None:
    packs, vessels = world
    for vessel, filled in zip(vessels, fill(packs, vessels), strict=True):
        level = Fraction(filled.level_num, filled.level_den)
        exact = min(max(level * (vessel.weight or 1), vessel.low), vessel.high)
        assert abs(filled.portion.packs - exact) < 1


@given(waters())
def test_without_weight_one_waits_until_all_others_are_full(world) -> None:
    packs, vessels = world
    poured = packs_of(packs, vessels)
    fed = any(v.weight == 0 and got > v.low for v, got in zip(vessels, poured, strict=True))
    if fed:
        assert all(got == v.high for v, got in zip(vessels, poured, strict=True) if v.weight)


@given(waters(), st.data())
def test_a_higher_rim_never_lowers_its_own_vessel(world, data: st.DataObject) -> None:
    packs, vessels = world
    assume(vessels)
    at = data.draw(st.integers(0, len(vessels) - 1))
    old = vessels[at]
    raised = Vessel(old.low, old.high + data.draw(st.integers(1, 9)), old.weight, old.turn)
    higher = [*vessels[:at], raised, *vessels[at + 1 :]]
    assert packs_of(packs, higher)[at] >= packs_of(packs, vessels)[at]


def test_large_remainders_get_the_odd_packs_and_equals_take_turns() -> None:
    by_weight = [Vessel(0, 50, 3, 0), Vessel(0, 50, 2, 1), Vessel(0, 50, 2, 2)]
    assert packs_of(10, by_weight) == [4, 3, 3]  # 4.29, 2.86, 2.86
    equals = [Vessel(0, 50, 1, 2), Vessel(0, 50, 1, 0), Vessel(0, 50, 1, 1)]
    assert packs_of(10, equals) == [3, 4, 3]


@given(problems(whole=False, policies="urgent_then_fair"))
def test_sold_totals_are_max_min_fair_above_what_is_urgent(world: Problem) -> None:
    outcome = allocate(world)
    urgent = sum(total.urgent for total in outcome.totals)
    assume(sum(total.packs for total in outcome.totals) >= urgent)
    weighted = [total for total in outcome.totals if total.weight]
    for poor in weighted:
        for rich in weighted:
            if poor.packs < poor.supply and rich.packs > rich.urgent:
                assert (rich.packs - 1) * poor.weight < (poor.packs + 1) * rich.weight


@given(problems(whole=False, policies="urgent_then_fair"))
def test_what_spoils_is_sold_before_anything_that_keeps(world: Problem) -> None:
    urgent = {s.commitment_id: s.packs for s in world.supplies if world.is_urgent(s)}
    sold = {"urgent": 0, "keeps": 0}
    for cell in allocate(world).cells:
        sold["urgent" if cell.commitment_id in urgent else "keeps"] += cell.packs
    assert sold["keeps"] == 0 or sold["urgent"] == sum(urgent.values())


def test_urgent_packs_count_toward_the_level() -> None:
    lots = [supply(1, "h:1", 12, best_before="2026-11-08"), supply(2, "h:2", 60)]
    assert totals(allocate(problem([line(1, 20)], [*lots, supply(3, "h:3", 60)]))) == {
        "h:1": 12,
        "h:2": 4,
        "h:3": 4,
    }


def test_equal_households_take_turns_over_the_rounds() -> None:
    lots = [supply(1, "h:1", 9), supply(2, "h:2", 9)]
    winners = {
        max(sold, key=lambda claimant: sold[claimant])
        for salt in "abcdefgh"
        for sold in [totals(allocate(problem([line(1, 5)], lots, salt=salt)))]
    }
    assert winners == {"h:1", "h:2"}
