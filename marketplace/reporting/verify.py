"""`marketplace verify`: every invariant of the books, asked of the database itself.

Each check is one statement that returns the rows that are wrong; none means all is well. Constraints
hold most of this while writing; here it is seen again, from the outside.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Session

from marketplace.catalog.lot_processing import FROM_PROCESSING
from marketplace.catalog.models import Lot, LotMovement, LotShare
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import COUNTED_STATES, Order, OrderLine
from marketplace.orders.round_models import Commitment, Listing
from marketplace.reporting.verify_fulfilment import FULFILMENT_CHECKS
from marketplace.reporting.verify_money import MONEY_CHECKS, named
from marketplace.reporting.verify_payouts import PAYOUT_CHECKS
from marketplace.reporting.verify_processing import PROCESSING_CHECKS
from marketplace.reporting.verify_recoveries import RECOVERY_CHECKS
from marketplace.reporting.verify_scales import SCALE_CHECKS
from marketplace.reporting.verify_stops import STOP_CHECKS
from marketplace.reporting.verify_support import SUPPORT_CHECKS
from marketplace.reporting.verify_trace import TRACE_CHECKS
from marketplace.reporting.verify_transfers import TRANSFER_CHECKS
from marketplace.reporting.verify_weights import WEIGHT_CHECKS


@dataclass(frozen=True)
class Fault:
    """A row that contradicts the books: `what` names the rule, `where` the row."""

    what: str
    where: str


Query = Select[str]


def verify(session: Session, limit: int = 20) -> list[Fault]:
    """Faults found, at most `limit` for each rule; an empty list when everything adds up."""
    faults = [
        Fault(what, where)
        for what, query in CHECKS
        for where in session.scalars(_made(query, limit))
    ]
    return faults + [
        Fault(what, where) for what, walk in TRACE_CHECKS for where in islice(walk(session), limit)
    ]


@cache
def _made(query: Callable[[], Query], limit: int) -> Query:
    """Making a statement costs more than asking it of a small county; none depends on the time."""
    return query().order_by(text("1")).limit(limit)


def _moved(*kinds: str, minus: tuple[str, ...] = ()) -> ColumnElement[int]:
    signed = case(
        (LotMovement.kind.in_(kinds), LotMovement.quantity_base),
        (LotMovement.kind.in_(minus), -LotMovement.quantity_base),
        else_=0,
    )
    return func.coalesce(func.sum(signed), 0)


def _came_back(*kinds: str) -> ColumnElement[int]:
    """What cancelled processing gave back to a lot or lost: it leaves what was processed, not committed."""
    signed = case(
        (and_(LotMovement.kind.in_(kinds), FROM_PROCESSING), LotMovement.quantity_base), else_=0
    )
    return func.coalesce(func.sum(signed), 0)


def lot_balance() -> Query:
    out = (
        Lot.free + Lot.committed + Lot.sold + Lot.donated + Lot.withdrawn + Lot.lost + Lot.processed
    )
    return select(named("批次 ", Lot.code)).where(Lot.verified + Lot.surplus + Lot.adjusted != out)


def lot_movements() -> Query:
    """Each figure of a lot is the sum of its movements."""
    wrong = or_(
        *(
            getattr(Lot, kind) != _moved(kind)
            for kind in (
                "verified",
                "surplus",
                "adjusted",
                "sold",
                "donated",
                "withdrawn",
                "lost",
            )
        ),
        Lot.processed != _moved("processed") - _came_back("released", "lost"),
        Lot.committed
        != _moved("committed", minus=("released", "sold", "lost")) + _came_back("released", "lost"),
    )
    return (
        select(named("批次 ", Lot.code))
        .outerjoin(LotMovement, LotMovement.lot_id == Lot.id)
        .group_by(Lot.id)
        .having(wrong)
    )


def lot_commitments() -> Query:
    """What a lot has committed is what listings hold of it: two pack sizes never promise the same."""
    held = func.coalesce(func.sum(Commitment.quantity_base - Commitment.released_base), 0)
    lost_elsewhere = (
        select(_came_back("lost")).where(LotMovement.lot_id == Lot.id).correlate(Lot)
    ).scalar_subquery()
    return (
        select(named("批次 ", Lot.code))
        .outerjoin(Commitment, Commitment.lot_id == Lot.id)
        .group_by(Lot.id)
        .having(Lot.committed + Lot.sold + Lot.lost - lost_elsewhere != held)
    )


def lot_shares() -> Query:
    """Every gram belongs to somebody."""
    whose = func.coalesce(func.sum(LotShare.quantity_base), 0)
    return (
        select(named("批次 ", Lot.code))
        .outerjoin(LotShare, LotShare.lot_id == Lot.id)
        .group_by(Lot.id)
        .having(whose != Lot.verified + Lot.surplus + Lot.adjusted)
    )


def listing_capacity() -> Query:
    """Capacity = Σ ⌊committed ÷ pack⌋."""
    whole = func.coalesce(func.sum(Commitment.packs), 0)
    return (
        select(named("上架 ", Listing.id))
        .outerjoin(Commitment, Commitment.listing_id == Listing.id)
        .group_by(Listing.id)
        .having(Listing.capacity_packs != whole)
    )


def commitment_packs() -> Query:
    return (
        select(named("上架占用 ", Commitment.id))
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(
            or_(
                Commitment.packs * Listing.pack_base > Commitment.quantity_base,
                (Commitment.packs + 1) * Listing.pack_base <= Commitment.quantity_base,
            )
        )
    )


def listing_reserved() -> Query:
    """Reserved = Σ packs of the orders that hold goods or had them delivered; never more than there is."""
    held = func.coalesce(
        func.sum(case((Order.state.in_(COUNTED_STATES), OrderLine.packs), else_=0)), 0
    )
    return (
        select(named("上架 ", Listing.id))
        .outerjoin(OrderLine, OrderLine.listing_id == Listing.id)
        .outerjoin(Order, Order.id == OrderLine.order_id)
        .group_by(Listing.id)
        .having(
            or_(
                Listing.reserved_packs != held,
                Listing.reserved_packs > Listing.capacity_packs + Listing.shortfall_packs,
            )
        )
    )


def order_totals() -> Query:
    amount = func.coalesce(func.sum(OrderLine.packs * OrderLine.price_fen), 0)
    return (
        select(named("订单 ", Order.number))
        .outerjoin(OrderLine, OrderLine.order_id == Order.id)
        .group_by(Order.id)
        .having(or_(Order.total_fen != amount, func.count(OrderLine.id) == 0))
    )


def line_allocations() -> Query:
    """allocated + cut = ordered, and the allocated packs are there one by one."""
    given = func.coalesce(func.sum(Allocation.packs), 0)
    return (
        select(named("订单行 ", OrderLine.id))
        .outerjoin(Allocation, Allocation.order_line_id == OrderLine.id)
        .group_by(OrderLine.id)
        .having(
            or_(
                and_(OrderLine.allocated_packs.is_(None), given != 0),
                OrderLine.allocated_packs != given,
                OrderLine.allocated_packs + OrderLine.cut_packs != OrderLine.packs,
            )
        )
    )


def commitment_allocations() -> Query:
    given = func.coalesce(func.sum(Allocation.packs), 0)
    return (
        select(named("上架占用 ", Commitment.id))
        .outerjoin(Allocation, Allocation.commitment_id == Commitment.id)
        .group_by(Commitment.id)
        .having(
            or_(func.coalesce(Commitment.allocated_packs, 0) != given, Commitment.packs < given)
        )
    )


def allocation_lots() -> Query:
    """Each pack has one lot, the one of its commitment, and that lot has a household or is marked."""
    return (
        select(named("分配 ", Allocation.id))
        .join(Commitment, Commitment.id == Allocation.commitment_id)
        .outerjoin(LotShare, LotShare.lot_id == Allocation.lot_id)
        .where(or_(Commitment.lot_id != Allocation.lot_id, LotShare.id.is_(None)))
    )


def allocated_orders() -> Query:
    """Who gets packs is allocated or has them: nobody's packs stay with an order that has ended."""
    return (
        select(named("订单 ", Order.number))
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Allocation, Allocation.order_line_id == OrderLine.id)
        .where(Order.state.not_in(("allocated", "closed")))
        .distinct()
    )


CHECKS: tuple[tuple[str, Callable[[], Query]], ...] = (
    ("批次收支不平", lot_balance),
    ("批次数字与流水不符", lot_movements),
    ("批次上架占用不符", lot_commitments),
    ("批次份额不等于总量", lot_shares),
    ("上架份数与货源不符", listing_capacity),
    ("占用份数算错", commitment_packs),
    ("已订份数与订单不符", listing_reserved),
    ("订单金额不符", order_totals),
    ("订单行分配不符", line_allocations),
    ("货源分配不符", commitment_allocations),
    ("分配没有归到户", allocation_lots),
    ("取消的订单还占着货", allocated_orders),
    *FULFILMENT_CHECKS,
    *SCALE_CHECKS,
    *PROCESSING_CHECKS,
    *STOP_CHECKS,
    *SUPPORT_CHECKS,
    *MONEY_CHECKS,
    *WEIGHT_CHECKS,
    *PAYOUT_CHECKS,
    *RECOVERY_CHECKS,
    *TRANSFER_CHECKS,
)


def report(faults: list[Fault]) -> Iterator[str]:
    """Lines for the terminal: the first wrong row of every rule, or that all is well."""
    for fault in faults:
        yield f"{fault.what}：{fault.where}"
    if not faults:
        yield f"{len(CHECKS) + len(TRACE_CHECKS)} 项核对全部一致。"
