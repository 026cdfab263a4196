"""Writing into the ledger: what does not balance is refused, what was written is only ever reversed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import insert, select
from sqlalchemy.orm import Session, selectinload

from marketplace.core.clock import now, shanghai_date
from marketplace.core.codes import dated_code
from marketplace.core.errors import Conflict
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.ledger.accounts import ACCOUNTS
from marketplace.ledger.models import Journal, LedgerEntry

KEYS_AT_ONCE = 1000


@dataclass(frozen=True)
class Line:
    """One side: `fen` above zero is a debit. `party` is a kind and a number, order:7."""

    account: str
    party: str
    fen: int


def debit(account: str, fen: int, party: str = "") -> Line:
    return Line(account, party, fen)


def credit(account: str, fen: int, party: str = "") -> Line:
    return Line(account, party, -fen)


class Unbalanced(Exception):
    """A fault of the program: a journal whose sides differ, or that says nothing."""


@dataclass(frozen=True)
class Posting:
    """One journal to be written. `key` says what makes it, so that it is written once; `subject` what
    it is about, order:7."""

    kind: str
    key: str
    subject: str
    lines: Sequence[Line]
    reverses: str | None = None
    reason: str = ""


def post(
    session: Session, actor: Actor, kind: str, key: str, subject: str, lines: Sequence[Line]
) -> str:
    """Write one journal and return its number. The same `key` again is the same journal, once.

    Lines of no money are left out. Raises Unbalanced, and Conflict when the key stands for other lines.
    """
    return post_many(session, actor, [Posting(kind, key, subject, lines)])[key]


def reverse(session: Session, actor: Actor, number: str, reason: str) -> str:
    """Write the mirror of a journal, naming it; once. Returns the number of the reversal."""
    was = session.scalars(
        select(Journal).where(Journal.number == number).options(selectinload(Journal.entries))
    ).one()
    if was.reverses is not None:
        raise Conflict("冲回的凭证不能再冲回。", code="reversal")
    lines = [Line(entry.account, entry.party, -entry.fen) for entry in was.entries]
    key = f"reverse:{number}"
    mirror = Posting(was.kind, key, was.subject, lines, reverses=number, reason=reason)
    return post_many(session, actor, [mirror])[key]


def post_many(session: Session, actor: Actor, postings: Sequence[Posting]) -> dict[str, str]:
    """`post` for all of them in a handful of statements; key → number."""
    checked = {posting.key: replace(posting, lines=_checked(posting)) for posting in postings}
    numbers = _written_before(session, checked)
    moment = now()
    fresh = {
        dated_code("J", moment): posting for key, posting in checked.items() if key not in numbers
    }
    entries = [
        {"journal_number": number, "account": line.account, "party": line.party, "fen": line.fen}
        for number, posting in fresh.items()
        for line in posting.lines
    ]
    journals = [
        {
            "number": number,
            "key": posting.key,
            "kind": posting.kind,
            "subject": posting.subject,
            "at": moment,
            "day": shanghai_date(moment),
            "by_id": None if actor is SYSTEM else actor.user_id,
            "reverses": posting.reverses,
            "reason": posting.reason,
        }
        for number, posting in fresh.items()
    ]
    if fresh:  # entries first: the journal closes itself over them
        session.execute(insert(LedgerEntry), entries)
        session.execute(insert(Journal), journals)
    return numbers | {posting.key: number for number, posting in fresh.items()}


def _checked(posting: Posting) -> list[Line]:
    """The lines that move money, debits first, then as the chart goes."""
    chart = list(ACCOUNTS)
    lines = sorted(
        (line for line in posting.lines if line.fen),
        key=lambda line: (line.fen < 0, chart.index(line.account), line.party),
    )
    if not lines or sum(line.fen for line in lines) != 0:
        raise Unbalanced(f"{posting.kind}: {[(line.account, line.fen) for line in lines]}")
    for line in lines:
        if line.party.partition(":")[0] not in ACCOUNTS[line.account].party.split("|"):
            raise Unbalanced(f"{posting.kind}: {line.account} has no sub-account {line.party!r}")
    return lines


def _written_before(session: Session, postings: Mapping[str, Posting]) -> dict[str, str]:
    """Key → number of the journals that are there, with the very same lines."""
    numbers = {}
    keys = list(postings)
    for start in range(0, len(keys), KEYS_AT_ONCE):
        held = select(Journal).where(Journal.key.in_(keys[start : start + KEYS_AT_ONCE]))
        for journal in session.scalars(held.options(selectinload(Journal.entries))):
            same = sorted((e.account, e.party, e.fen) for e in journal.entries)
            asked = postings[journal.key].lines
            if same != sorted((line.account, line.party, line.fen) for line in asked):
                raise Conflict("这笔账已经记过，数不一样，请刷新再看。", code="posted_otherwise")
            numbers[journal.key] = journal.number
    return numbers
