"""A cadre reads why this household got forty packs and not sixty."""

import ast
from pathlib import Path

from marketplace.orders import allocation
from marketplace.orders.allocation import (
    AllocationRefused,
    Pin,
    allocate,
    explain,
    refill,
)
from marketplace.orders.allocation.refusals import SENTENCES
from tests.orders.allocation.worlds import line, problem, supply

LOTS = [
    supply(1, "h:1", 50, weight=2),
    supply(2, "h:1", 10, weight=2, best_before="2026-11-08"),
    supply(3, "h:2", 60),
    supply(4, "h:3", 12, best_before="2026-11-11"),
]


def test_forty_and_not_sixty() -> None:
    world = problem([line(1, 72)], LOTS)
    assert explain(world, allocate(world), "h:1") == [
        "这个商品一共订了 72 份，3 家一共备了 132 份。",
        "这家能出 60 份，2 批合在一起算，其中 10 份等不到 2026-11-12，最早 2026-11-08 就到期。",
        "这家帮扶权重 2 点，各家合计 4 点。",
        "分法：先卖放不住的，再按权重拉平。",
        "放不住的先卖：这家 10 份全部先分到，算在总数里。",
        "按帮扶权重拉平：每 1 点权重 20 份，这家 2 点，合 40 份。",
        "所以这家这次是 40 份，能出的里面还有 20 份没分到订单。",
    ]


def test_a_household_that_sold_all_reads_so() -> None:
    world = problem([line(1, 72)], LOTS)
    assert "要得够多，这家能分的全部分到了订单。" in explain(world, allocate(world), "h:3")


def test_remainder_and_turn_are_named() -> None:
    world = problem([line(1, 5)], [supply(1, "h:1", 9), supply(2, "h:2", 9)])
    outcome = allocate(world)
    said = {total.packs: explain(world, outcome, total.claimant) for total in outcome.totals}
    assert "零头和别家一样大，按本期轮换次序，这次轮到，多得 1 份，是 3 份。" in said[3]
    assert "零头和别家一样大，按本期轮换次序，这次没轮到，是 2 份。" in said[2]
    uneven = problem([line(1, 5)], [supply(1, "h:1", 9, weight=2), supply(2, "h:2", 9)])
    outcome = allocate(uneven)
    assert "这家 2 点，合 3.33 份。" in explain(uneven, outcome, "h:1")[4]
    assert "零头不够整份，是 3 份。" in explain(uneven, outcome, "h:1")
    assert "零头较大，补成整份，是 2 份。" in explain(uneven, outcome, "h:2")


def test_urgent_goods_above_the_level_are_named() -> None:
    lots = [supply(1, "h:1", 12, best_before="2026-11-08"), supply(2, "h:1", 9), *LOTS[2:3]]
    world = problem([line(1, 20)], lots)
    assert "这家先分到的已经不低于这个数，所以停在 12 份。" in explain(
        world, allocate(world), "h:1"
    )


def test_too_few_orders_even_for_what_spoils() -> None:
    lots = [supply(at, f"h:{at}", 10, best_before="2026-11-08") for at in (1, 2)]
    world = problem([line(1, 8)], lots)
    said = explain(world, allocate(world), "h:1")
    assert "等不到下一期的货一共 20 份，可分的订单只有 8 份，所以这次只卖放不住的。" in said


def test_a_supplier_without_weight_reads_that_it_waits() -> None:
    world = problem([line(1, 8)], [supply(1, "h:1", 10), supply(2, "o:7", 10, weight=0)])
    said = explain(world, allocate(world), "o:7")
    assert "这家没有帮扶权重，有权重的都分完才轮到。" in said


def test_a_pin_is_named_with_its_reason() -> None:
    household = Pin(claimant="h:1", packs=15, reason="人手不够")
    world = problem([line(1, 40)], LOTS, household)
    said = explain(world, allocate(world), "h:1")
    assert "这家的份数由人工定为 15 份，理由：人手不够。" in said
    lot = Pin(commitment_id=2, packs=0, reason="已经坏了")
    world = problem([line(1, 40)], LOTS, lot)
    assert "批次 502 由人工定为 0 份，理由：已经坏了。" in explain(world, allocate(world), "h:1")


def test_the_other_policies_explain_themselves() -> None:
    lots = [supply(1, "h:1", 10), supply(2, "h:2", 20)]
    world = problem([line(1, 16)], lots, policy="proportional")
    said = explain(world, allocate(world), "h:1")
    assert "按各家备货量的比例分：一共备了 30 份，可分 16 份，这家 10 份，合 5.33 份。" in said
    world = problem([line(1, 16)], lots, policy="first_come")
    said = explain(world, allocate(world), "h:2")
    assert "按上架先后分：排在这家前面的有 10 份，可分 16 份。" in said


def test_a_shortage_is_told_before_anything_else() -> None:
    world = problem([line(1, 200)], LOTS)
    first = explain(world, allocate(world), "h:1")[0]
    assert first == "这个商品一共订了 200 份，3 家一共备了 132 份，其中 68 份订单没能满足。"


def test_after_an_answer_the_change_is_told() -> None:
    lots = [supply(1, "h:1", 10), supply(2, "h:2", 30, refill_ready=True)]
    before = allocate(problem([line(1, 20)], lots))
    now = problem([line(1, 20)], [supply(1, "h:1", 4), lots[1]])
    after = refill(now, before)
    assert explain(now, after, "h:1")[-3:-1] == [
        "原来分到 10 份。",
        "户里回话或订单有变，原来的只剩 4 份。",
    ]
    assert explain(now, after, "h:2")[-3:] == [
        "原来分到 10 份。",
        "又补进 6 份订单。",
        "所以这家这次是 16 份，能出的里面还有 14 份没分到订单。",
    ]


def test_a_refused_pin_says_both_figures() -> None:
    refused = AllocationRefused("pin_beyond_supply", target="h:1", pinned=70, supply=60)
    assert refused.message == "「h:1」最多能出 60 份，不能定为 70 份。"


def test_every_refusal_has_a_sentence() -> None:
    """Codes are read from the source, so that a new one cannot come without words."""
    raised = set()
    for path in Path(allocation.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {
                "AllocationRefused",
                "_refuse_twice",
            }:
                raised.add(node.args[0].value if isinstance(node.args[0], ast.Constant) else "")
    assert raised - {""} == set(SENTENCES)
