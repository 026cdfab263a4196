"""What units have paid too much: used for their open orders, or given back; with its age."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.core.errors import InvalidInput
from marketplace.core.money import format_yuan
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation
from marketplace.ledger import books
from marketplace.ledger.accounts import ACCOUNTS
from marketplace.ledger.posting import credit, debit, post
from marketplace.orders.collecting import due_column
from marketplace.orders.order_models import Order
from marketplace.payments.bank_models import Placing
from marketplace.payments.placing import (
    credit_fen_of,
    give,
    lock_unit,
    new_placing,
    wanted_orders,
)

MOST = 200


@dataclass(frozen=True)
class Credit:
    """`since`: when the oldest part that is still there came."""

    unit: Organisation
    fen: int
    since: datetime | None


def use_credit(session: Session, actor: Actor, unit_id: int, parts: Mapping[str, int]) -> int:
    """A unit's credit pays its open orders (order number → fen); returns the fen. Raises InvalidInput for
    more than there is and for orders of others, Conflict for more than is open."""
    orders = wanted_orders(session, parts)
    if not orders:
        raise InvalidInput("还没有勾选订单。", code="empty", field="parts")
    unit = lock_unit(session, unit_id)
    if any(order.organisation_id != unit.id for order in orders):
        raise InvalidInput("多付的钱只能抵本单位的订单。", code="other_unit", field="parts")
    total = sum(parts.values())
    _refuse_more(session, unit, total)
    for order in orders:
        made = new_placing(session, actor, "credit_used", parts[order.number], order=order)
        key = f"credit_used:{made.id}:{order.number}"
        came_from = debit("buyer_credit", made.fen, f"unit:{unit.id}")
        give(session, actor, order, made, came_from, key)
    audit.record(session, actor, "credit_used", "organisation", unit.id, fen=total)
    return total


def return_credit(session: Session, actor: Actor, unit_id: int, fen: int, note: str) -> None:
    """Note that credit went back to the unit's account at the bank; `note` says how."""
    if not note.strip():
        raise InvalidInput("请写退到哪里、凭什么退，审计会看。", code="missing", field="note")
    unit = lock_unit(session, unit_id)
    _refuse_more(session, unit, fen)
    made = new_placing(
        session, actor, "credit_returned", fen, unit_id=unit.id, note=note.strip()[:200]
    )
    party = f"unit:{unit.id}"
    lines = [debit("buyer_credit", fen, party), credit("bank", fen)]
    made.journal_number = post(
        session, actor, "credit_returned", f"credit_returned:{made.id}", party, lines
    )
    audit.record(session, actor, "credit_returned", "organisation", unit.id, fen=fen)


def _refuse_more(session: Session, unit: Organisation, fen: int) -> None:
    held = credit_fen_of(session, unit.id)
    if fen <= 0 or fen > held:
        raise InvalidInput(
            f"这个单位多付的还有 {format_yuan(held)} 元，请按这个数以内写。",
            code="more_than_credit",
            field="amount",
        )


def units_in_credit(session: Session) -> list[Credit]:
    """Units that have paid too much, the oldest first. Three statements."""
    held = {
        int(party.partition(":")[2]): fen
        for party, fen in books.open_parties(session, ACCOUNTS["buyer_credit"], MOST)
        if party.startswith("unit:")
    }
    units = session.scalars(select(Organisation).where(Organisation.id.in_(held))).all()
    came: dict[int, list[Placing]] = {unit: [] for unit in held}
    for one in session.scalars(
        select(Placing)
        .where(
            Placing.organisation_id.in_(held),
            Placing.kind == "credit",
            Placing.undone_at.is_(None),
        )
        .order_by(Placing.at.desc(), Placing.id.desc())
    ):
        came[one.organisation_id or 0].append(one)
    found = [Credit(unit, held[unit.id], _since(came[unit.id], held[unit.id])) for unit in units]
    return sorted(found, key=lambda one: (one.since is None, one.since, one.unit.id))


@dataclass(frozen=True)
class Held:
    """An order that was cut or cancelled after it was paid by bank: `over_fen` of it is not owed."""

    number: str
    unit: str
    over_fen: int
    transfer_id: int | None
    organisation_id: int | None


def held_too_much(session: Session) -> list[Held]:
    """Such orders, the newest placing of each: it is taken back, and its money placed anew. One statement."""
    over = (Order.collected_fen - due_column()).label("over")
    newest = (
        select(func.max(Placing.id))
        .where(Placing.order_id.is_not(None), Placing.undone_at.is_(None))
        .group_by(Placing.order_id)
    )
    rows = session.execute(
        select(Order.number, Organisation.name, over, Placing.transfer_id, Order.organisation_id)
        .select_from(Placing)
        .join(Order, Order.id == Placing.order_id)
        .outerjoin(Organisation, Organisation.id == Order.organisation_id)
        .where(Placing.id.in_(newest), Order.collected_fen > due_column())
        .order_by(Placing.id)
        .limit(MOST)
    )
    return [Held(number, unit or "", int(fen), *places) for number, unit, fen, *places in rows]


def _since(newest_first: list[Placing], left: int) -> datetime | None:
    """What came first is used first: what is left are the newest parts."""
    since = None
    for one in newest_first:
        if left <= 0:
            break
        since, left = one.at, left - one.fen
    return since
