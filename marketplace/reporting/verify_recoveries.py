"""The checks of `marketplace verify` on what paid households are asked to give back."""

from collections.abc import Callable

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select, union_all

from marketplace.ledger.models import LedgerEntry
from marketplace.orders.order_models import OrderLine
from marketplace.orders.return_models import RECOVERY, GoodsReturn
from marketplace.orders.weight_models import AcceptedWeight
from marketplace.reporting.verify_money import named
from marketplace.settlement.deductions import open_fen
from marketplace.settlement.payout_models import PayoutItem, PayoutLine, PayoutPart, PayoutRun
from marketplace.settlement.recovery_models import (
    PayoutDeduction,
    Recovery,
    RecoveryConsent,
    RecoveryWriteOff,
)

Query = Select[str]


def returns_asked_back() -> Query:
    """What came back of goods that were paid out is asked back whole, and nothing else is."""
    asked = func.coalesce(func.sum(Recovery.fen), 0)
    weighed = (
        select(-AcceptedWeight.farmgate_fen)
        .where(AcceptedWeight.goods_return_id == GoodsReturn.id)
        .correlate(GoodsReturn)
        .scalar_subquery()
    )
    worth = func.coalesce(weighed, GoodsReturn.packs * OrderLine.farmgate_fen)
    wanted = case((GoodsReturn.fault == RECOVERY, worth), else_=0)
    return (
        select(named("退货 ", GoodsReturn.id))
        .join(OrderLine, OrderLine.id == GoodsReturn.order_line_id)
        .outerjoin(Recovery, Recovery.return_id == GoodsReturn.id)
        .group_by(GoodsReturn.id, OrderLine.id)
        .having(asked != wanted)
    )


def _party() -> ColumnElement[str]:
    return case(
        (Recovery.household_id.is_not(None), named("household:", Recovery.household_id)),
        else_=named("unit:", Recovery.organisation_id),
    )


def recoveries_posted() -> Query:
    """What an owner is asked for, less what was taken off payments that he got and what was written off, is
    what the books say."""
    party = _party().label("party")
    paid = (
        select(party, -PayoutDeduction.fen)
        .join(Recovery, Recovery.id == PayoutDeduction.recovery_id)
        .join(PayoutLine, PayoutLine.id == PayoutDeduction.line_id)
        .where(PayoutLine.state == "paid")
    )
    written = (
        select(party, -RecoveryWriteOff.fen)
        .join(Recovery, Recovery.id == RecoveryWriteOff.recovery_id)
        .where(RecoveryWriteOff.state == "approved")
    )
    booked = select(LedgerEntry.party, -LedgerEntry.fen).where(
        LedgerEntry.account == "household_recovery"
    )
    both = union_all(select(party, Recovery.fen.label("fen")), paid, written, booked).subquery()
    return select(named("", both.c.party)).group_by(both.c.party).having(func.sum(both.c.fen) != 0)


def lines_deducted() -> Query:
    """A payment says what is taken off it, and never more than its owner gets."""
    taken = func.coalesce(func.sum(PayoutDeduction.fen), 0)
    return (
        select(named("货款 ", PayoutLine.number))
        .outerjoin(PayoutDeduction, PayoutDeduction.line_id == PayoutLine.id)
        .group_by(PayoutLine.id)
        .having(or_(PayoutLine.deducted_fen != taken, taken > PayoutLine.fen))
    )


def deductions_signed() -> Query:
    """Nothing is taken off without a signature that was kept before, nor off somebody else's payment."""
    same = or_(
        Recovery.household_id == PayoutLine.household_id,
        Recovery.organisation_id == PayoutLine.organisation_id,
    )
    return (
        select(named("货款 ", PayoutLine.number))
        .join(PayoutDeduction, PayoutDeduction.line_id == PayoutLine.id)
        .join(PayoutRun, PayoutRun.id == PayoutLine.run_id)
        .join(Recovery, Recovery.id == PayoutDeduction.recovery_id)
        .outerjoin(
            RecoveryConsent,
            and_(
                RecoveryConsent.recovery_id == Recovery.id,
                RecoveryConsent.at <= PayoutRun.proposed_at,
                RecoveryConsent.photo != "",
            ),
        )
        .where(or_(RecoveryConsent.id.is_(None), func.coalesce(same, False).is_(False)))
        .distinct()
    )


def recoveries_open() -> Query:
    """Nothing is taken off or written off twice."""
    return select(named("应收回货款 ", Recovery.number)).where(open_fen() < 0)


def asked_no_more_than_paid() -> Query:
    """However often goods of a lot came back, nobody is asked for more than a run had paid him for it."""
    asked = (
        select(
            func.min(Recovery.number).label("number"),
            PayoutItem.run_id,
            GoodsReturn.lot_id,
            Recovery.household_id,
            Recovery.organisation_id,
            func.sum(Recovery.fen).label("fen"),
        )
        .join(GoodsReturn, GoodsReturn.id == Recovery.return_id)
        .join(OrderLine, OrderLine.id == GoodsReturn.order_line_id)
        .join(
            PayoutItem,
            and_(
                PayoutItem.order_id == OrderLine.order_id,
                PayoutItem.lot_id == GoodsReturn.lot_id,
                ~PayoutItem.dropped,
            ),
        )
        .group_by(
            PayoutItem.run_id, GoodsReturn.lot_id, Recovery.household_id, Recovery.organisation_id
        )
        .subquery()
    )
    own = and_(
        PayoutPart.household_id.is_(None), PayoutLine.organisation_id == asked.c.organisation_id
    )
    paid = (
        select(func.coalesce(func.sum(PayoutPart.fen), 0))
        .join(PayoutLine, PayoutLine.id == PayoutPart.line_id)
        .where(PayoutLine.run_id == asked.c.run_id, PayoutPart.lot_id == asked.c.lot_id)
        .where(or_(PayoutPart.household_id == asked.c.household_id, own))
        .correlate(asked)
        .scalar_subquery()
    )
    return select(named("应收回货款 ", asked.c.number)).where(asked.c.fen > paid)


RECOVERY_CHECKS: tuple[tuple[str, Callable[[], Query]], ...] = (
    ("退货和应收回的货款不符", returns_asked_back),
    ("应收回货款与账本不符", recoveries_posted),
    ("货款的扣项不符", lines_deducted),
    ("没有签字就扣了货款", deductions_signed),
    ("应收回货款多扣了", recoveries_open),
    ("要收回的比付过的多", asked_no_more_than_paid),
)
