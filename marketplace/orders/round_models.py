"""Order rounds, where goods are collected and picked up, what is offered and from which lots."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.catalog.models import Lot, Product
from marketplace.core.db import Base, BigId
from marketplace.core.money import value_fen
from marketplace.core.states import Moves, moves
from marketplace.identity.models import Organisation, User
from marketplace.identity.scope import Scope, Where
from marketplace.regions.models import Region

SHORTAGE_RULES = {
    "canteens_first": "先保食堂",
    "staff_first": "先保个人和团购",
    "proportional": "按比例减",
}
SHORTAGE_NOTES = {
    "canteens_first": "货不够时先保食堂，个人和团购订的可能少给；少的不收钱。",
    "staff_first": "货不够时先保个人和团购；少的不收钱。",
    "proportional": "货不够时大家按比例少给；少的不收钱。",
}
"""What a buyer is told of the rule before ordering."""
UNPAID_RULES = {"keep": "留着，以后再收", "expire": "作废，货留给别人"}
UNPAID_NOTES = {"keep": "", "expire": "要在截单前付清，没付清的作废，货留给别人。"}
MOST_DEPOSIT = 20
"""Per cent of an order's price, as the Civil Code (art. 586) caps an earnest."""


class Round(Base):
    """A county-wide order round. Before `closes_at` people order, afterwards households prepare."""

    __tablename__ = "order_round"
    __table_args__ = (
        CheckConstraint("closes_at > opens_at", name="dates"),
        CheckConstraint(
            "state IN ('draft', 'open', 'closed', 'allocated', 'collecting', 'delivering', 'settled', "
            "'cancelled', 'on_hold', 'postponed')",
            name="state",
        ),
        CheckConstraint("open_to_canteens OR open_to_staff OR open_to_groups", name="audience"),
        CheckConstraint("unpaid_rule IN ('expire', 'keep')", name="unpaid_rule"),
        CheckConstraint(
            "deposit_canteens BETWEEN 0 AND 20 AND deposit_staff BETWEEN 0 AND 20 "
            "AND deposit_groups BETWEEN 0 AND 20",
            name="deposits",
        ),
        Index("ix_order_round_state", "state", "closes_at"),
    )
    MOVES: ClassVar[Moves] = moves(
        {
            "draft": ["open", "cancelled"],
            "open": ["closed", "cancelled", "on_hold", "postponed"],
            "closed": ["allocated", "cancelled", "on_hold"],
            "allocated": ["closed", "collecting"],
            "collecting": ["delivering"],
            "delivering": ["settled"],
            "on_hold": ["open", "closed", "cancelled"],
            "postponed": ["open", "cancelled"],
        }
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(60))
    state: Mapped[str] = mapped_column(String(12), default="draft")
    opens_at: Mapped[datetime]
    closes_at: Mapped[datetime]
    delivers_on: Mapped[date]
    open_to_canteens: Mapped[bool] = mapped_column(default=True)
    open_to_staff: Mapped[bool] = mapped_column(default=True)
    open_to_groups: Mapped[bool] = mapped_column(default=True)
    shortage_rule: Mapped[str] = mapped_column(String(20), default="canteens_first")
    policy: Mapped[str] = mapped_column(String(30), default="urgent_then_fair")
    policy_version: Mapped[int] = mapped_column(default=1)
    refill_cutoff_at: Mapped[datetime]
    unpaid_rule: Mapped[str] = mapped_column(String(10), default="keep")
    deposit_canteens: Mapped[int] = mapped_column(
        default=0
    )  # per cent of the price, see orders/deposits
    deposit_staff: Mapped[int] = mapped_column(default=0)
    deposit_groups: Mapped[int] = mapped_column(default=0)
    salt: Mapped[str] = mapped_column(String(20))  # rotates ties from round to round
    created_by_id: Mapped[int]  # account, 0 for the system
    closed_at: Mapped[datetime | None]

    listings: Mapped[list["Listing"]] = relationship(back_populates="round", order_by="Listing.id")
    pickups: Mapped[list["RoundPickup"]] = relationship(
        back_populates="round", order_by="RoundPickup.id"
    )
    collections: Mapped[list["RoundCollection"]] = relationship(
        back_populates="round", order_by="RoundCollection.id"
    )

    @classmethod
    def within(cls, scope: Scope) -> Where:
        """A round is the whole county's: who may see rounds sees every round."""
        return true()

    @property
    def stopped_at(self) -> datetime:
        """When orders end or ended: as planned, or earlier when somebody closed it by hand."""
        return min(self.closes_at, self.closed_at or self.closes_at)

    @property
    def unpaid_note(self) -> str:
        return UNPAID_NOTES[self.unpaid_rule]

    @property
    def shortage_note(self) -> str:
        return SHORTAGE_NOTES[self.shortage_rule]


class PickupPoint(Base):
    """Where buyers fetch what they ordered."""

    __tablename__ = "pickup_point"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    address: Mapped[str] = mapped_column(String(200))
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    directions: Mapped[str] = mapped_column(String(200), default="")
    active: Mapped[bool] = mapped_column(default=True)

    region: Mapped[Region] = relationship()


class CollectionPoint(Base):
    """Where households bring what they prepared."""

    __tablename__ = "collection_point"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(60), unique=True)
    address: Mapped[str] = mapped_column(String(200))
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    active: Mapped[bool] = mapped_column(default=True)

    region: Mapped[Region] = relationship()


class RoundPickup(Base):
    __tablename__ = "round_pickup"
    __table_args__ = (
        UniqueConstraint("round_id", "pickup_point_id"),
        CheckConstraint("until_at > from_at", name="dates"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("order_round.id"))
    pickup_point_id: Mapped[int] = mapped_column(ForeignKey("pickup_point.id"))
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]

    round: Mapped[Round] = relationship(back_populates="pickups")
    point: Mapped[PickupPoint] = relationship()


class RoundCollection(Base):
    """Day and slot at a collection point for the households of one town or village."""

    __tablename__ = "round_collection"
    __table_args__ = (
        UniqueConstraint("round_id", "region_code"),
        CheckConstraint("until_at > from_at", name="dates"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("order_round.id"))
    collection_point_id: Mapped[int] = mapped_column(ForeignKey("collection_point.id"))
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]

    round: Mapped[Round] = relationship(back_populates="collections")
    point: Mapped[CollectionPoint] = relationship()
    region: Mapped[Region] = relationship()


def usual_fen(fen: int, lightest: int | None, heaviest: int | None) -> int:
    """Of a price for the heaviest pack what the middle one costs; without a band the price itself."""
    if lightest is None or heaviest is None:
        return fen
    return value_fen(fen, (lightest + heaviest) // 2, heaviest)


class Listing(Base):
    """One pack of one product offered in one round.

    Capacity = Σ ⌊committed ÷ pack⌋ over its commitments. When lots fall below what is already
    reserved, `shortfall_packs` says by how much; the listing then sells nothing more.
    """

    __tablename__ = "listing"
    __table_args__ = (
        CheckConstraint(
            "price_fen = farmgate_fen + service_fen + freight_fen", name="price_made_of"
        ),
        CheckConstraint(
            "farmgate_fen > 0 AND service_fen >= 0 AND freight_fen >= 0", name="price_parts"
        ),
        CheckConstraint("pack_base > 0", name="pack"),
        CheckConstraint(
            "(pack_kind = 'fixed' AND band_low_base IS NULL AND band_high_base IS NULL) OR "
            "(pack_kind = 'by_weight' AND band_low_base > 0 AND band_high_base >= band_low_base)",
            name="pack_kind",
        ),
        CheckConstraint(
            "reserved_packs >= 0 AND capacity_packs >= 0 AND shortfall_packs >= 0", name="counts"
        ),
        CheckConstraint("reserved_packs <= capacity_packs + shortfall_packs", name="not_oversold"),
        CheckConstraint("minimum_packs >= 1", name="minimum"),
        CheckConstraint("state IN ('on_sale', 'stopped', 'closed')", name="state"),
        Index("ix_listing_round", "round_id", "state"),
    )
    MOVES: ClassVar[Moves] = moves(
        {"on_sale": ["stopped", "closed"], "stopped": ["on_sale", "closed"], "closed": ["on_sale"]}
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("order_round.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    state: Mapped[str] = mapped_column(String(10), default="on_sale")
    title: Mapped[str] = mapped_column(String(60))
    grade: Mapped[str] = mapped_column(String(10))
    pack_name: Mapped[str] = mapped_column(String(20))  # 5 斤装, 30 枚装, 整只
    pack_kind: Mapped[str] = mapped_column(String(10), default="fixed")
    pack_base: Mapped[int]
    band_low_base: Mapped[int | None]  # by weight: what one pack may weigh, grams
    band_high_base: Mapped[int | None]
    farmgate_fen: Mapped[int]  # for one pack; by weight: for the heaviest
    service_fen: Mapped[int]
    freight_fen: Mapped[int]
    price_fen: Mapped[int]
    seller_id: Mapped[int | None] = mapped_column(
        ForeignKey("organisation.id")
    )  # none: households, by agency
    required_papers: Mapped[str] = mapped_column(String(200), default="")
    minimum_packs: Mapped[int] = mapped_column(default=1)  # per canteen line
    description: Mapped[str] = mapped_column(String(400), default="")
    search_text: Mapped[str] = mapped_column(Text)
    urgent_until: Mapped[date | None]  # earliest day by which a committed lot must be sold
    origin_text: Mapped[str] = mapped_column(String(60), default="")  # 青石镇等 4 个乡镇
    supported_households: Mapped[int] = mapped_column(default=0)
    capacity_packs: Mapped[int] = mapped_column(default=0)
    reserved_packs: Mapped[int] = mapped_column(default=0)
    shortfall_packs: Mapped[int] = mapped_column(default=0)

    round: Mapped[Round] = relationship(back_populates="listings")
    product: Mapped[Product] = relationship()
    seller: Mapped[Organisation | None] = relationship()
    commitments: Mapped[list["Commitment"]] = relationship(
        back_populates="listing", order_by="Commitment.id"
    )

    @property
    def full_title(self) -> str:
        return f"{self.title}（{self.pack_name}）"

    @property
    def by_weight(self) -> bool:
        return self.pack_kind == "by_weight"

    @property
    def usual_farmgate_fen(self) -> int:
        """What the farm gets for a pack; by weight: for one in the middle of what it may weigh."""
        return usual_fen(self.farmgate_fen, self.band_low_base, self.band_high_base)

    @property
    def left_packs(self) -> int:
        return 0 if self.shortfall_packs else max(0, self.capacity_packs - self.reserved_packs)

    @property
    def packs_on_sale(self) -> int:
        """What can be ordered of it now: nothing is left of what is not on sale."""
        return self.left_packs if self.state == "on_sale" else 0

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return true()


class Commitment(Base):
    """Base units of one lot promised to one listing. `packs` = ⌊quantity_base ÷ pack⌋ counts."""

    __tablename__ = "commitment"
    __table_args__ = (
        UniqueConstraint("listing_id", "lot_id"),
        CheckConstraint("quantity_base >= 0", name="quantity"),
        CheckConstraint("packs >= 0", name="packs"),
        CheckConstraint(
            "allocated_packs IS NULL OR allocated_packs BETWEEN 0 AND packs", name="allocated"
        ),
        Index("ix_commitment_lot", "lot_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    listing_id: Mapped[int] = mapped_column(ForeignKey("listing.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    quantity_base: Mapped[int]
    packs: Mapped[int]
    allocated_packs: Mapped[int | None]  # none until the listing is allocated
    released_base: Mapped[int] = mapped_column(
        default=0
    )  # given back by the allocation, for its undo
    consent_note: Mapped[str] = mapped_column(
        String(200), default=""
    )  # who agreed to less than asked
    consent_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    refill_ready: Mapped[bool] = mapped_column(default=False)  # cadre confirmed before the cut-off
    committed_at: Mapped[datetime]

    listing: Mapped[Listing] = relationship(back_populates="commitments")
    lot: Mapped[Lot] = relationship()


class LotConfirmation(Base):
    """The day before closing each cadre confirms what is still there."""

    __tablename__ = "lot_confirmation"
    __table_args__ = (UniqueConstraint("round_id", "lot_id"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("order_round.id"))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), index=True)
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    at: Mapped[datetime]

    by: Mapped[User] = relationship()
