"""The checks of `marketplace verify` that concern money: the books, and that they tell of the orders."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute

from marketplace.catalog.models import Lot
from marketplace.ledger.models import Journal, LedgerEntry
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.claim_models import Claim
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.return_models import RECALLED, GoodsReturn
from marketplace.orders.weight_models import AcceptedWeight

Query = Select[str]


def named(
    prefix: str, column: ColumnElement[Any] | InstrumentedAttribute[Any]
) -> ColumnElement[str]:
    return literal(prefix).concat(cast(column, String))


def journals_balance() -> Query:
    """Both sides of every journal are the same, and it has some."""
    return (
        select(named("凭证 ", Journal.number))
        .outerjoin(LedgerEntry, LedgerEntry.journal_number == Journal.number)
        .group_by(Journal.number)
        .having(or_(func.count(LedgerEntry.id) < 2, func.sum(LedgerEntry.fen) != 0))
    )


def _posted(account: str) -> ColumnElement[int]:
    """What the journals about an order did to an account, in fen, debits above zero."""
    entries = (
        select(func.coalesce(func.sum(LedgerEntry.fen), 0))
        .join(Journal, Journal.number == LedgerEntry.journal_number)
        .where(
            LedgerEntry.account == account,
            Journal.subject == literal("order:").concat(Order.number),
        )
        .correlate(Order)
    )
    return entries.scalar_subquery()


def orders_collected() -> Query:
    """What an order says was collected is what the books say: noted, through Alipay, or by bank, where it
    comes out of suspense or out of what the unit had paid too much."""
    came = [_posted(name) for name in ("collected", "alipay_clearing", "suspense", "buyer_credit")]
    return select(named("订单 ", Order.number)).where(
        Order.collected_fen != came[0] + came[1] + came[2] + came[3]
    )


def orders_delivered() -> Query:
    """A delivered order owes its households the farm-gate value of its packs, less what they agreed to
    bear and what was lighter than the heaviest; no other order does."""
    worth = (
        select(func.coalesce(func.sum(Allocation.packs * OrderLine.farmgate_fen), 0))
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .where(OrderLine.order_id == Order.id)
        .correlate(Order)
        .scalar_subquery()
    )
    borne = (
        select(func.coalesce(func.sum(GoodsReturn.packs * OrderLine.farmgate_fen), 0))
        .join(OrderLine, OrderLine.id == GoodsReturn.order_line_id)
        .where(OrderLine.order_id == Order.id, GoodsReturn.fault == "farm")
        .correlate(Order)
        .scalar_subquery()
    )
    lighter = (
        select(func.coalesce(func.sum(AcceptedWeight.farmgate_off_fen), 0))
        .join(OrderLine, OrderLine.id == AcceptedWeight.order_line_id)
        .where(OrderLine.order_id == Order.id)
        .correlate(Order)
        .scalar_subquery()
    )
    owed = case((Order.state == "closed", worth - borne - lighter), else_=0)
    return select(named("订单 ", Order.number)).where(_posted("lot_payable") != -owed)


def lines_returned() -> Query:
    """What a line says came back is what was noted, lot by lot."""
    noted = (
        select(func.coalesce(func.sum(GoodsReturn.packs), 0))
        .where(GoodsReturn.order_line_id == OrderLine.id)
        .correlate(OrderLine)
        .scalar_subquery()
    )
    return select(named("订单行 ", OrderLine.id)).where(OrderLine.returned_packs != noted)


def lines_weighed() -> Query:
    """What is sold by weight costs what its grams do: as many packs weighed as are due, and as much off the
    price, pack by pack of what was accepted."""
    theirs = (AcceptedWeight.order_line_id == OrderLine.id) & or_(
        AcceptedWeight.goods_return_id.is_(None), AcceptedWeight.packs < 0
    )
    grams = cast(func.sum(AcceptedWeight.grams), BigInteger)  # PostgreSQL sums to a decimal
    parts = (
        select(
            OrderLine.id,
            OrderLine.off_fen,
            OrderLine.due_g,
            (OrderLine.allocated_packs - OrderLine.returned_packs).label("due"),
            func.sum(AcceptedWeight.packs).label("packs"),
            func.sum(AcceptedWeight.off_fen).label("off"),
            grams.label("grams"),
            _worth_of(func.sum(AcceptedWeight.packs), grams).label("less"),
        )
        .join(Order, Order.id == OrderLine.order_id)
        .outerjoin(AcceptedWeight, theirs)
        .where(OrderLine.heaviest_g.is_not(None), Order.state == "closed")
        .group_by(OrderLine.id, AcceptedWeight.lot_id)
        .subquery()
    )
    sums = [func.coalesce(func.sum(parts.c[name]), 0) for name in ("packs", "off", "less", "grams")]
    return (
        select(named("订单行 ", parts.c.id))
        .group_by(parts.c.id)
        .having(
            or_(
                func.max(parts.c.due) != sums[0],
                func.max(parts.c.off_fen) != sums[1],
                sums[1] != sums[2],
                func.max(parts.c.due_g) != sums[3],
            )
        )
    )


def _worth_of(packs: ColumnElement[Any], grams: ColumnElement[Any]) -> ColumnElement[Any]:
    """By how much less than the heaviest packs they are worth, component by component, rounded half up."""
    parts = (OrderLine.farmgate_fen, OrderLine.service_fen, OrderLine.freight_fen)
    twice = 2 * OrderLine.heaviest_g
    worth = [(2 * fen * grams + OrderLine.heaviest_g) // twice for fen in parts]
    return packs * OrderLine.price_fen - worth[0] - worth[1] - worth[2]


def claims_returned() -> Query:
    """What was granted of claims came back, line by line and lot by lot; what was not granted did not."""
    came_back = (
        select(func.coalesce(func.sum(GoodsReturn.packs), 0))
        .where(GoodsReturn.order_line_id == Claim.order_line_id, GoodsReturn.lot_id == Claim.lot_id)
        .where(GoodsReturn.stage == "later")
        .correlate(Claim)
        .scalar_subquery()
    )
    granted = func.sum(Claim.granted_packs)
    return (
        select(named("订单行 ", Claim.order_line_id))
        .group_by(Claim.order_line_id, Claim.lot_id)
        .having(
            or_(
                granted > came_back,
                func.sum(case((Claim.state != "granted", Claim.granted_packs), else_=0)) > 0,
                func.sum(
                    case((and_(Claim.state == "granted", Claim.granted_packs == 0), 1), else_=0)
                )
                > 0,
            )
        )
    )


def returns_claimed() -> Query:
    """What came back later for a reason of the list, or with a picture, was claimed so and granted; what else
    was granted is of recalled lots, which come back by themselves."""
    columns = ("order_line_id", "lot_id", "reason", "photo")
    listed = GoodsReturn.reason.not_in(("", RECALLED))
    back = select(
        *(getattr(GoodsReturn, name) for name in columns), GoodsReturn.packs.label("packs")
    ).where(GoodsReturn.stage == "later", or_(listed, GoodsReturn.photo != ""))
    granted = select(*(getattr(Claim, name) for name in columns), -Claim.granted_packs).where(
        Claim.state == "granted"
    )
    both = union_all(back, granted).subquery()
    more = func.sum(both.c.packs)
    return (
        select(named("订单行 ", both.c.order_line_id))
        .join(Lot, Lot.id == both.c.lot_id)
        .group_by(*(both.c[name] for name in columns), Lot.id)
        .having(or_(more > 0, and_(more < 0, Lot.state != RECALLED)))
    )


def buyers_even() -> Query:
    """What stands with a delivered order, or is still owed for it, is what was collected less what is due."""
    due = (
        select(func.coalesce(func.sum(OrderLine.due_fen), 0))
        .where(OrderLine.order_id == Order.id)
        .correlate(Order)
        .scalar_subquery()
    )
    stands = _posted("buyer_prepayment") + _posted("buyer_receivable")
    return select(named("订单 ", Order.number)).where(
        Order.state == "closed", Order.collected_fen - due != -stands
    )


def prepayments_hold() -> Query:
    """Nobody's prepayment is used up beyond what he paid."""
    return select(named("订单 ", Order.number)).where(_posted("buyer_prepayment") > 0)


def deposits_held() -> Query:
    """What an order says of its deposit is what the books hold for it, and what made up for a loss."""
    stands = (
        select(func.coalesce(func.sum(LedgerEntry.fen), 0))
        .where(
            LedgerEntry.account == "buyer_deposit",
            LedgerEntry.party == literal("order:").concat(Order.number),
        )
        .correlate(Order)
        .scalar_subquery()
    )
    kept = (
        select(func.coalesce(func.sum(LedgerEntry.fen), 0))
        .join(Journal, Journal.number == LedgerEntry.journal_number)
        .where(
            LedgerEntry.account == "aftersale_loss",
            Journal.subject == literal("deposit:").concat(Order.number),
        )
        .correlate(Order)
        .scalar_subquery()
    )
    return select(named("订单 ", Order.number)).where(
        or_(Order.deposit_held_fen != -stands, Order.deposit_kept_fen != -kept)
    )


MONEY_CHECKS = (
    ("凭证两边不等", journals_balance),
    ("收款与账本不符", orders_collected),
    ("应付农户与送到的货不符", orders_delivered),
    ("预付款用超了", prepayments_hold),
    ("退货份数不符", lines_returned),
    ("按重量卖的钱和重量不符", lines_weighed),
    ("同意了的退货没有退", claims_returned),
    ("退货和买家的申请不符", returns_claimed),
    ("买家的钱和货不平", buyers_even),
    ("押金与账本不符", deposits_held),
)
