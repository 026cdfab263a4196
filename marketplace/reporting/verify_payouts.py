"""The checks of `marketplace verify` that concern money on its way to households."""

from sqlalchemy import ColumnElement, and_, case, func, literal, or_, select, union_all
from sqlalchemy.orm import aliased

from marketplace.catalog.models import Lot
from marketplace.ledger.models import Journal, LedgerEntry
from marketplace.orders.order_models import Order
from marketplace.reporting.verify_money import Query, named
from marketplace.settlement.deciding import not_collected
from marketplace.settlement.payee_models import Payee
from marketplace.settlement.payout_models import PayoutItem, PayoutLine, PayoutPart, PayoutRun

DECIDED = ("approved", "sent", "done")
OWNERS_ACCOUNTS = ("payout", "cooperative_held", "household_recovery")


def runs_split() -> Query:
    """What a run takes of each lot is what its lines give to whom it belongs: neither is there alone."""
    taken = select(PayoutItem.run_id, PayoutItem.lot_id, PayoutItem.fen.label("fen"))
    given = select(PayoutLine.run_id, PayoutPart.lot_id, -PayoutPart.fen).join(
        PayoutLine, PayoutLine.id == PayoutPart.line_id
    )
    both = union_all(taken, given).subquery()
    return (
        select(named("批次编号 ", both.c.lot_id))
        .group_by(both.c.run_id, both.c.lot_id)
        .having(func.sum(both.c.fen) != 0)
    )


def _items_fen(*which: ColumnElement[bool]) -> ColumnElement[int]:
    return (
        select(func.coalesce(func.sum(PayoutItem.fen), 0))
        .where(PayoutItem.run_id == PayoutRun.id, *which)
        .correlate(PayoutRun)
        .scalar_subquery()
    )


def runs_add_up() -> Query:
    """A run is what orders brought and what it tries once more, and that is what its lines come to."""
    lines = select(func.coalesce(func.sum(PayoutLine.fen), 0)).where(
        PayoutLine.run_id == PayoutRun.id
    )
    again = lines.where(PayoutLine.replaces_id.is_not(None))
    of_lines, of_again = (one.correlate(PayoutRun).scalar_subquery() for one in (lines, again))
    return select(named("付款批次 ", PayoutRun.number)).where(
        or_(
            PayoutRun.fen != _items_fen() + of_again,
            PayoutRun.fen != of_lines,
            PayoutRun.advanced_fen != _items_fen(PayoutItem.advanced.is_(True)),
        )
    )


def items_kept() -> Query:
    """What an order brought a lot is free for another run exactly when its run was refused."""
    return (
        select(named("批次编号 ", PayoutItem.lot_id))
        .outerjoin(PayoutRun, PayoutRun.id == PayoutItem.run_id)
        .where(
            or_(
                PayoutRun.id.is_(None),
                and_(PayoutItem.dropped, PayoutRun.state != "rejected"),
                and_(~PayoutItem.dropped, PayoutRun.state == "rejected"),
            )
        )
        .distinct()
    )


def lots_not_overpaid() -> Query:
    """No lot has paid out more than its orders brought."""
    return (
        select(LedgerEntry.party)
        .where(LedgerEntry.account == "lot_payable")
        .group_by(LedgerEntry.party)
        .having(func.sum(LedgerEntry.fen) > 0)
    )


def lines_owned() -> Query:
    """A payment goes to an account of its owner, and is for what is his, or what his organisation collects."""
    same = or_(
        Payee.household_id == PayoutLine.household_id,
        Payee.organisation_id == PayoutLine.organisation_id,
    )
    theirs = or_(
        PayoutPart.household_id == PayoutLine.household_id,
        and_(PayoutLine.organisation_id.is_not(None), PayoutPart.household_id.is_not(None)),
        and_(PayoutPart.household_id.is_(None), Lot.organisation_id == PayoutLine.organisation_id),
    )
    return (
        select(named("货款 ", PayoutLine.number))
        .outerjoin(Payee, Payee.id == PayoutLine.payee_id)
        .outerjoin(
            PayoutPart, PayoutPart.line_id == func.coalesce(PayoutLine.origin_id, PayoutLine.id)
        )
        .outerjoin(Lot, Lot.id == PayoutPart.lot_id)
        .where(
            or_(
                and_(PayoutLine.payee_id.is_not(None), func.coalesce(same, False).is_(False)),
                func.coalesce(theirs, False).is_(False),
            )
        )
        .distinct()
    )


def lines_booked_to_owner() -> Query:
    """Whatever the books say of a payment, they say of its owner."""
    owner = case(
        (PayoutLine.household_id.is_not(None), named("household:", PayoutLine.household_id)),
        else_=named("unit:", PayoutLine.organisation_id),
    )
    return (
        select(named("货款 ", PayoutLine.number))
        .join(Journal, Journal.subject == named("payout:", PayoutLine.number))
        .join(LedgerEntry, LedgerEntry.journal_number == Journal.number)
        .where(LedgerEntry.account.in_(OWNERS_ACCOUNTS), LedgerEntry.party != owner)
        .distinct()
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
    ("付款批次的总数不对", runs_add_up),
    ("付过的货款还能再付", items_kept),
    ("批次的货款付多了", lots_not_overpaid),
    ("货款不是付给本人的", lines_owned),
    ("货款记在别人名下", lines_booked_to_owner),
    ("货款与份额不符", lines_add_up),
    ("货款与银行记账不符", lines_posted),
    ("待发货款与批次不符", owners_owed),
    ("付的货款与送到的货不符", items_owed),
)
