"""What the rows of processing say, beside the lots and their streams."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session, aliased

from marketplace.catalog.lot_processing import REFERENCE
from marketplace.catalog.models import Lot, LotMovement
from marketplace.fulfilment.processing_models import (
    ProcessingInput,
    ProcessingOrder,
    permille_of,
)
from marketplace.reporting.verify_money import named

PROCESSING_EVENTS = {"processed_into", "processed_from"}
Said = tuple[str, str, int, int]
"""Kind of event, the other lot's code, base units (negative for what it gave), yield in thousandths."""


def said_of(kind: str, data: Any) -> Said:
    return kind, data["lot"], data["base"], data["yield"]


class ProcessingBooks:
    def __init__(self, session: Session, ids: Sequence[int]) -> None:
        self._rows: defaultdict[int, list[Said]] = defaultdict(list)
        source, target = aliased(Lot), aliased(Lot)
        for row in session.execute(
            select(
                ProcessingInput.lot_id,
                ProcessingInput.base,
                ProcessingOrder.input_base,
                ProcessingOrder.output_base,
                ProcessingOrder.output_lot_id,
                source.trace_code.label("from_code"),
                target.trace_code.label("to_code"),
            )
            .join(ProcessingOrder, ProcessingOrder.id == ProcessingInput.order_id)
            .join(source, source.id == ProcessingInput.lot_id)
            .join(target, target.id == ProcessingOrder.output_lot_id)
            .where(or_(ProcessingInput.lot_id.in_(ids), ProcessingOrder.output_lot_id.in_(ids)))
        ):
            found = permille_of(row.output_base, row.input_base)
            given = ("processed_into", row.to_code, -row.base, found)
            self._rows[row.lot_id].append(given)
            came = ("processed_from", row.from_code, row.base, found)
            self._rows[row.output_lot_id].append(came)

    def unlike(self, lot_id: int, said: Sequence[Said]) -> str:
        return "" if sorted(self._rows[lot_id]) == sorted(said) else "加工和记录不一样"


def lot_processed() -> Select[str]:
    """What a lot has processed is what orders that have started, and were not cancelled, took of it."""
    taken = case(
        (ProcessingOrder.state.in_(("started", "finished")), ProcessingInput.base), else_=0
    )
    return (
        select(named("批次 ", Lot.code))
        .outerjoin(ProcessingInput, ProcessingInput.lot_id == Lot.id)
        .outerjoin(ProcessingOrder, ProcessingOrder.id == ProcessingInput.order_id)
        .group_by(Lot.id)
        .having(Lot.processed != func.coalesce(func.sum(taken), 0))
    )


def order_inputs() -> Select[str]:
    """An order's input is that of its lots together, and what came out is what its lot was opened with."""
    return (
        select(named("加工单 ", ProcessingOrder.number))
        .outerjoin(ProcessingInput, ProcessingInput.order_id == ProcessingOrder.id)
        .outerjoin(Lot, Lot.id == ProcessingOrder.output_lot_id)
        .group_by(ProcessingOrder.id, Lot.id)
        .having(
            or_(
                ProcessingOrder.input_base != func.coalesce(func.sum(ProcessingInput.base), 0),
                Lot.verified != ProcessingOrder.output_base,
            )
        )
    )


def inputs_back() -> Select[str]:
    """What a cancelled order gave back to a lot, and what it lost of it, moved there."""

    def moved(kind: str) -> Any:
        these = case((LotMovement.kind == kind, LotMovement.quantity_base), else_=0)
        return func.coalesce(func.sum(these), 0)

    begun = and_(ProcessingOrder.state == "cancelled", ProcessingOrder.started_at.is_not(None))
    lost = case((begun, ProcessingInput.base - ProcessingInput.returned_base), else_=0)
    return (
        select(named("加工单 ", ProcessingOrder.number))
        .join(ProcessingInput, ProcessingInput.order_id == ProcessingOrder.id)
        .outerjoin(
            LotMovement,
            and_(
                LotMovement.lot_id == ProcessingInput.lot_id,
                LotMovement.reference == literal(REFERENCE).concat(ProcessingOrder.number),
            ),
        )
        .group_by(ProcessingOrder.id, ProcessingInput.id)
        .having(or_(ProcessingInput.returned_base != moved("released"), lost != moved("lost")))
    )


PROCESSING_CHECKS = (
    ("加工去的和加工单不符", lot_processed),
    ("加工单和它的批次不符", order_inputs),
    ("加工取消退回的和流水不符", inputs_back),
)
