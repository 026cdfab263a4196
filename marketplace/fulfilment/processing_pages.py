"""What lists and pages say of processing orders."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask import url_for
from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from marketplace.catalog.models import Lot
from marketplace.catalog.words import amount_words
from marketplace.core.clock import format_day, shanghai_date
from marketplace.core.money import format_yuan
from marketplace.fulfilment.processing_lines import SHOWN
from marketplace.fulfilment.processing_models import PROCESSES, ProcessingInput, ProcessingOrder
from marketplace.identity.access import current_actor
from marketplace.identity.permissions import PROCESS_MANAGE
from marketplace.identity.scope import Scope
from marketplace.orders.lot_notes import LotNote, lot_notes

STATES = {
    "planned": ("排好了", "sky"),
    "started": ("加工中", "ripe"),
    "finished": ("完工", "leaf"),
    "cancelled": ("取消", "plain"),
}
SHOWN_STATES = {"open": "没完的", "finished": "完工的", "cancelled": "取消的", "all": "全部"}


def orders_shown(scope: Scope, show: str) -> Select[ProcessingOrder]:
    """What is still to be done first by its day, what is over by the newest."""
    statement = scope.visible(select(ProcessingOrder)).options(
        joinedload(ProcessingOrder.line).options(*SHOWN),
        joinedload(ProcessingOrder.output_lot),
    )
    if show == "open":
        return statement.where(ProcessingOrder.state.in_(("planned", "started"))).order_by(
            ProcessingOrder.day, ProcessingOrder.id
        )
    if show != "all":
        statement = statement.where(ProcessingOrder.state == show)
    return statement.order_by(ProcessingOrder.id.desc())


@dataclass(frozen=True)
class Processed:
    """An order from one lot's side: it gave something (`made` false), or is what came out. `base` is what it
    gave, or all that went in."""

    order: ProcessingOrder
    made: bool
    base: int
    others: tuple[Lot, ...]

    @property
    def moment(self) -> datetime:
        moment = self.order.ended_at or self.order.started_at
        assert moment is not None, "only orders that have started are told"
        return moment

    @property
    def day(self) -> date:
        return shanghai_date(self.moment)

    @property
    def kind(self) -> str:
        return PROCESSES[self.order.line.kind]

    @property
    def words(self) -> str:
        line, order = self.order.line, self.order
        went = amount_words(self.base, line.input_product)
        if order.output_base is None:
            return f"{went}{line.input_product.name}在加工"
        came = amount_words(order.output_base, line.output_product)
        if not self.made:
            return f"{went}{line.input_product.name}加工成{line.output_product.name}"
        lost = (
            f"，耗了 {amount_words(order.loss_base, line.input_product)}" if order.loss_base else ""
        )
        return f"{went}{line.input_product.name}出 {came}{line.output_product.name}{lost}"


def processed_of(session: Session, lot: Lot) -> Sequence[Processed]:
    """Orders at work and finished, that took from a lot or made it; the oldest first."""
    gives = select(ProcessingInput.order_id).where(ProcessingInput.lot_id == lot.id)
    orders = session.scalars(
        select(ProcessingOrder)
        .where(ProcessingOrder.state.in_(("started", "finished")))
        .where(or_(ProcessingOrder.id.in_(gives), ProcessingOrder.output_lot_id == lot.id))
        .options(
            joinedload(ProcessingOrder.line).options(*SHOWN),
            joinedload(ProcessingOrder.output_lot),
            selectinload(ProcessingOrder.inputs).joinedload(ProcessingInput.lot),
        )
        .order_by(ProcessingOrder.id)
    )
    found = []
    for order in orders:
        if order.output_lot_id == lot.id:
            inputs = tuple(one.lot for one in order.inputs)
            found.append(Processed(order, True, order.input_base, inputs))
        else:
            base = sum(one.base for one in order.inputs if one.lot_id == lot.id)
            made = (order.output_lot,) if order.output_lot else ()
            found.append(Processed(order, False, base, made))
    return found


@lot_notes
def _processing(session: Session, lot: Lot) -> list[LotNote]:
    notes = []
    for one in processed_of(session, lot):
        order = one.order
        links = [
            (f"{'原料' if one.made else '成品'}批次 {other.code}", url_for("lots.detail", lot_id=other.id))
            for other in one.others
        ]  # fmt: skip
        if current_actor().may(PROCESS_MANAGE):
            links.append(
                (f"加工单 {order.number}", url_for("processing.show", processing_id=order.id))
            )
        words = f"{order.line.organisation.name}，{format_day(one.day)}，{one.words}"
        if one.made:
            words += f"，加工费 {format_yuan(order.fee_fen)} 元"
        notes.append(LotNote(f"加工：{one.kind}", f"{words}。", tuple(links)))
    return notes
