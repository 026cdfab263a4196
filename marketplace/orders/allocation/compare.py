"""What each policy would do with the same orders, in figures an operator can weigh."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from marketplace.orders.allocation.claims import pooled
from marketplace.orders.allocation.engine import allocate
from marketplace.orders.allocation.policies import latest_policies
from marketplace.orders.allocation.types import Outcome, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFigures:
    """A policy over everything that is sold together. Money in fen, income per supported household (a
    cooperative's is divided by its households), each household once however much it sells."""

    policy: str
    version: int
    sold_packs: int
    cut_packs: int
    households_helped: int
    income_min_fen: int
    income_median_fen: int
    income_max_fen: int
    income_gini_permille: int
    """0: all earn the same; near 1000: one household earns all. Rounded down."""
    spoiling_unsold_packs: int
    """Packs that spoil before the next round and found no buyer."""
    split_lines: int
    """Lines that come from more than one lot."""
    pickups: int
    """Claimant and village pairs that have something to hand in: one way, however many listings it
    is for."""


def compare(
    offers: Sequence[tuple[Problem, int]], policies: Iterable[tuple[str, int]] = ()
) -> tuple[PolicyFigures, ...]:
    """Figures per (name, version), the newest version of every policy when none is named.

    An offer is one listing's problem with what a household gets for one of its packs, in fen. Pins
    apply under every policy. Raises AllocationRefused as `allocate` does.
    """
    chosen = tuple(policies) or tuple((p.name, p.version) for p in latest_policies())
    return tuple(_figures_of(offers, name, version) for name, version in chosen)


def _figures_of(offers: Sequence[tuple[Problem, int]], policy: str, version: int) -> PolicyFigures:
    sold = cut = spoiling = split = 0
    income: defaultdict[str, int] = defaultdict(int)
    households: dict[str, int] = {}
    ways: set[tuple[str, str]] = set()
    for offered, farmgate_fen in offers:
        problem = replace(offered, policy=policy, policy_version=version)
        outcome = allocate(problem)
        for claimant, pool in pooled(problem).items():
            most = max(supply.households for supply in pool)
            households[claimant] = max(most, households.get(claimant, 0))
        for total in outcome.totals:
            sold += total.packs
            income[total.claimant] += total.packs * farmgate_fen
        cut += sum(entry.packs for entry in outcome.cuts)
        spoiling += _spoiling_unsold(problem, outcome)
        split += sum(1 for n in Counter(cell.line_id for cell in outcome.cells).values() if n > 1)
        ways |= _pickups(problem, outcome)
    shares = [_per_household(fen, households[claimant]) for claimant, fen in income.items()]
    incomes = sorted(chain.from_iterable(shares))
    return PolicyFigures(
        policy=policy,
        version=version,
        sold_packs=sold,
        cut_packs=cut,
        households_helped=sum(households[claimant] for claimant, fen in income.items() if fen),
        income_min_fen=incomes[0] if incomes else 0,
        income_median_fen=_median(incomes),
        income_max_fen=incomes[-1] if incomes else 0,
        income_gini_permille=gini_permille(incomes),
        spoiling_unsold_packs=spoiling,
        split_lines=split,
        pickups=len(ways),
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


def _spoiling_unsold(problem: Problem, outcome: Outcome) -> int:
    used: defaultdict[int, int] = defaultdict(int)
    for cell in outcome.cells:
        used[cell.commitment_id] += cell.packs
    return sum(s.packs - used[s.commitment_id] for s in problem.supplies if problem.is_urgent(s))


def _pickups(problem: Problem, outcome: Outcome) -> set[tuple[str, str]]:
    used = {cell.commitment_id for cell in outcome.cells}
    return {(s.claimant, s.village) for s in problem.supplies if s.commitment_id in used}
