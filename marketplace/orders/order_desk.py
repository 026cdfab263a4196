"""The county's view of orders: found by round, state, channel, unit, listing, money or number."""

import json
from dataclasses import dataclass

from sqlalchemy import ColumnElement, ScalarSelect, Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.errors import NotFound
from marketplace.core.identifiers import mask_name
from marketplace.identity.audit import AuditRow
from marketplace.identity.models import Organisation, User
from marketplace.identity.scope import Scope
from marketplace.orders.allocation.codec import decode_outcome
from marketplace.orders.allocation_models import AllocationRun
from marketplace.orders.collecting import due_column
from marketplace.orders.order_models import COLLECTED_WAYS, Order, OrderChange, OrderLine
from marketplace.orders.round_models import Listing, Round
from marketplace.web.paging import Page, page_number

STATES = {
    # state: (what people read, tone of the tag)
    "draft": ("草稿", "plain"),
    "awaiting_approval": ("等单位审批", "warn"),
    "awaiting_payment": ("等付款", "warn"),
    "confirmed": ("已订", "leaf"),
    "allocated": ("已分配", "sky"),
    "closed": ("已办结", "leaf"),
    "rejected": ("单位没同意", "bad"),
    "expired": ("截单时作废", "plain"),
    "cancelled": ("已取消", "bad"),
}
MONEY = {
    "open": "还没收",
    "done": "已收",
    "over": "多收，要退",
    "returning": "多收，支付宝自己退、财务退",
}
PAGE_SIZE = 30


@dataclass(frozen=True)
class Wanted:
    """Filters; an empty one does not filter."""

    round_id: int | None = None
    state: str = ""
    channel: str = ""
    organisation_id: int | None = None
    listing_id: int | None = None
    money: str = ""
    number: str = ""


@dataclass(frozen=True)
class OrderRow:
    order: Order
    due_fen: int

    @property
    def buyer(self) -> str:
        """The unit, else the person who fetches, masked."""
        order = self.order
        return order.organisation.name if order.organisation else mask_name(order.contact_name)

    @property
    def open_fen(self) -> int:
        """What is still to collect."""
        return max(0, self.due_fen - self.order.collected_fen)

    @property
    def over_fen(self) -> int:
        """What was collected and is not owed any more."""
        return max(0, self.order.collected_fen - self.due_fen)


@dataclass(frozen=True)
class Totals:
    orders: int
    due_fen: int
    collected_fen: int


def find_orders(session: Session, scope: Scope, wanted: Wanted) -> tuple[Page, Totals]:
    """A page of orders, the newest first, and the sums over all that fit. Two statements."""
    matching = _filtered(scope.visible(select(Order)), wanted)
    due = due_column().label("due")
    inner = matching.with_only_columns(due, Order.collected_fen).order_by(None).subquery()
    sums = session.execute(
        select(func.count(), func.sum(inner.c.due), func.sum(inner.c.collected_fen)).select_from(
            inner
        )
    ).one()
    total = int(sums[0])
    number = min(page_number(), max(1, -(-total // PAGE_SIZE)))
    rows = session.execute(
        matching.add_columns(due)
        .options(joinedload(Order.organisation), joinedload(Order.pickup_point))
        .order_by(Order.id.desc())
        .limit(PAGE_SIZE)
        .offset((number - 1) * PAGE_SIZE)
    ).all()
    items = [OrderRow(order, int(fen)) for order, fen in rows]
    page = Page(items, number, total, PAGE_SIZE)
    return page, Totals(total, int(sums[1] or 0), int(sums[2] or 0))


def _filtered(statement: Select[tuple[Order]], wanted: Wanted) -> Select[tuple[Order]]:
    for column, value in (
        (Order.round_id, wanted.round_id),
        (Order.state, wanted.state),
        (Order.channel, wanted.channel),
        (Order.organisation_id, wanted.organisation_id),
    ):
        if value:
            statement = statement.where(column == value)
    if wanted.listing_id:
        lines = select(OrderLine.order_id).where(OrderLine.listing_id == wanted.listing_id)
        statement = statement.where(Order.id.in_(lines))
    if wanted.number:
        statement = statement.where(Order.number.contains(wanted.number, autoescape=True))
    due = due_column()
    if wanted.money == "open":
        statement = statement.where(Order.collected_fen < due)
    elif wanted.money == "done":
        statement = statement.where(Order.collected_fen == due, Order.collected_fen > 0)
    elif wanted.money == "over":
        statement = statement.where(to_hand_back(due))
    elif wanted.money == "returning":
        statement = statement.where(Order.collected_fen > due, ~to_hand_back(due))
    return statement


def to_hand_back(due: ColumnElement[int]) -> ColumnElement[bool]:
    """More was collected than is `due`, by hand: a person has to hand it back and say so. What Alipay took
    goes back by itself, what came by bank stands with finance."""
    return (Order.collected_fen > due) & Order.collected_how.in_(COLLECTED_WAYS)


def handing_back() -> tuple[ScalarSelect[int], ScalarSelect[int]]:
    """Of how many orders somebody has to hand money back, and how much."""
    due = due_column()
    over = func.coalesce(func.sum(Order.collected_fen - due), 0)
    return (
        select(func.count(Order.id)).where(to_hand_back(due)).scalar_subquery(),
        select(over).where(to_hand_back(due)).scalar_subquery(),
    )


def rounds_to_choose(session: Session) -> list[Round]:
    return list(session.scalars(select(Round).order_by(Round.id.desc()).limit(60)))


def units_with_orders(session: Session, scope: Scope) -> list[tuple[int, str]]:
    """Units that ordered, for the filter."""
    ids = scope.visible(select(Order)).with_only_columns(Order.organisation_id).distinct()
    rows = session.execute(
        select(Organisation.id, Organisation.name)
        .where(Organisation.id.in_(ids))
        .order_by(Organisation.name)
    )
    return [(row[0], row[1]) for row in rows]


def order_for_desk(session: Session, scope: Scope, number: str) -> Order:
    found = session.scalar(
        scope.visible(select(Order).where(Order.number == number)).options(
            joinedload(Order.organisation),
            joinedload(Order.buyer),
            joinedload(Order.pickup_point),
            joinedload(Order.round),
            joinedload(Order.approval),
            selectinload(Order.lines).joinedload(OrderLine.listing).joinedload(Listing.product),
        )
    )
    if found is None:
        raise NotFound("没有这个订单。")
    return found


ACTIONS = {
    "order_placed": "下单",
    "order_changed": "改单",
    "order_approved": "单位同意",
    "order_rejected": "单位没同意",
    "order_confirmed": "在线付好，算订上",
    "order_expired": "作废",
    "order_cancelled": "取消",
    "order_collected": "记收款",
    "order_collection_undone": "撤销收款记录",
    "order_transferred": "银行转账到账",
    "order_transfer_undone": "撤销银行认款",
    "order_returned": "退货退款",
    "order_given_back": "多收的退给买家",
    "deposit_kept": "没来取，押金不退",
}


def history(session: Session, order: Order) -> list[tuple[AuditRow, str, str]]:
    """What happened, by whom, and what the order held before a change. Three statements."""
    rows = session.scalars(
        select(AuditRow)
        .where(
            AuditRow.subject == "order",
            AuditRow.subject_id == order.number,
            AuditRow.action.in_(ACTIONS),
        )
        .order_by(AuditRow.id)
    ).all()
    actors = {row.actor_id for row in rows}
    people = session.execute(select(User.id, User.display_name).where(User.id.in_(actors)))
    names = {person.id: person.display_name for person in people}
    before = iter(_held_before(session, order))
    steps = []
    for row in rows:
        held = next(before, "") if row.action == "order_changed" else ""
        steps.append((row, names.get(row.actor_id, "系统"), held))
    return steps


def cuts_of(session: Session, order: Order) -> list[tuple[AllocationRun, str]]:
    """Each time that want of goods changed what the order gets, in words. One statement."""
    runs = session.scalars(
        select(AllocationRun)
        .where(
            AllocationRun.round_id == order.round_id,
            AllocationRun.listing_id.in_([line.listing_id for line in order.lines]),
            AllocationRun.undone_at.is_(None),
        )
        .order_by(AllocationRun.id)
    )
    lines = {line.listing_id: line for line in order.lines}
    cut = dict.fromkeys(lines, 0)
    said = []
    for run in runs:
        if order.ended_at and run.created_at >= order.ended_at:
            break  # what it held went to others
        line = lines[run.listing_id]
        outcome = decode_outcome(run.outcome_text)
        packs = sum(entry.packs for entry in outcome.cuts if entry.line_id == line.id)
        more, cut[run.listing_id] = packs - cut[run.listing_id], packs
        if more:
            words = f"货不够，减 {more} 份" if more > 0 else f"有货了，补回 {-more} 份"
            said.append((run, f"{line.listing.title} {words}"))
    return said


def _held_before(session: Session, order: Order) -> list[str]:
    """For each change, in time: what the order held until then."""
    changes = session.scalars(
        select(OrderChange).where(OrderChange.order_id == order.id).order_by(OrderChange.id)
    ).all()
    held = [{int(key): packs for key, packs in json.loads(c.before).items()} for c in changes]
    ids = {listing_id for packs in held for listing_id in packs}
    titles = {
        row.id: f"{row.title}（{row.pack_name}）"
        for row in session.execute(
            select(Listing.id, Listing.title, Listing.pack_name).where(Listing.id.in_(ids))
        )
    }
    return [
        "、".join(
            f"{titles.get(one, '已去掉的产品')} {packs} 份" for one, packs in packs_of.items()
        )
        for packs_of in held
    ]
