"""Does a stored allocation again and must come to the same text, byte for byte."""

from marketplace.orders.allocation.codec import (
    decode_outcome,
    decode_problem,
    encode_outcome,
)
from marketplace.orders.allocation.engine import allocate
from marketplace.orders.allocation.refill import refill


def replay(problem_text: str) -> str:
    """The outcome text of a stored problem, under the policy version it names."""
    return encode_outcome(allocate(decode_problem(problem_text)))


def replay_refill(problem_text: str, previous_text: str, stage: str) -> str:
    """The outcome text of a stored refill: the problem of that moment, the outcome before, and the
    stage that the stored outcome names."""
    previous = decode_outcome(previous_text)
    return encode_outcome(refill(decode_problem(problem_text), previous, stage))
