"""What a lot's stream says of its beginning and of every gram that moves."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot, LotShare, Product
from marketplace.catalog.paper_models import LotPaper
from marketplace.trace.streams import Event, append, opaque, open_streams

Changes = Mapping[int, Mapping[int | None, int]]
"""Lot id → household (none: nobody's in particular) → base units by which its share grows, signed."""


def subject_of(lot_id: int) -> str:
    return f"lot:{lot_id}"


def whose(lot_id: int, household_id: int | None) -> str:
    """The code for a household in the lot's stream; empty for what is nobody's in particular."""
    return opaque(subject_of(lot_id), f"household:{household_id}") if household_id else ""


def open_stream(session: Session, lot: Lot, shares: Sequence[LotShare]) -> None:
    """The first event: what was verified, where from (a town, nothing smaller), whose it is."""
    subject = subject_of(lot.id)
    open_streams(session, {subject: lot.trace_code})
    product = session.get_one(Product, lot.product_id)
    data: dict[str, Any] = {
        "base": lot.verified,
        "from": lot.available_from.isoformat(),
        "grade": lot.grade,
        "product": product.code,
        "shares": shares_data(lot.id, {s.household_id: s.quantity_base for s in shares}),
        "town": f"{lot.region_code[:9]}000",
        "unit": product.base_unit,
        "until": lot.available_until.isoformat(),
    }
    append(session, [Event(subject, "opened", data)])


def shares_data(lot_id: int, shares: Mapping[int | None, int]) -> list[list[Any]]:
    """Code and base units of each, in order of the codes."""
    return sorted([whose(lot_id, household), base] for household, base in shares.items())


def taken_over_rows(
    lot: Any, shares: Mapping[int | None, int], movements: Sequence[Sequence[Any]]
) -> dict[str, Any]:
    """What migration 0013 hashed of a lot (its row) that was there before there were events. `movements`:
    id, kind and base units of each until then."""
    return {
        "code": lot.code,
        "grade": lot.grade,
        "household": lot.household_id or 0,
        "movements": [list(row) for row in movements],
        "organisation": lot.organisation_id or 0,
        "product": lot.product_id,
        "region": lot.region_code,
        "shares": sorted([household or 0, base] for household, base in shares.items()),
    }


def record_moved(
    session: Session, kind: str, quantities: Mapping[int, int], shares: Changes | None = None
) -> None:
    """Base units of lots that moved (lot id → base units), and by how much shares grew or fell."""
    events = []
    for lot_id, base in quantities.items():
        data: dict[str, Any] = {"base": base, "movement": kind}
        if shares and lot_id in shares:
            data["shares"] = shares_data(lot_id, shares[lot_id])
        if base:
            events.append(Event(subject_of(lot_id), "moved", data))
    append(session, events)


def record_shifted(
    session: Session, kinds: tuple[str, str], source: Lot, target: Lot, base: int, **more: Any
) -> None:
    """`base` units went from one lot into another: in each stream its kind, with the other's public code;
    what a lot gave is negative."""
    out, into = kinds
    append(
        session,
        [
            Event(subject_of(source.id), out, {"base": -base, "lot": target.trace_code, **more}),
            Event(subject_of(target.id), into, {"base": base, "lot": source.trace_code, **more}),
        ],
    )


def paper_code(paper: LotPaper) -> str:
    """The code for a paper in its lot's stream."""
    return opaque(subject_of(paper.lot_id), f"paper:{paper.code}")


def paper_data(paper: LotPaper) -> dict[str, Any]:
    """What is certified, by which paper; `file` is the hash of its photo."""
    return {
        "base": paper.quantity_base or 0,
        "basis": paper.basis,
        "file": paper.sha256,
        "kind": paper.kind,
        "on": paper.issued_on.isoformat(),
        "paper": paper_code(paper),
        "until": paper.valid_until.isoformat() if paper.valid_until else "",
    }


def record_certified(session: Session, paper: LotPaper) -> None:
    append(session, [Event(subject_of(paper.lot_id), "certified", paper_data(paper))])


def record_paper_set_aside(session: Session, paper: LotPaper) -> None:
    data = {"paper": paper_code(paper)}
    append(session, [Event(subject_of(paper.lot_id), "paper_set_aside", data)])
