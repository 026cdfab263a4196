"""The story's reports: cadres bring theirs, cooperatives theirs, townships verify nearly all."""

import uuid
from collections import defaultdict
from dataclasses import replace
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalog.models import Product, SupplyReport
from marketplace.catalog.report_import import REPORTS
from marketplace.catalog.reports import (
    ReportInput,
    get_report,
    return_report,
    submit_report,
    verify_report,
)
from marketplace.core.clock import today
from marketplace.core.db import db, transaction
from marketplace.demo import county
from marketplace.demo.bring import actor_named, bring
from marketplace.demo.produce import POOLED, Pooled, Stranded, household_reports
from marketplace.demo.telling import Story
from marketplace.households.models import CadreAssignment, CooperativeMember, Household
from marketplace.identity.models import Organisation, User
from marketplace.identity.permissions import REPORT_VERIFY

HEADINGS = (
    "登记编号",
    "户编号",
    "品类",
    "待售量",
    "单位",
    "到户价",
    "上市起",
    "上市止",
    "成因",
    "已采取措施",
)
FIRST_TOWN = range(1, 25)
"""Households of the town whose reviewer is shown on the sign-in page: some of theirs still wait."""


def reports_of_the_story(start: datetime) -> Story:
    numbered = list(enumerate(household_reports()))
    late = [(i, report) for i, report in numbered if _is_late(i, report)]
    late[1] = (late[1][0], replace(late[1][1], quantity="3万"))  # more than the land can give
    yield start - timedelta(days=12)
    _bring_all([pair for pair in numbered if not _is_late(*pair)])
    for pooled in POOLED:
        _report_pooled(pooled)
    yield start - timedelta(days=11)
    _verify_all_but_two()
    yield start - timedelta(hours=22)
    _bring_all(late)


def _is_late(number: int, report: Stranded) -> bool:
    return int(report.household_no[2:]) in FIRST_TOWN and number % 4 == 0


def _bring_all(reports: list[tuple[int, Stranded]]) -> None:
    for login, rows in _by_cadre(reports).items():
        bring(actor_named(login), REPORTS, HEADINGS, rows)


def _by_cadre(reports: list[tuple[int, Stranded]]) -> dict[str, list[list[str]]]:
    """Rows of each cadre's file."""
    cadres = {
        row.household_no: row.login_name
        for row in db.session.execute(
            select(Household.household_no, User.login_name)
            .join(CadreAssignment, CadreAssignment.household_id == Household.id)
            .join(User, User.id == CadreAssignment.user_id)
        )
    }
    shelf = {product.name: product.shelf_days for product in county.PRODUCTS}
    files: defaultdict[str, list[list[str]]] = defaultdict(list)
    for i, report in reports:
        end = _last_day(shelf[report.product], i)
        files[cadres[report.household_no]].append(
            [
                f"S{i + 1:04d}",
                report.household_no,
                report.product,
                report.quantity,
                report.unit,
                report.price,
                today().isoformat(),
                end.isoformat(),
                report.cause,
                "自己跑了两个集市" if i % 3 else "",
            ]
        )
    return dict(files)


def _last_day(shelf_days: int, number: int) -> date:
    """Late enough for the open round's delivery, the urgent ones just so."""
    return today() + timedelta(days=max(shelf_days, 24) + number % 6)


def _report_pooled(pooled: Pooled) -> None:
    actor = actor_named(pooled.login)
    with transaction() as session:
        unit = session.scalars(select(Organisation).where(Organisation.name == pooled.unit)).one()
        product = session.scalars(select(Product).where(Product.name == pooled.product)).one()
        given = ReportInput(
            product_id=product.id,
            grade="统货",
            typed_quantity=pooled.quantity,
            quantity_base=pooled.base,
            asked_fen=product.reference_fen,
            asked_per_base=product.reference_per_base,
            available_from=today(),
            available_until=_last_day(product.shelf_days, 0),
            organisation_id=unit.id,
            cause="外地客商压价",
            shares=_shares(session, unit, pooled),
        )
        submit_report(session, actor, str(uuid.uuid4()), given)


def _shares(
    session: Session, unit: Organisation, pooled: Pooled
) -> tuple[tuple[int | None, int], ...]:
    """Equal shares of the members; what is left belongs to other members."""
    members = session.scalars(
        select(CooperativeMember.household_id)
        .where(CooperativeMember.organisation_id == unit.id)
        .order_by(CooperativeMember.household_id)
        .limit(pooled.members)
    ).all()
    each = pooled.shared // len(members)
    own: list[tuple[int | None, int]] = [(member, each) for member in members]
    rest = pooled.base - each * len(members)
    return tuple([*own, (None, rest)] if rest else own)


def _verify_all_but_two() -> None:
    """The first town sends two back."""
    reviewers = {
        county.town_code(t)[:9]: f"shenhe{t + 1}" if t else "shenhe"
        for t in range(len(county.TOWNS))
    }
    waiting = db.session.scalars(
        select(SupplyReport).where(SupplyReport.state == "submitted").order_by(SupplyReport.id)
    ).all()
    own = [r.id for r in waiting if r.region_code.startswith(county.town_code(0)[:9])]
    doubted = {own[0], own[5]}
    for report in waiting:
        actor = actor_named(reviewers[report.region_code[:9]])
        with transaction() as session:
            found = get_report(session, actor.scope_for(REPORT_VERIFY), report.id)
            if found.id in doubted:
                return_report(session, actor, found, "数量和地里对不上，请补照片")
            else:
                verify_report(session, actor, found)
