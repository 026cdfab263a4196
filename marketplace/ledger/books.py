"""Reading the ledger: balances, the history of an account, a journal with its receipts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.errors import NotFound
from marketplace.ledger.accounts import ACCOUNTS, CHART, Account
from marketplace.ledger.models import Journal, LedgerEntry


@dataclass(frozen=True)
class Balance:
    """What went into an account on each side, in fen, both at least zero."""

    account: Account
    debit_fen: int
    credit_fen: int

    @property
    def fen(self) -> int:
        """On the account's own side; below zero it stands on the wrong one."""
        return (self.debit_fen - self.credit_fen) * self.account.side


def trial_balance(session: Session, until: date | None = None) -> list[Balance]:
    """Every account of the chart up to the end of a day; debits and credits add up to the same."""
    sides = [
        func.coalesce(
            func.sum(case((LedgerEntry.fen * sign > 0, LedgerEntry.fen * sign), else_=0)), 0
        )
        for sign in (1, -1)
    ]
    statement = select(LedgerEntry.account, *sides).group_by(LedgerEntry.account)
    if until is not None:
        statement = statement.join(Journal).where(Journal.day <= until)
    found = {account: (int(d), int(c)) for account, d, c in session.execute(statement)}
    return [Balance(account, *found.get(account.code, (0, 0))) for account in CHART]


def balance(session: Session, account: str, party: str | None = None) -> int:
    """Debits minus credits in fen, of the whole account or of one sub-account."""
    statement = select(func.coalesce(func.sum(LedgerEntry.fen), 0)).where(
        LedgerEntry.account == account
    )
    if party is not None:
        statement = statement.where(LedgerEntry.party == party)
    return int(session.scalar(statement) or 0)


def balances(session: Session, account: str, parties: Collection[str]) -> dict[str, int]:
    """What stands open on each of these sub-accounts, in fen on the account's own side."""
    statement = (
        select(LedgerEntry.party, func.sum(LedgerEntry.fen))
        .where(LedgerEntry.account == account, LedgerEntry.party.in_(parties))
        .group_by(LedgerEntry.party)
    )
    side = ACCOUNTS[account].side
    return {party: int(fen) * side for party, fen in session.execute(statement)}


def get_account(code: str) -> Account:
    if code not in ACCOUNTS:
        raise NotFound("没有这个科目。")
    return ACCOUNTS[code]


def history(account: Account, party: str = "") -> Select[LedgerEntry]:
    """The entries of an account, the newest first."""
    statement = (
        select(LedgerEntry)
        .where(LedgerEntry.account == account.code)
        .options(joinedload(LedgerEntry.journal))
        .order_by(LedgerEntry.id.desc())
    )
    return statement.where(LedgerEntry.party == party) if party else statement


def open_parties(session: Session, account: Account, most: int) -> list[tuple[str, int]]:
    """Sub-accounts with what stands open on them in fen on the account's own side, the largest first."""
    fen = (func.sum(LedgerEntry.fen) * account.side).label("fen")
    statement = (
        select(LedgerEntry.party, fen)
        .where(LedgerEntry.account == account.code)
        .group_by(LedgerEntry.party)
        .having(func.sum(LedgerEntry.fen) != 0)
        .order_by(fen.desc(), LedgerEntry.party)
        .limit(most)
    )
    return [(party, int(value)) for party, value in session.execute(statement)]


def newest() -> Select[Journal]:
    """All journals, the newest first."""
    whole = selectinload(Journal.entries)
    return select(Journal).options(whole).order_by(Journal.at.desc(), Journal.number)


def reversal_of(session: Session, number: str) -> str | None:
    """The number of the journal that took this one back."""
    return session.scalar(select(Journal.number).where(Journal.reverses == number))


def get_journal(session: Session, number: str) -> Journal:
    found = session.scalar(
        select(Journal)
        .where(Journal.number == number)
        .options(selectinload(Journal.entries), joinedload(Journal.by))
    )
    if found is None:
        raise NotFound("没有这张凭证。")
    return found


def about(session: Session, subject: str) -> Sequence[Journal]:
    """The journals of one thing, in the order in which they were written."""
    return session.scalars(
        select(Journal)
        .where(Journal.subject == subject)
        .options(selectinload(Journal.entries))
        .order_by(Journal.at, Journal.number)
    ).all()
