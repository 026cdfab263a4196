"""What came in for an order and what went back, each with its day and its way, as the ledger has it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.ledger.models import Journal, LedgerEntry
from marketplace.orders.order_models import Order
from marketplace.orders.order_money import subject_of

KINDS = ("collected", "given_back", "paid", "refunded", "transferred")
"""Journals that change what was collected for an order; deposits have their own."""
OF_THE_BUYER = ("buyer_prepayment", "buyer_receivable")
WAYS = {"alipay_clearing": "支付宝", "suspense": "银行转账", "buyer_credit": "用单位多付的抵"}
UNDONE = {
    "collected": "撤销收款记录",
    "given_back": "撤销退款记录",
    "transferred": "撤销认款",
}


@dataclass(frozen=True)
class MoneyStep:
    """`fen` is what the county has more for it: below zero where money went back."""

    at: datetime
    words: str
    way: str
    fen: int


def money_steps(session: Session, order: Order) -> list[MoneyStep]:
    """In the order in which they were booked; their sum is what was collected. One statement."""
    rows = session.execute(
        select(Journal, LedgerEntry.account, LedgerEntry.party, LedgerEntry.fen)
        .join(LedgerEntry, LedgerEntry.journal_number == Journal.number)
        .where(Journal.subject == subject_of(order), Journal.kind.in_(KINDS))
        .order_by(Journal.at, Journal.number, LedgerEntry.id)
    )
    journals: dict[Journal, dict[tuple[str, str], int]] = {}
    for journal, account, party, fen in rows:
        journals.setdefault(journal, {})[account, party] = fen
    return [_step(order, journal, entries) for journal, entries in journals.items()]


def _step(order: Order, journal: Journal, entries: Mapping[tuple[str, str], int]) -> MoneyStep:
    fen = -sum(fen for (account, _), fen in entries.items() if account in OF_THE_BUYER)
    words = "收" if fen > 0 else "退"
    if journal.reverses and journal.reason != "returned":
        words = UNDONE.get(journal.kind, words)
    return MoneyStep(journal.at, words, _way(order, list(entries)), fen)


def _way(order: Order, places: Sequence[tuple[str, str]]) -> str:
    for account, party in places:
        if account == "collected":
            unknown_unit = order.collected_how == "unit" and order.organisation_id is None
            return "单位代收" if unknown_unit or party.startswith("unit:") else "取货时付"
        if account in WAYS:
            return WAYS[account]
    return ""
