"""Writing into the ledger: what does not balance is refused, what was written is only ever reversed."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import insert, select
from sqlalchemy.orm import Session, selectinload

from marketplace.core.clock import now, shanghai_date
from marketplace.core.codes import dated_code
from marketplace.core.errors import Conflict
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.ledger.accounts import ACCOUNTS
from marketplace.ledger.models import Journal, LedgerEntry


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


def post(
    session: Session, actor: Actor, kind: str, key: str, subject: str, lines: Sequence[Line]
) -> str:
    """Write one journal and return its number. The same `key` again is the same journal, once.

    Lines of no money are left out. Raises Unbalanced, and Conflict when the key stands for other lines.
    """
    return _write(session, actor, kind, key, subject, lines)


def reverse(session: Session, actor: Actor, number: str, reason: str) -> str:
    """Write the mirror of a journal, naming it; once. Returns the number of the reversal."""
    was = session.scalars(
        select(Journal).where(Journal.number == number).options(selectinload(Journal.entries))
    ).one()
    if was.reverses is not None:
        raise Conflict("冲回的凭证不能再冲回。", code="reversal")
    lines = [Line(entry.account, entry.party, -entry.fen) for entry in was.entries]
    key = f"reverse:{number}"
    return _write(session, actor, was.kind, key, was.subject, lines, reverses=number, reason=reason)


def _write(
    session: Session,
    actor: Actor,
    kind: str,
    key: str,
    subject: str,
    lines: Sequence[Line],
    **more: str,
) -> str:
    written = sorted((line for line in lines if line.fen), key=lambda line: -line.fen)
    _check(kind, written)
    if known := _known(session, key, written):
        return known
    moment = now()
    number = dated_code("J", moment)
    session.execute(
        insert(LedgerEntry),
        [
            {"journal_number": number, "account": x.account, "party": x.party, "fen": x.fen}
            for x in written
        ],
    )
    session.execute(
        insert(Journal).values(
            number=number,
            key=key,
            kind=kind,
            subject=subject,
            at=moment,
            day=shanghai_date(moment),
            by_id=None if actor is SYSTEM else actor.user_id,
            **more,
        )
    )
    return number


def _check(kind: str, lines: Sequence[Line]) -> None:
    if not lines or sum(line.fen for line in lines) != 0:
        raise Unbalanced(f"{kind}: {[(line.account, line.fen) for line in lines]}")
    for line in lines:
        declared = ACCOUNTS[line.account].party
        if line.party.partition(":")[0] not in declared.split("|"):
            raise Unbalanced(f"{kind}: {line.account} has no sub-account {line.party!r}")


def _known(session: Session, key: str, lines: Sequence[Line]) -> str | None:
    held = session.scalar(
        select(Journal).where(Journal.key == key).options(selectinload(Journal.entries))
    )
    if held is None:
        return None
    same = sorted((e.account, e.party, e.fen) for e in held.entries)
    if same != sorted((line.account, line.party, line.fen) for line in lines):
        raise Conflict("这笔账已经记过，数不一样，请刷新再看。", code="posted_otherwise")
    return held.number
