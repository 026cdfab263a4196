"""What a policy is: a pure function on integers, with the words that explain its result.

A policy version lives in one file under `policies/` that defines `POLICY`; being there registers
it. A version that was ever used is never edited: change is a new file with the next number.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from marketplace.orders.allocation.claims import Claim
from marketplace.orders.allocation.types import ClaimantTotal


@dataclass(frozen=True, slots=True)
class Grant:
    """A claim's packs in all, what is `taken` included; `basis` and `facts` serve `sentences`."""

    packs: int
    basis: str
    facts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """One version of one way to share sales among claimants.

    `share(claims, packs)` returns one grant per claim, in order, with taken ≤ grant ≤ taken + packs
    and Σ grants = packs. It may rely on Σ taken ≤ packs ≤ Σ (taken + packs).
    """

    name: str
    version: int
    title: str
    cell_reason: str
    """Reason code of packs that this policy gave."""
    urgent_first: bool
    """Whether packs of urgent lots carry the reason 'urgent' instead."""
    share: Callable[[Sequence[Claim], int], list[Grant]]
    sentences: Callable[[ClaimantTotal], list[str]]
    """Chinese sentences for a cadre: why this claimant got this many packs."""
