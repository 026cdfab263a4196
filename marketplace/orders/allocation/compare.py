"""What each policy would do with the same orders, in figures an operator can weigh."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from marketplace.orders.allocation.claims import pooled
from marketplace.orders.allocation.engine import allocate
from marketplace.orders.allocation.policies import latest_policies
from marketplace.orders.allocation.types import Outcome, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFigures:
    """Money in fen, income per supported household (a cooperative's is divided by its households).

    Permille figures are rounded down.
    """

    policy: str
    version: int
    sold_packs: int
    cut_packs: int
    households_helped: int
    income_min_fen: int
    income_median_fen: int
    income_max_fen: int
    income_gini_permille: int
    """0: all earn the same; near 1000: one household earns all."""
    spoiling_unsold_packs: int
    """Packs that spoil before the next round and found no buyer."""
    split_lines: int
    """Lines that come from more than one lot."""
    lots_per_line_permille: int
    pickups: int
    """Claimant and village pairs that have something to hand in."""
    villages_per_drop_max: int
    villages_per_drop_permille: int


def compare(
    problem: Problem, farmgate_fen: int, policies: Iterable[tuple[str, int]] = ()
) -> tuple[PolicyFigures, ...]:
    """Figures per (name, version), the newest version of every policy when none is named.

    `farmgate_fen` is what a household gets for one pack. Pins apply under every policy. Raises
    AllocationRefused as `allocate` does.
    """
    chosen = tuple(policies) or tuple((p.name, p.version) for p in latest_policies())
    tried = (replace(problem, policy=name, policy_version=version) for name, version in chosen)
    return tuple(figures_of(each, allocate(each), farmgate_fen) for each in tried)


def figures_of(problem: Problem, outcome: Outcome, farmgate_fen: int) -> PolicyFigures:
    """The figures of one outcome, also of one that was pinned or refilled."""
    households = {
        claimant: max(supply.households for supply in pool)
        for claimant, pool in pooled(problem).items()
    }
    incomes = sorted(
        income
        for total in outcome.totals
        for income in _per_household(total.packs * farmgate_fen, households[total.claimant])
    )
    lots: defaultdict[int, int] = defaultdict(int)
    for cell in outcome.cells:
        lots[cell.line_id] += 1
    villages = _villages_by_drop(problem, outcome)
    return PolicyFigures(
        policy=outcome.policy,
        version=outcome.policy_version,
        sold_packs=sum(total.packs for total in outcome.totals),
        cut_packs=sum(cut.packs for cut in outcome.cuts),
        households_helped=sum(households[t.claimant] for t in outcome.totals if t.packs),
        income_min_fen=incomes[0] if incomes else 0,
        income_median_fen=_median(incomes),
        income_max_fen=incomes[-1] if incomes else 0,
        income_gini_permille=gini_permille(incomes),
        spoiling_unsold_packs=_spoiling_unsold(problem, outcome),
        split_lines=sum(1 for count in lots.values() if count > 1),
        lots_per_line_permille=_permille(len(outcome.cells), len(lots)),
        pickups=len(pickups_of(problem, outcome)),
        villages_per_drop_max=max(villages, default=0),
        villages_per_drop_permille=_permille(sum(villages), len(villages)),
    )


def gini_permille(ordered: Sequence[int]) -> int:
    """Gini coefficient × 1000 of amounts ≥ 0 in ascending order, rounded down; 0 if all are 0."""
    count, total = len(ordered), sum(ordered)
    if not total:
        return 0
    ranked = sum(rank * amount for rank, amount in enumerate(ordered, start=1))
    return 1000 * (2 * ranked - (count + 1) * total) // (count * total)


def _per_household(income: int, households: int) -> list[int]:
    """One entry per household; the first ones carry the fen that cannot be divided."""
    if not households:
        return []
    each, rest = divmod(income, households)
    return [each + 1] * rest + [each] * (households - rest)


def _median(ordered: Sequence[int]) -> int:
    if not ordered:
        return 0
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) // 2


def _permille(part: int, whole: int) -> int:
    return 1000 * part // whole if whole else 0


def _spoiling_unsold(problem: Problem, outcome: Outcome) -> int:
    used: defaultdict[int, int] = defaultdict(int)
    for cell in outcome.cells:
        used[cell.commitment_id] += cell.packs
    return sum(s.packs - used[s.commitment_id] for s in problem.supplies if problem.is_urgent(s))


def pickups_of(problem: Problem, outcome: Outcome) -> set[tuple[str, str]]:
    """(claimant, village) that have something to hand in: one way, however many listings it is for."""
    used = {cell.commitment_id for cell in outcome.cells}
    return {(s.claimant, s.village) for s in problem.supplies if s.commitment_id in used}


def _villages_by_drop(problem: Problem, outcome: Outcome) -> list[int]:
    drops = {line.line_id: line.drop for line in problem.lines}
    villages = {supply.commitment_id: supply.village for supply in problem.supplies}
    met: defaultdict[str, set[str]] = defaultdict(set)
    for cell in outcome.cells:
        met[drops[cell.line_id]].add(villages[cell.commitment_id])
    return [len(names) for names in met.values()]
