"""The register of incoming goods (进货查验) that a canteen keeps: one row for each line and lot received.

Columns and the two years for which it is kept: domain.md, produce and papers.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot, Product
from marketplace.catalog.paper_models import CERTIFICATE, INSPECTION, LotPaper
from marketplace.catalog.words import amount_words
from marketplace.core.clock import local_day_end, local_day_start, shanghai_date
from marketplace.core.quantity import format_quantity
from marketplace.fulfilment.delivery_models import ENDS, ON_THE_WAY, Delivery
from marketplace.households.public_place import public_villages
from marketplace.identity.scope import Scope
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.round_models import Listing
from marketplace.orders.weight_models import AcceptedWeight

HEADINGS = (
    "进货日期", "产品", "规格", "收到", "没有收", "批次", "生产（上市）日期", "保质期到", "供货者", "地址",
    "电话", "合格证号", "检疫证明号", "验收结论", "验收人", "订单号",
)  # fmt: skip
MOST = 5000
NAMED = (CERTIFICATE, INSPECTION)
"""Kinds of papers whose numbers the register has."""


@dataclass(frozen=True)
class Received:
    """One row of the register; quantities in words, in the unit people use."""

    day: date
    product: str
    spec: str
    got: str
    rejected: str
    lot_code: str
    made_on: date
    good_until: date
    supplier: str
    place: str
    phone: str
    certificate: str
    inspection: str
    verdict: str
    inspectors: str
    order_number: str
    trace_code: str

    def cells(self) -> list[str]:
        """In the order of HEADINGS."""
        return [
            self.day.isoformat(), self.product, self.spec, self.got, self.rejected, self.lot_code,
            self.made_on.isoformat(), self.good_until.isoformat(), self.supplier, self.place, self.phone, self.certificate, self.inspection, self.verdict, self.inspectors,
            self.order_number,
        ]  # fmt: skip


def received(
    session: Session, scope: Scope, since: date, until: date, *, phone: str
) -> list[Received]:
    """What canteens in reach received from one day to another, the newest first. `phone`: where one asks
    about a household, which has none of its own on paper."""
    mine = scope.visible(select(Order)).with_only_columns(Order.id)
    rows = session.execute(_statement(mine, since, until)).all()
    places = public_villages(session, {lot.region_code for _, lot, *_ in rows})
    papers = _papers(session, {lot.id for _, lot, *_ in rows})
    return [
        _row(
            line,
            lot,
            delivery,
            (int(packs), int(missing), int(grams)),
            places[lot.region_code].words,
            {kind: _counted_at(papers[lot.id, kind], delivery.ended_at) for kind in NAMED},
            phone,
        )
        for line, lot, delivery, packs, missing, grams in rows
    ]


def _statement(
    mine: Select[int], since: date, until: date
) -> Select[OrderLine, Lot, Delivery, int, int, int]:
    """The last are packs that were sent, of these not accepted, and grams of what was accepted by weight."""
    missing = (
        select(func.coalesce(func.sum(GoodsReturn.packs), 0))
        .where(GoodsReturn.order_line_id == OrderLine.id, GoodsReturn.lot_id == Lot.id)
        .where(GoodsReturn.stage == "acceptance")
        .correlate(OrderLine, Lot)
        .scalar_subquery()
    )
    grams = (
        select(func.coalesce(func.sum(AcceptedWeight.grams), 0))
        .where(AcceptedWeight.order_line_id == OrderLine.id, AcceptedWeight.lot_id == Lot.id)
        .where(AcceptedWeight.goods_return_id.is_(None))
        .correlate(OrderLine, Lot)
        .scalar_subquery()
    )
    return (
        select(OrderLine, Lot, Delivery, func.sum(Allocation.packs), missing, grams)
        .join(Allocation, Allocation.order_line_id == OrderLine.id)
        .join(Lot, Lot.id == Allocation.lot_id)
        .join(Delivery, Delivery.order_id == OrderLine.order_id)
        .where(
            OrderLine.order_id.in_(mine),
            Delivery.state.not_in(ON_THE_WAY),
            Delivery.ended_at >= local_day_start(since),
            Delivery.ended_at < local_day_end(until),
        )
        .options(
            joinedload(OrderLine.listing).joinedload(Listing.product),
            joinedload(OrderLine.order),
            joinedload(Lot.organisation),
            joinedload(Lot.household),
            joinedload(Delivery.ended_by),
        )
        .group_by(OrderLine.id, Lot.id, Delivery.id)
        .order_by(Delivery.ended_at.desc(), OrderLine.id, Lot.id)
        .limit(MOST)
    )


def _papers(
    session: Session, lots: Collection[int]
) -> defaultdict[tuple[int, str], list[tuple[str, datetime, datetime | None]]]:
    """Lot id and kind → its papers, the newest first: number, since when and until when it counted."""
    rows = session.execute(
        select(LotPaper.lot_id, LotPaper.kind, LotPaper.number, LotPaper.at, LotPaper.void_at)
        .where(LotPaper.lot_id.in_(lots), LotPaper.kind.in_(NAMED))
        .order_by(LotPaper.id.desc())
    )
    found: defaultdict[tuple[int, str], list[tuple[str, datetime, datetime | None]]] = defaultdict(
        list
    )
    for lot_id, kind, number, at, void_at in rows:
        found[lot_id, kind].append((number, at, void_at))
    return found


def _counted_at(
    papers: Sequence[tuple[str, datetime, datetime | None]], moment: datetime | None
) -> str:
    """The one that counted when the goods were accepted, whatever became of it: a register does not change."""
    for number, at, void_at in papers:
        if moment is not None and at <= moment and (void_at is None or void_at > moment):
            return f"{number}（后来作废）" if void_at else number
    return ""


def _got(base: int, grams: int, product: Product) -> str:
    if not grams:
        return amount_words(base, product)
    weight = format_quantity(grams, "g", unit="斤")
    return f"{amount_words(base, product)}，{weight}" if product.base_unit == "piece" else weight


def _verdict(state: str, packs: int, rejected: int) -> str:
    """Of this line and lot; what became of the order's others is theirs."""
    if not rejected:
        return ENDS["accepted"]
    return (
        "部分没有收"
        if rejected < packs
        else ENDS["not_collected" if state == "not_collected" else "refused"]
    )


def _row(
    line: OrderLine,
    lot: Lot,
    delivery: Delivery,
    counts: tuple[int, int, int],
    place: str,
    numbers: Mapping[str, str],
    phone: str,
) -> Received:
    """`counts`: packs sent, of these rejected, grams accepted by weight; `numbers`: of papers, by kind; `phone`:
    whom to call."""
    packs, rejected, grams = counts
    product = line.listing.product
    by = delivery.ended_by.display_name if delivery.ended_by else ""
    return Received(
        day=shanghai_date(delivery.ended_at or line.order.placed_at),
        product=line.listing.title,
        spec=line.listing.pack_name,
        got=_got((packs - rejected) * line.pack_base, grams, product),
        rejected=amount_words(rejected * line.pack_base, product) if rejected else "",
        lot_code=lot.code,
        made_on=lot.available_from,
        good_until=lot.available_until,
        supplier=lot.organisation.name if lot.organisation else f"{place}农户，县平台代办",
        place=place,
        phone=phone,
        certificate=numbers[CERTIFICATE],
        inspection=numbers[INSPECTION],
        verdict=_verdict(delivery.state, packs, rejected),
        inspectors="、".join(
            name for name in (delivery.inspector or by, delivery.second_inspector) if name
        ),
        order_number=line.order.number,
        trace_code=lot.trace_code,
    )
