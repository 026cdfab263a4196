"""A day's bill of Alipay against the ledger: every difference is kept with both sides, and nothing else is.

A movement is known by its number, not by its day: what Alipay booked a minute before midnight and we a
minute after is no difference. One that only one side knows, or that the sides know otherwise, is; it
stays open until it came right by itself, or somebody wrote what was done about it.
"""

import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, cast

import structlog
from sqlalchemy import Table, func, insert, select
from sqlalchemy.orm import Session

from marketplace.core.clock import now, shanghai_time, today
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.ledger.models import Journal, LedgerEntry
from marketplace.payments.answers import Refused, Unclear
from marketplace.payments.bill import BillRow, read_bill
from marketplace.payments.models import BillDay, BillDifference, BillLine

if TYPE_CHECKING:
    from marketplace.payments.alipay import Alipay

log = structlog.get_logger("bill")
Movement = tuple[str, str]
"""Number of the payment, number of the refund request or nothing."""
READY_HOUR = 10
"""Alipay has the bill of yesterday ready in the morning."""
DAYS_BACK = 7
SECONDS_TO_WAIT = 60
BY_ITSELF = "后来对上了"


@dataclass(frozen=True)
class Difference:
    """`kind`: missing (only Alipay knows it), extra (only we do), amount, twice. Sums in fen."""

    kind: str
    out_trade_no: str
    request_no: str
    ours_fen: int
    theirs_fen: int


def compare(
    bill: Iterable[BillRow], ours: Mapping[Movement, int], expected: Iterable[Movement]
) -> list[Difference]:
    """`ours` are all our movements that the bill may name; `expected` those that it has to."""
    told: Counter[Movement] = Counter()
    sums: Counter[Movement] = Counter()
    for row in bill:
        told[row.out_trade_no, row.request_no] += 1
        sums[row.out_trade_no, row.request_no] += row.fen
    found = []
    for movement in sorted({*told, *expected}):
        mine, theirs = ours.get(movement, 0), sums[movement]
        if movement not in told:
            found.append(Difference("extra", *movement, mine, 0))
        elif movement not in ours:
            found.append(Difference("missing", *movement, 0, theirs))
        elif mine != theirs:
            kind = "twice" if told[movement] > 1 else "amount"
            found.append(Difference(kind, *movement, mine, theirs))
    return found


def reconcile_due(alipay: "Alipay") -> int:
    """A job: fetch and compare the bills of past days that were not yet; returns how many."""
    last = today() - timedelta(days=1 if shanghai_time(now()).hour >= READY_HOUR else 2)
    wanted = {last - timedelta(days=back) for back in range(DAYS_BACK)}
    begun = db.session.scalar(select(func.min(Journal.day)).where(Journal.kind == "paid"))
    done = set(db.session.scalars(select(BillDay.day).where(BillDay.day.in_(wanted))))
    compared = 0
    for day in sorted(one for one in wanted - done if begun and one >= begun - timedelta(days=1)):
        try:
            rows = read_bill(_fetched(alipay.bill_address(day)))
        except (Unclear, Refused) as error:
            log.warning("bill_not_read", day=day.isoformat(), why=str(error))
            break  # asked again at the next turn; later days wait for it
        with transaction() as session:
            keep_bill(session, day, rows)
        compared += 1
    return compared


def _fetched(address: str) -> bytes:
    """Raises Unclear."""
    if not address.startswith(("https://", "http://127.0.0.1")):
        raise Unclear("no address of a bill")
    try:
        with urllib.request.urlopen(address, timeout=SECONDS_TO_WAIT) as answer:  # noqa: S310
            return bytes(answer.read())
    except (urllib.error.URLError, OSError) as error:
        raise Unclear(type(error).__name__) from error


def keep_bill(session: Session, day: date, rows: list[BillRow]) -> list[Difference]:
    """Store a day's bill whole, and every difference from the ledger."""
    session.add(BillDay(day=day, at=now(), lines=len(rows), fen=sum(row.fen for row in rows)))
    session.flush()
    if rows:
        session.execute(
            insert(cast("Table", BillLine.__table__)),
            [{"day": day, **vars(row)} for row in rows],
        )
    told = {(row.out_trade_no, row.request_no) for row in rows}
    ours = _ours(session)
    named_before = _named_around(session, day)
    expected = {movement for movement, (_, at) in ours.items() if at == day} - named_before
    differences = compare(rows, {m: fen for m, (fen, _) in ours.items()}, expected)
    session.add_all(BillDifference(day=day, **vars(one)) for one in differences)
    _settle_what_came_right(session, told)
    return differences


def _ours(session: Session) -> dict[Movement, tuple[int, date]]:
    """All movements at Alipay in the ledger: what each did to it, and on which day."""
    rows = session.execute(
        select(Journal.key, LedgerEntry.fen, Journal.day)
        .join(LedgerEntry, LedgerEntry.journal_number == Journal.number)
        .where(LedgerEntry.account == "alipay_clearing", Journal.kind.in_(("paid", "refunded")))
        .where(Journal.day >= today() - timedelta(days=DAYS_BACK + 2))
    )
    return {_movement(key): (fen, day) for key, fen, day in rows}


def _movement(key: str) -> Movement:
    kind, _, number = key.partition(":")
    return (number, "") if kind == "paid" else (number.rpartition("-R")[0], number)


def _named_around(session: Session, day: date) -> set[Movement]:
    """What the bill of the day before has named already."""
    lines = select(BillLine.out_trade_no, BillLine.request_no)
    rows = session.execute(lines.where(BillLine.day == day - timedelta(days=1)))
    return {(row.out_trade_no, row.request_no) for row in rows}


def _settle_what_came_right(session: Session, told: set[Movement]) -> None:
    """What we learned late, or what the next day's bill names, is no difference any more."""
    ours = _ours(session)
    waiting = session.scalars(
        select(BillDifference).where(
            BillDifference.settled_at.is_(None), BillDifference.kind.in_(("missing", "extra"))
        )
    )
    for one in waiting:
        movement = (one.out_trade_no, one.request_no)
        late = one.kind == "missing" and ours.get(movement, (None,))[0] == one.theirs_fen
        if late or (one.kind == "extra" and movement in told):
            one.settled_at, one.settled_how = now(), BY_ITSELF


def settle(session: Session, actor: Actor, difference_id: int, how: str) -> None:
    """Somebody looked, and writes what was done; raises InvalidInput without words, Conflict when it was."""
    found = session.get(BillDifference, difference_id)
    if found is None:
        raise NotFound("没有这条差异。")
    if not how.strip():
        raise InvalidInput("请写怎么处理的，审计会看。", code="missing", field="how")
    if found.settled_at is not None:
        raise Conflict("这条差异已经处理过了。", code="settled")
    found.settled_at, found.settled_how, found.settled_by_id = (
        now(),
        how.strip()[:200],
        actor.user_id,
    )
    audit.record(session, actor, "bill_difference_settled", "bill", found.day.isoformat())
