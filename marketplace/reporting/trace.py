"""From an order line to lots and households and back: for anyone with a code, and for those who audit.

The public part says only what the public may know: a place by the small-village rule, a masked name
only with consent in force, what the farm gets from one pack and never a household's total.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.lot_papers import papers_of
from marketplace.catalog.models import MADE_HERE, Lot
from marketplace.catalog.paper_models import LotPaper
from marketplace.catalog.public_supplier import public_supplier
from marketplace.catalog.words import amount_words
from marketplace.core.clock import shanghai_date, today
from marketplace.core.errors import NotFound
from marketplace.fulfilment.processing_pages import Processed, processed_of
from marketplace.orders.allocation_models import AllocationRun
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.orders.supporters import supported_behind
from marketplace.reporting.trace_words import Told, recorded
from marketplace.trace.proofs import Standing, events_of, standing_of


@dataclass(frozen=True)
class Step:
    title: str
    note: str
    state: str = "done"
    undone: str = ""
    """What became of it, where it holds no more."""


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
    """Distinct households: as they were when goods were accepted, else as they are today."""
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
        supported=supported_behind(session, [lot.id], today()).households,
        packs=_packs(commitments),
        steps=_steps(session, lot, commitments, processed),
        processed=processed,
        papers=[paper for paper in papers_of(session, lot.id) if paper.void_at is None],
    )


def _commitments(session: Session, lot_id: int) -> list[Commitment]:
    return list(
        session.scalars(
            select(Commitment)
            .join(Listing, Listing.id == Commitment.listing_id)
            .join(Round, Round.id == Listing.round_id)
            .where(Commitment.lot_id == lot_id, Round.state != "draft")
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
        if c.listing.round.state != "cancelled"
    }
    return list(found.values())


def _steps(
    session: Session, lot: Lot, commitments: list[Commitment], processed: Sequence[Processed]
) -> list[Step]:
    """What has happened, in the order of time, and what is still to come."""
    report = lot.report
    told = f"帮扶联系人登记：{amount_words(report.quantity_base, lot.product)}"
    made_here = report.channel in MADE_HERE
    happened = [] if made_here else [Told(report.submitted_at, "登记", told)]
    if report.reviewed_at and lot.verified and not made_here:
        verified = f"乡镇核实 {amount_words(lot.verified, lot.product)}"
        happened.append(Told(report.reviewed_at, "核实", verified))
    happened += [_offered(commitment) for commitment in commitments]
    events = events_of(session, lot.trace_code)
    happened += _allocated_before(session, commitments, events)
    goods = {c.listing_id: (c.listing.round.number, c.listing.full_title) for c in commitments}
    happened += recorded(lot, events, goods)
    happened += [Told(one.moment, "加工", f"{one.kind}：{one.words}") for one in processed]
    happened.sort(key=lambda one: int(one.moment.timestamp()))  # events know whole seconds
    steps = dict.fromkeys(
        Step(
            f"{_day(one.moment)} {one.title}",
            one.words,
            "undone" if one.undone else "done",
            one.undone,
        )
        for one in happened
    )
    done = {one.title for one in happened if not one.undone}
    money = [one.title for one in happened if one.title in {"付款", "银行退回"}]
    if money and money[-1] == "银行退回":
        done.discard("付款")
    if lot.state == "recalled":
        return list(steps)
    coming = {"送到": "发生以后记在这里", "付款": "送到以后付给农户"}
    return [
        *steps,
        *(Step(what, words, "todo") for what, words in coming.items() if what not in done),
    ]


def _offered(commitment: Commitment) -> Told:
    found, undone = commitment.listing.round, ""
    if found.state == "cancelled":
        undone = "这一期后来取消了"
    elif not commitment.quantity_base:
        undone = "后来撤下了"
    words = f"第 {found.number} 期 · {commitment.listing.full_title}"
    return Told(commitment.committed_at, "上架", words, undone)


def _allocated_before(
    session: Session, commitments: Sequence[Commitment], events: Sequence[Mapping[str, Any]]
) -> list[Told]:
    """What orders got of a lot before there were events, from the rows."""
    told = {event["data"]["listing"] for event in events if event["kind"] == "allocated"}
    rows = [c for c in commitments if c.allocated_packs and c.listing_id not in told]
    moments = _allocated_at(session, [row.listing_id for row in rows]) if rows else {}
    return [
        Told(
            moments[row.listing_id],
            "分配",
            f"第 {row.listing.round.number} 期的订单分到 {row.allocated_packs} 份{row.listing.full_title}",
        )
        for row in rows
    ]


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
