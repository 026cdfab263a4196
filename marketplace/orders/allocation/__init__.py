"""The pure allocation of one listing: which lot every ordered pack comes from, and why.

`allocate(problem)` at close, `refill(problem, previous)` when less comes, `check_outcome` for the
invariants, `explain` and `compare` for people, `encode_…`, `decode_…`, `replay` for the record.
Nothing here knows a database, a clock or a random number.
"""

from marketplace.orders.allocation.check import check_outcome
from marketplace.orders.allocation.claims import cooperative_weight
from marketplace.orders.allocation.codec import (
    decode_outcome,
    decode_problem,
    digest,
    encode_outcome,
    encode_problem,
)
from marketplace.orders.allocation.compare import PolicyFigures, compare
from marketplace.orders.allocation.engine import allocate
from marketplace.orders.allocation.explain import explain
from marketplace.orders.allocation.policies import get_policy, latest_policies
from marketplace.orders.allocation.refill import refill
from marketplace.orders.allocation.refusals import AllocationRefused, OutcomeBroken
from marketplace.orders.allocation.replay import replay, replay_refill
from marketplace.orders.allocation.types import (
    Cell,
    ClaimantTotal,
    Cut,
    DemandLine,
    Outcome,
    Pin,
    Problem,
    Supply,
)

__all__ = [
    "AllocationRefused",
    "Cell",
    "ClaimantTotal",
    "Cut",
    "DemandLine",
    "Outcome",
    "OutcomeBroken",
    "Pin",
    "PolicyFigures",
    "Problem",
    "Supply",
    "allocate",
    "check_outcome",
    "compare",
    "cooperative_weight",
    "decode_outcome",
    "decode_problem",
    "digest",
    "encode_outcome",
    "encode_problem",
    "explain",
    "get_policy",
    "latest_policies",
    "refill",
    "replay",
    "replay_refill",
]
