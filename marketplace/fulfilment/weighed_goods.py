"""What the scales have given to orders: whole packs, and what was more and went to orders that were short."""

from collections.abc import Collection

from sqlalchemy import Select, case, func, select

from marketplace.fulfilment.weighing_models import WeighIn, WeighSurplus
from marketplace.orders.lot_figures import later_stage
from marketplace.orders.round_models import Listing

_IN_GRAMS = Listing.pack_base == Listing.band_high_base
WEIGHED_BASE = case(
    (_IN_GRAMS, WeighIn.net_base),
    else_=WeighIn.packs * Listing.pack_base + func.coalesce(WeighSurplus.refilled_base, 0),
)
"""Of what is sold by weight all that lay on the scales: how much of it is in the packs, nobody weighs there."""


def weighings() -> Select[WeighIn]:
    """Those that count, beside their listing and what was more."""
    return (
        select(WeighIn)
        .join(Listing, Listing.id == WeighIn.listing_id)
        .outerjoin(WeighSurplus, WeighSurplus.weigh_in_id == WeighIn.id)
        .where(WeighIn.void_at.is_(None))
    )


@later_stage("收货")
def _of_lots(lots: Collection[int]) -> Select[int, int]:
    statement = weighings().where(WeighIn.lot_id.in_(lots)).group_by(WeighIn.lot_id)
    return statement.with_only_columns(WeighIn.lot_id, func.sum(WEIGHED_BASE))
