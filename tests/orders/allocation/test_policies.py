"""Each policy does what its name says, and old versions stay callable."""

from pathlib import Path

import pytest
from hypothesis import given

from marketplace.orders.allocation import (
    AllocationRefused,
    Problem,
    allocate,
    get_policy,
    latest_policies,
    policies,
)
from tests.orders.allocation.worlds import line, problem, problems, supply, totals


def test_proportional_sells_the_same_part_of_every_offer() -> None:
    lots = [supply(1, "h:1", 60), supply(2, "h:2", 30), supply(3, "h:3", 10)]
    sold = totals(allocate(problem([line(1, 50)], lots, policy="proportional")))
    assert sold == {"h:1": 30, "h:2": 15, "h:3": 5}


@given(problems(whole=False))
def test_proportional_stays_within_a_pack_of_the_exact_part(world: Problem) -> None:
    if world.policy != "proportional":
        return
    outcome = allocate(world)
    offered = sum(each.packs for each in world.supplies)
    sold = sum(total.packs for total in outcome.totals)
    for total in outcome.totals:
        assert abs(total.packs * offered - total.supply * sold) < max(1, offered)


def test_first_come_serves_each_commitment_in_its_own_time() -> None:
    lots = [
        supply(1, "h:1", 1, committed_at=10),
        supply(2, "h:2", 20, committed_at=20),
        supply(3, "h:1", 50, committed_at=30),
    ]
    sold = totals(allocate(problem([line(1, 25)], lots, policy="first_come")))
    assert sold == {"h:1": 5, "h:2": 20}


def test_an_unknown_policy_or_version_is_refused() -> None:
    for name, version in (("lottery", 1), ("first_come", 99)):
        with pytest.raises(AllocationRefused) as refused:
            allocate(problem([], [], policy=name, policy_version=version))
        assert refused.value.code == "unknown_policy"
        assert refused.value.figures == {"policy": name, "version": version}


def test_a_new_version_is_one_new_file_and_the_old_one_stays(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "first_come_v99.py").write_text(
        "from dataclasses import replace\n"
        "from marketplace.orders.allocation.policies.proportional_v1 import POLICY as OLD\n"
        "POLICY = replace(OLD, name='first_come', version=99, title='先来后到，新版')\n"
    )
    monkeypatch.setattr(policies, "__path__", [*policies.__path__, str(tmp_path)])
    monkeypatch.setattr(policies, "POLICIES", policies._collect())
    lots = [supply(1, "h:1", 10), supply(2, "h:2", 10)]
    orders = [line(1, 10)]
    old = problem(orders, lots, policy="first_come", policy_version=1)
    new = problem(orders, lots, policy="first_come", policy_version=99)
    assert totals(allocate(old)) == {"h:1": 10, "h:2": 0}
    assert totals(allocate(new)) == {"h:1": 5, "h:2": 5}
    assert ("first_come", 99) in {(policy.name, policy.version) for policy in latest_policies()}


def test_every_policy_has_a_title_to_choose_it_by() -> None:
    assert {policy.name for policy in latest_policies()} >= {
        "urgent_then_fair",
        "proportional",
        "first_come",
    }
    assert get_policy("urgent_then_fair", 1).title == "先卖放不住的，再按权重拉平"
