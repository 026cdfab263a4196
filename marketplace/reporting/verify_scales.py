"""What the rows of the scales say of some lots, beside what their streams say: weighings, other grades,
pooled remainders."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.orm import Session, aliased

from marketplace.catalog.models import Lot, LotMovement
from marketplace.fulfilment.shift_models import LotShift
from marketplace.fulfilment.weighing import weighed_data
from marketplace.fulfilment.weighing_models import WeighIn, WeighSurplus
from marketplace.reporting.verify_money import named

SHIFT_EVENTS = {"regraded": "regraded", "pooled_into": "pooled", "pooled_from": "pooled"}
"""Kind of event → kind of row."""


class ScaleBooks:
    def __init__(self, session: Session, ids: Sequence[int]) -> None:
        self._weighed: defaultdict[int, dict[str, Mapping[str, Any]]] = defaultdict(dict)
        for row in session.execute(select(*WeighIn.__table__.c).where(WeighIn.lot_id.in_(ids))):
            self._weighed[row.lot_id][row.number] = weighed_data(row)
        self._shifted: defaultdict[int, list[tuple[str, str, int]]] = defaultdict(list)
        source, target = aliased(Lot), aliased(Lot)
        for row in session.execute(
            select(
                LotShift.kind,
                LotShift.base,
                LotShift.from_lot_id,
                LotShift.to_lot_id,
                source.trace_code.label("from_code"),
                target.trace_code.label("to_code"),
            )
            .join(source, source.id == LotShift.from_lot_id)
            .join(target, target.id == LotShift.to_lot_id)
            .where(or_(LotShift.from_lot_id.in_(ids), LotShift.to_lot_id.in_(ids)))
        ):
            self._shifted[row.from_lot_id].append((row.kind, row.to_code, -row.base))
            self._shifted[row.to_lot_id].append((row.kind, row.from_code, row.base))

    def unlike(
        self,
        lot_id: int,
        weighed: Mapping[str, Mapping[str, Any]],
        shifted: Sequence[tuple[str, str, int]],
    ) -> str:
        """What differs, in words. Weighings from before the grade was noted say nothing of it."""
        rows = self._weighed[lot_id]
        if rows.keys() != weighed.keys():
            return "过磅和记录不一样"
        if any({**rows[number], **said} != rows[number] for number, said in weighed.items()):
            return "过磅和记录不一样"
        if sorted(self._shifted[lot_id]) != sorted(shifted):
            return "改等级、拼批和记录不一样"
        return ""


def surplus_moved() -> Select[str]:
    """What a weighing added to its lot, and what left it again, stands in the lot's movements."""

    def moved(kind: str) -> Any:
        these = case((LotMovement.kind == kind, LotMovement.quantity_base), else_=0)
        return func.coalesce(func.sum(these), 0)

    return (
        select(named("过磅单 ", WeighIn.number))
        .join(WeighSurplus, WeighSurplus.weigh_in_id == WeighIn.id)
        .outerjoin(
            LotMovement,
            and_(LotMovement.lot_id == WeighIn.lot_id, LotMovement.reference == WeighIn.number),
        )
        .group_by(WeighIn.id, WeighSurplus.id)
        .having(
            or_(
                WeighSurplus.added_base != moved("surplus"),
                WeighSurplus.back_base != -moved("adjusted"),
            )
        )
    )


def surplus_once() -> Select[str]:
    """However often a line was weighed, its lot has no more of it than lay on the scales at once, beside what
    earlier weighings gave to the sheet."""
    added = func.sum(WeighSurplus.added_base - WeighSurplus.back_base)
    to_sheet = func.sum(case((WeighIn.void_at.is_not(None), WeighSurplus.refilled_base), else_=0))
    return (
        select(named("批次 ", Lot.code))
        .join(WeighIn, WeighIn.lot_id == Lot.id)
        .join(WeighSurplus, WeighSurplus.weigh_in_id == WeighIn.id)
        .group_by(Lot.id, WeighIn.listing_id)
        .having(added > func.max(WeighSurplus.base) + to_sheet)
    )


SCALE_CHECKS = (
    ("多出来的货和流水不符", surplus_moved),
    ("多出来的货算了两遍", surplus_once),
)
