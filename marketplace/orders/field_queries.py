"""Lots, reports and households as the phone pages list them."""

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot, SupplyReport
from marketplace.households.models import Household
from marketplace.households.search import part_of_name, whole_name
from marketplace.identity.scope import Scope
from marketplace.regions.models import Region


def lots_statement(scope: Scope, show: str = "all") -> Select[Lot]:
    """`show`: all, open (goods left), ended. What must be sold first comes first."""
    statement = scope.visible(select(Lot)).options(
        joinedload(Lot.product), joinedload(Lot.report), joinedload(Lot.household),
        joinedload(Lot.organisation), joinedload(Lot.region),
    )  # fmt: skip
    if show == "open":
        statement = statement.where(Lot.state == "open", Lot.free + Lot.committed > 0)
    elif show == "ended":
        statement = statement.where((Lot.state != "open") | (Lot.free + Lot.committed == 0))
    return statement.order_by((Lot.state != "open"), Lot.available_until, Lot.id.desc())


def waiting_reports(session: Session, scope: Scope, limit: int) -> list[SupplyReport]:
    """Reports that are no lots yet: returned ones first, then the newest."""
    return list(
        session.scalars(
            scope.visible(select(SupplyReport))
            .where(SupplyReport.state.in_(("submitted", "returned")))
            .options(
                joinedload(SupplyReport.product), joinedload(SupplyReport.household),
                joinedload(SupplyReport.organisation), joinedload(SupplyReport.region),
            )
            .order_by(SupplyReport.state != "returned", SupplyReport.id.desc())
            .limit(limit)
        )
    )  # fmt: skip


def households_statement(
    session: Session, scope: Scope, query: str, village: str = "", *, by_part: bool = False
) -> Select[Household]:
    """Households within reach, of one village if it is given, whose number, village or whole name
    is asked for. `by_part`: inside the village also a part of the head's name."""
    statement = (
        scope.visible(select(Household))
        .join(Household.region)
        .where(Household.active)
        .options(joinedload(Household.region))
        .order_by(Household.region_code, Household.id)
    )
    if village:
        statement = statement.where(Household.region_code == village)
    if not query:
        return statement
    matches = [
        Household.household_no.contains(query.upper(), autoescape=True),
        whole_name(query),
        Region.name.contains(query, autoescape=True),
    ]
    if by_part and village:
        matches.append(part_of_name(session, scope, query, village))
    return statement.where(or_(*matches))


def open_lot_counts(session: Session, household_ids: list[int]) -> dict[int, int]:
    """How many lots with goods left each household has."""
    rows = session.execute(
        select(Lot.household_id, func.count())
        .where(
            Lot.household_id.in_(household_ids), Lot.state == "open", Lot.free + Lot.committed > 0
        )
        .group_by(Lot.household_id)
    )
    return {household_id: count for household_id, count in rows if household_id is not None}
