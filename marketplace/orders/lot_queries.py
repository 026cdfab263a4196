"""The county's list of lots, filtered, and what it can be filtered by."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, aliased

from marketplace.catalog.models import Lot, Product
from marketplace.core.clock import today
from marketplace.core.identifiers import subtree_range
from marketplace.identity.scope import Scope
from marketplace.orders.field_queries import lots_statement
from marketplace.regions.models import Region

SHOWN = {
    "left": "还有货",
    "free": "还没上架",
    "urgent": "七天内要卖掉",
    "ended": "已结束",
    "all": "全部",
}
URGENT_DAYS = 7


@dataclass(frozen=True)
class LotFilter:
    show: str = "left"
    town: str = ""  # 12-digit code
    product_id: int = 0


def desk_lots(scope: Scope, wanted: LotFilter) -> Select[Lot]:
    """What spoils first comes first."""
    shows = {"left": "open", "free": "open", "urgent": "open", "ended": "ended"}
    statement = lots_statement(scope, shows.get(wanted.show, "all"))
    if wanted.show == "free":
        statement = statement.where(Lot.free > 0)
    elif wanted.show == "urgent":
        statement = statement.where(Lot.available_until <= today() + timedelta(days=URGENT_DAYS))
    if wanted.town:
        statement = statement.where(Lot.region_code.between(*subtree_range(wanted.town)))
    if wanted.product_id:
        statement = statement.where(Lot.product_id == wanted.product_id)
    return statement


def lot_choices(
    session: Session, scope: Scope
) -> tuple[list[tuple[str, str]], list[tuple[int, str]]]:
    """Towns and products that have lots within reach: one statement."""
    town = aliased(Region)
    rows = session.execute(
        select(town.code, town.name, Product.id, Product.name)
        .select_from(Lot)
        .join(Product, Product.id == Lot.product_id)
        .outerjoin(town, town.code == func.substr(Lot.region_code, 1, 9) + "000")
        .where(Lot.within(scope))
        .distinct()
    ).all()
    towns = {(code, name) for code, name, _, _ in rows if code is not None}
    return sorted(towns), sorted({(key, name) for _, _, key, name in rows})
