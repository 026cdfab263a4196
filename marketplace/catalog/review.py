"""Verifying: one report after a look at it, or many at once with a drawn sample for the spot."""

from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot, ReportRevision, SupplyReport
from marketplace.catalog.reports import get_report, verify_report
from marketplace.core.clock import now
from marketplace.core.county_settings import county_number
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope

RETURN_REASONS = (
    "数量和村里核的不一样",
    "价格偏差大，请再问农户",
    "照片看不清，请重拍",
    "重复登记，请撤回一条",
    "可售日期不对",
)


@dataclass(frozen=True)
class Verdict:
    """What became of one report of a batch: verified, drawn for the spot, or refused and why."""

    report_id: int
    outcome: str  # verified, drawn, refused
    words: str = ""


def seen_token(report: SupplyReport) -> str:
    """Stands for what a report says: who verifies sends back the one of the page that was read."""
    said = (
        report.product_id, report.grade, report.quantity_base, report.asked_fen,
        report.asked_per_base, report.available_from, report.available_until,
        report.household_id, report.organisation_id,
    )  # fmt: skip
    return sha256(repr(said).encode()).hexdigest()[:12]


def drawn(receipt_no: str, percent: int) -> bool:
    """Whether a report is drawn for a check on the spot: by a hash of its number, which nobody
    chooses, so the same batch sent again draws the same ones."""
    return int(sha256(f"spot:{receipt_no}".encode()).hexdigest()[:8], 16) % 100 < percent


def verify_one(
    session: Session, actor: Actor, scope: Scope, report_id: int, seen: str, note: str = ""
) -> Lot:
    """Verify after a look at the page. A report drawn for the spot needs a note of what was seen."""
    report = _report_as_seen(session, actor, scope, report_id, seen)
    if report.spot_check and not note.strip():
        raise InvalidInput(
            "这条抽中现场看，请写一句看到了什么再核实。", code="spot_note", field="note"
        )
    if note.strip():
        session.add(
            ReportRevision(
                report_id=report.id,
                at=now(),
                by_id=actor.user_id,
                note=f"现场看过：{note.strip()}"[:200],
                before="{}",
            )
        )
    return verify_report(session, actor, report)


def verify_in_batch(
    session: Session, actor: Actor, scope: Scope, report_id: int, seen: str
) -> Verdict:
    """One report of a batch: verified, unless it is drawn for a check on the spot."""
    report = _report_as_seen(session, actor, scope, report_id, seen)
    if not report.spot_check and drawn(
        report.receipt_no, county_number(session, "spot_check_percent")
    ):
        report.spot_check = True
        audit.record(session, actor, "report_drawn", "supply_report", report.id)
    if report.spot_check:
        return Verdict(report.id, "drawn", "抽中现场看，看过后在这条登记里核实。")
    verify_report(session, actor, report)
    return Verdict(report.id, "verified")


def _report_as_seen(
    session: Session, actor: Actor, scope: Scope, report_id: int, seen: str
) -> SupplyReport:
    report = get_report(session, scope, report_id)
    session.refresh(report, with_for_update=True)
    if report.state != "submitted":
        raise Conflict("这条登记刚刚变了，请刷新再看。", code="wrong_state")
    if seen_token(report) != seen:
        raise Conflict("这条登记刚被更正过，请再看一眼。", code="changed")
    corrected = session.scalar(
        select(
            exists().where(
                ReportRevision.report_id == report.id, ReportRevision.by_id.in_(actor.principals)
            )
        )
    )
    if corrected:
        raise Conflict("您改过这条登记，要请别人核实。", code="own_report")
    return report
