"""One value, one text, one hash; and a stored allocation can be done again to the byte."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given

from marketplace.orders.allocation import (
    AllocationRefused,
    Outcome,
    Problem,
    allocate,
    decode_outcome,
    decode_problem,
    digest,
    encode_outcome,
    encode_problem,
    refill,
    replay,
    replay_refill,
)
from marketplace.orders.allocation.policies import POLICIES
from marketplace.orders.allocation.shortage import CLASSES
from tests.orders.allocation.worlds import line, pinned_problems, problem, problems, supply

GOLDEN = Path(__file__).parent / "golden"


@given(pinned_problems())
def test_a_problem_survives_its_text(world: Problem) -> None:
    text = encode_problem(world)
    again = decode_problem(text)
    assert encode_problem(again) == text
    assert set(again.lines) == set(world.lines)
    assert set(again.supplies) == set(world.supplies)
    assert replace(again, lines=(), supplies=(), pins=()) == replace(
        world, lines=(), supplies=(), pins=()
    )


@given(problems())
def test_an_outcome_survives_its_text(world: Problem) -> None:
    outcome = allocate(world)
    assert decode_outcome(encode_outcome(outcome)) == outcome


@given(problems())
def test_replay_gives_the_same_text_to_the_byte(world: Problem) -> None:
    stored = encode_problem(world), encode_outcome(allocate(world))
    assert replay(stored[0]).encode() == stored[1].encode()


@given(problems())
def test_a_refill_can_be_replayed_too(world: Problem) -> None:
    before = allocate(world)
    less = tuple(replace(each, packs=each.packs // 2) for each in world.supplies)
    now = replace(world, supplies=less)
    stored = encode_outcome(refill(now, before))
    assert replay_refill(encode_problem(now), encode_outcome(before), "refill_2") == stored


@given(problems())
def test_the_order_of_rows_does_not_reach_the_text(world: Problem) -> None:
    mirrored = replace(world, lines=world.lines[::-1], supplies=world.supplies[::-1])
    assert digest(encode_problem(mirrored)) == digest(encode_problem(world))


@given(problems())
def test_the_text_holds_integers_and_strings_only(world: Problem) -> None:
    def leaves(value: object) -> list[object]:
        if isinstance(value, dict):
            return [leaf for each in value.values() for leaf in leaves(each)]
        if isinstance(value, list):
            return [leaf for each in value for leaf in leaves(each)]
        return [value]

    for text in (encode_problem(world), encode_outcome(allocate(world))):
        body = json.loads(text)
        assert {type(leaf) for leaf in leaves(body)} <= {int, str}
        assert text == json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.glob("*.problem.json")))
def test_allocations_of_the_past_still_come_out_the_same(name: str) -> None:
    """A difference here means that stored rounds no longer replay: add a version, do not edit."""
    past = (GOLDEN / name).read_text(encoding="utf-8")
    outcome = (GOLDEN / name.replace("problem", "outcome")).read_text(encoding="utf-8")
    assert replay(past) == outcome


@pytest.mark.parametrize("stage", ["refill", "refill_2"])
def test_a_refill_of_the_past_still_comes_out_the_same(stage: str) -> None:
    now, before, after = (
        (GOLDEN / f"answered.{name}.json").read_text(encoding="utf-8")
        for name in ("now", "before", f"after.{stage}")
    )
    assert replay_refill(now, before, stage) == after


def test_past_allocations_cover_every_policy_version_and_shortage_rule() -> None:
    past = [decode_problem(path.read_text("utf-8")) for path in GOLDEN.glob("*.problem.json")]
    assert {(each.policy, each.policy_version) for each in past} == set(POLICIES)
    assert {each.shortage_rule for each in past} == set(CLASSES)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1],
        lambda text: text.replace('"format":1', '"format":2'),
        lambda text: text.replace('"kind":"problem"', '"kind":"outcome"'),
        lambda text: text.replace('"listing_id":9', '"listing_id":9.0'),
        lambda text: text.replace('"listing_id":9', '"listing_id":"9"'),
        lambda text: text.replace('"listing_id":9', '"listing_id":true'),
        lambda text: text.replace('"listing_id":9,', ""),
        lambda text: text.replace('"listing_id":9', '"listing_id":9,"more":1'),
        lambda text: text.replace('"drop"', '"dropped"'),
        lambda text: "[]",
    ],
)
def test_a_text_of_another_shape_is_refused(spoil) -> None:
    text = encode_problem(problem([line(1, 3)], [supply(1, "h:1", 5)]))
    assert spoil(text) != text
    with pytest.raises(AllocationRefused) as refused:
        decode_problem(spoil(text))
    assert refused.value.code == "unreadable_text"


def test_an_outcome_text_is_not_read_as_a_problem() -> None:
    outcome = allocate(problem([line(1, 3)], [supply(1, "h:1", 5)]))
    assert isinstance(decode_outcome(encode_outcome(outcome)), Outcome)
    with pytest.raises(AllocationRefused):
        decode_problem(encode_outcome(outcome))
