"""Crates that vehicles left at stops and brought back, over all rounds: what is still there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.fulfilment.delivery_models import Manifest, Trip
from marketplace.identity.models import Organisation
from marketplace.orders.round_models import PickupPoint


@dataclass(frozen=True)
class CratesAt:
    """Of one stop: a pickup point, or a unit's canteen there. `last`: when a vehicle handed over last."""

    point_id: int
    unit_id: int | None
    stop: str
    left: int
    back: int
    last: datetime

    @property
    def there(self) -> int:
        """Below zero where more came back than was written down as left."""
        return self.left - self.back


def crates(session: Session, trip: Trip | None = None) -> Sequence[CratesAt]:
    """Every stop that ever had any, most still there first; with `trip` only where it goes. One statement."""
    left, back = func.sum(Manifest.crates_out), func.sum(Manifest.crates_back)
    stop = (Manifest.pickup_point_id, Manifest.organisation_id, PickupPoint.name, Organisation.name)
    statement = (
        select(*stop, left, back, func.max(Manifest.handed_over_at))
        .join(PickupPoint, PickupPoint.id == Manifest.pickup_point_id)
        .outerjoin(Organisation, Organisation.id == Manifest.organisation_id)
        .where(Manifest.handed_over_at.is_not(None))
        .group_by(*stop)
        .having(left + back > 0)
        .order_by((left - back).desc(), Manifest.pickup_point_id, Manifest.organisation_id)
    )
    if trip is not None:
        here = select(Manifest.pickup_point_id).where(Manifest.trip_id == trip.id)
        statement = statement.where(Manifest.pickup_point_id.in_(here))
    return [
        CratesAt(point_id, unit_id, f"{unit}（{point}）" if unit else point, int(n), int(m), last)
        for point_id, unit_id, point, unit, n, m, last in session.execute(statement)
        if last is not None
    ]
