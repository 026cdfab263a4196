"""The figures of rounds: two statements for a whole page of them."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.clock import format_deadline, now, today
from marketplace.core.money import format_yuan
from marketplace.orders.collecting import due_column
from marketplace.orders.endings import ending_at_closing
from marketplace.orders.order_models import (
    COUNTED_STATES,
    GroupEntry,
    GroupRegistration,
    Order,
    OrderLine,
)
from marketplace.orders.round_models import (
    Listing,
    Round,
    RoundCollection,
    RoundPickup,
)
from marketplace.orders.supporters import lots_offered, supported_behind
from marketplace.web.filters import countdown

STATES = {
    # state: (what people read, tone of the tag)
    "draft": ("草稿", "plain"),
    "open": ("正在订购", "ripe"),
    "on_hold": ("暂停", "warn"),
    "postponed": ("延期", "warn"),
    "closed": ("已截单", "sky"),
    "allocated": ("已分配", "sky"),
    "collecting": ("备货中", "ripe"),
    "delivering": ("正在配送", "ripe"),
    "settled": ("已办结", "leaf"),
    "cancelled": ("已取消", "bad"),
}


def state_of(found: Round) -> tuple[str, str]:
    """What people read, and the tone of its tag."""
    if found.state == "open" and found.opens_at > now():
        return "等开放", "sky"
    return STATES[found.state]


def closing_question(session: Session, found: Round) -> str:
    """What closing now would mean: asked before it is done, because nothing brings it back."""
    orders, fen, groups, people = session.execute(
        select(
            func.count(Order.id),
            func.sum(Order.total_fen),
            _registered(found, func.count(GroupRegistration.id.distinct())),
            _registered(found, func.count(GroupEntry.id)),
        ).where(ending_at_closing(found))
    ).one()
    why = "没审批、没付清的" if found.unpaid_rule == "expire" else "没审批的"
    lost = f"{orders} 张{why}订单（{format_yuan(int(fen))} 元）会作废，" if orders else ""
    if groups:
        lost += f"{groups} 份团购登记（{people} 人）还没交单，截了就订不到，"
    return (
        f"第 {found.number} 期现在就截单吗？原定{format_deadline(found.closes_at)}"
        f"（还有 {countdown(found.closes_at)}）。截单后谁也不能再订，{lost}不能再恢复。"
    )


def _registered(found: Round, counted: ColumnElement[int]) -> ScalarSelect[int]:
    """Over what colleagues registered in this round and no organiser has handed in."""
    return (
        select(counted)
        .select_from(GroupRegistration)
        .join(GroupEntry, GroupEntry.group_id == GroupRegistration.id)
        .where(
            GroupRegistration.round_id == found.id,
            GroupRegistration.state == "open",
            GroupEntry.removed_at.is_(None),
        )
        .scalar_subquery()
    )


@dataclass(frozen=True)
class Figures:
    """Packs offered and reserved; orders that hold goods and their sum. Listings that nobody can
    order from any more still count while their packs are promised."""

    listings: int = 0
    capacity: int = 0
    reserved: int = 0
    shortfall: int = 0
    orders: int = 0
    amount_fen: int = 0
    cut: int = 0  # packs ordered that nobody can bring


def figures_of(session: Session, round_ids: Collection[int]) -> dict[int, Figures]:
    """Two statements, whatever the number of rounds."""
    offered = session.execute(
        select(
            Listing.round_id,
            func.count(Listing.id),
            func.sum(Listing.capacity_packs),
            func.sum(Listing.reserved_packs),
            func.sum(Listing.shortfall_packs),
        )
        .where(Listing.round_id.in_(round_ids))
        .group_by(Listing.round_id)
    ).all()
    cut = (
        select(func.sum(OrderLine.cut_packs))
        .where(OrderLine.order_id == Order.id)
        .correlate(Order)
        .scalar_subquery()
    )
    held = {
        row[0]: tuple(int(value or 0) for value in row[1:])
        for row in session.execute(
            select(Order.round_id, func.count(Order.id), func.sum(due_column()), func.sum(cut))
            .where(Order.round_id.in_(round_ids), Order.state.in_(COUNTED_STATES))
            .group_by(Order.round_id)
        )
    }
    packs = {row[0]: tuple(int(value or 0) for value in row[1:]) for row in offered}
    found = {}
    for round_id in round_ids:
        listings, capacity, reserved, shortfall = packs.get(round_id, (0, 0, 0, 0))
        orders, amount, missing = held.get(round_id, (0, 0, 0))
        found[round_id] = Figures(listings, capacity, reserved, shortfall, orders, amount, missing)
    return found


def supported_households(session: Session, found: Round) -> int:
    """Distinct supported households behind the goods that the round offers, today."""
    return supported_behind(session, lots_offered(found.id), today()).households


def round_with_parts(session: Session, round_id: int) -> Round | None:
    """A round with listings and places, in four statements."""
    return session.scalar(
        select(Round)
        .where(Round.id == round_id)
        .options(
            selectinload(Round.listings).joinedload(Listing.product),
            selectinload(Round.pickups).joinedload(RoundPickup.point),
            selectinload(Round.collections).options(
                joinedload(RoundCollection.point), joinedload(RoundCollection.region)
            ),
        )
        .execution_options(populate_existing=True)
    )
