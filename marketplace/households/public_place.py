"""Where something comes from, as far as anybody may know: in a small village a place is a person."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.clock import today
from marketplace.core.county_settings import county_number
from marketplace.core.validity import in_force
from marketplace.households.models import SUPPORTED_KINDS, Household, SupportStatus
from marketplace.regions.models import Region


@dataclass(frozen=True)
class PublicPlace:
    """`village` is empty where fewer supported households live than the county's minimum."""

    town: str
    village: str = ""

    @property
    def words(self) -> str:
        return f"{self.town}{self.village}"


def public_villages(session: Session, codes: Collection[str]) -> dict[str, PublicPlace]:
    """For each region code (village or town) what a public page may say."""
    minimum = county_number(session, "public_minimum_households")
    wanted = {*codes, *(f"{code[:9]}000" for code in codes)}
    regions = select(Region.code, Region.name).where(Region.code.in_(wanted))
    names = {row.code: row.name for row in session.execute(regions)}
    count = func.count(func.distinct(Household.id)).label("households")
    counts = (
        select(Household.region_code, count)
        .join(SupportStatus, SupportStatus.household_id == Household.id)
        .where(
            Household.region_code.in_(codes),
            Household.active,
            SupportStatus.kind.in_(SUPPORTED_KINDS),
            in_force(SupportStatus, today()),
        )
        .group_by(Household.region_code)
    )
    supported = {row.region_code: row.households for row in session.execute(counts)}
    places = {}
    for code in codes:
        town = f"{code[:9]}000"
        named = code != town and supported.get(code, 0) >= minimum
        places[code] = PublicPlace(names.get(town, ""), names.get(code, "") if named else "")
    return places
