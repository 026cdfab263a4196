"""The round board: one query layer for page, paper, sheet and text, so that they cannot differ.

Its figures are those of board_stages.py.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Product
from marketplace.core.clock import now
from marketplace.core.errors import NotFound
from marketplace.core.money import format_yuan
from marketplace.core.quantity import GRAMS_PER_JIN, format_quantity, mass_unit
from marketplace.orders.collecting import due_column
from marketplace.orders.order_models import CHANNELS, COUNTED_STATES, Order, OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.round_models import Round
from marketplace.orders.supporters import lots_offered, supported_behind
from marketplace.orders.weight_models import AcceptedWeight
from marketplace.regions.models import Region
from marketplace.reporting.board_stages import STAGES, stage_sums

TENTH_OF_A_TON = 100_000  # grams


@dataclass(frozen=True)
class Line:
    """One product in one town, or (town empty) in the whole county: stage → base units."""

    product: Product
    town_code: str
    town: str
    figures: Mapping[str, int]

    def exact(self, stage: str) -> str:
        """To the gram, all stages of a line in one unit, so that they can be compared by eye."""
        if stage not in self.figures:
            return ""
        base = self.figures[stage]
        if self.product.base_unit == "piece":
            return format_quantity(base, "piece", piece_word=self.product.piece_word or "个")
        return format_quantity(base, "g", unit=self._mass_unit)

    @property
    def _mass_unit(self) -> str:
        """吨 only where that is no row of decimals."""
        unit = mass_unit(max(map(abs, self.figures.values())))
        return unit if all(base % TENTH_OF_A_TON == 0 for base in self.figures.values()) else "斤"

    def number(self, stage: str) -> str | float:
        """In 斤 or pieces, to the gram; empty where the stage has no figure for this line."""
        base = self.figures.get(stage)
        if base is None or self.product.base_unit == "piece":
            return "" if base is None else base
        return base // GRAMS_PER_JIN if base % GRAMS_PER_JIN == 0 else base / GRAMS_PER_JIN


@dataclass(frozen=True)
class Board:
    round: Round
    as_of: datetime
    lines: list[Line]  # products, each followed by its towns
    households: int
    monitored: int
    orders: Mapping[str, int]  # channel → count
    orders_fen: int
    payable_fen: int
    cut_packs: int
    short_lines: int
    towns: int = field(default=0)

    @property
    def products(self) -> list[Line]:
        return [line for line in self.lines if not line.town_code]

    @property
    def all_paid(self) -> bool:
        """Whether the round is over and every household has its money."""
        return self.round.state == "settled" and all(
            line.figures.get("paid", 0) == line.figures.get("accepted", 0) for line in self.lines
        )

    def towns_of(self, product_id: int) -> list[Line]:
        return [line for line in self.lines if line.town_code and line.product.id == product_id]


MOST_ROUNDS = 60


def ranked_rounds(session: Session) -> list[Round]:
    """The round that leaders ask about first: the newest whose goods are on their way, then the open one
    that closes first, then the newest that is over."""
    rank = case(
        (Round.state.in_(("closed", "allocated", "collecting", "delivering")), 0),
        ((Round.state == "open") & (Round.opens_at <= now()), 1),
        (Round.state.in_(("open", "on_hold", "postponed")), 2),
        (Round.state == "settled", 3),
        else_=4,
    )
    first = case((Round.state == "open", Round.closes_at))
    rounds = select(Round).where(Round.state != "draft")
    return list(
        session.scalars(rounds.order_by(rank, first, Round.number.desc()).limit(MOST_ROUNDS))
    )


def get_round(session: Session, round_id: int) -> Round:
    found = session.get(Round, round_id)
    if found is None or found.state == "draft":
        raise NotFound("没有这一期的看板。")
    return found


def board_of(session: Session, found: Round) -> Board:
    """Six statements, whatever the size of the round."""
    sums: defaultdict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for stage, product_id, town, base in session.execute(stage_sums(found)):
        sums[product_id, town][stage] = int(base)
    names = _names(session, {town for _, town in sums if town})
    products = {
        p.id: p
        for p in session.scalars(select(Product).where(Product.id.in_({p for p, _ in sums})))
    }
    lines = _lines(sums, products, names)
    helped = supported_behind(session, lots_offered(found.id), found.delivers_on)
    orders, orders_fen = _orders(session, found)
    payable, cut, short = _money_and_cuts(session, found)
    return Board(
        round=found,
        as_of=now(),
        lines=lines,
        households=helped.households,
        monitored=helped.monitored,
        orders=orders,
        orders_fen=orders_fen,
        payable_fen=payable,
        cut_packs=cut,
        short_lines=short,
        towns=len(names),
    )


def _names(session: Session, codes: set[str]) -> dict[str, str]:
    rows = session.execute(select(Region.code, Region.name).where(Region.code.in_(codes)))
    return {row.code: row.name for row in rows}


def _lines(
    sums: Mapping[tuple[int, str], Mapping[str, int]],
    products: Mapping[int, Product],
    names: Mapping[str, str],
) -> list[Line]:
    lines = []
    for product_id in sorted(products, key=lambda i: products[i].id):
        towns = sorted(town for product, town in sums if product == product_id and town)
        total: defaultdict[str, int] = defaultdict(int)
        for (product, _), figures in sums.items():
            if product == product_id:
                for stage, base in figures.items():
                    total[stage] += base
        lines.append(Line(products[product_id], "", "", dict(total)))
        lines += [
            Line(products[product_id], town, names.get(town, town), sums[product_id, town])
            for town in towns
        ]
    return lines


def _orders(session: Session, found: Round) -> tuple[dict[str, int], int]:
    rows = session.execute(
        select(Order.channel, func.count(Order.id), func.sum(due_column()))
        .where(Order.round_id == found.id, Order.state.in_(COUNTED_STATES))
        .group_by(Order.channel)
    ).all()
    counts = dict.fromkeys(CHANNELS, 0) | {row[0]: int(row[1]) for row in rows}
    return counts, sum(int(row[2] or 0) for row in rows)


def _money_and_cuts(session: Session, found: Round) -> tuple[int, int, int]:
    """What the farms are to get for allocated packs, packs cut, and lines cut. What they bear is off, and
    what was lighter than the heaviest."""
    borne = (
        select(func.coalesce(func.sum(GoodsReturn.packs * OrderLine.farmgate_fen), 0))
        .join(OrderLine, OrderLine.id == GoodsReturn.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.round_id == found.id, GoodsReturn.fault == "farm")
        .scalar_subquery()
    )
    lighter = (
        select(func.coalesce(func.sum(AcceptedWeight.farmgate_off_fen), 0))
        .join(OrderLine, OrderLine.id == AcceptedWeight.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.round_id == found.id)
        .scalar_subquery()
    )
    given = func.coalesce(func.sum(OrderLine.allocated_packs * OrderLine.farmgate_fen), 0)
    row = session.execute(
        select(
            given - borne - lighter,
            func.coalesce(func.sum(OrderLine.cut_packs), 0),
            func.count(OrderLine.id).filter(OrderLine.cut_packs > 0),
        )
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.round_id == found.id)
    ).one()
    return int(row[0] or 0), int(row[1] or 0), int(row[2] or 0)


HEADINGS = ("品种", "乡镇", *(words for words, _ in STAGES.values()))


def table_of(board: Board) -> list[list[str]]:
    """The board as rows of text: what paper and copied text show."""
    return [
        [line.product.name, line.town or "全县", *(line.exact(stage) for stage in STAGES)]
        for line in board.lines
    ]


SHEET_HEADINGS = ("品种", "乡镇", "单位", *HEADINGS[2:])


def sheet_of(board: Board) -> list[list[str | float]]:
    """The board as rows to reckon with: 斤 or pieces as numbers, the unit in a column of its own."""
    return [
        [
            line.product.name,
            line.town or "全县",
            "斤" if line.product.base_unit == "g" else line.product.piece_word or "个",
            *(line.number(stage) for stage in STAGES),
        ]
        for line in board.lines
    ]


def text_of(board: Board, as_of: str) -> str:
    """The board as a message: what a leader reads in a chat."""
    found = board.round
    head = f"第 {found.number} 期「{found.name}」，数据截至 {as_of}。"
    orders = "、".join(f"{words} {board.orders[channel]} 单" for channel, words in CHANNELS.items())
    people = f"带动帮扶户 {board.households} 户（监测对象 {board.monitored} 户），{orders}，金额 {format_yuan(board.orders_fen)} 元。"
    goods = [
        f"{line.product.name}："
        + "，".join(f"{STAGES[s][0]} {line.exact(s)}" for s in STAGES if line.exact(s))
        for line in board.products
    ]
    return "\n".join([head, people, *goods])
