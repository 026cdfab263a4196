"""The rows behind a figure of the board: the same WHERE, so that they add up to it."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import MADE_HERE, Lot, SupplyReport
from marketplace.core.errors import NotFound
from marketplace.fulfilment.weighed_goods import WEIGHED_BASE, weighings
from marketplace.fulfilment.weighing_models import WeighIn
from marketplace.orders.accepted_goods import IS_ACCEPTED, accepted_base, accepted_packs
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import COUNTED_STATES, Order, OrderLine
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.reporting.board_stages import reports_in, town_of, verified_base
from marketplace.settlement.paid_goods import is_paid


def rows_behind(found: Round, stage: str, product_id: int | None, town: str) -> Select[Any]:
    """The rows that a figure counts, the newest first; NotFound for a stage that has none."""
    if stage not in ROWS:
        raise NotFound("没有这一步的明细。")
    statement, product, region = ROWS[stage](found)
    if product_id is not None:
        statement = statement.where(product == product_id)
    if town and region is not None:
        statement = statement.where(town_of(region) == town)
    entity: Any = statement.column_descriptions[0]["entity"]
    return statement.order_by(entity.id.desc())


Rows = tuple[Select[Any], Any, Any]
"""Statement, and its columns of product and region (none: orders have no region)."""


def _supplier_of(model: Any) -> list[Any]:
    return [
        joinedload(model.product),
        joinedload(model.household),
        joinedload(model.region),
        joinedload(model.organisation),
    ]


def _reported(found: Round) -> Rows:
    statement = (
        select(SupplyReport)
        .where(*reports_in(found), SupplyReport.channel.not_in(MADE_HERE))
        .options(*_supplier_of(SupplyReport))
    )
    return statement, SupplyReport.product_id, SupplyReport.region_code


def _verified(found: Round) -> Rows:
    statement = (
        select(Lot)
        .join(SupplyReport, SupplyReport.id == Lot.report_id)
        .where(*reports_in(found), verified_base() != 0)
        .options(*_supplier_of(Lot))
    )
    return statement, Lot.product_id, Lot.region_code


def _offered(found: Round) -> Rows:
    statement = (
        select(Commitment)
        .join(Lot, Lot.id == Commitment.lot_id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Listing.round_id == found.id)
        .options(
            joinedload(Commitment.lot).options(*_supplier_of(Lot)), joinedload(Commitment.listing)
        )
    )
    return statement, Lot.product_id, Lot.region_code


def _ordered(found: Round) -> Rows:
    statement = (
        select(OrderLine)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Listing, Listing.id == OrderLine.listing_id)
        .where(Order.round_id == found.id, Order.state.in_(COUNTED_STATES))
        .options(
            joinedload(OrderLine.listing).joinedload(Listing.product),
            joinedload(OrderLine.order).joinedload(Order.organisation),
        )
    )
    return statement, Listing.product_id, None


def _allocated(found: Round) -> Rows:
    statement = (
        select(Allocation)
        .join(Lot, Lot.id == Allocation.lot_id)
        .join(OrderLine, OrderLine.id == Allocation.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.round_id == found.id)
        .options(
            joinedload(Allocation.lot).options(*_supplier_of(Lot)),
            joinedload(Allocation.line).joinedload(OrderLine.order).joinedload(Order.organisation),
            joinedload(Allocation.line).joinedload(OrderLine.listing),
        )
    )
    return statement, Lot.product_id, Lot.region_code


def _weighed(found: Round) -> Rows:
    statement = (
        weighings()
        .join(Lot, Lot.id == WeighIn.lot_id)
        .where(Listing.round_id == found.id)
        .options(joinedload(WeighIn.lot).options(*_supplier_of(Lot)), joinedload(WeighIn.listing))
    )
    return statement, Lot.product_id, Lot.region_code


def _accepted(found: Round) -> Rows:
    statement, product, region = _allocated(found)
    return statement.where(IS_ACCEPTED, accepted_packs() > 0), product, region


def _paid(found: Round) -> Rows:
    statement, product, region = _accepted(found)
    return statement.where(is_paid()), product, region


ROWS: dict[str, Callable[[Round], Rows]] = {
    "reported": _reported,
    "verified": _verified,
    "offered": _offered,
    "ordered": _ordered,
    "allocated": _allocated,
    "weighed": _weighed,
    "accepted": _accepted,
    "paid": _paid,
}
_COUNTED: dict[str, Any] = {
    "verified": select(Lot.id, verified_base()),
    "weighed": weighings().with_only_columns(WeighIn.id, WEIGHED_BASE),
    "accepted": select(Allocation.id, accepted_base()).join(
        OrderLine, OrderLine.id == Allocation.order_line_id
    ),
}
_COUNTED["paid"] = _COUNTED["accepted"]


def counted_base(session: Session, stage: str, rows: Sequence[Any]) -> dict[int, int]:
    """Row id → base units that it adds to the figure, where the row itself does not say so."""
    if stage not in _COUNTED or not rows:
        return {}
    which = type(rows[0]).id.in_([row.id for row in rows])
    return {one: int(base) for one, base in session.execute(_COUNTED[stage].where(which))}
