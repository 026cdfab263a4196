"""Policies side by side, in figures that can be checked by hand."""

from hypothesis import given
from hypothesis import strategies as st

from marketplace.orders.allocation import Problem, compare
from marketplace.orders.allocation.compare import gini_permille
from tests.orders.allocation.worlds import line, problem, problems, supply


def test_figures_of_a_small_round() -> None:
    lots = [
        supply(1, "h:1", 10, committed_at=1, village="A"),
        supply(2, "h:2", 10, committed_at=2, village="A", best_before="2026-11-08"),
        supply(3, "o:7", 10, committed_at=3, village="B", households=2, weight=2),
    ]
    orders = [line(1, 6, drop="x"), line(2, 6, drop="y")]
    chosen = [("urgent_then_fair", 1), ("first_come", 1)]
    fair, first = compare([(problem(orders, lots), 100)], chosen)
    assert (first.policy, first.version, first.sold_packs, first.cut_packs) == (
        "first_come",
        1,
        12,
        0,
    )
    assert (first.households_helped, first.spoiling_unsold_packs, first.pickups) == (2, 8, 2)
    incomes = (first.income_min_fen, first.income_median_fen, first.income_max_fen)
    assert incomes == (0, 100, 1000)
    assert first.income_gini_permille == 666  # 0, 0, 200, 1000
    assert (fair.spoiling_unsold_packs, fair.households_helped) == (0, 4)


def test_a_household_that_sells_twice_is_counted_once_with_the_sum_of_both() -> None:
    first = problem([line(1, 8)], [supply(1, "h:1", 4), supply(2, "h:2", 4, village="B")])
    second = problem([line(2, 3)], [supply(3, "h:1", 3)])
    (figures,) = compare([(first, 100), (second, 50)], [("proportional", 1)])
    assert (figures.households_helped, figures.split_lines, figures.sold_packs) == (2, 1, 11)
    assert (figures.income_min_fen, figures.income_max_fen) == (400, 550)
    assert figures.pickups == len({("h:1", first.supplies[0].village), ("h:2", "B")})


@given(problems())
def test_all_policies_sell_the_same_number_of_packs(world: Problem) -> None:
    figures = compare([(world, 250)])
    assert len(figures) >= 3
    assert len({(each.sold_packs, each.cut_packs) for each in figures}) == 1
    assert all(each.income_min_fen <= each.income_median_fen for each in figures)


@given(problems())
def test_only_the_urgent_policy_can_leave_least_to_spoil(world: Problem) -> None:
    unsold = {each.policy: each.spoiling_unsold_packs for each in compare([(world, 250)])}
    assert unsold["urgent_then_fair"] == min(unsold.values())


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=8))
def test_gini_is_the_mean_difference_over_twice_the_mean(amounts: list[int]) -> None:
    total, count = sum(amounts), len(amounts)
    differences = sum(abs(one - other) for one in amounts for other in amounts)
    expected = 1000 * differences // (2 * count * total) if total else 0
    assert gini_permille(sorted(amounts)) == expected
