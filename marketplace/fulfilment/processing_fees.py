"""What the county owes processors for finished orders, by processor and month of the finish."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager, joinedload

from marketplace.core.clock import local_day_start
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.fulfilment.processing_lines import SHOWN
from marketplace.fulfilment.processing_models import ProcessingLine, ProcessingOrder
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.models import Organisation
from marketplace.identity.scope import Scope


@dataclass
class Bill:
    """One processor's orders of a month; `open_fen` stands on no invoice yet."""

    processor: Organisation
    orders: list[ProcessingOrder] = field(default_factory=list)

    @property
    def fen(self) -> int:
        return sum(order.fee_fen for order in self.orders)

    @property
    def open_fen(self) -> int:
        return sum(order.fee_fen for order in self.orders if not order.invoice_no)


def next_month(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def bills_of(session: Session, scope: Scope, month: date) -> Sequence[Bill]:
    """`month`: any day of it, as the county's clock has it."""
    start = month.replace(day=1)
    orders = session.scalars(
        scope.visible(select(ProcessingOrder))
        .join(ProcessingOrder.line)
        .where(ProcessingOrder.state == "finished")
        .where(ProcessingOrder.ended_at >= local_day_start(start))
        .where(ProcessingOrder.ended_at < local_day_start(next_month(start)))
        .options(
            contains_eager(ProcessingOrder.line).options(*SHOWN),
            joinedload(ProcessingOrder.output_lot),
        )
        .order_by(ProcessingLine.organisation_id, ProcessingOrder.ended_at, ProcessingOrder.id)
    )
    bills: dict[int, Bill] = {}
    for order in orders:
        unit = order.line.organisation
        bills.setdefault(unit.id, Bill(unit)).orders.append(order)
    return list(bills.values())


def note_invoice(
    session: Session, actor: Actor, scope: Scope, unit_id: int, month: date, invoice_no: str
) -> int:
    """The processor's invoice for all that is open of a month, in fen; no money is posted here."""
    words = invoice_no.strip()[:40]
    if not words:
        raise InvalidInput("请填单据号。", code="missing", field="invoice_no")
    bill = next((b for b in bills_of(session, scope, month) if b.processor.id == unit_id), None)
    open_ids = [order.id for order in bill.orders if not order.invoice_no] if bill else []
    rows = session.scalars(
        select(ProcessingOrder)
        .where(ProcessingOrder.id.in_(open_ids), ProcessingOrder.invoice_no == "")
        .order_by(ProcessingOrder.id)
        .with_for_update(of=ProcessingOrder)
    ).all()
    if not rows:
        raise Conflict("这个月的加工费都有单据了。", code="nothing_open")
    for order in rows:
        order.invoice_no = words
    session.flush()
    fen = sum(order.fee_fen for order in rows)
    audit.record(
        session, actor, "processing_invoiced", "organisation", unit_id, fen=fen, invoice=words
    )
    return fen
