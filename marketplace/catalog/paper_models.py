"""Papers of a lot: conformity certificates and what else must travel with goods, and who asks for which."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.catalog.models import Lot, Product
from marketplace.core.db import Base, BigId
from marketplace.identity.models import User
from marketplace.identity.scope import Scope, Where

CERTIFICATE = "certificate"
INSPECTION = "inspection"
LICENCE = "licence"
PAPER_KINDS = {
    CERTIFICATE: "承诺达标合格证",
    INSPECTION: "检疫证明",
    "test_report": "检测报告",
    LICENCE: "营业执照/许可",
}
BASES = {
    "controlled": "质量安全控制符合要求",
    "self_tested": "自行检测合格",
    "lab_tested": "委托检测合格",
}
COMMITMENTS = (
    "不使用禁用农药兽药、停用兽药和非法添加物",
    "常规农药兽药残留不超标",
    "对承诺的真实性负责",
)
"""The words of the national form, which every certificate repeats."""


def _one_of(column: str, words: dict[str, str], *more: str) -> str:
    return f"{column} IN ({', '.join(repr(code) for code in (*words, *more))})"


class LotPaper(Base):
    """A certificate issued here, or a paper somebody brought (then with its own number, and a photo where
    one was taken). Kept for good; a wrong one is set aside with who and why."""

    __tablename__ = "lot_paper"
    __table_args__ = (
        CheckConstraint(_one_of("kind", PAPER_KINDS), name="kind"),
        CheckConstraint(_one_of("basis", BASES, ""), name="basis"),
        CheckConstraint("NOT issued_here OR (kind = 'certificate' AND basis <> '')", name="issued"),
        CheckConstraint("issuer = '' OR kind <> 'certificate'", name="issuer"),
        CheckConstraint("valid_until IS NULL OR valid_until >= issued_on", name="dates"),
        CheckConstraint("quantity_base IS NULL OR quantity_base > 0", name="quantity"),
        CheckConstraint("(void_at IS NULL) = (void_by_id IS NULL)", name="void"),
        Index("ix_lot_paper_lot", "lot_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)  # public, random
    number: Mapped[str] = mapped_column(String(60))  # ours, or that of the paper somebody brought
    kind: Mapped[str] = mapped_column(String(12))
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.id"))
    issued_here: Mapped[bool]
    basis: Mapped[str] = mapped_column(String(12), default="")
    product_name: Mapped[str] = mapped_column(String(40))  # as it was called that day
    quantity_base: Mapped[int | None]
    issuer: Mapped[str] = mapped_column(String(60), default="")
    """The authority, which anybody may read. A certificate is the supplier's own: who that is says its lot."""
    issued_on: Mapped[date]
    valid_until: Mapped[date | None]
    sha256: Mapped[str] = mapped_column(String(64), default="")  # of the photo's file
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    void_at: Mapped[datetime | None]
    void_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    void_why: Mapped[str] = mapped_column(String(200), default="")

    lot: Mapped[Lot] = relationship()
    by: Mapped[User] = relationship(foreign_keys=[by_id])
    void_by: Mapped[User | None] = relationship(foreign_keys=[void_by_id])

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return cls.lot.has(Lot.within(scope))

    def good_on(self, day: date) -> bool:
        return (
            self.void_at is None
            and self.issued_on <= day
            and (self.valid_until is None or self.valid_until >= day)
        )


class PaperRule(Base):
    """Buyers of a class (an order's channel) get this product only with a paper of this kind."""

    __tablename__ = "paper_rule"
    __table_args__ = (
        UniqueConstraint("product_id", "buyers", "kind"),
        CheckConstraint(_one_of("kind", PAPER_KINDS), name="kind"),
        CheckConstraint("buyers IN ('canteen', 'shop', 'group')", name="buyers"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    buyers: Mapped[str] = mapped_column(String(10))
    kind: Mapped[str] = mapped_column(String(12))

    product: Mapped[Product] = relationship()
