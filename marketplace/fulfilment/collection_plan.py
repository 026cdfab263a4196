"""What comes to which collection point at what time, village by village: the plan of a collecting day."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.words import amount_words
from marketplace.fulfilment.models import PreparationSheet, SheetLine
from marketplace.fulfilment.weighing_models import WeighIn, WeighSurplus
from marketplace.identity.scope import Scope
from marketplace.orders.round_models import Listing, Round, RoundCollection
from marketplace.regions.models import Region

AT_THE_SCALES = and_(
    WeighIn.listing_id == SheetLine.listing_id,
    WeighIn.lot_id == SheetLine.lot_id,
    WeighIn.void_at.is_(None),
)


@dataclass(frozen=True)
class Coming:
    """Goods of one listing from one village; `weighed` of its `packs` have been at the scales."""

    village: str
    suppliers: int
    listing: Listing
    packs: int
    weighed: int

    @property
    def quantity(self) -> str:
        return amount_words(self.packs * self.listing.pack_base, self.listing.product)


@dataclass(frozen=True)
class SlotPlan:
    slot: RoundCollection
    coming: Sequence[Coming]

    @property
    def packs(self) -> int:
        return sum(one.packs for one in self.coming)

    @property
    def weighed(self) -> int:
        return sum(one.weighed for one in self.coming)


def plan_of(session: Session, scope: Scope, round_id: int) -> list[SlotPlan]:
    """Slots in the order of time; three statements."""
    rows = session.execute(_coming(scope, round_id)).all()
    listings = {
        one.id: one
        for one in session.scalars(
            select(Listing)
            .where(Listing.id.in_({row[2] for row in rows}))
            .options(joinedload(Listing.product))
        )
    }
    slots = session.scalars(
        select(RoundCollection)
        .where(RoundCollection.id.in_({row[0] for row in rows}))
        .options(joinedload(RoundCollection.point))
        .order_by(RoundCollection.from_at, RoundCollection.id)
    ).all()
    return [
        SlotPlan(
            slot,
            [
                Coming(village, suppliers, listings[listing_id], int(packs), int(weighed))
                for slot_id, village, listing_id, suppliers, packs, weighed in rows
                if slot_id == slot.id
            ],
        )
        for slot in slots
    ]


def _coming(scope: Scope, round_id: int) -> Select[int, str, int, int, int, int]:
    refilled = func.coalesce(WeighSurplus.refilled_base, 0) // Listing.pack_base
    return (
        scope.visible(select(PreparationSheet))
        .where(PreparationSheet.round_id == round_id, PreparationSheet.current)
        .join(SheetLine, SheetLine.sheet_id == PreparationSheet.id)
        .join(Region, Region.code == PreparationSheet.region_code)
        .join(Listing, Listing.id == SheetLine.listing_id)
        .outerjoin(WeighIn, AT_THE_SCALES)
        .outerjoin(WeighSurplus, WeighSurplus.weigh_in_id == WeighIn.id)
        .with_only_columns(
            PreparationSheet.collection_id,
            Region.name,
            SheetLine.listing_id,
            func.count(PreparationSheet.id.distinct()),
            func.sum(SheetLine.packs),
            func.coalesce(func.sum(WeighIn.packs + refilled), 0),
        )
        .group_by(
            PreparationSheet.collection_id,
            PreparationSheet.region_code,
            Region.name,
            SheetLine.listing_id,
        )
        .order_by(PreparationSheet.region_code, SheetLine.listing_id)
    )


def unweighed(session: Session, found: Round) -> tuple[int, int]:
    """How many suppliers have not been at the scales with something, and with how many packs."""
    suppliers, packs = session.execute(
        select(func.count(PreparationSheet.id.distinct()), func.sum(SheetLine.packs))
        .join(SheetLine, SheetLine.sheet_id == PreparationSheet.id)
        .outerjoin(WeighIn, AT_THE_SCALES)
        .where(PreparationSheet.round_id == found.id, PreparationSheet.current)
        .where(WeighIn.id.is_(None))
    ).one()
    return suppliers, int(packs or 0)
