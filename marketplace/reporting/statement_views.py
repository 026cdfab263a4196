"""Statements for finance: what is open, what is overdue by how long, whom to bill."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug import Response

from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.identity.access import current_actor, requires
from marketplace.identity.county_reach import whole_county
from marketplace.identity.permissions import LEDGER_VIEW, TRANSFER_MANAGE
from marketplace.payments.statements import (
    AGES,
    ageing,
    issue_now,
    listed,
    read_statement,
    to_bill,
)
from marketplace.reporting import statement_pages
from marketplace.web.addresses import row_number

bp = Blueprint("statements", __name__, url_prefix="/ledger/statements")
WHICH = {"open": "没付清的", "overdue": "过期的", "all": "全部"}


@bp.get("")
@requires(LEDGER_VIEW)
def index() -> str:
    whole_county()
    return _list()


def _list(refused: MarketplaceError | None = None) -> str:
    asked = request.args.get("which", "")
    which = asked if asked in WHICH else "open"
    unit = row_number(request.args.get("unit", ""))
    return render_template(
        "reporting/statements/index.html",
        which=which,
        unit=unit,
        chips=[
            {
                "label": words,
                "href": url_for("statements.index", which=code, unit=unit or None),
                "active": code == which,
            }
            for code, words in WHICH.items()
        ],
        page=statement_pages.standings_page(db.session, listed(which, unit)),
        ages=[words for _, _, words in AGES],
        ageing=ageing(db.session) if which == "overdue" and not unit else [],
        to_bill=to_bill(db.session) if which != "overdue" else [],
        refused=refused,
        as_of=now(),
    )


@bp.post("/issue")
@requires(TRANSFER_MANAGE)
def issue() -> Response | tuple[str, int]:
    whole_county()
    try:
        with transaction() as session:
            unit = row_number(request.form.get("unit", ""))
            number = issue_now(session, current_actor(), unit).number
    except MarketplaceError as refused:
        return _list(refused), refused.http_status
    flash("对账单出好了，单位的采购员和审批人都能看到。", "success")
    return redirect(url_for("statements.show", number=number), 303)


@bp.get("/<number>")
@requires(LEDGER_VIEW)
def show(number: str) -> str:
    whole_county()
    paper = read_statement(db.session, number)
    return statement_pages.page(paper, pages="statements")


@bp.get("/<number>/paper")
@requires(LEDGER_VIEW)
def paper(number: str) -> str:
    whole_county()
    found = read_statement(db.session, number)
    return statement_pages.on_paper(found, url_for("statements.show", number=number))


@bp.get("/<number>/file.xlsx")
@requires(LEDGER_VIEW)
def file(number: str) -> Response:
    whole_county()
    return statement_pages.as_file(read_statement(db.session, number))
