"""What is open, as the matching wants it: orders with what is owed of them, statements, payers' units."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Select, and_, literal, or_, select, union_all
from sqlalchemy.orm import Session

from marketplace.core.secret_text import keyring
from marketplace.identity.models import Organisation
from marketplace.identity.scope import Where
from marketplace.orders.collecting import due_column
from marketplace.orders.order_models import Order
from marketplace.orders.round_models import Round
from marketplace.payments.bank_models import PayerAlias, Transfer
from marketplace.payments.matching import Book, OpenOrder, OpenStatement, numbers_in
from marketplace.payments.statement_models import Statement, StatementLine

UNIT_CHANNELS = ("canteen", "group")
"""What these ordered, their unit owes; other orders with a unit are a person's own."""
TAKING_STATES = ("confirmed", "allocated", "closed")


@dataclass(frozen=True)
class OpenRow:
    """An order with what a person wants to see of it beside what the matching does."""

    item: OpenOrder
    state: str
    round_number: int
    statement: str


def takes(order: Order) -> bool:
    """Whether money by bank may stand with it: it counts, and Alipay has nothing to do with it."""
    return order.state in TAKING_STATES and order.collected_how != "alipay"


def plain_name(name: str) -> str:
    """A payer's name as it is compared: without blanks, brackets of one width."""
    return "".join(name.split()).replace("(", "（").replace(")", "）")


def name_hash(name: str) -> str:
    return keyring.lookup(f"payer:{plain_name(name)}")


def _orders() -> Select[Order, int, date, int, str, date]:
    return (
        select(
            Order,
            (due_column() - Order.collected_fen).label("open_fen"),
            Round.delivers_on,
            Round.number,
            Statement.number,
            Statement.due_on,
        )
        .join(Round, Round.id == Order.round_id)
        .outerjoin(StatementLine, StatementLine.order_id == Order.id)
        .outerjoin(Statement, Statement.id == StatementLine.statement_id)
    )


def _read(session: Session, statement: Select[Order, int, date, int, str, date]) -> list[OpenRow]:
    return [
        OpenRow(
            OpenOrder(
                order.number,
                order.organisation_id,
                max(0, int(open_fen)),
                due_on or delivers_on,
                takes(order),
                order.state == "closed",
            ),
            order.state,
            round_number,
            named or "",
        )
        for order, open_fen, delivers_on, round_number, named, due_on in session.execute(statement)
    ]


def _open_now(units: Collection[int]) -> Where:
    return and_(
        Order.organisation_id.in_(units),
        Order.channel.in_(UNIT_CHANNELS),
        Order.state.in_(TAKING_STATES),
        Order.collected_how != "alipay",
        Order.collected_fen < due_column(),
    )


def open_rows(session: Session, units: Collection[int]) -> list[OpenRow]:
    """What these units have open, the oldest due first. One statement."""
    rows = _read(session, _orders().where(_open_now(units)).order_by(Order.id))
    return sorted(rows, key=lambda one: (one.item.due, one.item.number))


def units_of_payers(session: Session, payers: Mapping[str, str]) -> dict[str, frozenset[int]]:
    """Hash of a payer's name → the units it pays for, by alias, or else because it is called so. `payers`
    is hash → name. One statement."""
    names = {form for name in payers.values() for form in _spellings(name)}
    aliases = select(
        PayerAlias.name_hash.label("key"),
        PayerAlias.organisation_id.label("unit"),
        literal("").label("name"),
    ).where(PayerAlias.name_hash.in_(payers), PayerAlias.ended_at.is_(None))
    called = select(literal(""), Organisation.id, Organisation.name).where(
        Organisation.name.in_(names)
    )
    by_alias: dict[str, set[int]] = {key: set() for key in payers}
    by_name: dict[str, set[int]] = {key: set() for key in payers}
    for key, unit, name in session.execute(union_all(aliases, called)):
        if key:
            by_alias[key].add(unit)
        elif (hashed := name_hash(name)) in by_name:
            by_name[hashed].add(unit)
    return {key: frozenset(by_alias[key] or by_name[key]) for key in payers}


def _spellings(name: str) -> set[str]:
    plain = plain_name(name)
    return {name, plain, plain.replace("（", "(").replace("）", ")")}


def books_for(session: Session, transfers: Iterable[Transfer]) -> dict[int, Book]:
    """For each transfer what it may be about; three statements for all together."""
    transfers = list(transfers)
    payer_units = units_of_payers(session, {t.payer_hash: t.payer_name for t in transfers})
    named = {number for t in transfers for number in numbers_in(t.remark)}
    units = {unit for found in payer_units.values() for unit in found}
    statements = _statements(session, named, units) if named or units else []
    wanted = named | {number for one in statements for number in one.orders}
    found = or_(Order.number.in_(wanted), _open_now(units))
    rows = _read(session, _orders().where(found)) if wanted or units else []
    orders = {row.item.number: row.item for row in rows}
    by_number = {one.number: one for one in statements}
    return {t.id: Book(orders, by_number, payer_units[t.payer_hash]) for t in transfers}


def _statements(
    session: Session, numbers: Collection[str], units: Collection[int]
) -> list[OpenStatement]:
    """Those named, and those of these units with something open."""
    still_open = (
        select(StatementLine.statement_id)
        .join(Order, Order.id == StatementLine.order_id)
        .where(Order.organisation_id.in_(units), Order.collected_fen < due_column())
    )
    rows = session.execute(
        select(Statement.number, Statement.organisation_id, Statement.due_on, Order.number)
        .join(StatementLine, StatementLine.statement_id == Statement.id)
        .join(Order, Order.id == StatementLine.order_id)
        .where(or_(Statement.number.in_(numbers), Statement.id.in_(still_open)))
        .order_by(StatementLine.id)
    )
    found: dict[str, OpenStatement] = {}
    for number, unit, due_on, order in rows:
        before = found.get(number)
        orders = (*before.orders, order) if before else (order,)
        found[number] = OpenStatement(number, unit, due_on, orders)
    return list(found.values())
