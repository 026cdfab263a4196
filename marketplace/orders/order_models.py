"""Pre-orders of every channel, approvals, and group registrations."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    func,
)
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Base, BigId
from marketplace.core.secret_text import SecretText
from marketplace.core.states import Moves, moves
from marketplace.identity.models import Organisation, User
from marketplace.identity.permissions import ORDER_APPROVE, ORDER_CANTEEN, ORDER_GROUP, ORDER_OWN
from marketplace.identity.scope import Scope, Where
from marketplace.orders.round_models import Listing, PickupPoint, Round

CHANNELS = {"shop": "个人", "canteen": "食堂", "group": "团购登记"}
HOLDING_STATES = ("awaiting_approval", "awaiting_payment", "confirmed", "allocated")
"""In these states an order holds what it reserved."""
COUNTED_STATES = (*HOLDING_STATES, "closed")
"""In these the buyer owes for what he gets, and figures of a round count the order."""
COLLECTED_WAYS = {"unit": "单位代收", "pickup": "取货时付"}
"""How money reaches the county where nobody pays online."""
SAID_WAYS = COLLECTED_WAYS | {"alipay": "支付宝"}
"""What a buyer can say when ordering."""
PAY_WAYS = SAID_WAYS | {"account": "单位月结", "transfer": "银行转账"}
FUND_SOURCES = {"canteen": "食堂经费", "union": "工会经费", "own": "个人自付"}


class Order(Base):
    """A pre-order. Where goods stand is `state`; where money stands is `collected_fen`."""

    __tablename__ = "preorder"
    __table_args__ = (
        CheckConstraint(
            "state IN ('draft', 'awaiting_approval', 'awaiting_payment', 'confirmed', 'allocated', "
            "'rejected', 'expired', 'cancelled', 'closed')",
            name="state",
        ),
        CheckConstraint("channel IN ('shop', 'canteen', 'group')", name="channel"),
        CheckConstraint("total_fen >= 0 AND collected_fen >= 0", name="money"),
        CheckConstraint(
            "deposit_fen >= 0 AND deposit_held_fen >= 0 AND deposit_kept_fen >= 0", name="deposit"
        ),
        Index("ix_preorder_round", "round_id", "state"),
        Index("ix_preorder_buyer", "buyer_id", "id"),
        Index("ix_preorder_organisation", "organisation_id", "id"),
        Index("ix_preorder_region", "region_code"),
        Index("ix_preorder_extends", "extends_id"),
    )
    MOVES: ClassVar[Moves] = moves(
        {
            "draft": ["awaiting_approval", "awaiting_payment", "confirmed"],
            "awaiting_approval": [
                "rejected",
                "expired",
                "awaiting_payment",
                "confirmed",
                "cancelled",
            ],
            "awaiting_payment": ["confirmed", "expired", "cancelled"],
            "confirmed": ["awaiting_approval", "cancelled", "expired", "allocated"],
            "allocated": ["confirmed", "closed", "cancelled"],
            "expired": ["confirmed"],  # the money came late, the goods were still there
        }
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)
    state: Mapped[str] = mapped_column(String(20))
    channel: Mapped[str] = mapped_column(String(10))
    round_id: Mapped[int] = mapped_column(ForeignKey("order_round.id"))
    buyer_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))  # of the pickup point
    pickup_point_id: Mapped[int] = mapped_column(ForeignKey("pickup_point.id"))
    contact_name: Mapped[str] = mapped_column(SecretText)
    contact_phone: Mapped[str | None] = mapped_column(SecretText)
    note: Mapped[str] = mapped_column(String(200), default="")
    total_fen: Mapped[int]
    collected_fen: Mapped[int] = mapped_column(default=0)
    collected_how: Mapped[str] = mapped_column(
        String(10), default=""
    )  # one of PAY_WAYS, said when ordering
    collected_at: Mapped[datetime | None]
    collected_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    deposit_fen: Mapped[int] = mapped_column(default=0)  # asked when ordered, see orders/deposits
    deposit_held_fen: Mapped[int] = mapped_column(default=0)
    deposit_kept_fen: Mapped[int] = mapped_column(default=0)
    placed_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_because: Mapped[str] = mapped_column(String(200), default="")
    version: Mapped[int] = mapped_column(default=1)  # grows with every change by the buyer
    extends_id: Mapped[int | None] = mapped_column(ForeignKey("preorder.id"))
    """The paid order to which this one adds: more is another order, with a payment of its own."""

    round: Mapped[Round] = relationship()
    buyer: Mapped[User] = relationship(foreign_keys=[buyer_id])
    organisation: Mapped[Organisation | None] = relationship()
    pickup_point: Mapped[PickupPoint] = relationship()
    lines: Mapped[list["OrderLine"]] = relationship(back_populates="order", order_by="OrderLine.id")
    approval: Mapped["Approval | None"] = relationship(back_populates="order")

    @property
    def holds_goods(self) -> bool:
        return self.state in HOLDING_STATES

    @property
    def cut_packs(self) -> int:
        """Packs that the buyer does not get for want of goods, over all lines."""
        return sum(line.cut_packs or 0 for line in self.lines)

    @classmethod
    def within(cls, scope: Scope) -> Where:
        if scope.permission == ORDER_OWN:
            return scope.either(scope.own_reach(cls.buyer_id))
        if scope.permission == ORDER_GROUP:
            return scope.either(scope.own_reach(cls.buyer_id)) & (cls.channel == "group")
        if scope.permission in {ORDER_CANTEEN, ORDER_APPROVE}:
            return scope.either(scope.organisation_reach(cls.organisation_id)) & (
                cls.channel == "canteen"
            )
        return scope.either(scope.region_reach(cls.region_code))


class OrderLine(Base):
    """Packs of one listing. Prices and pack are copied when ordered: history never changes."""

    __tablename__ = "order_line"
    __table_args__ = (
        UniqueConstraint("order_id", "listing_id"),
        CheckConstraint("packs > 0", name="packs"),
        CheckConstraint(
            "price_fen = farmgate_fen + service_fen + freight_fen", name="price_made_of"
        ),
        CheckConstraint(
            "(allocated_packs IS NULL AND cut_packs IS NULL) OR "
            "(allocated_packs >= 0 AND cut_packs >= 0 AND allocated_packs + cut_packs = packs)",
            name="allocated_and_cut",
        ),
        CheckConstraint(
            "returned_packs >= 0 AND returned_packs <= coalesce(allocated_packs, 0)",
            name="returned",
        ),
        CheckConstraint(
            "coalesce(heaviest_g, 0) > 0 OR (heaviest_g IS NULL AND off_fen = 0 AND due_g = 0)",
            name="weight",
        ),
        Index("ix_order_line_listing", "listing_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("preorder.id"))
    listing_id: Mapped[int] = mapped_column(ForeignKey("listing.id"))
    packs: Mapped[int]
    pack_base: Mapped[int]
    price_fen: Mapped[int]
    farmgate_fen: Mapped[int]
    service_fen: Mapped[int]
    freight_fen: Mapped[int]
    fund_source: Mapped[str] = mapped_column(String(20), default="own")
    whole_or_nothing: Mapped[bool] = mapped_column(default=False)
    allocated_packs: Mapped[int | None]
    cut_packs: Mapped[int | None]
    cut_reason: Mapped[str] = mapped_column(String(60), default="")
    returned_packs: Mapped[int] = mapped_column(default=0)
    """Of what was delivered: spoiled, short or taken back; the buyer does not pay for them."""

    heaviest_g: Mapped[int | None]
    """By weight: the grams of a pack for which its prices are; None for a pack of a fixed size."""
    due_g: Mapped[int] = mapped_column(default=0)
    """By weight: what the packs that are due weigh, once they were accepted; see weight_models."""
    off_fen: Mapped[int] = mapped_column(default=0)
    """What they cost less, because they weigh less."""

    order: Mapped[Order] = relationship(back_populates="lines")
    listing: Mapped[Listing] = relationship()

    @property
    def due_packs(self) -> int:
        """What the buyer pays for, as far as it is known."""
        given = self.packs if self.allocated_packs is None else self.allocated_packs
        return given - self.returned_packs

    @property
    def to_weigh(self) -> bool:
        """Whether it costs at most what it says, because nobody has weighed it yet."""
        return self.heaviest_g is not None and not self.due_g and self.due_packs > 0

    @hybrid_property
    def due_fen(self) -> int:
        """What they cost; as a column too."""
        return self.due_packs * self.price_fen - self.off_fen

    @due_fen.inplace.expression
    @classmethod
    def _due_fen(cls) -> ColumnElement[int]:
        packs = func.coalesce(cls.allocated_packs, cls.packs) - cls.returned_packs
        return packs * cls.price_fen - cls.off_fen

    @property
    def amount_fen(self) -> int:
        return self.packs * self.price_fen


class OrderChange(Base):
    """What an order held before its buyer changed it."""

    __tablename__ = "order_change"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("preorder.id"), index=True)
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    before: Mapped[str] = mapped_column(String(4000))  # JSON: listing id → packs


class Approval(Base):
    """The unit's own consent to an order: asked by the buyer, given by somebody else."""

    __tablename__ = "approval"
    __table_args__ = (
        CheckConstraint("decision IN ('waiting', 'approved', 'rejected')", name="decision"),
        UniqueConstraint("order_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("preorder.id"))
    requested_at: Mapped[datetime]
    requested_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    decision: Mapped[str] = mapped_column(String(10), default="waiting")
    decided_at: Mapped[datetime | None]
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    reason: Mapped[str] = mapped_column(String(200), default="")

    order: Mapped[Order] = relationship(back_populates="approval")
    decided_by: Mapped[User | None] = relationship(foreign_keys=[decided_by_id])


class GroupRegistration(Base):
    """An organiser's list: colleagues register without an account, the organiser submits once."""

    __tablename__ = "group_registration"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'submitted', 'cancelled')", name="state"),
        Index("ix_group_registration_organiser", "organiser_id", "id"),
    )
    MOVES: ClassVar[Moves] = moves({"open": ["submitted", "cancelled"]})
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    token: Mapped[str] = mapped_column(String(40), unique=True)  # the shared link
    state: Mapped[str] = mapped_column(String(10), default="open")
    round_id: Mapped[int] = mapped_column(ForeignKey("order_round.id"))
    organiser_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    title: Mapped[str] = mapped_column(String(60))
    closes_at: Mapped[datetime]  # never after the round's closing
    created_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]

    round: Mapped[Round] = relationship()
    organisation: Mapped[Organisation] = relationship()
    entries: Mapped[list["GroupEntry"]] = relationship(
        back_populates="group", order_by="GroupEntry.id"
    )

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return scope.either(scope.name_reach(cls.organiser_id))


class GroupEntry(Base):
    """One colleague's wishes. Kept when removed: flagged, with who removed it."""

    __tablename__ = "group_entry"
    __table_args__ = (UniqueConstraint("group_id", "entry_key"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    group_id: Mapped[int] = mapped_column(ForeignKey("group_registration.id"))
    entry_key: Mapped[str] = mapped_column(String(40))  # made by the form: sent twice is one entry
    edit_code: Mapped[str] = mapped_column(String(20))  # with it the colleague corrects the entry
    name: Mapped[str] = mapped_column(SecretText)
    phone: Mapped[str] = mapped_column(SecretText)
    department: Mapped[str] = mapped_column(String(60), default="")
    pickup_point_id: Mapped[int] = mapped_column(ForeignKey("pickup_point.id"))
    removed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    order_id: Mapped[int | None] = mapped_column(ForeignKey("preorder.id"))

    group: Mapped[GroupRegistration] = relationship(back_populates="entries")
    pickup_point: Mapped[PickupPoint] = relationship()
    lines: Mapped[list["GroupEntryLine"]] = relationship(
        back_populates="entry", order_by="GroupEntryLine.id", cascade="all, delete-orphan"
    )


class GroupEntryLine(Base):
    __tablename__ = "group_entry_line"
    __table_args__ = (
        UniqueConstraint("entry_id", "listing_id"),
        CheckConstraint("packs > 0", name="packs"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    entry_id: Mapped[int] = mapped_column(ForeignKey("group_entry.id"))
    listing_id: Mapped[int] = mapped_column(ForeignKey("listing.id"))
    packs: Mapped[int]

    entry: Mapped[GroupEntry] = relationship(back_populates="lines")
    listing: Mapped[Listing] = relationship()
