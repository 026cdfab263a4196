"""What packs come to in fen: at their price, or by what they weigh where they are sold by weight."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from marketplace.core.money import value_fen
from marketplace.orders.order_models import OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.weight_models import AcceptedWeight

Place = tuple[int, int]
"""Order line and lot, by id."""


@dataclass(frozen=True)
class Worth:
    """By component of the price, in fen."""

    farmgate: int
    service: int
    freight: int

    @property
    def fen(self) -> int:
        return self.farmgate + self.service + self.freight

    def __add__(self, other: "Worth") -> "Worth":
        return Worth(
            self.farmgate + other.farmgate,
            self.service + other.service,
            self.freight + other.freight,
        )

    def __sub__(self, other: "Worth") -> "Worth":
        return Worth(
            self.farmgate - other.farmgate,
            self.service - other.service,
            self.freight - other.freight,
        )


def worth(line: OrderLine, packs: int, grams: int | None = None) -> Worth:
    """Of a line's packs; `grams` (all together) count where it is sold by weight, else the heaviest do."""
    parts = (line.farmgate_fen, line.service_fen, line.freight_fen)
    if line.heaviest_g is None or grams is None:
        return Worth(*(packs * fen for fen in parts))
    return Worth(*(value_fen(fen, grams, line.heaviest_g) for fen in parts))


@dataclass(frozen=True)
class Weight:
    """Packs of a place that the buyer has, and their grams."""

    packs: int
    grams: int

    def part(self, packs: int) -> int:
        """Grams of some of them: the last take what is left."""
        return self.grams * packs // self.packs


def weights_left(session: Session, lines: Iterable[int]) -> Mapping[Place, Weight]:
    """What by-weight packs of delivered order lines weigh, without those that came back."""
    rows = session.execute(
        select(
            AcceptedWeight.order_line_id,
            AcceptedWeight.lot_id,
            func.sum(AcceptedWeight.packs),
            func.sum(AcceptedWeight.grams),
        )
        .where(AcceptedWeight.order_line_id.in_(list(lines)))
        .where(or_(AcceptedWeight.goods_return_id.is_(None), AcceptedWeight.packs < 0))
        .group_by(AcceptedWeight.order_line_id, AcceptedWeight.lot_id)
    )
    return {(line, lot): Weight(int(packs), int(grams)) for line, lot, packs, grams in rows}


def worth_by_weight(session: Session, lines: Sequence[OrderLine]) -> dict[int, Worth]:
    """Line id → what the packs that the buyer has of it come to; lines that nobody weighed are missing."""
    found: dict[int, Worth] = {}
    by_id = {line.id: line for line in lines}
    if by_id:
        for (line_id, _), weight in weights_left(session, by_id).items():
            here = worth(by_id[line_id], weight.packs, weight.grams)
            found[line_id] = found.get(line_id, Worth(0, 0, 0)) + here
    return found


def returned_farmgate_fen(session: Session, row: GoodsReturn) -> int:
    """What the packs of a later return were worth to the households."""
    weighed = session.scalar(
        select(AcceptedWeight.farmgate_fen).where(AcceptedWeight.goods_return_id == row.id)
    )
    return row.packs * row.line.farmgate_fen if weighed is None else -weighed
