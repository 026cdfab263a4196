"""What the rows of some lots say of their beginning, beside what the first event of their streams says."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Lot, Product, SupplyReport
from marketplace.trace.walking import Walked

BEGINNINGS = {"opened", "taken_over"}
"""Events with which a stream begins, and that stand nowhere else."""


def lot_id_of(subject: str) -> int:
    """Of a stream; 0 for one that is no lot's."""
    found = re.fullmatch("lot:([1-9][0-9]{0,17})", subject)
    return int(found[1]) if found else 0


def begins_once(one: Walked) -> bool:
    """Another beginning would say anew whose all of it is."""
    first = [event["kind"] in BEGINNINGS for event in one.events]
    return first[:1] == [True] and not any(first[1:])


def lot_rows(session: Session, ids: Sequence[int]) -> dict[int, Any]:
    """Rows of lots by id, with what their product and report say."""
    rows = session.execute(
        select(
            *Lot.__table__.c,
            Product.code.label("product_code"),
            Product.base_unit,
            SupplyReport.product_id.label("reported_product"),
            SupplyReport.household_id.label("reporting_household"),
            SupplyReport.organisation_id.label("reporting_organisation"),
        )
        .outerjoin(Product, Product.id == Lot.product_id)
        .outerjoin(SupplyReport, SupplyReport.id == Lot.report_id)
        .where(Lot.id.in_(ids))
    )
    return {row.id: row for row in rows}


def unlike_beginning(lot: Any, one: Walked, opened: Mapping[str, Any] | None) -> str:
    """What differs, in words. None of it is ever changed."""
    if lot.trace_code != one.code:
        return "溯源码和记录不一样"
    rows = _as_opened(lot)
    if opened and any(rows[key] != said for key, said in opened.items() if key in rows):
        return "品种、等级、产地或可售日和记录不一样"
    reported = lot.reporting_household, lot.reporting_organisation, lot.reported_product
    if (lot.household_id, lot.organisation_id, lot.product_id) != reported:
        return "供货人或品种和登记不一样"
    return ""


def _as_opened(lot: Any) -> dict[str, Any]:
    """Of `opened`, without whose it is."""
    return {
        "base": lot.verified,
        "from": lot.available_from.isoformat(),
        "grade": lot.grade,
        "product": lot.product_code,
        "town": f"{lot.region_code[:9]}000",
        "unit": lot.base_unit,
        "until": lot.available_until.isoformat(),
    }
