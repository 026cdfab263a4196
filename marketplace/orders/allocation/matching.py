"""Who eats from whom, once it is known how much each lot gives and each line gets.

The same simple fit at three levels: drops take from few villages, the lines of a drop from few of
its villages, the lines of a village from few lots. Linear memory, n log n time.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from marketplace.orders.allocation.types import Problem

N = TypeVar("N", int, str)
B = TypeVar("B", int, str)


@dataclass(frozen=True, slots=True)
class _Need:
    line_id: int
    packs: int


def match(
    problem: Problem, served: Mapping[int, int], used: Mapping[int, int]
) -> list[tuple[int, int, int]]:
    """(line id, commitment id, packs), each pair once; Σ served by line = Σ used by commitment."""
    lines: defaultdict[str, list[_Need]] = defaultdict(list)
    for line in problem.lines:
        if served.get(line.line_id, 0):
            lines[line.drop].append(_Need(line.line_id, served[line.line_id]))
    lots: defaultdict[str, dict[int, int]] = defaultdict(dict)
    for supply in problem.supplies:
        if used.get(supply.commitment_id, 0):
            lots[supply.village][supply.commitment_id] = used[supply.commitment_id]
    in_village = _lines_by_village(
        lines, {village: sum(lots[village].values()) for village in lots}
    )
    found: list[tuple[int, int, int]] = []
    for village, needs in sorted(in_village.items()):
        found += _pour([(need.line_id, need.packs) for need in needs], lots[village])
    return found


def _lines_by_village(
    lines: Mapping[str, list[_Need]], villages: Mapping[str, int]
) -> dict[str, list[_Need]]:
    demand = [(drop, sum(need.packs for need in needs)) for drop, needs in lines.items()]
    quotas: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for drop, village, packs in _pour(demand, villages):
        quotas[drop][village] = packs
    in_village: defaultdict[str, list[_Need]] = defaultdict(list)
    for drop, quota in sorted(quotas.items()):
        wanted = [(need.line_id, need.packs) for need in lines[drop]]
        for line_id, village, packs in _pour(wanted, quota):
            in_village[village].append(_Need(line_id, packs))
    return in_village


def _pour(needs: list[tuple[N, int]], bins: Mapping[B, int]) -> list[tuple[N, B, int]]:
    """Fill needs from bins, largest need first, from a bin of exactly that size or the largest.

    Taking from the largest splits as rarely as the tightest fit and leaves no crumbs behind, which
    would all fall on the last drop.
    """
    shelf = sorted((packs, name) for name, packs in bins.items())
    sizes = [packs for packs, _ in shelf]
    sources = [name for _, name in shelf]
    poured: list[tuple[N, B, int]] = []
    for name, packs in sorted(needs, key=lambda need: (-need[1], need[0])):
        left = packs
        while left:
            at = bisect_left(sizes, left)
            if at == len(sizes) or sizes[at] != left:
                at = len(sizes) - 1
            have, source = sizes.pop(at), sources.pop(at)
            take = min(have, left)
            left -= take
            poured.append((name, source, take))
            if have > take:
                at = bisect_left(sizes, have - take)
                sizes.insert(at, have - take)
                sources.insert(at, source)
    return poured
