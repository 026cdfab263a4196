"""What a payment is made of, down to packs and prices: for pages, for paper, for the household."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot
from marketplace.core.quantity import format_quantity
from marketplace.ledger import books
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.round_models import Listing, Round
from marketplace.orders.weight_models import AcceptedWeight
from marketplace.settlement.payout_models import PayoutItem, PayoutLine, PayoutPart
from marketplace.settlement.recoveries import Standing, open_of


@dataclass(frozen=True)
class Sold:
    """Packs of one listing that a lot brought, at what the farm gets for each, in fen; `off_fen`: less,
    because what is sold by weight was not the heaviest."""

    round_number: int
    title: str
    pack_name: str
    packs: int
    unit_fen: int
    off_fen: int = 0

    @property
    def fen(self) -> int:
        return self.packs * self.unit_fen - self.off_fen


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
    asked: Sequence[Standing] = ()
    """What it is asked to give back and has not."""

    @property
    def paid_fen(self) -> int:
        return sum(line.net_fen for line in self.lines if line.state == "paid")

    @property
    def waiting_fen(self) -> int:
        """Delivered, and not on an account."""
        return self.owed_fen + sum(line.net_fen for line in self.lines if line.state != "paid")


def made_of(session: Session, lines: Sequence[PayoutLine]) -> dict[int, list[OfLot]]:
    """Line id → its lots. Two statements, however many lines."""
    origins = {line.parts_line_id: line.id for line in lines}
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
    """By line and lot, what the orders of its run brought that lot, and what came back of it that the
    household agreed to bear: packs below zero."""
    lots = (
        select(PayoutPart.line_id, PayoutPart.lot_id, PayoutLine.run_id)
        .join(PayoutLine, PayoutLine.id == PayoutPart.line_id)
        .where(PayoutPart.line_id.in_(lines))
        .distinct()
        .subquery()
    )
    given = (Allocation.order_line_id == OrderLine.id) & (Allocation.lot_id == lots.c.lot_id)
    back = (GoodsReturn.order_line_id == OrderLine.id) & (GoodsReturn.lot_id == lots.c.lot_id)
    sold = _of_orders(lots, func.sum(Allocation.packs)).join(Allocation, given)
    returned = _of_orders(lots, -func.sum(GoodsReturn.packs)).join(GoodsReturn, back)
    returned = returned.where(GoodsReturn.fault == "farm")
    found: defaultdict[tuple[int, int], list[Sold]] = defaultdict(list)
    for statement, words in ((sold, ""), (returned, "（没有收、退了的）")):
        for line_id, lot_id, number, title, pack_name, packs, unit_fen in session.execute(
            statement
        ):
            one = Sold(number, title + words, pack_name, int(packs), unit_fen)
            found[line_id, lot_id].append(one)
    for line_id, lot_id, number, title, pack_name, grams, _, off in session.execute(_lighter(lots)):
        words = f"{title}（实重 {format_quantity(int(grams), 'g', unit='斤')}，比最重的少付）"
        found[line_id, lot_id].append(Sold(number, words, pack_name, 0, 0, int(off)))
    return found


def _lighter(lots: Subquery) -> Select[Any]:
    """Grams that households are paid for, and how much less than the heaviest these bring."""
    here = (AcceptedWeight.order_line_id == OrderLine.id) & (AcceptedWeight.lot_id == lots.c.lot_id)
    paid = (
        AcceptedWeight.goods_return_id.is_(None)
        | (AcceptedWeight.packs > 0)
        | (GoodsReturn.fault == "farm")
    )
    return (
        _of_orders(lots, func.sum(AcceptedWeight.grams))
        .add_columns(func.sum(AcceptedWeight.farmgate_off_fen))
        .join(AcceptedWeight, here)
        .outerjoin(GoodsReturn, GoodsReturn.id == AcceptedWeight.goods_return_id)
        .where(paid)
    )


def _of_orders(lots: Subquery, packs: ColumnElement[int]) -> Select[Any]:
    """Packs by line, lot, listing and price; joined with where they are counted."""
    by = (
        lots.c.line_id,
        lots.c.lot_id,
        Round.number,
        Listing.title,
        Listing.pack_name,
    )
    return (
        select(*by, packs, OrderLine.farmgate_fen)
        .select_from(lots)
        .join(
            PayoutItem,
            (PayoutItem.run_id == lots.c.run_id) & (PayoutItem.lot_id == lots.c.lot_id),
        )
        .join(OrderLine, OrderLine.order_id == PayoutItem.order_id)
        .join(Listing, Listing.id == OrderLine.listing_id)
        .join(Round, Round.id == Listing.round_id)
        .group_by(*by, Listing.id, OrderLine.farmgate_fen)
        .order_by(Round.number, Listing.id)
    )


MOST_SHOWN = 50


def money_of(
    session: Session, household_id: int, only_units: frozenset[int] | None = None
) -> Money:
    """The newest first; the caller has checked who may see the household. Lines that others replaced are
    left out. A cooperative (`only_units`) sees what it collected for its member, not what is his own."""
    if only_units is not None:
        return Money((), _collected(session, household_id, only_units), 0)
    found = session.scalars(
        select(PayoutLine)
        .where(PayoutLine.household_id == household_id, PayoutLine.state != "rejected")
        .options(joinedload(PayoutLine.payee), joinedload(PayoutLine.run))
        .order_by(PayoutLine.id.desc())
        .limit(MOST_SHOWN)
    ).all()
    replaced = {line.replaces_id for line in found}
    standing = tuple(line for line in found if line.id not in replaced)
    collected = _collected(session, household_id, None)
    owed_fen = _not_taken_up(session, household_id, standing)
    return Money(standing, collected, owed_fen, open_of(session, household_id))


def _collected(
    session: Session, household_id: int, only_units: frozenset[int] | None
) -> tuple[PayoutPart, ...]:
    """What cooperatives collected for a member."""
    statement = (
        select(PayoutPart)
        .join(PayoutLine, PayoutLine.id == PayoutPart.line_id)
        .where(PayoutPart.household_id == household_id)
        .where(PayoutLine.organisation_id.is_not(None), PayoutLine.state != "rejected")
        .options(joinedload(PayoutPart.line).joinedload(PayoutLine.organisation))
        .order_by(PayoutPart.id.desc())
        .limit(MOST_SHOWN)
    )
    if only_units is not None:
        statement = statement.where(PayoutLine.organisation_id.in_(only_units))
    return tuple(session.scalars(statement))


def _not_taken_up(session: Session, household_id: int, standing: Sequence[PayoutLine]) -> int:
    """Of its own lots: delivered, and in no run yet."""
    codes = session.scalars(select(Lot.code).where(Lot.household_id == household_id)).all()
    owed = sum(books.balances(session, "lot_payable", [f"lot:{code}" for code in codes]).values())
    taken_up = sum(
        line.fen for line in standing if line.run.state == "proposed" and line.origin_id is None
    )
    collected = session.scalar(
        select(func.coalesce(func.sum(PayoutPart.fen), 0))
        .join(PayoutLine, PayoutLine.id == PayoutPart.line_id)
        .join(Lot, Lot.id == PayoutPart.lot_id)
        .where(PayoutPart.household_id == household_id, Lot.household_id == household_id)
        .where(PayoutLine.organisation_id.is_not(None), PayoutLine.state != "rejected")
        .where(PayoutPart.received_on.is_(None))
    )  # its lot owes it until the household has signed
    return max(0, owed - taken_up - int(collected or 0))
