"""Why somebody's lots may not be listed just now; features of a higher rank add what they know."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot
from marketplace.core.errors import Conflict
from marketplace.orders.round_models import Listing

Check = Callable[[Session, Lot, Listing], str]
_checks: list[Check] = []


def supplier_check(check: Check) -> Check:
    """Decorator: `check` gives the sentence that refuses a lot of this supplier in a listing of this
    seller, or nothing."""
    _checks.append(check)
    return check


def refuse_supplier(session: Session, lot: Lot, listing: Listing) -> None:
    """Raises Conflict with the first sentence that refuses."""
    for check in _checks:
        if words := check(session, lot, listing):
            raise Conflict(words, code="supplier_refused")
