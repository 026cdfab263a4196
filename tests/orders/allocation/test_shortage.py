"""Who goes without, and in which order."""

from hypothesis import given
from hypothesis import strategies as st

from marketplace.orders.allocation import DemandLine, allocate
from marketplace.orders.allocation.shortage import CLASSES, serve
from tests.orders.allocation.worlds import allocated, demand_lines, line, problem, supply

RULES = st.sampled_from(sorted(CLASSES))


@given(demand_lines(), st.integers(0, 200), RULES)
def test_whole_orders_are_whole_and_nobody_gets_more_than_ordered(
    lines: list[DemandLine], capacity: int, rule: str
) -> None:
    served = serve(lines, capacity, rule)
    assert sum(served.values()) <= capacity
    for each in lines:
        assert 0 <= served[each.line_id] <= each.packs
        assert not each.whole_or_nothing or served[each.line_id] in {0, each.packs}


@given(demand_lines(), RULES)
def test_one_pack_more_is_sold_with_all_the_others_or_changes_nothing(
    lines: list[DemandLine], rule: str
) -> None:
    """Why more goods never reduce a household's total, whole-or-nothing orders included."""
    before = 0
    for capacity in range(1, sum(each.packs for each in lines) + 1):
        now = sum(serve(lines, capacity, rule).values())
        assert now in {before, capacity}
        before = now


@given(demand_lines(), st.integers(0, 200), RULES)
def test_among_one_pack_orders_of_a_class_the_latest_go_without(
    lines: list[DemandLine], capacity: int, rule: str
) -> None:
    served = serve(lines, capacity, rule)
    for channels in CLASSES[rule]:
        ones = [each for each in lines if each.packs == 1 and each.channel in channels]
        ones.sort(key=lambda each: (each.confirmed_at, each.line_id))
        got = [served[each.line_id] for each in ones]
        assert got == sorted(got, reverse=True)


@given(demand_lines(whole=False), st.integers(0, 200))
def test_a_class_is_cut_only_when_the_classes_behind_it_have_nothing(
    lines: list[DemandLine], capacity: int
) -> None:
    served = serve(lines, capacity, "canteens_first")
    canteens = [each for each in lines if each.channel == "canteen"]
    if any(served[each.line_id] < each.packs for each in canteens):
        assert not any(served[each.line_id] for each in lines if each.channel != "canteen")


def test_the_rule_of_the_round_decides_who_is_served_first() -> None:
    orders = [line(1, 10, channel="canteen"), line(2, 6), line(3, 4, channel="group")]
    assert serve(orders, 10, "canteens_first") == {1: 10, 2: 0, 3: 0}
    assert serve(orders, 10, "staff_first") == {1: 0, 2: 6, 3: 4}
    assert serve(orders, 10, "proportional") == {1: 5, 2: 3, 3: 2}


def test_divisible_orders_are_cut_by_largest_remainder() -> None:
    assert serve([line(1, 10), line(2, 7), line(3, 3)], 15, "proportional") == {1: 8, 2: 5, 3: 2}


def test_single_packs_and_large_orders_bear_a_shortage_in_proportion() -> None:
    singles = [line(at, 1) for at in range(1, 11)]
    served = serve([*singles, line(20, 30)], 20, "proportional")
    assert served[20] == 15
    assert [served[each.line_id] for each in singles] == [1] * 5 + [0] * 5


def test_a_whole_order_is_served_rather_than_leaving_goods_unsold() -> None:
    whole = line(1, 20, whole_or_nothing=True)
    assert serve([whole, line(2, 10)], 25, "proportional") == {1: 20, 2: 5}


def test_goods_no_whole_order_can_use_go_to_the_next_one_that_fits() -> None:
    orders = [line(1, 20, whole_or_nothing=True), line(2, 8, whole_or_nothing=True)]
    assert serve(orders, 15, "proportional") == {1: 0, 2: 8}


def test_a_cut_carries_its_reason() -> None:
    orders = [line(1, 30), line(2, 20, whole_or_nothing=True), line(3, 1), line(4, 1)]
    outcome = allocate(problem(orders, [supply(1, "h:1", 16)]))
    reasons = {cut.line_id: cut.reason for cut in outcome.cuts}
    assert reasons[1] == "proportional"
    assert reasons[2] == "whole_order"
    assert reasons.get(4) in {None, "latest_first"}
    assert sum(allocated(outcome).values()) == 16
