"""Papers may be voided or end after a round has set out: what lacks one is not loaded."""

from collections.abc import Collection

from sqlalchemy import ScalarSelect, Select, func, select
from sqlalchemy.orm import Session

from marketplace.catalog.paper_models import PaperRule
from marketplace.core.county_settings import county_settings
from marketplace.core.errors import Conflict
from marketplace.fulfilment.delivery_models import Delivery, Manifest
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.missing_papers import SAID, Missing, missing_papers, named
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_models import Listing, Round

UNLOADED = select(Delivery.order_id).where(Delivery.state == "planned")
"""Orders whose goods have set out on paper and lie in no van."""


def asking_unloaded() -> ScalarSelect[int]:
    """How many lines of such orders are of goods for which their buyers ask papers."""
    return (
        select(func.count(OrderLine.id))
        .join(Order, Order.id == OrderLine.order_id)
        .join(Delivery, Delivery.order_id == Order.id)
        .join(Listing, Listing.id == OrderLine.listing_id)
        .join(
            PaperRule,
            (PaperRule.product_id == Listing.product_id) & (PaperRule.buyers == Order.channel),
        )
        .where(Delivery.state == "planned")
        .scalar_subquery()
    )


def missing_unloaded(session: Session, found: Round) -> list[Missing]:
    """What the goods of a round lack that still wait for a van."""
    return missing_papers(session, found, orders=UNLOADED)


def rounds_lacking(session: Session) -> list[tuple[Round, int]]:
    """Rounds being delivered whose goods wait for a van without a paper, with how many are missing."""
    rounds = session.scalars(
        select(Round).where(Round.state == "delivering").order_by(Round.number)
    )
    counts = [(found, len(missing_unloaded(session, found))) for found in rounds]
    return [(found, count) for found, count in counts if count]


def stops_lacking(session: Session, missing: Collection[Missing]) -> set[int]:
    """The manifests (ids) with goods that may not be loaded."""
    if not missing:
        return set()
    asked = {(one.lot_id, buyers) for one in missing for buyers in one.buyers}
    rows = session.execute(
        select(Delivery.manifest_id, Allocation.lot_id, Order.channel)
        .join(Order, Order.id == Delivery.order_id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Allocation, Allocation.order_line_id == OrderLine.id)
        .where(Delivery.state == "planned", Allocation.lot_id.in_({lot for lot, _ in asked}))
        .distinct()
    )
    return {manifest_id for manifest_id, lot, channel in rows if (lot, channel) in asked}


def refuse_without_papers(session: Session, stop: Manifest) -> None:
    """Raises Conflict for the driver: what of the stop's goods lacks which paper, and whom to call."""
    mine: Select[int] = UNLOADED.where(Delivery.manifest_id == stop.id)
    missing = missing_papers(session, stop.round, orders=mine)
    if not missing:
        return
    said = "；".join(
        f"{one.lot.product.name}（批次 {one.lot.code}）缺{one.kind}"
        for one in named(session, missing[:SAID])
    )
    more = f"；一共缺 {len(missing)} 张" if len(missing) > SAID else ""
    phone = str(county_settings(session)["service_phone"])
    raise Conflict(
        f"还不能装{stop.stop}的货：{said}{more}。先不要装，打 {phone} 问县里，补上了再点。",
        code="papers_missing",
    )
