"""A unit's own statements, for its buyer and its approver; those of others do not exist."""

from flask import Blueprint, render_template, url_for
from werkzeug import Response

from marketplace.core.clock import now
from marketplace.core.db import db
from marketplace.identity.access import current_scope, requires_any
from marketplace.identity.permissions import ORDER_APPROVE, ORDER_CANTEEN
from marketplace.payments.statements import listed, read_statement
from marketplace.reporting import statement_pages

bp = Blueprint("unit_statements", __name__, url_prefix="/canteen/statements")


@bp.get("")
@requires_any(ORDER_CANTEEN, ORDER_APPROVE)
def index() -> str:
    mine = listed("all", scope=current_scope())
    return render_template(
        "reporting/statements/mine.html",
        page=statement_pages.standings_page(db.session, mine),
        as_of=now(),
    )


@bp.get("/<number>")
@requires_any(ORDER_CANTEEN, ORDER_APPROVE)
def show(number: str) -> str:
    paper = read_statement(db.session, number, current_scope())
    return statement_pages.page(paper, pages="unit_statements")


@bp.get("/<number>/paper")
@requires_any(ORDER_CANTEEN, ORDER_APPROVE)
def paper(number: str) -> str:
    found = read_statement(db.session, number, current_scope())
    return statement_pages.on_paper(found, url_for("unit_statements.show", number=number))


@bp.get("/<number>/file.xlsx")
@requires_any(ORDER_CANTEEN, ORDER_APPROVE)
def file(number: str) -> Response:
    return statement_pages.as_file(read_statement(db.session, number, current_scope()))
