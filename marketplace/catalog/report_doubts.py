"""Asking once, before a report is stored, about more than its household can have.

The evidence is the township's (see flags): who typed a zero too many learns it while the household
still stands beside the phone. It never blocks: ticked, the report is stored.
"""

from sqlalchemy.orm import Session

from marketplace.catalog.flags import Claim, impossible
from marketplace.catalog.models import Product
from marketplace.catalog.reports import ReportInput
from marketplace.core.errors import InvalidInput
from marketplace.households.models import Household


def ask_about_quantity(session: Session, given: ReportInput) -> None:
    """Raises InvalidInput with the figures, beside the tick that answers it."""
    if given.household_id is None:
        return
    household = session.get(Household, given.household_id)
    product = session.get(Product, given.product_id)
    if household is None or product is None:
        return  # refused where it is stored
    claim = Claim(
        base_unit=product.base_unit,
        piece_word=product.piece_word,
        quantity_base=given.quantity_base,
        asked_fen=given.asked_fen,
        asked_per_base=given.asked_per_base,
        reference_fen=product.reference_fen,
        reference_per_base=product.reference_per_base,
        land_mu_hundredths=household.land_mu_hundredths,
        yield_per_mu_base=product.yield_per_mu_base,
        poultry=household.poultry,
        yield_per_bird_base=product.yield_per_bird_base,
    )
    for flag in impossible(claim):
        raise InvalidInput(
            f"{flag.evidence}请核对数量；确实有这么多，就勾“核对过”再交。",
            code="quantity_doubtful",
            field="as_much",
        )
