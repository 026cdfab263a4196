"""Where the goods of a lot stand on their way: reported, verified, offered, ordered, allocated.

Orders name a listing, not a lot, until the round is allocated. So what is ordered of a lot before is
the lot's part of the listing's orders in proportion to what it promised, and is marked as estimated
unless the lot is the listing's only one. Figures are base units.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot, SupplyReport
from marketplace.core.quantity import BaseUnit, format_quantity_short
from marketplace.orders.round_models import Commitment, Listing, Round

LABELS = ("登记", "核实", "上架", "已订", "分配")


@dataclass
class Figures:
    reported: int
    verified: int
    offered: int = 0
    ordered: int = 0
    allocated: int = 0
    estimated: bool = False
    on_hand: int = 0  # what can still be withdrawn

    @property
    def most(self) -> int:
        """The greatest, whose unit suits all that stand beside it."""
        return max(self.reported, self.verified)


@dataclass(frozen=True)
class Stage:
    """For the chain bar."""

    label: str
    value: str
    state: str
    href: str | None = field(default=None)


def figures_of(session: Session, lots: Sequence[Lot]) -> dict[int, Figures]:
    """Figures by lot id: one statement. `report` of the lots should be loaded."""
    figures = {
        lot.id: Figures(
            reported=lot.report.quantity_base,
            verified=lot.verified + lot.surplus + lot.adjusted,
            on_hand=lot.free,
        )
        for lot in lots
    }
    rows = session.execute(
        select(
            Commitment.lot_id,
            Commitment.quantity_base,
            Commitment.packs,
            Commitment.allocated_packs,
            Commitment.released_base,
            Listing.pack_base,
            Listing.reserved_packs,
            Listing.capacity_packs,
        )
        .join(Listing, Listing.id == Commitment.listing_id)
        .join(Round, Round.id == Listing.round_id)
        .where(Commitment.lot_id.in_(list(figures)), Round.state != "cancelled")
    )
    for row in rows:
        figure = figures[row.lot_id]
        figure.offered += row.quantity_base - row.released_base
        if row.allocated_packs is not None:
            figure.ordered += row.allocated_packs * row.pack_base
            figure.allocated += row.allocated_packs * row.pack_base
            continue
        figure.on_hand += row.quantity_base
        if row.capacity_packs:
            packs = min(row.packs, row.reserved_packs * row.packs // row.capacity_packs)
            figure.ordered += packs * row.pack_base
            figure.estimated |= 0 < row.packs < row.capacity_packs and row.reserved_packs > 0
    return figures


def chain_of_lot(lot: Lot, figures: Figures) -> list[Stage]:
    """The furthest stage with goods is where the lot stands now."""
    product = lot.product
    amounts = (
        figures.reported, figures.verified, figures.offered, figures.ordered, figures.allocated,
    )  # fmt: skip
    here = max(index for index, base in enumerate(amounts) if base or index == 0)
    stages = []
    for index, (label, base) in enumerate(zip(LABELS, amounts, strict=True)):
        words = ""
        if base or index <= here:
            words = format_quantity_short(
                base,
                cast("BaseUnit", product.base_unit),
                piece_word=product.piece_word or "个",
                most=figures.most,
            )
        if label == "已订" and figures.estimated and words:
            words = f"约 {words}"
        last = here == len(amounts) - 1
        state = "done" if index < here or last else "now" if index == here else "todo"
        stages.append(Stage(label, words, state))
    return stages


def chain_of_report(report: SupplyReport) -> list[Stage]:
    """A report that is not verified yet."""
    product = report.product
    words = format_quantity_short(
        report.quantity_base,
        cast("BaseUnit", product.base_unit),
        piece_word=product.piece_word or "个",
    )
    back = report.state == "returned"
    states = ("now" if back else "done", "todo" if back else "now", "todo", "todo", "todo")
    return [
        Stage(label, words if index == 0 else "", states[index])
        for index, label in enumerate(LABELS)
    ]
