"""Splits whole packs exactly: everyone gets the whole part, then the largest remainders one more."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Portion:
    """The whole part, whether the remainder earned one more, and whether only the turn decided."""

    base: int
    extra: int
    tied: int

    @property
    def packs(self) -> int:
        return self.base + self.extra


def round_up(
    bases: Sequence[int], remainders: Sequence[int], turns: Sequence[int], packs: int
) -> list[Portion]:
    """Hand `packs − Σ bases` single packs to the largest remainders, equal ones in turn order.

    Remainders share one denominator; 0 earns nothing. The caller's arithmetic guarantees that
    fewer packs are left than there are remainders above 0.
    """
    order = sorted(
        (at for at, remainder in enumerate(remainders) if remainder > 0),
        key=lambda at: (-remainders[at], turns[at]),
    )
    left = packs - sum(bases)
    lucky = set(order[:left])
    edge = 0
    if 0 < left < len(order) and remainders[order[left - 1]] == remainders[order[left]]:
        edge = remainders[order[left]]
    return [
        Portion(base, int(at in lucky), int(edge > 0 and remainders[at] == edge))
        for at, base in enumerate(bases)
    ]


def apportion(packs: int, sizes: Sequence[int], turns: Sequence[int]) -> list[Portion]:
    """Split `packs` in proportion to `sizes`; needs packs ≤ Σ sizes, so nobody exceeds his size."""
    whole = sum(sizes) or 1
    return round_up(
        [packs * size // whole for size in sizes],
        [packs * size % whole for size in sizes],
        turns,
        packs,
    )
