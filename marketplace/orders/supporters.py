"""Whom goods help: the supported households behind lots, each counted once."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import LotShare
from marketplace.core.validity import in_force
from marketplace.households.models import MONITOR_KINDS, SUPPORTED_KINDS, SupportStatus
from marketplace.orders.round_models import Commitment, Listing


@dataclass(frozen=True)
class Supported:
    households: int
    monitored: int  # of these


def supported_behind(session: Session, lots: Collection[int] | Select[int], day: date) -> Supported:
    """Distinct households with a share in the lots (ids) and a supported status on that day."""
    kind = SupportStatus.kind
    each = func.count(func.distinct(SupportStatus.household_id))
    row = session.execute(
        select(each, each.filter(kind.in_(MONITOR_KINDS)))
        .join(LotShare, LotShare.household_id == SupportStatus.household_id)
        .where(LotShare.lot_id.in_(lots), kind.in_(SUPPORTED_KINDS), in_force(SupportStatus, day))
    ).one()
    return Supported(int(row[0]), int(row[1]))


def lots_offered(round_id: int) -> Select[int]:
    """Ids of the lots that the round's listings hold something of."""
    return (
        select(Commitment.lot_id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Listing.round_id == round_id, Commitment.quantity_base > 0)
    )
