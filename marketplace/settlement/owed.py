"""What households are owed and no run pays yet, order by order, and whether its money is here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot, LotShare
from marketplace.ledger.models import Journal, LedgerEntry
from marketplace.orders.order_models import Order
from marketplace.orders.returning import paid_check
from marketplace.settlement.payout_models import PayoutItem
from marketplace.settlement.splitting import OWN, Whose

PAYABLES = ("lot_payable", "service_payable", "freight_payable")
LOSSES = ("aftersale_loss", "carrier_receivable", "household_recovery")
LOTS_AT_ONCE = 1000  # a statement names so many; databases take some ten thousand


@dataclass(frozen=True)
class Owed:
    """`here`: what the order's buyer has paid covers all that its households get for it."""

    order_id: int
    lot_id: int
    fen: int
    accepted_on: date
    here: bool


def owed_items(session: Session, orders: Sequence[int] = ()) -> list[Owed]:
    """The oldest first. With `orders` only theirs, also those that a run pays already."""
    lots = _by_lot(session, orders)
    paid = _received(session, sorted({order_id for order_id, *_ in lots}))
    return [
        Owed(order_id, lot_id, fen, accepted_on, paid[order_id])
        for order_id, lot_id, fen, accepted_on in lots
    ]


def _by_lot(session: Session, orders: Sequence[int]) -> list[tuple[int, int, int, date]]:
    statement = (
        select(Order.id, Lot.id, -func.sum(LedgerEntry.fen), func.min(Journal.day))
        .join(Journal, Journal.number == LedgerEntry.journal_number)
        .join(Order, Order.number == func.substr(Journal.subject, len("order:") + 1))
        .join(Lot, Lot.code == func.substr(LedgerEntry.party, len("lot:") + 1))
        .where(LedgerEntry.account == "lot_payable", Journal.subject.like("order:%"))
        .group_by(Order.id, Lot.id)
        .having(func.sum(LedgerEntry.fen) < 0)
        .order_by(func.min(Journal.day), Order.id, Lot.id)
    )
    if orders:
        statement = statement.where(Order.id.in_(orders))
    else:
        in_a_run = and_(
            PayoutItem.order_id == Order.id, PayoutItem.lot_id == Lot.id, ~PayoutItem.dropped
        )
        statement = statement.outerjoin(PayoutItem, in_a_run).where(PayoutItem.id.is_(None))
    rows = session.execute(statement)
    return [(order_id, lot_id, int(fen), day) for order_id, lot_id, fen, day in rows]


def _received(session: Session, orders: Sequence[int]) -> dict[int, bool]:
    """Households come first: an order's money is here once it covers what all of its lots get. What is
    still owed is not here, nor what went back to the buyer without the households bearing it."""
    found: dict[int, bool] = {}
    for start in range(0, len(orders), LOTS_AT_ONCE):
        rows = session.execute(
            select(
                Order.id,
                _sum(LedgerEntry.account.in_(PAYABLES)),
                _sum(LedgerEntry.account == "lot_payable"),
                _sum(LedgerEntry.account.in_(("buyer_receivable", *LOSSES))),
            )
            .join(Journal, Journal.subject == "order:" + Order.number)
            .join(LedgerEntry, LedgerEntry.journal_number == Journal.number)
            .where(Order.id.in_(orders[start : start + LOTS_AT_ONCE]))
            .group_by(Order.id)
        )
        found |= {one: -price - open_fen >= -farmgate for one, price, farmgate, open_fen in rows}
    return found


def _sum(which: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((which, LedgerEntry.fen), else_=0))


def shares_of(session: Session, lots: Sequence[int]) -> dict[int, Whose]:
    """Whose these lots are; a household's own lot without shares is all its own."""
    found: dict[int, Whose] = {}
    for start in range(0, len(lots), LOTS_AT_ONCE):
        some = lots[start : start + LOTS_AT_ONCE]
        held: dict[int, dict[int, int]] = {}
        for lot_id, household_id, quantity in session.execute(
            select(LotShare.lot_id, LotShare.household_id, LotShare.quantity_base).where(
                LotShare.lot_id.in_(some)
            )
        ):
            of_lot = held.setdefault(lot_id, {})
            of_lot[household_id or OWN] = of_lot.get(household_id or OWN, 0) + quantity
        for lot_id, household_id, unit in session.execute(
            select(Lot.id, Lot.household_id, Lot.organisation_id).where(Lot.id.in_(some))
        ):
            found[lot_id] = Whose(unit or 0, held.get(lot_id) or {household_id or OWN: 1})
    return found


@paid_check
def _being_paid(session: Session, order_id: int, lot_id: int) -> bool:
    """Whether a run has taken up what this order brought this lot."""
    item = select(PayoutItem.id).where(
        PayoutItem.order_id == order_id, PayoutItem.lot_id == lot_id, ~PayoutItem.dropped
    )
    return session.scalar(item) is not None
