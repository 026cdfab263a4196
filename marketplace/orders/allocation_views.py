"""The operator's allocation pages: compare, pin, allocate, undo, explain."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from werkzeug import Response

from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.identity.access import current_actor, requires
from marketplace.identity.permissions import ALLOCATE, ROUND_VIEW
from marketplace.orders import allocation_pages as pages
from marketplace.orders.allocation import latest_policies
from marketplace.orders.basket import parse_packs
from marketplace.orders.listings import get_listing
from marketplace.orders.order_models import Order
from marketplace.orders.round_allocation import allocate_round, undo_allocation
from marketplace.orders.round_models import SHORTAGE_RULES, Round
from marketplace.orders.rounds import get_round

bp = Blueprint("allocation", __name__)


@bp.get("/rounds/<int:round_id>/allocation")
@requires(ROUND_VIEW)
def index(round_id: int) -> str:
    return _page(get_round(db.session, round_id))


def _page(found: Round, refused: MarketplaceError | None = None) -> str:
    problems = pages.problems_in_force(db.session, found)
    needs = pages.needs_of(db.session, found, problems)
    waiting = db.session.scalar(
        select(func.count(Order.id)).where(
            Order.round_id == found.id, Order.state == "awaiting_approval"
        )
    )
    comparable = bool(problems) and not any(need.refusal for need in needs)
    return render_template(
        "orders/allocation/index.html",
        round=found,
        needs=needs,
        policies=pages.compare_policies(db.session, found, problems) if comparable else [],
        titles={policy.name: policy.title for policy in latest_policies()},
        waiting=waiting,
        rule=SHORTAGE_RULES[found.shortage_rule],
        trial=found.state in pages.BEFORE_ALLOCATION,
        may_allocate=current_actor().may(ALLOCATE),
        refused=pages.with_names(db.session, found, refused.message) if refused else "",
    )


@bp.post("/rounds/<int:round_id>/allocation/policy")
@requires(ALLOCATE)
def choose(round_id: int) -> Response:
    with transaction() as session:
        pages.choose_policy(
            session, current_actor(), get_round(session, round_id), request.form.get("policy", "")
        )
    flash("分配办法换好了。", "success")
    return redirect(url_for("allocation.index", round_id=round_id))


@bp.post("/rounds/<int:round_id>/allocation/run")
@requires(ALLOCATE)
def run(round_id: int) -> Response | tuple[str, int]:
    try:
        with transaction() as session:
            allocate_round(session, current_actor(), get_round(session, round_id))
    except MarketplaceError as error:
        return _page(get_round(db.session, round_id), error), error.http_status
    flash("分配好了。看一看各户分到多少，再发备货单。", "success")
    return redirect(url_for("allocation.index", round_id=round_id))


@bp.post("/rounds/<int:round_id>/allocation/undo")
@requires(ALLOCATE)
def undo(round_id: int) -> Response | tuple[str, int]:
    try:
        with transaction() as session:
            undo_allocation(session, current_actor(), get_round(session, round_id))
    except MarketplaceError as error:
        return _page(get_round(db.session, round_id), error), error.http_status
    flash("分配已撤销，可以改办法或定数后重新分配。", "success")
    return redirect(url_for("allocation.index", round_id=round_id))


@bp.get("/listings/<int:listing_id>/allocation")
@requires(ROUND_VIEW)
def listing(listing_id: int) -> str:
    return _listing_page(listing_id)


def _listing_page(
    listing_id: int, refused: MarketplaceError | None = None, typed: dict[str, str] | None = None
) -> str:
    found = get_listing(db.session, listing_id)
    may_allocate = current_actor().may(ALLOCATE)
    shares = pages.shares_of(db.session, found.round, found)
    return render_template(
        "orders/allocation/listing.html",
        listing=found,
        round=found.round,
        shares=shares.rows,
        replayed=shares.replayed,
        refusal=shares.refusal,
        trial=found.round.state in pages.BEFORE_ALLOCATION,
        may_pin=may_allocate and found.round.state in {"open", "closed"},
        may_undo=may_allocate and found.round.state == "allocated",
        refused=pages.with_names(db.session, found.round, refused.message) if refused else "",
        typed=typed or {},
    )


@bp.post("/listings/<int:listing_id>/allocation/pin")
@requires(ALLOCATE)
def pin(listing_id: int) -> Response | tuple[str, int]:
    typed = {key: request.form.get(key, "").strip() for key in ("claimant", "packs", "reason")}
    try:
        freed = request.form.get("act") == "free"
        packs = None if freed else parse_packs(typed["packs"], least=0)
        with transaction() as session:
            found = get_listing(session, listing_id)
            pages.set_pin(
                session, current_actor(), found, typed["claimant"], packs, typed["reason"]
            )
    except MarketplaceError as error:
        return _listing_page(listing_id, error, typed), error.http_status
    flash("已放开，由办法来分。" if packs is None else "定好了，分配时照这个数。", "success")
    return redirect(url_for("allocation.listing", listing_id=listing_id))
