"""What goes into an allocation and what comes out: integers, strings and tuples, nothing else.

Quantities are packs of one listing. "Nothing" is "" for a string and 0 for an id, so that every
value has one spelling in the stored text.
"""

from dataclasses import dataclass

CANTEEN = "canteen"
STAFF = "staff"
GROUP = "group"
CHANNELS = (CANTEEN, STAFF, GROUP)

CANTEENS_FIRST = "canteens_first"
STAFF_FIRST = "staff_first"
PROPORTIONAL = "proportional"

DEFAULT_POLICY = "urgent_then_fair"

AT_CLOSE = "close"
AT_REFILL_V1 = "refill"
AT_REFILL = "refill_2"  # whom the rule serves first is made whole from what later classes hold


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandLine:
    """One confirmed order line. `packs` is what is still ordered, before any cut."""

    line_id: int
    order_id: int
    packs: int
    channel: str
    drop: str
    """Pickup point or canteen where the packs are handed over."""
    confirmed_at: int
    """Epoch milliseconds; among equals the later one is cut first."""
    whole_or_nothing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """One commitment of one lot to the listing.

    All supplies of one claimant should state the same weight; where they differ the largest
    counts, so that reporting in pieces never adds up weights. For a cooperative state
    `claims.cooperative_weight` of all its lots.
    """

    commitment_id: int
    lot_id: int
    claimant: str
    """Who is helped: 'h:<household>' or 'o:<organisation>'."""
    packs: int
    best_before: str = ""
    """ISO date of the last good day; "" keeps past any round."""
    weight: int = 1
    """Support weight; 0 sells only after everyone who has a weight."""
    households: int = 1
    """Supported households behind the supply, for figures only."""
    village: str
    refill_ready: bool = False
    """Weighed in already, or confirmed by the cadre before the refill cut-off."""
    committed_at: int
    """Epoch milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The operator fixes the packs of one claimant or of one commitment; set exactly one."""

    claimant: str = ""
    commitment_id: int = 0
    packs: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One listing at the close of its round."""

    listing_id: int
    lines: tuple[DemandLine, ...]
    supplies: tuple[Supply, ...]
    spoils_before: str = ""
    """ISO date of the next chance to sell; what is best before an earlier day is urgent."""
    shortage_rule: str = PROPORTIONAL
    policy: str = DEFAULT_POLICY
    policy_version: int = 1
    pins: tuple[Pin, ...] = ()
    salt: str
    """Public and fixed per round; ties rotate by a hash of it and the claimant."""

    def is_urgent(self, supply: Supply) -> bool:
        """Whether the supply spoils before it could be sold in the next round."""
        return supply.best_before != "" and supply.best_before < self.spoils_before


@dataclass(frozen=True, slots=True)
class Cell:
    """Packs of one line that come from one commitment, hence from one lot.

    `reason` is 'pinned', 'urgent', 'refill' or the policy's own word.
    """

    line_id: int
    commitment_id: int
    packs: int
    reason: str


@dataclass(frozen=True, slots=True)
class Cut:
    """Packs a line does not get: 'whole_order', 'latest_first' or 'proportional'."""

    line_id: int
    packs: int
    reason: str


@dataclass(frozen=True, slots=True)
class ClaimantTotal:
    """What one claimant sells, with the figures that explain it.

    `basis` and `facts` belong to whoever decided: the policy, the pin or the refill.
    """

    claimant: str
    packs: int
    supply: int
    urgent: int
    weight: int
    basis: str
    facts: tuple[tuple[str, int], ...]

    def fact(self, name: str) -> int:
        """One figure by name; raises KeyError for a figure that was never stated."""
        return dict(self.facts)[name]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who eats from whom. Sorted by id throughout, so equal outcomes have equal text."""

    listing_id: int
    stage: str
    policy: str
    policy_version: int
    cells: tuple[Cell, ...]
    cuts: tuple[Cut, ...]
    totals: tuple[ClaimantTotal, ...]
