"""The front door: everybody lands where the day's work is."""

from flask import Blueprint, redirect, url_for
from werkzeug import Response

from marketplace.identity.access import find_actor, public

bp = Blueprint("home", __name__)

HOMES = (
    ("administrator", "accounts.index"),
    ("operator", "board.index"),
    ("leader", "board.index"),
    ("auditor", "board.index"),
    ("reviewer", "reports.queue"),
    ("cadre", "field.today"),
    ("cooperative", "field.today"),
    ("buyer", "canteen.sheet"),
    ("approver", "approvals.index"),
    ("organiser", "shop.index"),
    ("staff", "shop.index"),
)


@bp.get("/")
@public
def index() -> Response:
    actor = find_actor()
    if actor is not None:
        for role, endpoint in HOMES:
            if actor.has_role(role):
                return redirect(url_for(endpoint))
    return redirect(url_for("shop.index"))
