"""What leaves for the buyers: trips, the papers of their stops, and each order's delivery."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Base, BigId
from marketplace.core.secret_text import SecretText
from marketplace.core.states import Moves, moves
from marketplace.identity.models import Organisation, User
from marketplace.orders.order_models import Order
from marketplace.orders.round_models import PickupPoint, Round

ON_THE_WAY = ("planned", "loaded", "handed_over")
"""In these states a delivery waits for its buyer's word."""
ENDS = {
    "accepted": "收齐了",
    "partly_accepted": "收了一部分",
    "refused": "都没有收",
    "not_collected": "没来取",
}
STATES = {"planned": "等装车", "loaded": "在路上", "handed_over": "到了，等验收"} | ENDS


class Trip(Base):
    """One vehicle on one day. Whoever holds its link may say what was loaded and handed over."""

    __tablename__ = "trip"
    __table_args__ = (Index("ix_trip_round", "round_id"),)
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    round_id: Mapped[int] = mapped_column(ForeignKey("order_round.id"))
    token: Mapped[str] = mapped_column(String(40), unique=True)
    expires_at: Mapped[datetime]
    carrier: Mapped[str] = mapped_column(String(60))
    plate: Mapped[str] = mapped_column(String(20), default="")
    driver: Mapped[str] = mapped_column(SecretText)
    created_at: Mapped[datetime]
    created_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))

    round: Mapped[Round] = relationship()
    manifests: Mapped[list["Manifest"]] = relationship(
        back_populates="trip", order_by="Manifest.id"
    )


class Manifest(Base):
    """What goes to one stop of a round: a canteen, or all who fetch at one place."""

    __tablename__ = "manifest"
    __table_args__ = (
        UniqueConstraint("round_id", "pickup_point_id", "organisation_id"),
        CheckConstraint("crates_out >= 0 AND crates_back >= 0", name="crates"),
        Index("ix_manifest_trip", "trip_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    number: Mapped[str] = mapped_column(String(20), unique=True)  # M12-003: round and stop
    round_id: Mapped[int] = mapped_column(ForeignKey("order_round.id"))
    pickup_point_id: Mapped[int] = mapped_column(ForeignKey("pickup_point.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    """The unit whose canteen it is; none for people who fetch."""
    trip_id: Mapped[int | None] = mapped_column(ForeignKey("trip.id"))
    loaded_at: Mapped[datetime | None]
    handed_over_at: Mapped[datetime | None]
    handed_to: Mapped[str | None] = mapped_column(SecretText)
    photo: Mapped[str] = mapped_column(String(64), default="")  # SHA-256 of the kept picture
    crates_out: Mapped[int] = mapped_column(default=0)
    crates_back: Mapped[int] = mapped_column(default=0)

    round: Mapped[Round] = relationship()
    point: Mapped[PickupPoint] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    trip: Mapped[Trip | None] = relationship(back_populates="manifests")

    @property
    def stop(self) -> str:
        """Where it goes, in words."""
        if self.organisation is None:
            return self.point.name
        return f"{self.organisation.name}（{self.point.name}）"


class Delivery(Base):
    """One order on its way. What of it was not accepted stands in `goods_return`, line by line and lot by
    lot: dispatched is what was allocated, accepted is the rest."""

    __tablename__ = "delivery"
    __table_args__ = (
        CheckConstraint(
            f"state IN ({', '.join(repr(state) for state in STATES)})",
            name="state",
        ),
        UniqueConstraint("manifest_id", "pickup_code"),
        Index("ix_delivery_manifest", "manifest_id", "state"),
    )
    MOVES: ClassVar[Moves] = moves(
        {
            "planned": ["loaded", "handed_over", *ENDS],
            "loaded": ["planned", "handed_over", *ENDS],
            "handed_over": ["loaded", *ENDS],
        }
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("preorder.id"), unique=True)
    manifest_id: Mapped[int] = mapped_column(ForeignKey("manifest.id"))
    state: Mapped[str] = mapped_column(String(20), default="planned")
    pickup_code: Mapped[str] = mapped_column(String(8))  # the buyer shows it, the keeper scans it
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    inspector: Mapped[str | None] = mapped_column(SecretText)
    second_inspector: Mapped[str | None] = mapped_column(SecretText)

    order: Mapped[Order] = relationship()
    manifest: Mapped[Manifest] = relationship()

    @property
    def is_awaited(self) -> bool:
        """Whether a driver has it and has not said that it is there. Where no trip was planned nobody will."""
        return self.state in ("planned", "loaded") and self.manifest.trip_id is not None

    ended_by: Mapped[User | None] = relationship()
