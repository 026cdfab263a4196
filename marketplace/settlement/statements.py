"""What a payment is made of, down to packs and prices: for pages, for paper, for the household."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot
from marketplace.ledger import books
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import OrderLine
from marketplace.orders.round_models import Listing, Round
from marketplace.settlement.paying import parts_line
from marketplace.settlement.payout_models import PayoutItem, PayoutLine, PayoutPart


@dataclass(frozen=True)
class Sold:
    """Packs of one listing that a lot brought, at what the farm gets for each, in fen."""

    round_number: int
    title: str
    pack_name: str
    packs: int
    unit_fen: int

    @property
    def fen(self) -> int:
        return self.packs * self.unit_fen


@dataclass(frozen=True)
class OfLot:
    """A lot's sales in the run; of their `lot_fen` so much is the owner's."""

    part: PayoutPart
    sold: tuple[Sold, ...]

    @property
    def lot_fen(self) -> int:
        return sum(one.fen for one in self.sold)


@dataclass(frozen=True)
class Money:
    """A household's payments: `lines` into its own account, `collected` by its cooperative for it;
    `owed_fen` is what was delivered and is in no run yet."""

    lines: tuple[PayoutLine, ...]
    collected: tuple[PayoutPart, ...]
    owed_fen: int

    @property
    def paid_fen(self) -> int:
        return sum(line.fen for line in self.lines if line.state == "paid")

    @property
    def waiting_fen(self) -> int:
        """Delivered, and not on an account."""
        return self.owed_fen + sum(line.fen for line in self.lines if line.state != "paid")


def made_of(session: Session, lines: Sequence[PayoutLine]) -> dict[int, list[OfLot]]:
    """Line id → its lots. Two statements, however many lines."""
    origins = {parts_line(line): line.id for line in lines}
    parts = session.scalars(
        select(PayoutPart)
        .where(PayoutPart.line_id.in_(origins))
        .options(
            joinedload(PayoutPart.lot).joinedload(Lot.product),
            joinedload(PayoutPart.household),
        )
        .order_by(PayoutPart.id)
    ).all()
    sold = _sold(session, list(origins))
    found: dict[int, list[OfLot]] = {line.id: [] for line in lines}
    for part in parts:
        of_lot = OfLot(part, tuple(sold[part.line_id, part.lot_id]))
        found[origins[part.line_id]].append(of_lot)
    return found


def _sold(session: Session, lines: Sequence[int]) -> dict[tuple[int, int], list[Sold]]:
    """By line and lot, what the orders of its run brought that lot."""
    lots = (
        select(PayoutPart.line_id, PayoutPart.lot_id, PayoutLine.run_id)
        .join(PayoutLine, PayoutLine.id == PayoutPart.line_id)
        .where(PayoutPart.line_id.in_(lines))
        .distinct()
        .subquery()
    )
    rows = session.execute(
        select(
            lots.c.line_id,
            lots.c.lot_id,
            Round.number,
            Listing.title,
            Listing.pack_name,
            func.sum(Allocation.packs),
            OrderLine.farmgate_fen,
        )
        .join(
            PayoutItem,
            (PayoutItem.run_id == lots.c.run_id) & (PayoutItem.lot_id == lots.c.lot_id),
        )
        .join(OrderLine, OrderLine.order_id == PayoutItem.order_id)
        .join(
            Allocation,
            (Allocation.order_line_id == OrderLine.id) & (Allocation.lot_id == lots.c.lot_id),
        )
        .join(Listing, Listing.id == OrderLine.listing_id)
        .join(Round, Round.id == Listing.round_id)
        .group_by(
            lots.c.line_id,
            lots.c.lot_id,
            Round.number,
            Listing.id,
            Listing.title,
            Listing.pack_name,
            OrderLine.farmgate_fen,
        )
        .order_by(Round.number, Listing.id)
    )
    found: defaultdict[tuple[int, int], list[Sold]] = defaultdict(list)
    for line_id, lot_id, number, title, pack_name, packs, unit_fen in rows:
        found[line_id, lot_id].append(Sold(number, title, pack_name, int(packs), unit_fen))
    return found


MOST_SHOWN = 50


def money_of(session: Session, household_id: int) -> Money:
    """The newest first; the caller has checked who may see it. Lines that others replaced are left out."""
    found = session.scalars(
        select(PayoutLine)
        .where(PayoutLine.household_id == household_id, PayoutLine.state != "rejected")
        .options(joinedload(PayoutLine.payee), joinedload(PayoutLine.run))
        .order_by(PayoutLine.id.desc())
        .limit(MOST_SHOWN)
    ).all()
    replaced = {line.replaces_id for line in found}
    collected = session.scalars(
        select(PayoutPart)
        .join(PayoutLine, PayoutLine.id == PayoutPart.line_id)
        .where(PayoutPart.household_id == household_id)
        .where(PayoutLine.organisation_id.is_not(None), PayoutLine.state != "rejected")
        .options(joinedload(PayoutPart.line).joinedload(PayoutLine.organisation))
        .order_by(PayoutPart.id.desc())
        .limit(MOST_SHOWN)
    ).all()
    standing = tuple(line for line in found if line.id not in replaced)
    return Money(standing, tuple(collected), _not_taken_up(session, household_id, standing))


def _not_taken_up(session: Session, household_id: int, standing: Sequence[PayoutLine]) -> int:
    """Of its own lots: delivered, and in no run yet."""
    codes = session.scalars(select(Lot.code).where(Lot.household_id == household_id)).all()
    owed = sum(books.balances(session, "lot_payable", [f"lot:{code}" for code in codes]).values())
    return max(0, owed - sum(line.fen for line in standing if line.state == "proposed"))
