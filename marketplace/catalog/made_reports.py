"""The report that stands for a lot made of other lots: its goods were reported and verified before."""

import uuid
from collections.abc import Mapping
from datetime import date

from sqlalchemy.orm import Session

from marketplace.catalog.models import Product, ReportShare, SupplyReport
from marketplace.catalog.words import amount_words
from marketplace.core.clock import now, today
from marketplace.core.codes import dated_code
from marketplace.identity.actor import Actor


def made_report(
    session: Session,
    actor: Actor,
    product: Product,
    whose: Mapping[int | None, int],
    *,
    until: date,
    **columns: object,
) -> SupplyReport:
    """`whose`: household → base units, which together are the lot; only an organisation's report keeps
    them. `columns`: supplier, region_code, grade, asked price, cause, channel."""
    moment, base = now(), sum(whose.values())
    report = SupplyReport(
        client_uuid=str(uuid.uuid4()),
        receipt_no=dated_code("B", moment),
        state="verified",
        product_id=product.id,
        typed_quantity=amount_words(base, product),
        quantity_base=base,
        available_from=today(),
        available_until=until,
        submitted_by_id=actor.user_id,
        submitted_at=moment,
        reviewed_by_id=actor.user_id,
        reviewed_at=moment,
        **columns,
    )
    session.add(report)
    session.flush()
    if report.organisation_id:
        session.add_all(
            ReportShare(report_id=report.id, household_id=household, quantity_base=part)
            for household, part in whose.items()
            if part
        )
        session.flush()
    session.refresh(report)
    return report
