"""Phone pages: what is to be done today, my households and what became of their goods."""

from flask import render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from marketplace.catalog.models import Lot, SupplyReport
from marketplace.catalog.report_history import REPORT_STATES
from marketplace.core.clock import today as this_day
from marketplace.core.db import db
from marketplace.core.errors import NotFound
from marketplace.households.models import SUPPORT_KINDS, Household
from marketplace.households.search import villages_of
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import HOUSEHOLD_VIEW, PERSONAL_REVEAL, REPORT_SUBMIT
from marketplace.orders.field_queries import (
    households_statement,
    lots_statement,
    open_lot_counts,
    waiting_reports,
)
from marketplace.orders.lot_figures import chain_of_lot, chain_of_report, figures_of
from marketplace.web.field_blueprint import bp, panels_of, tasks_of_today
from marketplace.web.paging import paginate

HOME_ROWS = 12
MOST_VILLAGES = 20
"""More are no row of chips; who reaches so many works at a desk."""


@bp.get("/")
@requires(REPORT_SUBMIT)
def today() -> str:
    tasks = tasks_of_today(db.session)
    statement = lots_statement(current_scope(), "open").limit(HOME_ROWS)
    lots = list(db.session.scalars(statement))
    reports = waiting_reports(db.session, current_scope(), HOME_ROWS)
    suppliers: dict[str, list[Lot | SupplyReport]] = {}
    things: list[Lot | SupplyReport] = [*reports, *lots]
    for thing in things:
        key = f"h:{thing.household_id}" if thing.household_id else f"o:{thing.organisation_id}"
        suppliers.setdefault(key, []).append(thing)
    figures = figures_of(db.session, lots)
    chains = {("lot", lot.id): chain_of_lot(lot, figures[lot.id]) for lot in lots}
    chains |= {("report", report.id): chain_of_report(report) for report in reports}
    return render_template(
        "orders/field_today.html",
        tasks=tasks,
        suppliers=list(suppliers.values()),
        chains=chains,
        more=len(lots) == HOME_ROWS or len(reports) == HOME_ROWS,
    )


@bp.get("/households")
@requires(HOUSEHOLD_VIEW)
def households() -> str:
    query = request.args.get("q", "").strip()[:30]
    villages = villages_of(db.session, current_scope())
    codes = [code for code, _ in villages]
    asked = request.args.get("village", "")
    village = asked if asked in codes else ""
    statement = households_statement(
        db.session,
        current_scope(),
        query,
        codes[0] if len(codes) == 1 else village,
        by_part=current_actor().may(PERSONAL_REVEAL),
    )
    page = paginate(db.session, statement)
    return render_template(
        "orders/field_households.html",
        page=page,
        query=query,
        village=village,
        villages=villages if 1 < len(villages) <= MOST_VILLAGES else [],
        open_lots=open_lot_counts(db.session, [household.id for household in page.items]),
    )


@bp.get("/households/<int:household_id>")
@requires(HOUSEHOLD_VIEW)
def household(household_id: int) -> str:
    found = db.session.scalar(
        current_scope().visible(
            select(Household)
            .where(Household.id == household_id)
            .options(joinedload(Household.region), selectinload(Household.statuses))
        )
    )
    if found is None:
        raise NotFound("没有找到这一户，可能不归您联系。")
    theirs = lots_statement(current_scope()).where(Lot.household_id == household_id)
    lots = list(db.session.scalars(theirs.limit(HOME_ROWS)))
    figures = figures_of(db.session, lots)
    reports = list(
        db.session.scalars(
            current_scope()
            .visible(select(SupplyReport))
            .where(SupplyReport.household_id == household_id)
            .options(joinedload(SupplyReport.product))
            .order_by(SupplyReport.id.desc())
            .limit(HOME_ROWS)
        )
    )
    day = this_day()
    kinds = [
        SUPPORT_KINDS[status.kind]
        for status in found.statuses
        if status.valid_from <= day and (status.valid_until is None or status.valid_until >= day)
    ]
    return render_template(
        "orders/field_household.html",
        household=found,
        kinds=kinds,
        lots=lots,
        elsewhere=not lots and bool(open_lot_counts(db.session, [found.id])),
        figures=figures,
        chains={lot.id: chain_of_lot(lot, figures[lot.id]) for lot in lots},
        reports=reports,
        report_chain=chain_of_report,
        states=REPORT_STATES,
        report_url=url_for("field.report_new", household=found.id),
        panels=panels_of(db.session, found.id),
    )
