"""Numbers the operator fixed, checked against what there is."""

from marketplace.orders.allocation.claims import pooled, spread
from marketplace.orders.allocation.refusals import AllocationRefused
from marketplace.orders.allocation.types import Problem, Supply


def fixed_by_pins(problem: Problem) -> dict[int, int]:
    """Packs of every commitment that a pin decides, zeros included.

    A commitment may be pinned inside a pinned claimant; the claimant's other lots give the rest.
    Raises AllocationRefused `pin_beyond_supply`, or `pins_disagree` when the commitments of a
    pinned claimant were pinned to more than the claimant.
    """
    on_commitment = {pin.commitment_id: pin.packs for pin in problem.pins if pin.commitment_id}
    on_claimant = {pin.claimant: pin.packs for pin in problem.pins if pin.claimant}
    fixed: dict[int, int] = {}
    for supply in problem.supplies:
        if supply.commitment_id in on_commitment:
            pinned = on_commitment[supply.commitment_id]
            _refuse_beyond(f"c:{supply.commitment_id}", pinned, supply.packs)
            fixed[supply.commitment_id] = pinned
    for claimant, pool in pooled(problem).items():
        if claimant in on_claimant:
            fixed.update(_fix_claimant(claimant, on_claimant[claimant], pool, fixed))
    return fixed


def refuse_beyond_demand(fixed: dict[int, int], demand: int) -> None:
    """Pinned packs must find buyers; raises AllocationRefused `pin_beyond_demand`."""
    pinned = sum(fixed.values())
    if pinned > demand:
        raise AllocationRefused("pin_beyond_demand", pinned=pinned, demand=demand)


def _fix_claimant(
    claimant: str, pinned: int, pool: list[Supply], fixed: dict[int, int]
) -> dict[int, int]:
    inside = sum(fixed.get(supply.commitment_id, 0) for supply in pool)
    free = {s.commitment_id: s.packs for s in pool if s.commitment_id not in fixed}
    if inside > pinned:
        raise AllocationRefused("pins_disagree", target=claimant, pinned=pinned, inside=inside)
    _refuse_beyond(claimant, pinned, inside + sum(free.values()))
    return dict.fromkeys(free, 0) | spread(pool, free, pinned - inside)


def _refuse_beyond(target: str, pinned: int, supply: int) -> None:
    if pinned > supply:
        raise AllocationRefused("pin_beyond_supply", target=target, pinned=pinned, supply=supply)
