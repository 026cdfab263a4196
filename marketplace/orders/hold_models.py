"""A lot, a town or a pickup point that stops for a while: for the road, an epidemic, food safety."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.catalog.models import Lot
from marketplace.core.db import Base, BigId
from marketplace.identity.models import User
from marketplace.identity.scope import Scope, Where
from marketplace.orders.round_models import PickupPoint
from marketplace.regions.models import Region

KINDS = {"lot": "一批货", "region": "一个乡镇的货", "stop": "一个提货点"}
CAUSES = {"road": "路不通", "epidemic": "疫情", "food_safety": "食品安全", "other": "其他"}
OF_GOODS = ("epidemic", "food_safety")
"""Why the goods of a town are bad whoever verified them: what is verified there later is held too."""
CLOSES = ("road", "epidemic")
"""Why nobody drives into a town: its pickup points are closed with its goods."""
NOW = text("lifted_at IS NULL")


class Hold(Base):
    """One stop. Nothing is held twice at one time; `region_code` says where, whatever the kind."""

    __tablename__ = "hold"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('lot', 'region', 'stop') AND (kind = 'lot') = (lot_id IS NOT NULL) "
            "AND (kind = 'stop') = (pickup_point_id IS NOT NULL)",
            name="kind",
        ),
        CheckConstraint("cause IN ('road', 'epidemic', 'food_safety', 'other')", name="cause"),
        CheckConstraint("(lifted_at IS NULL) = (lifted_by_id IS NULL)", name="lifted"),
        Index("ux_hold_lot", "lot_id", unique=True, sqlite_where=NOW, postgresql_where=NOW),
        Index(
            "ux_hold_stop", "pickup_point_id", unique=True, sqlite_where=NOW, postgresql_where=NOW
        ),
        Index("ix_hold_region", "region_code"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.id"))
    pickup_point_id: Mapped[int | None] = mapped_column(ForeignKey("pickup_point.id"))
    cause: Mapped[str] = mapped_column(String(12))
    words: Mapped[str] = mapped_column(String(100), default="")
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    lifted_at: Mapped[datetime | None]
    lifted_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    region: Mapped[Region] = relationship()
    lot: Mapped[Lot | None] = relationship()
    point: Mapped[PickupPoint | None] = relationship()
    by: Mapped[User] = relationship(foreign_keys=[by_id])

    @property
    def what(self) -> str:
        """What is held, in words."""
        if self.lot is not None:
            return f"{self.lot.product.name} {self.lot.code}"
        return self.point.name if self.point is not None else f"{self.region.name}的货"

    @property
    def why(self) -> str:
        return CAUSES[self.cause] + (f"，{self.words}" if self.words else "")

    @property
    def holds_later(self) -> bool:
        """Whether lots that are verified during the hold are held with it."""
        return self.kind == "region" and self.cause in OF_GOODS

    @property
    def closes_places(self) -> bool:
        return self.kind == "region" and self.cause in CLOSES

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return scope.either(scope.region_reach(cls.region_code))


class HoldLot(Base):
    """A lot that a hold has stopped, when it was put on or when the lot was verified. The rows stay when the
    hold is lifted."""

    __tablename__ = "hold_lot"
    __table_args__ = (Index("ix_hold_lot_lot", "lot_id"),)
    hold_id: Mapped[int] = mapped_column(ForeignKey("hold.id"), primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"), primary_key=True)
