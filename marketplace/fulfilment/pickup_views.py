"""The buyer's code for fetching: on the phone, and as a picture that needs no network."""

from io import BytesIO
from pathlib import Path

from flask import current_app, render_template, send_file, url_for
from werkzeug import Response

from marketplace.core.db import db
from marketplace.core.errors import Conflict
from marketplace.fulfilment.acceptance import get_delivery
from marketplace.fulfilment.delivery_models import ON_THE_WAY, Delivery
from marketplace.fulfilment.label_pdf import FONT
from marketplace.fulfilment.pickup_picture import pickup_picture
from marketplace.identity.access import current_scope, requires
from marketplace.identity.permissions import ORDER_OWN
from marketplace.orders.ordering import get_order
from marketplace.orders.shop_queries import pickup_of
from marketplace.orders.shop_views import bp


def _link(delivery: Delivery) -> str:
    """Where the keeper's camera leads: his page of the order, for which he must be signed in."""
    return url_for("field.handover", q=delivery.pickup_code, _external=True)


def _mine(number: str) -> Delivery:
    order = get_order(db.session, current_scope(), number)
    found = get_delivery(db.session, order)
    if found.state not in ON_THE_WAY:
        raise Conflict("这一单已经取过了。", code="ended")
    return found


@bp.get("/orders/<number>/code")
@requires(ORDER_OWN)
def pickup_code(number: str) -> str:
    delivery = _mine(number)
    return render_template(
        "shop/code.html",
        delivery=delivery,
        order=delivery.order,
        link=_link(delivery),
        slot=pickup_of(db.session, delivery.order),
    )


@bp.get("/orders/<number>/code.png", endpoint="pickup_picture")
@requires(ORDER_OWN)
def picture(number: str) -> Response:
    """For the phone's album: scanned or read out where there is no signal."""
    delivery = _mine(number)
    drawn = pickup_picture(
        delivery.pickup_code,
        _link(delivery),
        delivery.order,
        pickup_of(db.session, delivery.order),
        Path(current_app.static_folder or "") / "vendor" / FONT,
    )
    name = f"取货码_{delivery.pickup_code}.png"
    return send_file(BytesIO(drawn), mimetype="image/png", as_attachment=True, download_name=name)
