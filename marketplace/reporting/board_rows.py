"""The rows behind a figure of the board: the same WHERE, so that they add up to it."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from marketplace.catalog.models import MADE_HERE, Lot, SupplyReport
from marketplace.core.errors import NotFound
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import COUNTED_STATES, Order, OrderLine
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.reporting.board import reports_in, town_of


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
        .where(*reports_in(found))
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
        .join(Commitment, Commitment.id == Allocation.commitment_id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Listing.round_id == found.id)
        .options(
            joinedload(Allocation.lot).options(*_supplier_of(Lot)),
            joinedload(Allocation.line).joinedload(OrderLine.order).joinedload(Order.organisation),
            joinedload(Allocation.commitment).joinedload(Commitment.listing),
        )
    )
    return statement, Lot.product_id, Lot.region_code


ROWS: dict[str, Callable[[Round], Rows]] = {
    "reported": _reported,
    "verified": _verified,
    "offered": _offered,
    "ordered": _ordered,
    "allocated": _allocated,
}
