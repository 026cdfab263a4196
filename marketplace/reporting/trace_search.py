"""What somebody types or scans at the trace page, and which page it names."""

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot, SupplyReport
from marketplace.core.codes import ALPHABET
from marketplace.core.errors import NotFound
from marketplace.fulfilment.models import PreparationSheet
from marketplace.identity.actor import Actor
from marketplace.identity.permissions import LOT_VIEW, SHEET_VIEW, TRACE_VIEW
from marketplace.reporting.sales import sales_of_order

_NUMBER = re.compile(rf"([BDL])(\d{{6}})-?([{ALPHABET}]{{6}})")
_CODE = re.compile(rf"[{ALPHABET}]{{12}}")

Page = tuple[str, dict[str, str | int]]
"""An endpoint with its values."""


def is_box_code(code: str) -> bool:
    return _CODE.fullmatch(code) is not None


def is_sheet_code(session: Session, code: str) -> bool:
    """Whether it stands on a preparation sheet: whoever holds the paper takes that for a box's code."""
    named = select(PreparationSheet.id).where(PreparationSheet.code == code)
    return session.scalar(named) is not None


def find_page(session: Session, actor: Actor, code: str) -> Page | None:
    """The page of a report, an order, a lot or a sheet in this person's reach, or that behind a box's code."""
    if number := _NUMBER.fullmatch(code):
        letter, day, rest = number.groups()
        whole = f"{letter}{day}-{rest}"
        return {"B": _report, "D": _order, "L": _lot}[letter](session, actor, whole)
    if not is_box_code(code):
        return None
    if session.scalar(select(Lot.id).where(Lot.trace_code == code)) is not None:
        return "trace.show", {"code": code}
    return _sheet(session, actor, code)


def ways_on(session: Session, actor: Actor, lot_id: int) -> list[tuple[str, Page]]:
    """From the public page of a lot to those of the county, each with its words, for who reaches it there."""
    pages: tuple[tuple[str, str, str], ...] = (
        (LOT_VIEW, "lots.detail", "这批货的账和证明"),
        (TRACE_VIEW, "trace.lot", "这批货卖给了谁"),
    )
    return [
        (words, (endpoint, {"lot_id": lot_id}))
        for permission, endpoint, words in pages
        if actor.may(permission)
        and (endpoint == "trace.lot" or actor.scope_for(permission).regions)
        and session.scalar(
            actor.scope_for(permission).visible(select(Lot.id)).where(Lot.id == lot_id)
        )
    ]


def _report(session: Session, actor: Actor, receipt_no: str) -> Page | None:
    """What became of a report is told by its lot; before there is one, nothing can be traced."""
    mine = actor.scope_for(TRACE_VIEW).visible(select(Lot.id))
    reported = mine.join(SupplyReport, SupplyReport.id == Lot.report_id)
    lot_id = session.scalar(reported.where(SupplyReport.receipt_no == receipt_no))
    return None if lot_id is None else ("trace.lot", {"lot_id": lot_id})


def _order(session: Session, actor: Actor, number: str) -> Page | None:
    scope = actor.scope_for(TRACE_VIEW)
    if not scope.regions:
        return None
    try:
        sales_of_order(session, scope, number)
    except NotFound:
        return None
    return "trace.order", {"number": number}


def _lot(session: Session, actor: Actor, code: str) -> Page | None:
    mine = actor.scope_for(TRACE_VIEW).visible(select(Lot.id))
    lot_id = session.scalar(mine.where(Lot.code == code))
    return None if lot_id is None else ("trace.lot", {"lot_id": lot_id})


def _sheet(session: Session, actor: Actor, code: str) -> Page | None:
    if not actor.may(SHEET_VIEW):
        return None
    mine = actor.scope_for(SHEET_VIEW).visible(select(PreparationSheet.id))
    sheet_id = session.scalar(mine.where(PreparationSheet.code == code))
    return None if sheet_id is None else ("sheets.sheet", {"sheet_id": sheet_id})
