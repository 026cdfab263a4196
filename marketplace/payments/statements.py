"""Statements of what units owe: issued for a month by themselves, or at any time by finance.

An order is on one statement at most. What is open of a statement follows from its orders, so that nothing
has to be kept in step with the money.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.core.clock import local_day_start, now, shanghai_date, today
from marketplace.core.codes import dated_code
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict, NotFound
from marketplace.identity import audit
from marketplace.identity.actor import SYSTEM, Actor
from marketplace.identity.models import Organisation
from marketplace.identity.scope import Scope
from marketplace.orders.collecting import due_column
from marketplace.orders.endings import lock_orders
from marketplace.orders.money_back import due_fen
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.round_models import Listing
from marketplace.payments.open_items import UNIT_CHANNELS
from marketplace.payments.placing import by_whom, lock_unit
from marketplace.payments.statement_models import Statement, StatementLine

AGES = ((1, 30, "1–30 天"), (31, 60, "31–60 天"), (61, 90, "61–90 天"), (91, 99_999, "90 天以上"))
"""Days overdue, both ends included, and how that is said."""


@dataclass(frozen=True)
class Standing:
    """A statement with what is open of it now, in fen."""

    statement: Statement
    open_fen: int

    @property
    def paid_fen(self) -> int:
        return max(0, self.statement.total_fen - self.open_fen)

    @property
    def days_overdue(self) -> int:
        """0 when it is paid, or not due yet."""
        late = (today() - self.statement.due_on).days
        return max(0, late) if self.open_fen else 0


def billable() -> Select[Order, int]:
    """Delivered orders of units with something open that are on no statement, and what is open."""
    billed = select(StatementLine.id).where(StatementLine.order_id == Order.id).exists()
    open_fen = (due_column() - Order.collected_fen).label("open_fen")
    return (
        select(Order, open_fen)
        .where(
            Order.state == "closed",
            Order.channel.in_(UNIT_CHANNELS),
            Order.organisation_id.is_not(None),
            Order.collected_how != "alipay",
            Order.collected_fen < due_column(),
            ~billed,
        )
        .order_by(Order.id)
    )


def issue(
    session: Session, actor: Actor, unit_id: int, month: str, before: datetime | None = None
) -> Statement:
    """One statement of all that the unit has open, delivered `before` a moment; raises Conflict when there
    is nothing."""
    wanted = billable().where(Order.organisation_id == unit_id)
    if before is not None:
        wanted = wanted.where(Order.ended_at < before)
    ids = [order.id for order, _ in session.execute(wanted)]
    lock_orders(session, Order.id.in_(ids))  # orders before their unit, as who places money does
    unit = lock_unit(session, unit_id)
    wanted = wanted.where(Order.id.in_(ids))
    rows = [(order, int(fen)) for order, fen in session.execute(wanted)]
    if not rows:
        raise Conflict(
            "这个单位没有要出对账单的订单：都出过了，或者都付清了。", code="nothing_open"
        )
    moment = now()
    made = Statement(
        number=dated_code("S", moment),
        organisation_id=unit.id,
        month=month,
        issued_at=moment,
        issued_by_id=by_whom(actor),
        due_on=today() + timedelta(days=unit.account_days),
        total_fen=sum(fen for _, fen in rows),
    )
    session.add(made)
    session.flush()
    session.add_all(StatementLine(statement_id=made.id, order_id=o.id, fen=fen) for o, fen in rows)
    session.flush()
    audit.record(
        session, actor, "statement_issued", "statement", made.number, fen=made.total_fen,
        orders=len(rows),
    )  # fmt: skip
    return made


def issue_now(session: Session, actor: Actor, unit_id: int) -> Statement:
    """Finance asks for it: everything delivered until now."""
    return issue(session, actor, unit_id, f"{today():%Y-%m}")


def issue_due() -> int:
    """A job: statements of the month before for units on account; returns how many. Each is a transaction
    of its own; what an outage left out is made up for."""
    first = today().replace(day=1)
    month = f"{first - timedelta(days=1):%Y-%m}"
    before = local_day_start(first)
    waiting = (
        billable()
        .join(Organisation, Organisation.id == Order.organisation_id)
        .where(Organisation.on_account, Order.ended_at < before)
        .with_only_columns(Order.organisation_id)
        .order_by(None)
        .distinct()
    )
    done = 0
    for unit_id in sorted(filter(None, db.session.scalars(waiting))):
        try:
            with transaction() as session:
                issue(session, SYSTEM, unit_id, month, before)
        except Conflict:
            continue  # somebody was quicker
        done += 1
    return done


def open_column() -> ColumnElement[int]:
    """What is open of a statement's orders now, as a column of a SELECT from Statement."""
    owed = due_column() - Order.collected_fen
    return func.coalesce(
        select(func.sum(owed))
        .join(StatementLine, StatementLine.order_id == Order.id)
        .where(StatementLine.statement_id == Statement.id, owed > 0)
        .correlate(Statement)
        .scalar_subquery(),
        0,
    )


def listed(which: str, unit_id: int = 0, scope: Scope | None = None) -> Select[Statement, int]:
    """Statements with what is open of them: all, `open` or `overdue` ones; the newest first, overdue ones
    the oldest first."""
    found = select(Statement, open_column().label("open_fen")).options(
        joinedload(Statement.organisation, innerjoin=True)
    )
    if scope is not None:
        found = found.where(Statement.within(scope))
    if unit_id:
        found = found.where(Statement.organisation_id == unit_id)
    if which == "open":
        found = found.where(open_column() > 0)
    elif which == "overdue":
        found = found.where(open_column() > 0, Statement.due_on < today())
        return found.order_by(Statement.due_on, Statement.id)
    return found.order_by(Statement.id.desc())


def standings(session: Session, statement: Select[Statement, int]) -> list[Standing]:
    return [Standing(one, int(fen)) for one, fen in session.execute(statement)]


@dataclass(frozen=True)
class Ageing:
    """What one unit owes beyond its day, by how long: fen for each of AGES."""

    unit: Organisation
    fens: tuple[int, ...]

    @property
    def fen(self) -> int:
        return sum(self.fens)


def ageing(session: Session) -> list[Ageing]:
    """Units with overdue statements, those that owe most first. One statement."""
    sums: dict[int, list[int]] = {}
    units: dict[int, Organisation] = {}
    for one in standings(session, listed("overdue")):
        unit = one.statement.organisation
        units[unit.id] = unit
        parts = sums.setdefault(unit.id, [0] * len(AGES))
        for at, (least, most, _) in enumerate(AGES):
            if least <= one.days_overdue <= most:
                parts[at] += one.open_fen
    found = [Ageing(units[unit], tuple(parts)) for unit, parts in sums.items()]
    return sorted(found, key=lambda one: (-one.fen, one.unit.id))


@dataclass(frozen=True)
class BilledOrder:
    """An order of a statement: what was open when it was issued, and what is open now, in fen."""

    order: Order
    fen: int
    open_fen: int

    @property
    def paid_fen(self) -> int:
        return max(0, self.fen - self.open_fen)

    @property
    def price_fen(self) -> int:
        """What its goods cost, whatever was paid before the statement."""
        return due_fen(self.order)

    @property
    def delivered_on(self) -> date | None:
        return shanghai_date(self.order.ended_at) if self.order.ended_at else None


@dataclass(frozen=True)
class Paper:
    """A statement as it is read: all sums in fen."""

    statement: Statement
    orders: Sequence[BilledOrder]

    @property
    def open_fen(self) -> int:
        return sum(one.open_fen for one in self.orders)

    @property
    def paid_fen(self) -> int:
        return sum(one.paid_fen for one in self.orders)


def read_statement(session: Session, number: str, scope: Scope | None = None) -> Paper:
    """A statement with its orders and their goods; raises NotFound, also for one of another unit."""
    wanted = select(Statement).where(Statement.number == number)
    if scope is not None:
        wanted = wanted.where(Statement.within(scope))
    found = session.scalar(wanted.options(joinedload(Statement.organisation, innerjoin=True)))
    if found is None:
        raise NotFound("没有这张对账单。")
    rows = session.execute(
        select(Order, StatementLine.fen, (due_column() - Order.collected_fen).label("open_fen"))
        .join(StatementLine, StatementLine.order_id == Order.id)
        .where(StatementLine.statement_id == found.id)
        .options(
            joinedload(Order.round, innerjoin=True),
            selectinload(Order.lines)
            .joinedload(OrderLine.listing, innerjoin=True)
            .joinedload(Listing.product, innerjoin=True),
        )
        .order_by(Order.ended_at, Order.id)
    )
    return Paper(found, [BilledOrder(o, fen, max(0, int(left))) for o, fen, left in rows])


def to_bill(session: Session) -> list[tuple[Organisation, int, int]]:
    """Units with delivered orders on no statement: (unit, orders, fen). Two statements."""
    rows = session.execute(billable()).all()
    sums: dict[int, tuple[int, int]] = {}
    for order, fen in rows:
        unit_id = order.organisation_id or 0
        orders, total = sums.get(unit_id, (0, 0))
        sums[unit_id] = (orders + 1, total + int(fen))
    units = _units(session, sums)
    return [(unit, *sums[unit.id]) for unit in units]


def _units(session: Session, ids: Iterable[int]) -> Sequence[Organisation]:
    return session.scalars(
        select(Organisation).where(Organisation.id.in_(list(ids))).order_by(Organisation.name)
    ).all()
