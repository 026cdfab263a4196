"""What passes between us and Alipay, said without its SDK."""

from dataclasses import dataclass
from datetime import datetime

PAID = frozenset({"TRADE_SUCCESS", "TRADE_FINISHED"})


class Unclear(Exception):
    """No answer, or one that does not say: it may have happened or not. Ask."""


class Refused(Exception):
    """A clear no; `code` is Alipay's, ACQ.TRADE_NOT_EXIST."""

    def __init__(self, code: str, words: str) -> None:
        super().__init__(f"{code}: {words}")
        self.code = code


class Forged(Exception):
    """What says it comes from Alipay is not signed by it, or not meant for us."""


@dataclass(frozen=True)
class Trade:
    """What Alipay knows of a payment: `status` WAIT_BUYER_PAY, TRADE_SUCCESS, TRADE_FINISHED or
    TRADE_CLOSED; `number` is its own."""

    out_trade_no: str
    number: str
    status: str
    fen: int

    @property
    def paid(self) -> bool:
        return self.status in PAID


@dataclass(frozen=True)
class Notice:
    """A verified message of Alipay about one payment; `refund` when it tells of money given back."""

    trade: Trade
    refund: bool


@dataclass(frozen=True)
class Wanted:
    """A payment to ask for: `fen` until `expires_at`, in words that the buyer reads in Alipay."""

    out_trade_no: str
    fen: int
    subject: str
    expires_at: datetime
