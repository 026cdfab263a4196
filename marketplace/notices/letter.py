"""What a sender gets and what it answers."""

from dataclasses import dataclass

SENT = "sent"
RETRY = "retry"  # certainly not sent, worth another try
FAILED = "failed"  # certainly not sent, and trying again would not help
UNKNOWN = "unknown"  # perhaps sent


@dataclass(frozen=True)
class Letter:
    """One message on its way out. `provider_key` goes along, so that a provider can tell doubles."""

    provider_key: str
    kind: str
    subject: str
    address: str
    title: str
    body: str


@dataclass(frozen=True)
class Outcome:
    """One of the four above; `error` is shown to the operator and holds no personal data."""

    state: str
    error: str = ""
