"""The front door: everybody lands where the day's work is."""

from flask import Blueprint, current_app, redirect, url_for
from werkzeug import Response

from marketplace.identity.access import find_actor, public
from marketplace.identity.actor import Actor

bp = Blueprint("home", __name__)

HOMES = (
    ("administrator", "accounts.index"),
    ("operator", "board.index"),
    ("leader", "board.index"),
    ("auditor", "board.index"),
    ("finance", "ledger.index"),
    ("reviewer", "reports.queue"),
    ("cadre", "field.today"),
    ("clerk", "field.weigh"),
    ("cooperative", "field.today"),
    ("buyer", "canteen.sheet"),
    ("approver", "approvals.index"),
    ("organiser", "groups.index"),
    ("staff", "shop.index"),
)
PHONE_HOMES = frozenset({"field.today", "field.weigh", "shop.index"})


def home_endpoint(actor: Actor | None) -> str:
    """Where this person's day begins; everybody else looks at the shop."""
    held = [endpoint for role, endpoint in HOMES if actor and actor.has_role(role)]
    wanted = [*held, "shop.index", "me.index"]
    return next(name for name in wanted if name in current_app.view_functions)


def works_on_phone(actor: Actor) -> bool:
    """Whether pages for everybody come to this person in the phone's frame or the desk's."""
    return home_endpoint(actor) in PHONE_HOMES


@bp.get("/")
@public
def index() -> Response:
    return redirect(url_for(home_endpoint(find_actor())))
