"""How much of a round's goods came how far: every stage by product and town, in base units.

What is ordered names a listing, not a lot, until the round is allocated; so `ordered` stands by product, and
by town from the allocation on.
"""

from typing import Any

from sqlalchemy import (
    ScalarSelect,
    Select,
    String,
    func,
    literal,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.sql.elements import ColumnElement

from marketplace.catalog.models import MADE_HERE, Lot, SupplyReport
from marketplace.core.clock import shanghai_date
from marketplace.fulfilment.shift_models import LotShift
from marketplace.fulfilment.weighed_goods import WEIGHED_BASE, weighings
from marketplace.fulfilment.weighing_models import WeighIn
from marketplace.orders.accepted_goods import IS_ACCEPTED, accepted_base
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import COUNTED_STATES, Order, OrderLine
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.settlement.paid_goods import is_paid

STAGES = {
    "reported": ("登记", "全县截单前登记、没有撤回的量，只算本期上架的品种"),
    "verified": ("核实", "其中乡镇核实通过、成为批次的量，减去更正，也是全县的"),
    "offered": ("上架", "本期从批次里拿出来卖的量"),
    "ordered": ("已订", "没有取消、作废的订单要的量"),
    "allocated": ("分配", "截单后分到批次的量"),
    "weighed": ("收货", "集货点过了磅、配给订单的量；没有过磅就送走的不算"),
    "accepted": ("验收", "买家收下的量；收下以后又退的不减"),
    "paid": ("到账", "验收的量里，货款已经打到账户的"),
}


def town_of(column: Any) -> ColumnElement[str]:
    """The code of the township that a village's code belongs to; constants, so that it can be grouped by."""
    return func.substr(column, literal_column("1"), literal_column("9")).concat(
        literal_column("'000'")
    )


def _products(found: Round) -> Select[int]:
    return select(Listing.product_id).where(Listing.round_id == found.id)


def reports_in(found: Round) -> list[Any]:
    """WHERE parts of what counts as reported for the round."""
    return [
        SupplyReport.product_id.in_(_products(found)),
        SupplyReport.state.in_(("submitted", "returned", "verified")),
        SupplyReport.submitted_at < found.closes_at,
        SupplyReport.available_until >= shanghai_date(found.opens_at),
    ]


def stage_sums(found: Round) -> Any:
    """(stage, product, town or '', base units) of all stages in one statement."""
    return union_all(
        _reported(found),
        _verified(found),
        _offered(found),
        _ordered(found),
        _allocated(found),
        _weighed(found),
        _accepted("accepted", found),
        _accepted("paid", found).where(is_paid()),
    )


def _by_town(stage: str, product: Any, region: Any, base: Any) -> tuple[Any, ...]:
    return literal(stage, String), product, town_of(region), func.sum(base)


def _sum_by_town(stage: str, product: Any, region: Any, base: Any) -> Select[Any]:
    return select(*_by_town(stage, product, region, base)).group_by(product, town_of(region))


def _reported(found: Round) -> Select[Any]:
    report = SupplyReport
    return _sum_by_town(
        "reported", report.product_id, report.region_code, report.quantity_base
    ).where(
        *reports_in(found), report.channel.not_in(MADE_HERE)
    )  # reported before, each on its own


def verified_base() -> ColumnElement[int]:
    """Of a lot what was verified, less corrections. What went into another lot, of a grade or of neighbours'
    remainders, counts where it was verified and not again where it went."""
    out = _shifted(LotShift.from_lot_id)
    return Lot.verified + Lot.surplus + Lot.adjusted + out - _shifted(LotShift.to_lot_id)


def _shifted(end: Any) -> ScalarSelect[int]:
    base = func.coalesce(func.sum(LotShift.base), 0)
    return select(base).where(end == Lot.id).correlate(Lot).scalar_subquery()


def _verified(found: Round) -> Select[Any]:
    return (
        _sum_by_town("verified", Lot.product_id, Lot.region_code, verified_base())
        .join(SupplyReport, SupplyReport.id == Lot.report_id)
        .where(*reports_in(found))
    )


def _offered(found: Round) -> Select[Any]:
    return (
        _sum_by_town("offered", Lot.product_id, Lot.region_code, Commitment.quantity_base)
        .select_from(Lot)
        .join(Commitment, Commitment.lot_id == Lot.id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Listing.round_id == found.id)
    )


def _ordered(found: Round) -> Any:
    base = func.sum(OrderLine.packs * OrderLine.pack_base)
    return (
        select(literal("ordered", String), Listing.product_id, literal("", String), base)
        .join(OrderLine, OrderLine.listing_id == Listing.id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.round_id == found.id, Order.state.in_(COUNTED_STATES))
        .group_by(Listing.product_id)
    )


def _allocated(found: Round) -> Select[Any]:
    base = Allocation.packs * Listing.pack_base
    return (
        _sum_by_town("allocated", Lot.product_id, Lot.region_code, base)
        .select_from(Lot)
        .join(Allocation, Allocation.lot_id == Lot.id)
        .join(Commitment, Commitment.id == Allocation.commitment_id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Listing.round_id == found.id)
    )


def _weighed(found: Round) -> Select[Any]:
    return (
        weighings()
        .join(Lot, Lot.id == WeighIn.lot_id)
        .where(Listing.round_id == found.id)
        .with_only_columns(*_by_town("weighed", Lot.product_id, Lot.region_code, WEIGHED_BASE))
        .group_by(Lot.product_id, town_of(Lot.region_code))
    )


def _accepted(stage: str, found: Round) -> Select[Any]:
    return (
        _sum_by_town(stage, Lot.product_id, Lot.region_code, accepted_base())
        .select_from(Allocation)
        .join(Lot, Lot.id == Allocation.lot_id)
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.round_id == found.id, IS_ACCEPTED)
    )
