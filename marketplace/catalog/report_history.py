"""What happened to a report, in the words of a page."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalog.models import ReportRevision, SupplyReport
from marketplace.catalog.words import price_words
from marketplace.core.clock import format_when
from marketplace.identity.audit import AuditRow

REPORT_STATES = {
    "draft": ("草稿", "plain"),
    "submitted": ("等核实", "sky"),
    "returned": ("已退回", "warn"),
    "verified": ("已核实", "leaf"),
    "withdrawn": ("已撤回", "plain"),
}
_LABELS = {
    "grade": "等级",
    "typed_quantity": "数量",
    "available_from": "可卖日",
    "available_until": "最晚日",
    "cause": "原因",
    "measures": "办法",
}
_CHANGED = {"product_id": "品种", "household_id": "户", "organisation_id": "主体"}


@dataclass(frozen=True)
class Step:
    """For the timeline macro."""

    title: str
    note: str
    state: str = "done"


def history(session: Session, report: SupplyReport) -> list[Step]:
    """Oldest first; `submitted_by`, `reviewed_by`, `revisions` and their `by` should be loaded."""
    revisions = sorted(report.revisions, key=lambda revision: revision.id)
    steps = [
        Step(f"{format_when(_entered_at(session, report))} 登记", report.submitted_by.display_name)
    ]
    steps += [_revision_step(report, revision) for revision in revisions]
    if report.reviewed_at and report.reviewed_by and report.state in {"verified", "returned"}:
        word = "核实" if report.state == "verified" else "退回"
        reason = f"：{report.return_reason}" if report.state == "returned" else ""
        steps.append(
            Step(
                f"{format_when(report.reviewed_at)} {word}",
                f"{report.reviewed_by.display_name}{reason}",
            )
        )
    if report.state == "submitted":
        steps.append(Step("等乡镇核实", "", "now"))
    if report.state == "withdrawn":
        steps.append(Step("已撤回", ""))
    return steps


def _entered_at(session: Session, report: SupplyReport) -> datetime:
    """`submitted_at` is the last time; a report that was corrected has its first in the trail."""
    if not report.revisions:
        return report.submitted_at
    first = session.scalar(
        select(AuditRow.at)
        .where(
            AuditRow.action == "report_submitted",
            AuditRow.subject == "supply_report",
            AuditRow.subject_id == str(report.id),
        )
        .order_by(AuditRow.id)
        .limit(1)
    )
    return first or report.submitted_at


def _revision_step(report: SupplyReport, revision: ReportRevision) -> Step:
    before = json.loads(revision.before)
    said = _was(report, before)
    title = f"{format_when(revision.at)} {'更正' if before else '记录'}"
    note = "；".join(filter(None, (revision.by.display_name, revision.note, said)))
    return Step(title, note)


def _was(report: SupplyReport, before: dict[str, Any]) -> str:
    """`原来：数量 300斤，价格 1.50 元/斤`."""
    parts = [f"{label} {before[name] or '空'}" for name, label in _LABELS.items() if name in before]
    if "asked_fen" in before and "product_id" not in before:
        per = before.get("asked_per_base", report.asked_per_base)
        parts.append(f"价格 {price_words(before['asked_fen'], per, report.product)}")
    parts += [f"改了{label}" for name, label in _CHANGED.items() if name in before]
    return f"原来：{'、'.join(parts)}" if parts else ""
