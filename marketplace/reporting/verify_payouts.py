"""The checks of `marketplace verify` that concern money on its way to households."""

from sqlalchemy import case, func, literal, select
from sqlalchemy.orm import aliased

from marketplace.catalog.models import Lot
from marketplace.ledger.models import Journal, LedgerEntry
from marketplace.orders.order_models import Order
from marketplace.reporting.verify_money import Query, named
from marketplace.settlement.deciding import not_collected
from marketplace.settlement.payout_models import PayoutItem, PayoutLine, PayoutPart, PayoutRun

DECIDED = ("approved", "sent", "done")


def runs_split() -> Query:
    """What a run takes of each lot is what its lines give to whom it belongs."""
    given = (
        select(func.coalesce(func.sum(PayoutPart.fen), 0))
        .join(PayoutLine, PayoutLine.id == PayoutPart.line_id)
        .where(PayoutLine.run_id == PayoutItem.run_id, PayoutPart.lot_id == PayoutItem.lot_id)
        .correlate(PayoutItem)
        .scalar_subquery()
    )
    return (
        select(named("批次编号 ", PayoutItem.lot_id))
        .group_by(PayoutItem.run_id, PayoutItem.lot_id)
        .having(func.sum(PayoutItem.fen) != given)
    )


def lines_add_up() -> Query:
    """A line is its parts, or those of the line that it replaces in the end."""
    parts = (
        select(func.coalesce(func.sum(PayoutPart.fen), 0))
        .where(PayoutPart.line_id == func.coalesce(PayoutLine.origin_id, PayoutLine.id))
        .correlate(PayoutLine)
        .scalar_subquery()
    )
    return select(named("货款 ", PayoutLine.number)).where(PayoutLine.fen != parts)


def lines_posted() -> Query:
    """What the books say went to a line's owner is what the line says the bank has paid, less what was
    taken off."""
    bank = (
        select(func.coalesce(func.sum(LedgerEntry.fen), 0))
        .join(Journal, Journal.number == LedgerEntry.journal_number)
        .where(LedgerEntry.account == "bank")
        .where(Journal.subject == named("payout:", PayoutLine.number))
        .correlate(PayoutLine)
        .scalar_subquery()
    )
    net = PayoutLine.fen - PayoutLine.deducted_fen
    paid = case((PayoutLine.state == "paid", net), else_=0)
    return select(named("货款 ", PayoutLine.number)).where(bank != -paid)


def owners_owed() -> Query:
    """What was approved and not yet paid stands on the owner's account, and nothing else."""
    first = aliased(PayoutLine)
    later = aliased(PayoutLine)
    owed = (
        select(func.coalesce(func.sum(PayoutPart.fen), 0))
        .join(PayoutLine, PayoutLine.id == PayoutPart.line_id)
        .join(PayoutRun, PayoutRun.id == PayoutLine.run_id)
        .where(PayoutRun.state.in_(DECIDED), not_collected())
        .where(PayoutLine.household_id == first.household_id)
        .where(
            ~select(later.id)
            .where(func.coalesce(later.origin_id, later.id) == PayoutLine.id)
            .where(later.state == "paid")
            .exists()
        )
        .correlate(first)
        .scalar_subquery()
    )
    booked = (
        select(func.coalesce(func.sum(LedgerEntry.fen), 0))
        .where(LedgerEntry.account == "payout")
        .where(LedgerEntry.party == named("household:", first.household_id))
        .correlate(first)
        .scalar_subquery()
    )
    return (
        select(named("农户编号 ", first.household_id))
        .where(first.household_id.is_not(None), booked != -owed)
        .distinct()
    )


def items_owed() -> Query:
    """Nobody is paid for a lot what its order did not bring."""
    posted = (
        select(func.coalesce(func.sum(LedgerEntry.fen), 0))
        .join(Journal, Journal.number == LedgerEntry.journal_number)
        .where(LedgerEntry.account == "lot_payable")
        .where(Journal.subject == literal("order:").concat(Order.number))
        .where(LedgerEntry.party == literal("lot:").concat(Lot.code))
        .correlate(PayoutItem, Order, Lot)
        .scalar_subquery()
    )
    return (
        select(named("订单 ", Order.number))
        .join(PayoutItem, PayoutItem.order_id == Order.id)
        .join(Lot, Lot.id == PayoutItem.lot_id)
        .join(PayoutRun, PayoutRun.id == PayoutItem.run_id)
        .where(PayoutRun.state.in_(DECIDED), ~PayoutItem.dropped, posted != -PayoutItem.fen)
    )


PAYOUT_CHECKS = (
    ("付款批次没有分到户", runs_split),
    ("货款与份额不符", lines_add_up),
    ("货款与银行记账不符", lines_posted),
    ("待发货款与批次不符", owners_owed),
    ("付的货款与送到的货不符", items_owed),
)
