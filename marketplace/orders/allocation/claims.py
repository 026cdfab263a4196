"""Pools the lots of one household into one claim, before any policy sees them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from marketplace.orders.allocation.types import Problem, Supply


@dataclass(frozen=True, slots=True)
class Claim:
    """What a policy knows of one claimant.

    `taken` is fixed already (by pins, or kept in a refill); `packs` may still be given on top, of
    which `urgent` would spoil. `offers` are (committed_at, packs) of the same packs. `turn` ranks
    claimants among equals and changes from round to round.
    """

    claimant: str
    weight: int
    packs: int
    urgent: int
    taken: int
    offers: tuple[tuple[int, int], ...]
    turn: int


def claims_of(
    problem: Problem, free: Mapping[int, int], taken: Mapping[int, int]
) -> tuple[Claim, ...]:
    """One claim per claimant, sorted by claimant; `free` and `taken` are packs per commitment."""
    pools = pooled(problem)
    turns = turns_of(problem.salt, pools)
    return tuple(
        Claim(
            claimant=claimant,
            weight=max(supply.weight for supply in pool),
            packs=sum(free.get(s.commitment_id, 0) for s in pool),
            urgent=sum(free.get(s.commitment_id, 0) for s in pool if problem.is_urgent(s)),
            taken=sum(taken.get(s.commitment_id, 0) for s in pool),
            offers=tuple(sorted((s.committed_at, free.get(s.commitment_id, 0)) for s in pool)),
            turn=turns[claimant],
        )
        for claimant, pool in pools.items()
    )


def pooled(problem: Problem) -> dict[str, list[Supply]]:
    """The supplies of each claimant, claimants in code point order."""
    pools: defaultdict[str, list[Supply]] = defaultdict(list)
    for supply in problem.supplies:
        pools[supply.claimant].append(supply)
    return dict(sorted(pools.items()))


def turns_of(salt: str, claimants: Iterable[str]) -> dict[str, int]:
    """Rank by a hash of round and claimant: fixed within a round, another order in the next."""
    ranked = sorted(claimants, key=lambda claimant: (_mark(salt, claimant), claimant))
    return {claimant: rank for rank, claimant in enumerate(ranked)}


def spread(supplies: Iterable[Supply], free: Mapping[int, int], packs: int) -> dict[int, int]:
    """Take one claimant's packs from its lots: what spoils first goes first, then large lots."""
    order = sorted(
        (supply for supply in supplies if free.get(supply.commitment_id, 0) > 0),
        key=lambda s: (s.best_before or "9999-12-31", -free[s.commitment_id], s.commitment_id),
    )
    used: dict[int, int] = {}
    for supply in order:
        take = min(packs, free[supply.commitment_id])
        if take:
            used[supply.commitment_id] = take
        packs -= take
    return used


def cooperative_weight(lots: Iterable[Mapping[str, int]]) -> int:
    """A cooperative's weight: each supported shareholder of any of its lots counts once.

    One mapping of household key to weight per lot, so that dividing a lot adds nothing.
    """
    weights: dict[str, int] = {}
    for shareholders in lots:
        for household, weight in shareholders.items():
            weights[household] = max(weight, weights.get(household, 0))
    return sum(weights.values())


def _mark(salt: str, claimant: str) -> bytes:
    return sha256(f"{salt}\n{claimant}".encode()).digest()
