"""Allocates one listing at the close of its round: the whole way from problem to outcome.

Cut what cannot be served, share the rest among claimants, take each claimant's packs from its
lots, then match lots to lines. No step knows a clock, a random number or the order of the rows.
"""

from collections.abc import Mapping, Sequence

from marketplace.orders.allocation.claims import Claim, claims_of, pooled, spread
from marketplace.orders.allocation.matching import match
from marketplace.orders.allocation.pins import fixed_by_pins, refuse_beyond_demand
from marketplace.orders.allocation.policies import get_policy
from marketplace.orders.allocation.policy import Grant, Policy
from marketplace.orders.allocation.shortage import cut_reason, serve
from marketplace.orders.allocation.types import (
    AT_CLOSE,
    Cell,
    ClaimantTotal,
    Cut,
    Outcome,
    Problem,
)
from marketplace.orders.allocation.validation import checked


def allocate(problem: Problem) -> Outcome:
    """The outcome of a problem; raises AllocationRefused where the problem or a pin cannot hold."""
    problem = checked(problem)
    policy = get_policy(problem.policy, problem.policy_version)
    fixed = fixed_by_pins(problem)
    free = {s.commitment_id: s.packs for s in problem.supplies if s.commitment_id not in fixed}
    capacity = sum(fixed.values()) + sum(free.values())
    served = serve(problem.lines, capacity, problem.shortage_rule)
    packs = sum(served.values())
    refuse_beyond_demand(fixed, packs)
    claims = claims_of(problem, free, fixed)
    grants = policy.share(claims, packs)
    used = fixed | spread_grants(problem, free, claims, grants)
    return Outcome(
        listing_id=problem.listing_id,
        stage=AT_CLOSE,
        policy=policy.name,
        policy_version=policy.version,
        cells=_cells(problem, policy, fixed, match(problem, served, used)),
        cuts=tuple(
            Cut(line.line_id, line.packs - served[line.line_id], cut_reason(line))
            for line in problem.lines
            if served[line.line_id] < line.packs
        ),
        totals=_totals(problem, claims, grants),
    )


def spread_grants(
    problem: Problem, free: Mapping[int, int], claims: Sequence[Claim], grants: Sequence[Grant]
) -> dict[int, int]:
    """Packs per commitment that make up what each claim was granted on top of `taken`."""
    pools = pooled(problem)
    used: dict[int, int] = {}
    for claim, grant in zip(claims, grants, strict=True):
        used.update(spread(pools[claim.claimant], free, grant.packs - claim.taken))
    return used


def _cells(
    problem: Problem,
    policy: Policy,
    fixed: Mapping[int, int],
    found: list[tuple[int, int, int]],
) -> tuple[Cell, ...]:
    reasons = dict.fromkeys((s.commitment_id for s in problem.supplies), policy.cell_reason)
    if policy.urgent_first:
        urgent = (s.commitment_id for s in problem.supplies if problem.is_urgent(s))
        reasons.update(dict.fromkeys(urgent, "urgent"))
    reasons.update(dict.fromkeys(fixed, "pinned"))
    return tuple(
        Cell(line_id, commitment_id, packs, reasons[commitment_id])
        for line_id, commitment_id, packs in sorted(found)
    )


def _totals(
    problem: Problem, claims: Sequence[Claim], grants: Sequence[Grant]
) -> tuple[ClaimantTotal, ...]:
    pinned = {pin.claimant for pin in problem.pins}
    pools = pooled(problem)
    return tuple(
        ClaimantTotal(
            claimant=claim.claimant,
            packs=grant.packs,
            supply=sum(supply.packs for supply in pools[claim.claimant]),
            urgent=sum(s.packs for s in pools[claim.claimant] if problem.is_urgent(s)),
            weight=claim.weight,
            basis="pinned" if claim.claimant in pinned else grant.basis,
            facts=() if claim.claimant in pinned else grant.facts,
        )
        for claim, grant in zip(claims, grants, strict=True)
    )
