"""The canteen's register of incoming goods: a page, and a file for the inspector."""

from datetime import date, timedelta

from flask import render_template, request, url_for
from werkzeug import Response

from marketplace.core.clock import now, today
from marketplace.core.county_settings import county_settings
from marketplace.core.db import db
from marketplace.fulfilment.incoming import HEADINGS, MOST, Received, received
from marketplace.identity.access import current_scope, requires
from marketplace.identity.permissions import ORDER_CANTEEN
from marketplace.imports.sheets import write_xlsx
from marketplace.orders.canteen_views import bp
from marketplace.web.downloads import send_xlsx

EARLIEST = date(2000, 1, 1)
USUAL = timedelta(days=92)


def _day(name: str, otherwise: date) -> date:
    """A day of the address; nonsense is as if nothing was asked."""
    try:
        return max(EARLIEST, date.fromisoformat(request.args.get(name, "")))
    except ValueError:
        return otherwise


def _rows() -> tuple[list[Received], date, date]:
    until = min(_day("until", today()), today())
    since = min(_day("since", until - USUAL), until)
    phone = str(county_settings(db.session)["service_phone"])
    return received(db.session, current_scope(), since, until, phone=phone), since, until


@bp.get("/incoming")
@requires(ORDER_CANTEEN)
def incoming() -> str:
    rows, since, until = _rows()
    return render_template(
        "orders/canteen/incoming.html",
        rows=rows,
        since=since,
        until=until,
        most=MOST,
        file_url=url_for("canteen.incoming_file", since=since, until=until),
        as_of=now(),
    )


@bp.get("/incoming/file.xlsx")
@requires(ORDER_CANTEEN)
def incoming_file() -> Response:
    rows, since, until = _rows()
    content = write_xlsx(HEADINGS, [row.cells() for row in rows], "进货查验")
    return send_xlsx(content, f"进货查验_{since:%Y%m%d}-{until:%Y%m%d}.xlsx")
