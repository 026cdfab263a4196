"""The round board: one query layer for page, paper, sheet and text, so that they cannot differ.

Stages by product and town, in base units. What is ordered names a listing, not a lot, until the
round is allocated; so `ordered` stands by product, and by town from the allocation on.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, String, case, func, literal, literal_column, select, union_all
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from marketplace.catalog.models import MADE_HERE, Lot, Product, SupplyReport
from marketplace.core.clock import now, shanghai_date
from marketplace.core.errors import NotFound
from marketplace.core.money import format_yuan
from marketplace.core.quantity import GRAMS_PER_JIN, format_quantity, mass_unit
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.collecting import due_column
from marketplace.orders.order_models import CHANNELS, COUNTED_STATES, Order, OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.orders.supporters import lots_offered, supported_behind
from marketplace.orders.weight_models import AcceptedWeight
from marketplace.regions.models import Region

STAGES = {
    "reported": ("登记", "全县截单前登记、没有撤回的量，只算本期上架的品种"),
    "verified": ("核实", "其中乡镇核实通过、成为批次的量，减去更正，也是全县的"),
    "offered": ("上架", "本期从批次里拿出来卖的量"),
    "ordered": ("已订", "没有取消、作废的订单要的量"),
    "allocated": ("分配", "截单后分到批次的量"),
}
LATER = ("收货", "验收", "到账")


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
        return format_quantity(base, "g", unit=mass_unit(max(map(abs, self.figures.values()))))

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
    for stage, product_id, town, base in session.execute(_stage_sums(found)):
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


def town_of(column: Any) -> ColumnElement[str]:
    """The code of the township that a village's code belongs to; constants, so that it can be grouped by."""
    return func.substr(column, literal_column("1"), literal_column("9")).concat(
        literal_column("'000'")
    )


def _products(found: Round) -> Select[int]:
    return select(Listing.product_id).where(Listing.round_id == found.id)


def reports_in(found: Round) -> list[Any]:
    """WHERE parts of what counts as reported for the round."""
    return [
        SupplyReport.product_id.in_(_products(found)),
        SupplyReport.state.in_(("submitted", "returned", "verified")),
        SupplyReport.submitted_at < found.closes_at,
        SupplyReport.available_until >= shanghai_date(found.opens_at),
    ]


def _stage_sums(found: Round) -> Any:
    """(stage, product, town or '', base units) of all stages in one statement."""
    return union_all(
        _reported(found), _verified(found), _offered(found), _ordered(found), _allocated(found)
    )


def _sum_by_town(stage: str, product: Any, region: Any, base: Any) -> Select[Any]:
    return select(literal(stage, String), product, town_of(region), func.sum(base)).group_by(
        product, town_of(region)
    )


def _reported(found: Round) -> Select[Any]:
    report = SupplyReport
    return _sum_by_town(
        "reported", report.product_id, report.region_code, report.quantity_base
    ).where(
        *reports_in(found), report.channel.not_in(MADE_HERE)
    )  # reported before, each on its own


def _verified(found: Round) -> Select[Any]:
    net = Lot.verified + Lot.surplus + Lot.adjusted
    return (
        _sum_by_town("verified", Lot.product_id, Lot.region_code, net)
        .join(SupplyReport, SupplyReport.id == Lot.report_id)
        .where(*reports_in(found))
    )


def _offered(found: Round) -> Select[Any]:
    return (
        _sum_by_town("offered", Lot.product_id, Lot.region_code, Commitment.quantity_base)
        .select_from(Lot)
        .join(Commitment, Commitment.lot_id == Lot.id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Listing.round_id == found.id)
    )


def _ordered(found: Round) -> Any:
    base = func.sum(OrderLine.packs * OrderLine.pack_base)
    return (
        select(literal("ordered", String), Listing.product_id, literal("", String), base)
        .join(OrderLine, OrderLine.listing_id == Listing.id)
        .join(Order, Order.id == OrderLine.order_id)
        .where(Order.round_id == found.id, Order.state.in_(COUNTED_STATES))
        .group_by(Listing.product_id)
    )


def _allocated(found: Round) -> Select[Any]:
    base = Allocation.packs * Listing.pack_base
    return (
        _sum_by_town("allocated", Lot.product_id, Lot.region_code, base)
        .select_from(Lot)
        .join(Allocation, Allocation.lot_id == Lot.id)
        .join(Commitment, Commitment.id == Allocation.commitment_id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .where(Listing.round_id == found.id)
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
