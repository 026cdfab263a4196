"""Into whose account a household's or a cooperative's money goes, and why it may have to wait."""

from datetime import date, datetime
from typing import ClassVar

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from marketplace.core.db import Base, BigId
from marketplace.core.identifiers import mask_name
from marketplace.core.secret_text import SecretText
from marketplace.core.states import Moves, moves
from marketplace.households.models import Household, supplier_within
from marketplace.identity.models import Organisation, User
from marketplace.identity.scope import Scope, Where
from marketplace.regions.models import Region

ONE_OWNER = "(household_id IS NULL) <> (organisation_id IS NULL)"
RELATIONS = {
    "self": "本人",
    "spouse": "配偶",
    "child": "子女",
    "parent": "父母",
    "sibling": "兄弟姐妹",
    "guardian": "监护人",
    "entrusted": "受托人",
    "unit": "本单位",
}
"""What the holder of the account is to the head of the household."""
HOLD_REASONS = {
    "deceased": "户主去世，等继承人",
    "disputed": "有人有异议",
    "mismatch": "户名和账号对不上",
    "account": "账户有问题",
}
WAITING = ("proposed", "checked")
"""A payee in these waits for somebody's consent."""


class Payee(Base):
    """The holder of an account that somebody's money goes to; two people besides the proposer consent."""

    __tablename__ = "payee"
    __table_args__ = (
        CheckConstraint(ONE_OWNER, name="one_owner"),
        CheckConstraint(
            "state IN ('proposed', 'checked', 'approved', 'rejected', 'ended')", name="state"
        ),
        CheckConstraint(
            f"relation IN ({', '.join(repr(code) for code in sorted(RELATIONS))})", name="relation"
        ),
        CheckConstraint("valid_until IS NULL OR valid_until >= valid_from", name="dates"),
        CheckConstraint("NOT for_members OR organisation_id IS NOT NULL", name="collects"),
        CheckConstraint(
            "(first_by_id IS NULL OR first_by_id <> proposed_by_id) AND "
            "(second_by_id IS NULL OR (second_by_id <> proposed_by_id AND second_by_id <> first_by_id))",
            name="three_people",
        ),
        CheckConstraint(
            "state NOT IN ('approved', 'ended') OR second_by_id IS NOT NULL", name="consented"
        ),
        *(
            Index(
                f"uq_payee_{owner}",
                f"{owner}_id",
                unique=True,
                sqlite_where=text("state = 'approved'"),
                postgresql_where=text("state = 'approved'"),
            )
            for owner in ("household", "organisation")
        ),
        Index("ix_payee_state", "state", "id"),
        Index("ix_payee_region", "region_code"),
        Index("ix_payee_account", "account_hash"),
    )
    MOVES: ClassVar[Moves] = moves(
        {
            "proposed": ["checked", "rejected"],
            "checked": ["approved", "rejected"],
            "approved": ["ended"],
        }
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    state: Mapped[str] = mapped_column(String(10), default="proposed")
    household_id: Mapped[int | None] = mapped_column(ForeignKey("household.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    region_code: Mapped[str] = mapped_column(ForeignKey("region.code"))  # the owner's
    holder_name: Mapped[str] = mapped_column(SecretText)
    account_no: Mapped[str] = mapped_column(SecretText)
    account_hash: Mapped[str] = mapped_column(String(64))
    account_tail: Mapped[str] = mapped_column(String(4))
    bank_name: Mapped[str] = mapped_column(String(60))
    relation: Mapped[str] = mapped_column(String(10))
    proof: Mapped[str] = mapped_column(String(200), default="")
    """Which paper shows that the account may be used, and where it is kept."""
    for_members: Mapped[bool] = mapped_column(default=False)
    """A cooperative that collects for its members, and files each one's receipt."""
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    proposed_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    proposed_at: Mapped[datetime]
    first_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    first_at: Mapped[datetime | None]
    second_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    second_at: Mapped[datetime | None]
    ended_because: Mapped[str] = mapped_column(String(200), default="")
    mismatch: Mapped[str] = mapped_column(String(80), default="")
    """What the bank said of name and account when it was asked; empty when it had nothing to say."""
    checked_on: Mapped[date | None]

    household: Mapped[Household | None] = relationship()
    organisation: Mapped[Organisation | None] = relationship()
    region: Mapped[Region] = relationship()
    proposed_by: Mapped[User] = relationship(foreign_keys=[proposed_by_id])
    first_by: Mapped[User | None] = relationship(foreign_keys=[first_by_id])
    second_by: Mapped[User | None] = relationship(foreign_keys=[second_by_id])

    @property
    def signed(self) -> list[tuple[int, datetime]]:
        """Who proposed it and who has consented first, with when."""
        both = [(self.proposed_by_id, self.proposed_at), (self.first_by_id, self.first_at)]
        return [(by, at) for by, at in both if by is not None and at is not None]

    @property
    def masked_holder(self) -> str:
        return self.holder_name if self.organisation_id else mask_name(self.holder_name)

    @classmethod
    def within(cls, scope: Scope) -> Where:
        return supplier_within(cls, scope)


class PayoutHold(Base):
    """Money of a household or a cooperative that has to wait, from when to when and why."""

    __tablename__ = "payout_hold"
    __table_args__ = (
        CheckConstraint(ONE_OWNER, name="one_owner"),
        CheckConstraint(
            f"reason IN ({', '.join(repr(code) for code in sorted(HOLD_REASONS))})", name="reason"
        ),
        Index("ix_payout_hold_household", "household_id"),
        Index("ix_payout_hold_organisation", "organisation_id"),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    household_id: Mapped[int | None] = mapped_column(ForeignKey("household.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    reason: Mapped[str] = mapped_column(String(10))
    words: Mapped[str] = mapped_column(String(200), default="")
    since: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    ended_at: Mapped[datetime | None]
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    ended_how: Mapped[str] = mapped_column(String(200), default="")


class PayeeCheck(Base):
    """A file of all accounts in force for the bank to test names and numbers with, before a festival.
    Whoever asks for it takes it only after somebody else has let it go."""

    __tablename__ = "payee_check"
    __table_args__ = (
        CheckConstraint(
            "released_by_id IS NULL OR released_by_id <> asked_by_id", name="two_people"
        ),
    )
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    asked_by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    asked_at: Mapped[datetime]
    released_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    released_at: Mapped[datetime | None]
    taken_at: Mapped[datetime | None]

    asked_by: Mapped[User] = relationship(foreign_keys=[asked_by_id])
    released_by: Mapped[User | None] = relationship(foreign_keys=[released_by_id])
