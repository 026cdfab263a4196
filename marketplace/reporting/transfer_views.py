"""Bank transfers for those who control and those who settle: by outcome, each with what is known of it."""

from flask import Blueprint, render_template, request, url_for

from marketplace.core.clock import now
from marketplace.core.db import db
from marketplace.core.errors import MarketplaceError
from marketplace.identity.access import requires
from marketplace.identity.county_reach import whole_county
from marketplace.identity.organisations import units_to_choose
from marketplace.identity.permissions import LEDGER_VIEW
from marketplace.payments import transfers
from marketplace.payments.aliases import aliases
from marketplace.payments.bank_days import bank_days
from marketplace.payments.bank_models import Transfer
from marketplace.payments.matching import Verdict, split
from marketplace.payments.open_items import OpenRow, open_rows
from marketplace.reporting.transfer_words import (
    PLACED,
    STATES,
    UNDO_REASONS,
    account_words,
    payer_words,
)
from marketplace.web.addresses import row_number
from marketplace.web.paging import Page, page_number, paginate

bp = Blueprint("transfers", __name__, url_prefix="/ledger/transfers")
PAGE_SIZE = 30


@bp.context_processor
def _words() -> dict[str, object]:
    return {
        "states": STATES,
        "placed_as": PLACED,
        "undo_reasons": UNDO_REASONS,
        "payer_words": payer_words,
        "account_words": account_words,
    }


@bp.get("")
@requires(LEDGER_VIEW)
def index() -> str:
    whole_county()
    return listing()


def listing(refused: MarketplaceError | None = None, at: int = 0) -> str:
    """The page of a tab; `at` is the row whose button was refused."""
    asked = request.args.get("tab", "")
    tab = asked if asked in transfers.TABS else "open"
    tabs = transfers.tabs(db.session)
    total = next((one.count for one in tabs if one.code == tab), 0)
    number = min(page_number(), max(1, -(-total // PAGE_SIZE)))
    rows = db.session.scalars(
        transfers.listed(tab).limit(PAGE_SIZE).offset((number - 1) * PAGE_SIZE)
    ).all()
    return render_template(
        "reporting/transfers/index.html",
        tab=tab,
        chips=[
            {
                "label": one.words,
                "href": url_for("transfers.index", tab=one.code),
                "active": one.code == tab,
                "count": one.count,
            }
            for one in tabs
        ],
        page=Page(rows, number, total, PAGE_SIZE),
        proposals=transfers.proposals(db.session, list(rows)),
        refused=refused,
        at=at,
        as_of=now(),
    )


@bp.get("/<int:transfer_id>")
@requires(LEDGER_VIEW)
def show(transfer_id: int) -> str:
    whole_county()
    return detail(transfer_id)


def detail(transfer_id: int, refused: MarketplaceError | None = None) -> str:
    """One transfer; the unit chosen in the address or form, with its open orders to tick."""
    found = transfers.get_transfer(db.session, transfer_id)
    verdict = transfers.proposals(db.session, [found]).get(found.id)
    chosen = row_number(request.values.get("unit", ""))
    if not chosen and verdict is not None and verdict.unit:
        chosen = verdict.unit
    rows = open_rows(db.session, [chosen]) if verdict is not None and chosen else []
    return render_template(
        "reporting/transfers/show.html",
        transfer=found,
        verdict=verdict,
        units=units_to_choose(db.session) if verdict is not None else [],
        unit=chosen,
        rows=rows,
        prefilled=_prefilled(found, verdict, rows, chosen),
        statements=list(dict.fromkeys(row.statement for row in rows if row.statement)),
        refused=refused,
        typed=request.form,
        as_of=now(),
    )


def _prefilled(
    transfer: Transfer, verdict: Verdict | None, rows: list[OpenRow], unit: int
) -> dict[str, int]:
    """Which orders are ticked, with how much, before anybody touched the form."""
    if verdict is None:
        return {}
    statement = request.args.get("statement", "")
    items = [row.item for row in rows if not statement or row.statement == statement]
    if not statement and verdict.unit == unit and verdict.parts:
        return dict(verdict.parts)
    return dict(split(transfer.rest_fen, items))


@bp.get("/bank")
@requires(LEDGER_VIEW)
def bank() -> str:
    whole_county()
    days, unlike = bank_days(db.session)
    return render_template("reporting/transfers/bank.html", days=days, unlike=unlike, as_of=now())


@bp.get("/payers")
@requires(LEDGER_VIEW)
def payers() -> str:
    whole_county()
    return payers_page()


def payers_page(refused: MarketplaceError | None = None) -> str:
    return render_template(
        "reporting/transfers/payers.html",
        page=paginate(db.session, aliases(), 50),
        units=units_to_choose(db.session),
        refused=refused,
        typed=request.form,
    )
