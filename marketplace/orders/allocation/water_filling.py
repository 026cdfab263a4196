"""Weighted max-min fairness in whole packs.

Water rises equally in vessels as wide as the claimants' weights. A vessel starts filled to its
`low`, is full at its `high`, and takes weight × level in between; the level is an exact fraction.
Every stored version of a policy stands on this file: a different arithmetic is a new function.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from marketplace.orders.allocation.largest_remainder import Portion, round_up


@dataclass(frozen=True, slots=True)
class Vessel:
    """0 ≤ low ≤ high in packs; `turn` ranks equals."""

    low: int
    high: int
    weight: int
    turn: int


@dataclass(frozen=True, slots=True)
class Filled:
    """One vessel's packs and the level (packs per weight, a fraction) it was filled to."""

    portion: Portion
    level_num: int
    level_den: int


def fill(packs: int, vessels: Sequence[Vessel]) -> list[Filled]:
    """Pour exactly `packs`, Σ low ≤ packs ≤ Σ high; weight 0 fills after all others are full.

    Each vessel ends within one pack of its exact share, between low and high. Raising one `high`
    never lowers that vessel; nobody could get more unless somebody at the same or a lower level
    got less (to one pack).
    """
    weighted = [at for at, vessel in enumerate(vessels) if vessel.weight > 0]
    others = [at for at, vessel in enumerate(vessels) if vessel.weight == 0]
    reserved = sum(vessels[at].low for at in others)
    first = min(packs - reserved, sum(vessels[at].high for at in weighted))
    filled: dict[int, Filled] = {}
    for tier, given in ((weighted, first), (others, packs - first)):
        filled.update(zip(tier, _fill_tier(given, [vessels[at] for at in tier]), strict=True))
    return [filled[at] for at in range(len(vessels))]


def _fill_tier(packs: int, vessels: Sequence[Vessel]) -> list[Filled]:
    level = _level(packs, vessels)
    num, den = level.numerator, level.denominator
    bases, remainders = [], []
    for vessel in vessels:
        whole, rest = divmod(_width(vessel) * num, den)
        between = vessel.low <= whole < vessel.high
        bases.append(whole if between else min(max(whole, vessel.low), vessel.high))
        remainders.append(rest if between else 0)
    portions = round_up(bases, remainders, [vessel.turn for vessel in vessels], packs)
    return [Filled(portion, num, den) for portion in portions]


def _level(packs: int, vessels: Sequence[Vessel]) -> Fraction:
    """The lowest level at which the vessels together hold `packs`."""
    bends = [(Fraction(v.low, _width(v)), v.low, _width(v)) for v in vessels]
    bends += [(Fraction(v.high, _width(v)), -v.high, -_width(v)) for v in vessels]
    bends.sort(key=lambda bend: bend[0])
    still = sum(vessel.low for vessel in vessels)
    rising = 0
    if still == packs:
        return Fraction(0)
    for height, content, width in bends:
        if still * height.denominator + rising * height.numerator >= packs * height.denominator:
            break
        still -= content
        rising += width
    return Fraction(packs - still, rising)


def _width(vessel: Vessel) -> int:
    return vessel.weight or 1
