"""The books for those who control and those who pay: from a sum to its receipts."""

from flask import Blueprint, render_template, request

from marketplace.core.clock import now
from marketplace.core.db import db
from marketplace.identity.access import requires
from marketplace.identity.county_reach import whole_county
from marketplace.identity.permissions import LEDGER_VIEW
from marketplace.ledger import books
from marketplace.ledger.accounts import ACCOUNTS
from marketplace.reporting.ledger_words import KINDS, REASONS, Parties
from marketplace.web.paging import paginate

bp = Blueprint("ledger", __name__, url_prefix="/ledger")
OPEN_SHOWN = 50


@bp.context_processor
def _words() -> dict[str, object]:
    return {"kinds": KINDS, "reasons": REASONS, "accounts": ACCOUNTS}


@bp.get("")
@requires(LEDGER_VIEW)
def index() -> str:
    """The trial balance: every account, and that both sides are the same."""
    whole_county()
    rows = books.trial_balance(db.session)
    page = paginate(db.session, books.newest(), 20)
    return render_template(
        "reporting/ledger/index.html",
        rows=rows,
        debit_fen=sum(row.debit_fen for row in rows),
        credit_fen=sum(row.credit_fen for row in rows),
        page=page,
        parties=Parties(db.session, [journal.subject for journal in page.items]),
        as_of=now(),
    )


@bp.get("/accounts/<code>")
@requires(LEDGER_VIEW)
def account(code: str) -> str:
    """Who has what open on an account, and every entry that made it so."""
    whole_county()
    found = books.get_account(code)
    party = request.args.get("party", "")[:30]
    page = paginate(db.session, books.history(found, party), 50)
    standing = [] if party else books.open_parties(db.session, found, OPEN_SHOWN)
    named = [party, *(one for one, _ in standing), *(entry.party for entry in page.items)]
    return render_template(
        "reporting/ledger/account.html",
        account=found,
        party=party,
        page=page,
        standing=standing,
        most=OPEN_SHOWN,
        open_fen=books.balance(db.session, code, party or None) * found.side,
        parties=Parties(db.session, named),
        as_of=now(),
    )


@bp.get("/journals/<number>")
@requires(LEDGER_VIEW)
def journal(number: str) -> str:
    whole_county()
    found = books.get_journal(db.session, number)
    return render_template(
        "reporting/ledger/journal.html",
        journal=found,
        parties=Parties(db.session, [found.subject, *(entry.party for entry in found.entries)]),
        taken_back_by=books.reversal_of(db.session, number),
    )
