"""The bank day by day: what the ledger has under bank against the rows of the bank's own statement."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.core.clock import today
from marketplace.ledger.models import Journal, LedgerEntry
from marketplace.payments.bank_models import BankRow, Transfer

DAYS_SHOWN = 31
SAME_WITHIN = 7
"""Days between our note and the bank's row that still speak of the same money."""


@dataclass(frozen=True)
class Movement:
    """Money at the bank, in fen, above zero when it came in. `about` is a row's id or a journal's number;
    `row_id` is set where a journal names its row."""

    day: date
    fen: int
    about: str
    row_id: int | None = None
    batch: str = ""  # journals of one batch may stand in the bank's statement as one row


@dataclass(frozen=True)
class Unlike:
    """What one side has and the other has not; `side` is who has it: bank or ledger."""

    day: date
    side: str
    fen: int
    about: str


@dataclass(frozen=True)
class BankDay:
    """Sums of a day in fen, in less out, on both sides."""

    day: date
    rows: int
    bank_fen: int
    ledger_fen: int


def compare(bank: Iterable[Movement], ledger: Iterable[Movement]) -> list[Unlike]:
    """A journal that names its row belongs to it; others are paired with the nearest row of the same sum:
    a batch as a whole, what is left one by one."""
    named: defaultdict[int, int] = defaultdict(int)
    loose: list[Movement] = []
    for one in ledger:
        if one.row_id is None:
            loose.append(one)
        else:
            named[one.row_id] += one.fen
    waiting = []
    for row in bank:
        missing = row.fen - named.pop(int(row.about), 0)
        if missing:
            waiting.append(Movement(row.day, missing, row.about))
    unlike = [Unlike(date.min, "ledger", fen, str(row)) for row, fen in named.items() if fen]
    unlike += [
        Unlike(entry.day, "ledger", entry.fen, entry.about)
        for entry in _without_batches(waiting, sorted(loose, key=lambda one: (one.day, one.about)))
        if not _take_nearest(waiting, entry)
    ]
    unlike += [Unlike(row.day, "bank", row.fen, row.about) for row in waiting]
    return sorted(unlike, key=lambda one: (one.day, one.side, one.about), reverse=True)


def _without_batches(waiting: list[Movement], loose: list[Movement]) -> list[Movement]:
    """What is left of `loose` when batches that the bank booked as one row are taken out of both."""
    batches: defaultdict[str, list[Movement]] = defaultdict(list)
    for one in loose:
        batches[one.batch].append(one)
    left = batches.pop("", [])
    for batch, entries in batches.items():
        whole = Movement(entries[0].day, sum(one.fen for one in entries), batch)
        if len(entries) == 1 or not _take_nearest(waiting, whole):
            left += entries
    return left


def _take_nearest(waiting: list[Movement], entry: Movement) -> bool:
    """Take the row of the same sum that is nearest in time out of those that wait; False without one."""
    near = [
        row
        for row in waiting
        if row.fen == entry.fen and abs((row.day - entry.day).days) <= SAME_WITHIN
    ]
    if near:
        waiting.remove(
            min(near, key=lambda row: (abs((row.day - entry.day).days), row.day, row.about))
        )
    return bool(near)


def bank_days(session: Session) -> tuple[Sequence[BankDay], list[Unlike]]:
    """The last days with movements, the newest first, and every difference of that time. Two statements."""
    since = today() - timedelta(days=DAYS_SHOWN)
    bank = _rows(session, since - timedelta(days=SAME_WITHIN))
    ledger = _entries(session, since - timedelta(days=SAME_WITHIN), bank)
    days = {one.day for one in (*bank, *ledger) if one.day >= since}
    found = [
        BankDay(
            day,
            sum(one.day == day for one in bank),
            sum(one.fen for one in bank if one.day == day),
            sum(one.fen for one in ledger if one.day == day),
        )
        for day in sorted(days, reverse=True)
    ]
    return found, [one for one in compare(bank, ledger) if one.day >= since]


def _rows(session: Session, since: date) -> list[Movement]:
    rows = session.execute(
        select(BankRow.id, BankRow.day, BankRow.direction, BankRow.fen)
        .join(Transfer, Transfer.id == BankRow.id)
        .where(BankRow.day >= since, Transfer.state != "repeated")
    )
    return [
        Movement(day, fen if direction == "in" else -fen, str(row_id), row_id)
        for row_id, day, direction, fen in rows
    ]


def _entries(session: Session, since: date, bank: Sequence[Movement]) -> list[Movement]:
    """Entries under bank. One that was posted for a row stands under the row's day, whenever it was
    imported; a reversal follows what it reverses."""
    day_of = {row.row_id: row.day for row in bank}
    rows = session.execute(
        select(Journal.number, Journal.day, Journal.subject, Journal.kind, LedgerEntry.fen)
        .join(LedgerEntry, LedgerEntry.journal_number == Journal.number)
        .where(LedgerEntry.account == "bank", Journal.day >= since)
        .order_by(Journal.number)
    )
    found = []
    for number, day, subject, kept_as, fen in rows:
        kind, _, named = subject.partition(":")
        if kind != "transfer":
            batch = f"{kept_as}:{day}" if kept_as == "paid_out" else ""
            found.append(Movement(day, fen, number, batch=batch))
        elif int(named) in day_of:
            found.append(Movement(day_of[int(named)], fen, number, int(named)))
    return found
