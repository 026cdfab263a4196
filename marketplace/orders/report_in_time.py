"""Whether goods that were reported last until a round delivers, said while it can be corrected."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalog.models import SupplyReport
from marketplace.catalog.report_notes import report_note
from marketplace.core.clock import format_day
from marketplace.orders.round_models import Round


@report_note
def too_old_for_rounds(session: Session, report: SupplyReport) -> str:
    """Nothing when one of the open rounds delivers in time, or none is open."""
    first = session.scalar(
        select(Round)
        .where(Round.state == "open")
        .order_by(Round.delivers_on, Round.number)
        .limit(1)
    )
    if first is None or first.delivers_on <= report.available_until:
        return ""
    return (
        f"货只到{format_day(report.available_until)}，赶不上第 {first.number} 期"
        f"（{format_day(first.delivers_on)}配送）。真能放更久，就点“更正”，改“最晚哪天卖掉”。"
    )
