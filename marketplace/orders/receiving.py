"""Into which account the money for a seller's goods is paid: the feature that keeps accounts says so."""

from collections.abc import Callable, Collection, Mapping

from sqlalchemy.orm import Session

Accounts = Callable[[Session, Collection[int]], Mapping[int, str]]
_known: list[Accounts] = []


def receiving_accounts(accounts: Accounts) -> Accounts:
    """Decorator: `accounts` gives organisation → its account in words, for those that have one of their
    own; the goods of others are paid for to the households themselves."""
    _known.append(accounts)
    return accounts


def accounts_of_sellers(session: Session, sellers: Collection[int]) -> dict[int, str]:
    """Bank and last digits by organisation; one statement, none without sellers."""
    found: dict[int, str] = {}
    for accounts in _known if sellers else ():
        found |= accounts(session, sellers)
    return found
