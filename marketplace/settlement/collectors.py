"""Who collects for whom. What an organisation sells in its own name is paid into its account, and it files
each household's receipt, if the county has consented to that; else the households are paid themselves."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.clock import today
from marketplace.core.validity import in_force
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import OrderLine
from marketplace.orders.receiving import receiving_accounts
from marketplace.orders.round_models import Listing
from marketplace.settlement.owed import LOTS_AT_ONCE
from marketplace.settlement.payee_models import Payee
from marketplace.settlement.splitting import Item, Whose


def collecting_units(session: Session) -> frozenset[int]:
    """Organisations that may collect for households today."""
    rows = session.scalars(
        select(Payee.organisation_id).where(
            Payee.state == "approved", Payee.for_members, in_force(Payee, today())
        )
    )
    return frozenset(one for one in rows if one)


@receiving_accounts
def _accounts(session: Session, sellers: Collection[int]) -> dict[int, str]:
    rows = session.execute(
        select(Payee.organisation_id, Payee.bank_name, Payee.account_tail).where(
            Payee.organisation_id.in_(sellers),
            Payee.state == "approved",
            Payee.for_members,
            in_force(Payee, today()),
        )
    )
    return {unit: f"{bank}，尾号 {tail}" for unit, bank, tail in rows if unit}


def with_one_collector(
    session: Session, items: Sequence[Item], lots: Mapping[int, Whose]
) -> tuple[list[Item], dict[int, int]]:
    """The items of one run, and lot → who collects for it, 0 for nobody. A lot that was sold by two
    sellers since the last run goes to the first; what the other sold waits for the next run."""
    collecting, sellers = collecting_units(session), _sellers(session, items)
    collectors: dict[int, int] = {}
    taken = []
    for item in items:
        seller = sellers.get((item.order_id, item.lot_id), 0)
        supplier = lots[item.lot_id].organisation_id
        collector = next((one for one in (seller, supplier) if one in collecting), 0)
        if collectors.setdefault(item.lot_id, collector) == collector:
            taken.append(item)
    return taken, collectors


def _sellers(session: Session, items: Sequence[Item]) -> dict[tuple[int, int], int]:
    """Who sold what of which lot to which order; 0 stands for the households themselves. In one round a
    lot has one seller."""
    orders = sorted({item.order_id for item in items})
    found: dict[tuple[int, int], int] = {}
    for start in range(0, len(orders), LOTS_AT_ONCE):
        rows = session.execute(
            select(OrderLine.order_id, Allocation.lot_id, func.max(Listing.seller_id))
            .join(OrderLine, OrderLine.id == Allocation.order_line_id)
            .join(Listing, Listing.id == OrderLine.listing_id)
            .where(OrderLine.order_id.in_(orders[start : start + LOTS_AT_ONCE]))
            .group_by(OrderLine.order_id, Allocation.lot_id)
        )
        found |= {(order_id, lot_id): seller or 0 for order_id, lot_id, seller in rows}
    return found
