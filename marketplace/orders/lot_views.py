"""Desk pages of lots: the list by urgency, and one lot with everything that happened to it."""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload

from marketplace.catalog.lot_papers import papers_of
from marketplace.catalog.models import MOVEMENT_KINDS, LotMovement, LotShare, ReportPhoto
from marketplace.catalog.paper_models import PAPER_KINDS
from marketplace.core.clock import today
from marketplace.core.db import db
from marketplace.identity.access import current_scope, requires
from marketplace.identity.models import User
from marketplace.identity.permissions import LOT_VIEW
from marketplace.orders.field_lot_views import LOT_STATES
from marketplace.orders.lot_figures import chain_of_lot, figures_of
from marketplace.orders.lot_notes import notes_of
from marketplace.orders.lot_queries import SHOWN, URGENT_DAYS, LotFilter, desk_lots, lot_choices
from marketplace.orders.lot_withdrawal import get_own_lot
from marketplace.orders.lowering import LEFT_FOR
from marketplace.orders.round_models import Commitment, Listing
from marketplace.web.addresses import division_code, row_number
from marketplace.web.paging import paginate

bp = Blueprint("lots", __name__, url_prefix="/lots")


@bp.get("/")
@requires(LOT_VIEW)
def index() -> str:
    wanted = _wanted()
    page = paginate(db.session, desk_lots(current_scope(), wanted))
    towns, products = lot_choices(db.session, current_scope())
    return render_template(
        "orders/lot_index.html",
        page=page,
        wanted=wanted,
        chips=[
            {
                "label": label,
                "href": url_for(".index", **_kept(show)),
                "active": show == wanted.show,
            }
            for show, label in SHOWN.items()
        ],
        towns=towns,
        products=products,
        figures=figures_of(db.session, page.items),
        states=LOT_STATES,
        today=today(),
        urgent_days=URGENT_DAYS,
    )


def _wanted() -> LotFilter:
    show = request.args.get("show", "left")
    return LotFilter(
        show=show if show in SHOWN else "left",
        town=division_code(request.args.get("town", "")),
        product_id=row_number(request.args.get("product", "")),
    )


def _kept(show: str) -> dict[str, Any]:
    kept = {key: request.args[key] for key in ("town", "product") if request.args.get(key)}
    return kept | {"show": show}


@bp.get("/<int:lot_id>")
@requires(LOT_VIEW)
def detail(lot_id: int) -> str:
    lot = get_own_lot(db.session, current_scope(), lot_id)
    figures = figures_of(db.session, [lot])[lot.id]
    movements = db.session.execute(
        select(LotMovement, User.display_name)
        .outerjoin(User, User.id == LotMovement.by_id)
        .where(LotMovement.lot_id == lot_id)
        .order_by(LotMovement.id)
    ).all()
    shares = db.session.scalars(
        select(LotShare)
        .where(LotShare.lot_id == lot_id)
        .options(joinedload(LotShare.household))
        .order_by(LotShare.household_id.is_(None), LotShare.id)
    ).all()
    commitments = db.session.scalars(
        select(Commitment)
        .where(Commitment.lot_id == lot_id)
        .options(selectinload(Commitment.listing).joinedload(Listing.round))
        .order_by(Commitment.id)
    ).all()
    photos = db.session.scalars(select(ReportPhoto).where(ReportPhoto.report_id == lot.report_id))
    return render_template(
        "orders/lot_page.html",
        lot=lot,
        figures=figures,
        chain=chain_of_lot(lot, figures),
        state=LOT_STATES[lot.state],
        movements=movements,
        kinds=MOVEMENT_KINDS,
        reasons=LEFT_FOR,
        shares=shares,
        commitments=commitments,
        photos=photos.all(),
        papers=papers_of(db.session, lot_id),
        paper_kinds=PAPER_KINDS,
        notes=notes_of(db.session, lot),
    )
