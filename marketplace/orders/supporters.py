"""Whom goods help: the supported households behind lots, each counted once."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from marketplace.catalog.accepted_support import SUPPORT_KIND, with_support
from marketplace.catalog.models import LotShare
from marketplace.households.models import MONITOR_KINDS, SUPPORTED_KINDS
from marketplace.orders.round_models import Commitment, Listing


@dataclass(frozen=True)
class Supported:
    households: int
    monitored: int  # of these


def supported_behind(session: Session, lots: Collection[int] | Select[int], day: date) -> Supported:
    """Distinct households with a share in the lots (ids) and a supported status: of a lot that somebody has
    accepted goods of that of then, else the one on `day`."""
    each = func.count(func.distinct(LotShare.household_id))
    row = session.execute(
        with_support(
            select(each, each.filter(SUPPORT_KIND.in_(MONITOR_KINDS))).select_from(LotShare), day
        ).where(LotShare.lot_id.in_(lots), SUPPORT_KIND.in_(SUPPORTED_KINDS))
    ).one()
    return Supported(int(row[0]), int(row[1]))


def lots_offered(round_id: int) -> Select[int]:
    """Ids of the lots that the round's listings hold something of."""
    return (
        select(Commitment.lot_id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Listing.round_id == round_id, Commitment.quantity_base > 0)
    )
