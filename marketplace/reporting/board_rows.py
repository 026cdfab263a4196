"""The rows behind a figure of the board: the same WHERE, so that they add up to it."""

from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from marketplace.catalog.models import Lot, SupplyReport
from marketplace.core.errors import NotFound
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import HOLDING_STATES, Order, OrderLine
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.reporting.board import reports_in, town_of


def rows_behind(found: Round, stage: str, product_id: int | None, town: str) -> Select[Any]:
    """The rows that a figure counts, the newest first; NotFound for a stage that has none."""
    statements: dict[str, tuple[Select[Any], Any, Any]] = {
        "reported": (
            select(SupplyReport)
            .where(*reports_in(found))
            .options(
                joinedload(SupplyReport.product),
                joinedload(SupplyReport.household),
                joinedload(SupplyReport.region),
                joinedload(SupplyReport.organisation),
            ),
            SupplyReport.product_id,
            SupplyReport.region_code,
        ),
        "verified": (
            _lots().join(SupplyReport, SupplyReport.id == Lot.report_id).where(*reports_in(found)),
            Lot.product_id,
            Lot.region_code,
        ),
        "offered": (
            select(Commitment)
            .join(Lot, Lot.id == Commitment.lot_id)
            .join(Listing, Listing.id == Commitment.listing_id)
            .where(Listing.round_id == found.id)
            .options(_lot_of(Commitment.lot), joinedload(Commitment.listing)),
            Lot.product_id,
            Lot.region_code,
        ),
        "ordered": (
            select(OrderLine)
            .join(Order, Order.id == OrderLine.order_id)
            .join(Listing, Listing.id == OrderLine.listing_id)
            .where(Order.round_id == found.id, Order.state.in_((*HOLDING_STATES, "closed")))
            .options(
                joinedload(OrderLine.listing).joinedload(Listing.product),
                joinedload(OrderLine.order).joinedload(Order.organisation),
            ),
            Listing.product_id,
            None,
        ),
        "allocated": (
            select(Allocation)
            .join(Lot, Lot.id == Allocation.lot_id)
            .join(Commitment, Commitment.id == Allocation.commitment_id)
            .join(Listing, Listing.id == Commitment.listing_id)
            .where(Listing.round_id == found.id)
            .options(
                _lot_of(Allocation.lot),
                joinedload(Allocation.line)
                .joinedload(OrderLine.order)
                .joinedload(Order.organisation),
                joinedload(Allocation.commitment).joinedload(Commitment.listing),
            ),
            Lot.product_id,
            Lot.region_code,
        ),
    }
    if stage not in statements:
        raise NotFound("没有这一步的明细。")
    statement, product_column, region_column = statements[stage]
    if product_id is not None:
        statement = statement.where(product_column == product_id)
    if town and region_column is not None:
        statement = statement.where(town_of(region_column) == town)
    entity: Any = statement.column_descriptions[0]["entity"]
    return statement.order_by(entity.id.desc())


def _lots() -> Select[Any]:
    return select(Lot).options(
        joinedload(Lot.product),
        joinedload(Lot.household),
        joinedload(Lot.region),
        joinedload(Lot.organisation),
    )


def _lot_of(relation: Any) -> Any:
    return joinedload(relation).options(
        joinedload(Lot.product),
        joinedload(Lot.household),
        joinedload(Lot.region),
        joinedload(Lot.organisation),
    )
