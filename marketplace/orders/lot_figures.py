"""Where the goods of a lot stand on their way, from the report to the household's money.

Orders name a listing, not a lot, until the round is allocated. So what is ordered of a lot before is
the lot's part of the listing's orders in proportion to what it promised, and is marked as estimated
unless the lot is the listing's only one. Figures are base units.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from sqlalchemy import Select, String, literal, select, union_all
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot, Product, SupplyReport
from marketplace.core.quantity import BaseUnit, format_quantity_short
from marketplace.orders.round_models import Commitment, Listing, Round

LABELS = ("登记", "核实", "上架", "已订", "分配", "收货", "验收", "到账")
UNWEIGHED = "没过磅"
Later = Callable[[Collection[int]], Select[int, int]]
_later: dict[str, Later] = {}


def later_stage(label: str) -> Callable[[Later], Later]:
    """Decorator: a feature of a higher rank says how much of some lots came so far: lot id, base units."""

    def register(later: Later) -> Later:
        _later[label] = later
        return later

    return register


@dataclass
class Figures:
    reported: int
    verified: int
    offered: int = 0
    ordered: int = 0
    allocated: int = 0
    estimated: bool = False
    on_hand: int = 0  # what can still be withdrawn
    accepted: int = 0
    later: dict[str, int] = field(default_factory=dict)  # by label

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
    """Figures by lot id: two statements. `report` of the lots should be loaded."""
    figures = {
        lot.id: Figures(
            reported=lot.report.quantity_base,
            verified=lot.verified + lot.surplus + lot.adjusted,
            on_hand=lot.free,
            accepted=lot.sold,
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
    if figures:
        for label, lot_id, base in session.execute(_later_base(list(figures))):
            figures[lot_id].later[label] = int(base)
    return figures


def _later_base(lots: Collection[int]) -> Any:
    of_each = [later(lots).subquery() for later in _later.values()]
    return union_all(
        *(
            select(literal(label, String), *one.c)
            for label, one in zip(_later, of_each, strict=True)
        )
    )


def chain_of_lot(lot: Lot, figures: Figures) -> list[Stage]:
    """The furthest stage with goods is where the lot stands now."""
    amounts = (
        figures.reported, figures.verified, figures.offered, figures.ordered, figures.allocated,
        figures.later.get("收货", 0), figures.accepted, figures.later.get("到账", 0),
    )  # fmt: skip
    here = max(index for index, base in enumerate(amounts) if base or index == 0)
    if here == len(amounts) - 1:
        here += 1  # there is nothing to wait for
    stages = []
    for index, (label, base) in enumerate(zip(LABELS, amounts, strict=True)):
        words = _short(base, lot.product, figures.most) if base or index <= here else ""
        if label == "收货" and words and not base:
            words = UNWEIGHED
        guess = label == "已订" and figures.estimated
        state = "done" if index < here else "now" if index == here else "todo"
        stages.append(Stage(f"{label}约" if guess else label, words, state))
    return stages


def chain_of_report(report: SupplyReport) -> list[Stage]:
    """A report that is not verified yet."""
    back = report.state == "returned"
    return [
        Stage(LABELS[0], _short(report.quantity_base, report.product), "now" if back else "done"),
        Stage(LABELS[1], "", "todo" if back else "now"),
        *(Stage(label, "", "todo") for label in LABELS[2:]),
    ]


def _short(base: int, product: Product, most: int = 0) -> str:
    unit = cast("BaseUnit", product.base_unit)
    return format_quantity_short(base, unit, piece_word=product.piece_word or "个", most=most)
