"""What waits for verification, what is doubtful about it, what is overdue."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Select, exists, func, literal, null, or_, select, union_all
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload

from marketplace.catalog.flags import Claim, Flag, Other, flags_of, longest_days
from marketplace.catalog.models import Lot, Product, ReportPhoto, ReportRevision, SupplyReport
from marketplace.core.clock import local_day_start, today
from marketplace.core.day_count import days_between
from marketplace.households.models import Household
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope, Where
from marketplace.regions.models import Region

WAITING = ("submitted", "returned")
"""A report in these states may still become a lot."""
SHOWN = {
    "all": "全部",
    "flagged": "有疑问",
    "overdue": "超时",
    "spot": "现场看",
    "returned": "已退回",
}


@dataclass(frozen=True)
class QueueFilter:
    show: str = "all"
    village: str = ""
    product_id: int = 0


@dataclass(frozen=True)
class Signals:
    """What the queue shows beside a report."""

    flags: tuple[Flag, ...] = ()
    photos: int = 0
    own: bool = False  # reported or corrected in the reader's name: somebody else must verify


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    count: int


def working_days_before(day: date, count: int) -> date:
    """The day that lies `count` working days (Monday to Friday) before `day`."""
    while count:
        day -= timedelta(days=1)
        count -= day.weekday() < 5
    return day


def is_overdue(report: SupplyReport, working_days: int) -> bool:
    return report.submitted_at < local_day_start(working_days_before(today(), working_days))


def doubtful(alarm_percent: int) -> Where:
    """WHERE part for a statement over SupplyReport, Product and Household: `flags_of` in SQL."""
    other = aliased(SupplyReport)
    same_supplier = or_(
        other.household_id == SupplyReport.household_id,
        other.organisation_id == SupplyReport.organisation_id,
    )
    twice_reported = exists().where(
        other.id != SupplyReport.id,
        other.product_id == SupplyReport.product_id,
        other.state.in_(WAITING),
        same_supplier,
    )
    lot_open = exists().where(
        Lot.product_id == SupplyReport.product_id,
        Lot.state == "open",
        Lot.free + Lot.committed > 0,
        or_(
            Lot.household_id == SupplyReport.household_id,
            Lot.organisation_id == SupplyReport.organisation_id,
        ),
    )
    asked = SupplyReport.asked_fen * Product.reference_per_base
    reference = Product.reference_fen * SupplyReport.asked_per_base
    quantity = SupplyReport.quantity_base
    return or_(
        twice_reported,
        lot_open,
        func.abs(asked - reference) * 100 > alarm_percent * reference,
        quantity * 100 > Product.yield_per_mu_base * Household.land_mu_hundredths,
        quantity > Product.yield_per_bird_base * Household.poultry,
        days_between(SupplyReport.available_from, SupplyReport.available_until)
        > longest_days(Product.shelf_days),
    )


def queue_statement(
    scope: Scope, wanted: QueueFilter, *, alarm_percent: int, working_days: int
) -> Select[SupplyReport]:
    """The reports of the queue, the oldest first."""
    statement = (
        scope.visible(select(SupplyReport))
        .join(SupplyReport.product)
        .outerjoin(SupplyReport.household)
        .where(SupplyReport.state == ("returned" if wanted.show == "returned" else "submitted"))
        .options(
            contains_eager(SupplyReport.product),
            contains_eager(SupplyReport.household),
            joinedload(SupplyReport.region),
            joinedload(SupplyReport.organisation),
            joinedload(SupplyReport.submitted_by),
        )
        .order_by(SupplyReport.submitted_at, SupplyReport.id)
    )
    if wanted.village:
        statement = statement.where(SupplyReport.region_code == wanted.village)
    if wanted.product_id:
        statement = statement.where(SupplyReport.product_id == wanted.product_id)
    if wanted.show == "flagged":
        statement = statement.where(doubtful(alarm_percent))
    elif wanted.show == "overdue":
        due = local_day_start(working_days_before(today(), working_days))
        statement = statement.where(SupplyReport.submitted_at < due)
    elif wanted.show == "spot":
        statement = statement.where(SupplyReport.spot_check)
    return statement


def queue_choices(session: Session, scope: Scope) -> tuple[list[Choice], list[Choice]]:
    """Villages and products with reports that wait, with how many: one statement."""
    rows = session.execute(
        select(SupplyReport.region_code, Region.name, Product.id, Product.name, func.count())
        .join(Region, Region.code == SupplyReport.region_code)
        .join(Product, Product.id == SupplyReport.product_id)
        .where(SupplyReport.state == "submitted", SupplyReport.within(scope))
        .group_by(SupplyReport.region_code, Region.name, Product.id, Product.name)
    ).all()
    return (
        _choices((code, village, count) for code, village, _, _, count in rows),
        _choices((str(product), name, count) for _, _, product, name, count in rows),
    )


def _choices(rows: Iterable[tuple[str, str, int]]) -> list[Choice]:
    counts: defaultdict[tuple[str, str], int] = defaultdict(int)
    for value, label, count in rows:
        counts[value, label] += count
    return [Choice(value, label, count) for (value, label), count in sorted(counts.items())]


def signals_of(
    session: Session, actor: Actor, reports: Sequence[SupplyReport], alarm_percent: int
) -> dict[int, Signals]:
    """Flags with evidence, photos and own work of a page of reports: one statement.

    `product` and `household` of the reports should be loaded.
    """
    if not reports:
        return {}
    others: defaultdict[tuple[int, int | None, int | None], list[Other]] = defaultdict(list)
    photos: defaultdict[int, int] = defaultdict(int)
    corrected: set[int] = set()
    for kind, key, code, base, product, household, organisation in session.execute(
        _signal_rows(actor, reports)
    ):
        if kind == "photo":
            photos[key] = base
        elif kind == "revision":
            corrected.add(key)
        else:
            others[product, household, organisation].append(Other(kind, key, code, base))
    found = {}
    for report in reports:
        same = others[report.product_id, report.household_id, report.organisation_id]
        claim = claim_of(
            report, [o for o in same if not (o.kind == "report" and o.id == report.id)]
        )
        found[report.id] = Signals(
            flags_of(claim, alarm_percent=alarm_percent),
            photos[report.id],
            report.submitted_by_id in actor.principals or report.id in corrected,
        )
    return found


def _signal_rows(actor: Actor, reports: Sequence[SupplyReport]) -> Any:
    ids = [report.id for report in reports]
    products = {report.product_id for report in reports}
    households = {report.household_id for report in reports if report.household_id}
    organisations = {report.organisation_id for report in reports if report.organisation_id}

    def same(model: type[SupplyReport] | type[Lot]) -> Where:
        whose: Where = or_(
            model.household_id.in_(households), model.organisation_id.in_(organisations)
        )
        return model.product_id.in_(products) & whose

    nothing = (null(), null(), null())
    return union_all(
        select(
            literal("report"), SupplyReport.id, SupplyReport.receipt_no, SupplyReport.quantity_base,
            SupplyReport.product_id, SupplyReport.household_id, SupplyReport.organisation_id,
        ).where(same(SupplyReport), SupplyReport.state.in_(WAITING)),
        select(
            literal("lot"), Lot.id, Lot.code, Lot.free + Lot.committed,
            Lot.product_id, Lot.household_id, Lot.organisation_id,
        ).where(same(Lot), Lot.state == "open", Lot.free + Lot.committed > 0),
        select(literal("photo"), ReportPhoto.report_id, literal(""), func.count(), *nothing)
        .where(ReportPhoto.report_id.in_(ids))
        .group_by(ReportPhoto.report_id),
        select(literal("revision"), ReportRevision.report_id, literal(""), literal(0), *nothing)
        .where(ReportRevision.report_id.in_(ids), ReportRevision.by_id.in_(actor.principals)),
    )  # fmt: skip


def claim_of(report: SupplyReport, others: Sequence[Other]) -> Claim:
    product, household = report.product, report.household
    return Claim(
        base_unit=product.base_unit,
        piece_word=product.piece_word,
        quantity_base=report.quantity_base,
        asked_fen=report.asked_fen,
        asked_per_base=report.asked_per_base,
        reference_fen=product.reference_fen,
        reference_per_base=product.reference_per_base,
        land_mu_hundredths=household.land_mu_hundredths if household else None,
        yield_per_mu_base=product.yield_per_mu_base,
        poultry=household.poultry if household else None,
        yield_per_bird_base=product.yield_per_bird_base,
        others=tuple(others),
        days=(report.available_until - report.available_from).days,
        shelf_days=product.shelf_days,
    )
