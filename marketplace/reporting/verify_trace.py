"""The checks of `marketplace verify` that hold the streams of events against the books."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from marketplace.catalog.lot_events import (
    paper_code,
    paper_data,
    shares_data,
    taken_over_rows,
    whose,
)
from marketplace.catalog.models import Lot, LotMovement, LotShare, ReportShare
from marketplace.catalog.paper_models import LotPaper
from marketplace.reporting.verify_holds import HOLD_EVENTS, HoldBooks
from marketplace.reporting.verify_opened import begins_once, lot_id_of, lot_rows, unlike_beginning
from marketplace.reporting.verify_paid import PAID_EVENTS, Paid, PaidBooks
from marketplace.reporting.verify_processing import (
    PROCESSING_EVENTS,
    ProcessingBooks,
    said_of,
)
from marketplace.reporting.verify_processing import Said as Processed
from marketplace.reporting.verify_scales import SHIFT_EVENTS, ScaleBooks
from marketplace.reporting.verify_sold import SOLD_EVENTS, Sold, SoldBooks
from marketplace.reporting.verify_support import SupportBooks
from marketplace.trace.canonical import canonical, sha256
from marketplace.trace.walking import Walked, broken_seals, walk

LOTS_AT_ONCE = 500


@dataclass
class Said:
    """What a lot's stream comes to."""

    taken_over: dict[str, Any] | None = None
    opened: dict[str, Any] | None = None
    moved: Counter[str] = field(default_factory=Counter)
    sold: Sold = field(default_factory=Sold)
    paid: Paid = field(default_factory=Paid)
    papers: list[Mapping[str, Any]] = field(default_factory=list)
    set_aside: set[str] = field(default_factory=set)
    """Codes of papers that count no more."""
    shares: Counter[str] = field(default_factory=Counter)
    """By how much shares have grown since, by code; signed."""
    shifted: list[tuple[str, str, int]] = field(default_factory=list)
    """Kind, the other lot's code, base units: negative for what it gave."""
    processed: list[Processed] = field(default_factory=list)
    weighed: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """By the number on the receipt."""
    held: dict[str, str] = field(default_factory=dict)
    """Code of a hold that keeps the lot → its cause."""
    freed: set[str] = field(default_factory=set)
    """Codes of holds that were lifted."""
    recalled: bool = False
    recalled_with: str = ""
    """The code of the lot its goods came from, where they were recalled with that one."""


def said_by(walked: Walked) -> Said:
    said = Said()
    for event in walked.events:
        kind, data = event["kind"], event["data"]
        if kind in SOLD_EVENTS:
            said.sold.note(kind, data)
        elif kind in PAID_EVENTS:
            said.paid.note(kind, data)
        elif kind in HOLD_EVENTS:
            _held(said, kind, data)
        elif kind in SHIFT_EVENTS:
            said.shifted.append((SHIFT_EVENTS[kind], data["lot"], data["base"]))
        elif kind in PROCESSING_EVENTS:
            said.processed.append(said_of(kind, data))
        else:
            _note(said, kind, data)
    return said


def _note(said: Said, kind: str, data: dict[str, Any]) -> None:
    if kind == "taken_over":
        said.taken_over = data
    elif kind == "opened":
        said.opened = data
    elif kind == "moved":
        _moved(said, data)
    elif kind == "recalled":
        said.recalled, said.recalled_with = True, data.get("lot", "")
    elif kind == "weighed":
        said.weighed[data["receipt"]] = data
    elif kind == "certified":
        said.papers.append(data)
    elif kind == "paper_set_aside":
        said.set_aside.add(data["paper"])


def _moved(said: Said, data: Mapping[str, Any]) -> None:
    said.moved[data["movement"]] += data["base"]
    for who, base in data.get("shares", []):
        said.shares[who] += base


def _held(said: Said, kind: str, data: Mapping[str, Any]) -> None:
    if kind == "held":
        said.held[data["hold"]] = data["cause"]
    else:
        del said.held[data["hold"]]
        said.freed.add(data["hold"])


def broken_streams(session: Session) -> Iterator[str]:
    """The first wrong row of each stream that does not fit together."""
    yield from (walked.fault for walked in walk(session) if walked.fault)


def lots_unlike(session: Session) -> Iterator[str]:
    """Lots whose rows say otherwise than their streams, and lots without a stream."""
    streams = walk(session)
    seen = 0
    while some := list(islice(streams, LOTS_AT_ONCE)):
        seen += len(some)
        yield from _unlike(session, [one for one in some if not one.fault])
    if seen < (session.scalar(select(func.count()).select_from(Lot)) or 0):
        yield "有批次没有记录"


def _unlike(session: Session, some: Sequence[Walked]) -> Iterator[str]:
    """A row that cannot be read at all is looked for among ever fewer lots, and named by its lot."""
    try:
        found = list(_of_lots(session, some))
    except (ArithmeticError, LookupError, TypeError, ValueError):
        if len(some) == 1:
            found = [f"溯源码 {some[0].code}：账上有读不懂的行"]
        else:
            half = len(some) // 2
            found = [*_unlike(session, some[:half]), *_unlike(session, some[half:])]
    yield from found


def _of_lots(session: Session, some: Sequence[Walked]) -> Iterator[str]:
    ids = {one.code: lot_id_of(one.subject) for one in some}
    known = [lot_id for lot_id in ids.values() if lot_id]
    lots, books = lot_rows(session, known), _Books(session, known)
    for one in some:
        lot = lots.get(ids[one.code])
        if lot is None:
            yield f"溯源码 {one.code}：没有这批货"
        elif words := _compared(books, lot, one):
            yield f"批次 {lot.code}：{words}"


def _compared(books: "_Books", lot: Any, one: Walked) -> str:
    if not begins_once(one):
        return "开头的记录不在开头"
    try:
        said = said_by(one)
        if said.recalled != (lot.state == "recalled") or not _came_from(said):
            return "召回和记录不一样"
        return books.unlike(lot, said, one)
    except (KeyError, TypeError, ValueError):  # a chain that fits, of events that say nothing
        return "记录读不懂"


def _came_from(said: Said) -> bool:
    """What was recalled with another lot has goods of that one."""
    came = {code for _, code, base in said.shifted if base > 0}
    came |= {code for _, code, base, _ in said.processed if base > 0}
    return not said.recalled_with or said.recalled_with in came


class _Books:
    """What the rows of some lots say."""

    def __init__(self, session: Session, ids: Sequence[int]) -> None:
        self._shares: defaultdict[int, dict[int | None, int]] = defaultdict(dict)
        for share in session.execute(select(*LotShare.__table__.c).where(LotShare.lot_id.in_(ids))):
            self._shares[share.lot_id][share.household_id] = share.quantity_base
        self._moved: defaultdict[int, list[list[Any]]] = defaultdict(list)
        self._sold_at: defaultdict[int, list[datetime]] = defaultdict(list)
        for lot_id, at, *row in session.execute(
            select(
                LotMovement.lot_id,
                LotMovement.at,
                LotMovement.id,
                LotMovement.kind,
                LotMovement.quantity_base,
            )
            .where(LotMovement.lot_id.in_(ids))
            .order_by(LotMovement.id)
        ):
            self._moved[lot_id].append(row)
            if row[1] == "sold":
                self._sold_at[lot_id].append(at)
        self._papers: defaultdict[int, list[LotPaper]] = defaultdict(list)
        for paper in session.scalars(
            select(LotPaper).where(LotPaper.lot_id.in_(ids)).order_by(LotPaper.id)
        ):
            self._papers[paper.lot_id].append(paper)
        self._session = session
        self._scales = ScaleBooks(session, ids)
        self._processing = ProcessingBooks(session, ids)
        self._holds = HoldBooks(session, ids)
        self._support = SupportBooks(session, ids)
        self._sold = SoldBooks(session, ids)
        self._paid = PaidBooks(session, ids)

    def unlike(self, lot: Any, said: Said, one: Walked) -> str:
        """The first thing in which a lot's rows differ, in words."""
        if words := unlike_beginning(lot, one, said.opened) or self._whose_otherwise(lot, said):
            return words
        since = said.taken_over["last_movement"] if said.taken_over else 0
        moved: Counter[str] = Counter()
        for number, kind, base in self._moved[lot.id]:
            moved[kind] += base if number > since else 0
        if moved != said.moved:
            return "流水和记录不一样"
        if self._papers_unlike(lot.id, said):
            return "证明和记录不一样"
        return (
            self._scales.unlike(lot.id, said.weighed, said.shifted)
            or self._processing.unlike(lot.id, said.processed)
            or self._holds.unlike(lot, said.held, said.freed)
            or self._support.unlike(lot.id, self._sold_at[lot.id])
            or self._sold_otherwise(lot.id, said)
        )

    def _whose_otherwise(self, lot: Any, said: Said) -> str:
        if said.opened and not self._whose_as_said(lot.id, said.opened, said.shares):
            return "是谁的和记录不一样"
        if said.taken_over and not self._as_taken_over(lot, said.taken_over, said.shares):
            return "接管以前的行改过"
        if lot.household_id and self._shares[lot.id].keys() - {lot.household_id}:
            return "供货人和份额不一样"
        return ""

    def _whose_as_said(
        self, lot_id: int, opened: Mapping[str, Any], changes: Mapping[str, int]
    ) -> bool:
        said = Counter({who: base for who, base in opened["shares"]})  # noqa: C416  # pairs are lists
        said.update(changes)
        return sorted([who, base] for who, base in said.items() if base) == shares_data(
            lot_id, self._shares[lot_id]
        )

    def _sold_otherwise(self, lot_id: int, said: Said) -> str:
        """A lot that was taken over has sold before there were events, and had shares that they do not name."""
        if said.opened is None:
            return self._paid.unlike(lot_id, said.paid, None)
        holders = {who for who, _ in said.opened["shares"]} | said.shares.keys()
        return self._sold.unlike(lot_id, said.sold) or self._paid.unlike(lot_id, said.paid, holders)

    def _papers_unlike(self, lot_id: int, said: Said) -> bool:
        rows = self._papers[lot_id]
        aside = {paper_code(row) for row in rows if row.void_at is not None}
        return said.papers != [paper_data(row) for row in rows] or said.set_aside != aside

    def _as_taken_over(self, lot: Any, data: Mapping[str, Any], changes: Mapping[str, int]) -> bool:
        moved = [row for row in self._moved[lot.id] if row[0] <= data["last_movement"]]
        rows = taken_over_rows(lot, self._shares_before(lot, changes), moved)
        return bool(data["rows"] == sha256(canonical(rows)))

    def _shares_before(self, lot: Any, changes: Mapping[str, int]) -> dict[int | None, int]:
        """Shares without what was added since; a household that has none any more was in the report."""
        shares = dict(self._shares[lot.id])
        if not changes:
            return shares
        reported = select(ReportShare.household_id).where(ReportShare.report_id == lot.report_id)
        known = {*shares, lot.household_id, None, *self._session.scalars(reported)}
        by_code = {whose(lot.id, household): household for household in known}
        for code, base in changes.items():
            shares[by_code[code]] = shares.get(by_code[code], 0) - base
        return {household: base for household, base in shares.items() if base}


TRACE_CHECKS = (
    ("溯源记录接不上", broken_streams),
    ("封印对不上", broken_seals),
    ("溯源记录与账目不符", lots_unlike),
)
