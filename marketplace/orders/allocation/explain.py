"""Says in Chinese why a claimant got its packs."""

from marketplace.orders.allocation.policies import get_policy
from marketplace.orders.allocation.types import ClaimantTotal, Outcome, Problem, Supply


def explain(problem: Problem, outcome: Outcome, claimant: str) -> list[str]:
    """Sentences with figures, in the order a cadre would tell them; KeyError if unknown."""
    total = next((total for total in outcome.totals if total.claimant == claimant), None)
    if total is None:
        raise KeyError(claimant)
    pool = [supply for supply in problem.supplies if supply.claimant == claimant]
    return [
        _market(outcome),
        *_own(problem, outcome, total, pool),
        *_decided(problem, outcome, total, pool),
        _result(total),
    ]


def _market(outcome: Outcome) -> str:
    cut = sum(entry.packs for entry in outcome.cuts)
    ordered = cut + sum(total.packs for total in outcome.totals)
    offered = sum(total.supply for total in outcome.totals)
    said = f"这个商品一共订了 {ordered:,} 份，{len(outcome.totals)} 家一共备了 {offered:,} 份"
    return f"{said}，其中 {cut:,} 份订单没能满足。" if cut else f"{said}。"


def _own(problem: Problem, outcome: Outcome, total: ClaimantTotal, pool: list[Supply]) -> list[str]:
    said = [f"这家能出 {total.supply:,} 份"]
    if len(pool) > 1:
        said.append(f"{len(pool)} 批合在一起算")
    urgent = [supply for supply in pool if problem.is_urgent(supply) and supply.packs]
    if urgent:
        first = min(supply.best_before for supply in urgent)
        said.append(f"其中 {total.urgent} 份等不到 {problem.spoils_before}，最早 {first} 就到期")
    weights = sum(other.weight for other in outcome.totals)
    return ["，".join(said) + "。", f"这家帮扶权重 {total.weight} 点，各家合计 {weights} 点。"]


def _decided(
    problem: Problem, outcome: Outcome, total: ClaimantTotal, pool: list[Supply]
) -> list[str]:
    if total.basis == "refill":
        return _refilled(total)
    lots = {supply.commitment_id: supply.lot_id for supply in pool}
    said = []
    for pin in problem.pins:
        if pin.claimant == total.claimant:
            return [f"这家的份数由人工定为 {pin.packs} 份，理由：{pin.reason}。"]
        if pin.commitment_id in lots:
            said.append(
                f"批次 {lots[pin.commitment_id]} 由人工定为 {pin.packs} 份，理由：{pin.reason}。"
            )
    policy = get_policy(outcome.policy, outcome.policy_version)
    return [*said, f"分法：{policy.title}。", *policy.sentences(total)]


def _refilled(total: ClaimantTotal) -> list[str]:
    before, kept, added = total.fact("before"), total.fact("kept"), total.fact("added")
    said = [f"原来分到 {before} 份。"]
    if kept < before:
        said.append(f"户里回话或订单有变，原来的只剩 {kept} 份。")
    if added:
        said.append(f"又补进 {added} 份订单。")
    return said if kept < before or added else [*said, "没有变动。"]


def _result(total: ClaimantTotal) -> str:
    left = total.supply - total.packs
    rest = f"，能出的里面还有 {left} 份没分到订单" if left else ""
    return f"所以这家这次是 {total.packs} 份{rest}。"
