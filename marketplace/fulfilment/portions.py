"""What the allocation in force asks of each supplier, and where each supplier brings it."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot
from marketplace.core.errors import Conflict
from marketplace.households.models import Household
from marketplace.identity.models import Organisation
from marketplace.orders.allocation_models import Allocation, AllocationRun
from marketplace.orders.order_models import OrderLine
from marketplace.orders.round_models import Commitment, Round, RoundCollection
from marketplace.regions.models import Region

NAMED = 8
"""So many villages are named in a refusal; more would not be read."""


@dataclass(frozen=True, order=True)
class Supplier:
    """A household or a cooperative: exactly one of the ids is not 0."""

    household_id: int
    organisation_id: int


@dataclass(frozen=True)
class Portion:
    """Packs of one listing from one lot, worth what the order lines said when they were ordered."""

    listing_id: int
    lot_id: int
    packs: int
    quantity_base: int
    farmgate_fen: int
    amount_fen: int


def portions_of(
    session: Session, round_id: int, suppliers: Collection[Supplier] | None = None
) -> dict[Supplier, list[Portion]]:
    """The allocation by supplier, lot and listing, in one statement; all suppliers if none is named."""
    statement = (
        select(
            func.coalesce(Lot.household_id, 0).label("household_id"),
            func.coalesce(Lot.organisation_id, 0).label("organisation_id"),
            OrderLine.listing_id,
            Allocation.lot_id,
            func.sum(Allocation.packs).label("packs"),
            func.sum(Allocation.packs * OrderLine.pack_base).label("quantity_base"),
            func.max(OrderLine.farmgate_fen).label("farmgate_fen"),
            func.sum(Allocation.packs * OrderLine.farmgate_fen).label("amount_fen"),
        )
        .join(AllocationRun, AllocationRun.id == Allocation.run_id)
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .join(Lot, Lot.id == Allocation.lot_id)
        .where(AllocationRun.round_id == round_id)
        .group_by(Lot.household_id, Lot.organisation_id, OrderLine.listing_id, Allocation.lot_id)
        .order_by(OrderLine.listing_id, Allocation.lot_id)
    )
    if suppliers is not None:
        statement = statement.where(
            or_(
                Lot.household_id.in_([one.household_id for one in suppliers]),
                Lot.organisation_id.in_([one.organisation_id for one in suppliers]),
            )
        )
    found: defaultdict[Supplier, list[Portion]] = defaultdict(list)
    for row in session.execute(statement):
        found[Supplier(row.household_id, row.organisation_id)].append(
            Portion(
                row.listing_id,
                row.lot_id,
                int(row.packs),
                int(row.quantity_base),
                row.farmgate_fen,
                int(row.amount_fen),
            )
        )
    return dict(sorted(found.items()))


def suppliers_of(session: Session, commitment_ids: Iterable[int]) -> set[Supplier]:
    """Whose lots these commitments are."""
    rows = session.execute(
        select(Lot.household_id, Lot.organisation_id)
        .join(Commitment, Commitment.lot_id == Lot.id)
        .where(Commitment.id.in_(list(commitment_ids)))
        .distinct()
    )
    return {Supplier(row.household_id or 0, row.organisation_id or 0) for row in rows}


def regions_of(session: Session, suppliers: Iterable[Supplier]) -> dict[Supplier, str]:
    """The division code each supplier lives in."""
    known = list(suppliers)
    households = [one.household_id for one in known if one.household_id]
    organisations = [one.organisation_id for one in known if one.organisation_id]
    found = {
        Supplier(row.id, 0): row.region_code
        for row in session.execute(
            select(Household.id, Household.region_code).where(Household.id.in_(households))
        )
    }
    if organisations:
        found |= {
            Supplier(0, row.id): row.region_code
            for row in session.execute(
                select(Organisation.id, Organisation.region_code).where(
                    Organisation.id.in_(organisations)
                )
            )
        }
    return found


def slots_of(
    session: Session, in_round: Round, regions: Iterable[str]
) -> Mapping[str, RoundCollection]:
    """For each division code the slot of its village, else of its town, else of the county.

    Raises Conflict("no_slot") that names the villages for which nobody has planned a slot.
    """
    wanted = set(regions)
    found = _planned(session, in_round, wanted)
    if missing := sorted(wanted - set(found)):
        raise Conflict(_missing_words(session, missing), code="no_slot")
    return found


def regions_without_slot(session: Session, in_round: Round) -> list[str]:
    """Division codes of suppliers who sell something and do not know yet where to bring it."""
    suppliers = portions_of(session, in_round.id)
    wanted = set(regions_of(session, suppliers).values())
    return sorted(wanted - set(_planned(session, in_round, wanted)))


def _planned(
    session: Session, in_round: Round, wanted: Collection[str]
) -> dict[str, RoundCollection]:
    planned = {
        row.region_code: row
        for row in session.scalars(
            select(RoundCollection)
            .where(RoundCollection.round_id == in_round.id)
            .options(joinedload(RoundCollection.point))
        )
    }
    found = {}
    for code in wanted:
        for ancestor in (code, f"{code[:9]}000", f"{code[:6]}000000"):
            if ancestor in planned:
                found[code] = planned[ancestor]
                break
    return found


def _missing_words(session: Session, codes: list[str]) -> str:
    rows = session.scalars(
        select(Region)
        .where(Region.code.in_(codes[:NAMED]))
        .options(joinedload(Region.parent))
        .order_by(Region.code)
    )
    names = "、".join(f"{row.parent.name if row.parent else ''}{row.name}" for row in rows)
    more = f"等 {len(codes)} 个村" if len(codes) > NAMED else ""
    return f"{names}{more}还没有排集货点和时间，请先补上再发备货单。"
