"""From an order line to lots and households and back: for anyone with a code, and for those who audit.

The public part says only what the public may know: a place by the small-village rule, a masked name
only with consent in force, what the farm gets from one pack and never a household's total.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.lot_papers import papers_of
from marketplace.catalog.models import MADE_HERE, Lot
from marketplace.catalog.paper_models import CERTIFICATE, PAPER_KINDS, LotPaper
from marketplace.catalog.public_supplier import public_supplier
from marketplace.catalog.words import amount_words
from marketplace.core.clock import shanghai_date
from marketplace.core.errors import NotFound
from marketplace.fulfilment.processing_pages import Processed, processed_of
from marketplace.orders.allocation_models import AllocationRun
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.orders.supporters import supported_behind
from marketplace.trace.proofs import Standing, events_of, standing_of


@dataclass(frozen=True)
class Step:
    title: str
    note: str
    state: str = "done"


@dataclass(frozen=True)
class PackShare:
    """What the farm gets from one pack of a listing."""

    title: str
    pack_name: str
    farmgate_fen: int
    service_fen: int
    freight_fen: int
    heaviest_g: int | None
    """By weight: the prices are for so many grams."""


@dataclass(frozen=True)
class PublicLot:
    lot: Lot
    place: str
    whose: str
    supported: int
    packs: list[PackShare]
    steps: list[Step]
    standing: Standing
    """How far what its stream says is sealed."""
    papers: list[LotPaper]
    processed: Sequence[Processed]

    @property
    def recalled(self) -> bool:
        return self.lot.state == "recalled"


def public_lot(session: Session, trace_code: str) -> PublicLot:
    """Everything that the page behind a box's code says; NotFound for a code nobody gave out."""
    lot = session.scalar(
        select(Lot)
        .where(Lot.trace_code == trace_code)
        .options(
            joinedload(Lot.product),
            joinedload(Lot.household),
            joinedload(Lot.organisation),
            joinedload(Lot.report),
        )
    )
    if lot is None:
        raise NotFound("没有这个溯源码，请核对纸上的字。")
    supplier = public_supplier(session, lot)
    processed = processed_of(session, lot)
    commitments = _commitments(session, lot.id)
    standing = standing_of(session, trace_code)
    return PublicLot(
        standing=standing,
        lot=lot,
        place=supplier.place,
        whose=supplier.whose,
        supported=_supported(session, lot),
        packs=_packs(commitments),
        steps=_steps(session, lot, commitments, processed),
        processed=processed,
        papers=[paper for paper in papers_of(session, lot.id) if paper.void_at is None],
    )


def _supported(session: Session, lot: Lot) -> int:
    """Distinct supported households behind the lot, on the day it was reported."""
    day = shanghai_date(lot.report.submitted_at)
    return supported_behind(session, [lot.id], day).households


def _commitments(session: Session, lot_id: int) -> list[Commitment]:
    return list(
        session.scalars(
            select(Commitment)
            .join(Listing, Listing.id == Commitment.listing_id)
            .join(Round, Round.id == Listing.round_id)
            .where(Commitment.lot_id == lot_id, Round.state.not_in(("draft", "cancelled")))
            .options(joinedload(Commitment.listing).joinedload(Listing.round))
            .order_by(Commitment.id)
        )
    )


def _packs(commitments: list[Commitment]) -> list[PackShare]:
    """One entry for each kind of pack, the newest price last offered."""
    found = {
        (c.listing.title, c.listing.pack_name): PackShare(
            c.listing.title,
            c.listing.pack_name,
            c.listing.farmgate_fen,
            c.listing.service_fen,
            c.listing.freight_fen,
            c.listing.band_high_base,
        )
        for c in commitments
    }
    return list(found.values())


def _steps(
    session: Session, lot: Lot, commitments: list[Commitment], processed: Sequence[Processed]
) -> list[Step]:
    """What has happened, in the order of time, and what is still to come."""
    report = lot.report
    told = f"帮扶联系人登记：{amount_words(report.quantity_base, lot.product)}"
    made_here = report.channel in MADE_HERE
    happened = [] if made_here else [(report.submitted_at, "登记", told)]
    if report.reviewed_at and lot.verified and not made_here:
        verified = f"乡镇核实 {amount_words(lot.verified, lot.product)}"
        happened.append((report.reviewed_at, "核实", verified))
    moments = _allocated_at(session, [c.listing_id for c in commitments])
    for commitment in commitments:
        found = commitment.listing.round
        goods = commitment.listing.full_title
        happened.append((commitment.committed_at, "上架", f"第 {found.number} 期 · {goods}"))
        if commitment.allocated_packs:
            words = f"第 {found.number} 期的订单分到 {commitment.allocated_packs} 份{goods}"
            happened.append((moments[commitment.listing_id], "分配", words))
    happened += _recorded(session, lot)
    happened += [(one.moment, "加工", f"{one.kind}：{one.words}") for one in processed]
    happened.sort(key=itemgetter(0))
    steps = {Step(f"{_day(moment)} {what}", words): None for moment, what, words in happened}
    done = {what for _, what, _ in happened}
    money = [what for _, what, _ in happened if what in {"付款", "银行退回"}]
    if money and money[-1] == "银行退回":
        done.discard("付款")
    if lot.state == "recalled":
        return list(steps)
    coming = {"送到": "发生以后记在这里", "付款": "送到以后付给农户"}
    return [
        *steps,
        *(Step(what, words, "todo") for what, words in coming.items() if what not in done),
    ]


def _recorded(session: Session, lot: Lot) -> list[tuple[datetime, str, str]]:
    """What the lot's stream says of delivery and money: when and how many packs, never a sum."""
    return [
        (datetime.fromtimestamp(event["at"], UTC), *told)
        for event in events_of(session, lot.trace_code)
        if (
            told := _shifted(lot, event["kind"], event["data"])
            or _told(event["kind"], event["data"])
        )
    ]


def _shifted(lot: Lot, kind: str, data: dict[str, Any]) -> tuple[str, str] | None:
    """Goods that went into another lot, or came from one."""
    if kind not in {"regraded", "pooled_into", "pooled_from"}:
        return None
    much = amount_words(abs(data["base"]), lot.product)
    if kind == "pooled_into":
        return "拼批", f"{much}和邻居的拼成一批"
    if kind == "pooled_from":
        return "拼批", f"一户拼进来 {much}"
    words = (
        f"{much}按{data['grade']}卖，另成一批"
        if data["base"] < 0
        else f"过磅时定为{data['grade']}，{much}"
    )
    return "改等级", words


def _allocated_at(session: Session, listing_ids: list[int]) -> dict[int, datetime]:
    rows = session.execute(
        select(AllocationRun.listing_id, func.max(AllocationRun.created_at))
        .where(AllocationRun.listing_id.in_(listing_ids), AllocationRun.undone_at.is_(None))
        .group_by(AllocationRun.listing_id)
    )
    return {listing_id: moment for listing_id, moment in rows}  # noqa: C416  # rows are no pairs to mypy


def _day(moment: datetime) -> str:
    day = shanghai_date(moment)
    return f"{day.month}月{day.day}日"


_WITH_PACKS = {
    "accepted": ("送到", "到了买家手里"),
    "rejected": ("拒收", "验收时没有收"),
    "returned": ("退回", "退了回来"),
}


def _told(kind: str, data: dict[str, Any]) -> tuple[str, str] | None:
    if kind in _WITH_PACKS:
        title, what = _WITH_PACKS[kind]
        return title, f"{sum(row[1] for row in data['packs'])} 份{what}"
    if kind == "paid" and data["collected"]:
        return "付款", "货款付到了代收的单位，等农户签收"
    if kind == "certified":
        paper = PAPER_KINDS.get(data["kind"], "证明")
        return ("开证" if data["kind"] == CERTIFICATE else "证明"), f"有了{paper}"
    words = {
        "paper_set_aside": ("作废", "一张证明作废了"),
        "recalled": ("召回", "县里收回这批货，没有卖的不卖了，卖出的退钱"),
        "weighed": ("过磅", "在集货点过了磅"),
        "paid": ("付款", "货款打到了农户的账户"),
        "came_back": ("银行退回", "货款没有到账，改好账户再付"),
        "received": ("签收", "农户签收了货款"),
    }
    return words.get(kind)
