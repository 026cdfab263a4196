"""Why a supplier's lots may not be listed just now; features of a higher rank add what they know."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot
from marketplace.core.errors import Conflict

Check = Callable[[Session, Lot], str]
_checks: list[Check] = []


def supplier_check(check: Check) -> Check:
    """Decorator: `check` gives the sentence that refuses a lot of this supplier, or nothing."""
    _checks.append(check)
    return check


def refuse_supplier(session: Session, lot: Lot) -> None:
    """Raises Conflict with the first sentence that refuses."""
    for check in _checks:
        if words := check(session, lot):
            raise Conflict(words, code="supplier_refused")
