"""Putting goods on sale: choose the product, tick its lots, name pack and price; add, move, release."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug import Response

from marketplace.catalog.models import GRADES, Lot, Product
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError, NotFound
from marketplace.identity.access import current_actor, requires
from marketplace.identity.permissions import LOT_VIEW, ORDER_MANAGE, ROUND_MANAGE, ROUND_VIEW
from marketplace.identity.scope import Scope
from marketplace.orders import listing_changes as changes
from marketplace.orders import listing_forms, lot_choices, moving
from marketplace.orders.listing_forms import ListingForm, reference_fen
from marketplace.orders.listings import asks_above, commit_lots, create_listing, get_listing
from marketplace.orders.lot_choices import LotRow
from marketplace.orders.round_models import Commitment, Listing, Round
from marketplace.orders.rounds import get_round
from marketplace.orders.sellers import money_way
from marketplace.web.addresses import row_number

bp = Blueprint("listings", __name__)
Answer = str | Response | tuple[str, int]


def _lot_scope() -> Scope:
    return current_actor().scope_for(LOT_VIEW)


@bp.route("/rounds/<int:round_id>/listings/new", methods=["GET", "POST"])
@requires(ROUND_MANAGE)
def new(round_id: int) -> Answer:
    """Without a product: what can be offered, most urgent first. With one: its editor."""
    found = get_round(db.session, round_id)
    product_id, grade = request.args.get("product", ""), request.args.get("grade", "")
    if not product_id:
        goods = lot_choices.offerable(db.session, _lot_scope())
        return render_template("orders/listings/choose.html", round=found, goods=goods)
    product = _product(product_id, grade)
    lots = lot_choices.free_lots(db.session, _lot_scope(), product.id, grade)
    before = lot_choices.last_listing(db.session, product.id, grade)
    values = (
        listing_forms.values_of(before)
        if before
        else listing_forms.first_values(db.session, product)
    )
    form = ListingForm(product, listing_forms.sellers(db.session), data=values)
    if not form.is_submitted():
        form.read_values()
        rows = lot_choices.fresh_rows(lots, found, ticked=True, pack_base=form.pack_base)
        return _editor(found, form, grade, rows, before=before), 200
    rows = lot_choices.typed_rows(lots, found, request.form)
    saving = "preview" not in request.form
    status = 422
    if _fits(form, rows, strict=saving) and saving:
        try:
            with transaction() as session:
                listing = create_listing(
                    session, current_actor(), get_round(session, round_id), form.given(grade)
                )
                commit_lots(session, current_actor(), listing, lot_choices.parts_of(rows))
            flash(f"{listing.title}已上架，可订 {listing.capacity_packs} 份。", "success")
            return redirect(url_for("rounds.show", round_id=round_id))
        except MarketplaceError as error:
            lot_choices.free_lots(db.session, _lot_scope(), product.id, grade)  # read again
            _refuse(form, rows, error)
            status = error.http_status
    return _editor(found, form, grade, rows, before=before), status if saving else 200


def _fits(form: ListingForm, rows: list[LotRow], *, strict: bool) -> bool:
    """Whether all that was typed can be taken; says beside each field and lot what cannot."""
    fine = bool(form.validate())
    if form.pack_base and form.farmgate_fen:
        lot_choices.judge_rows(rows, form.pack_base, form.usual_farmgate_fen, strict=strict)
    if strict and not any(row.ticked for row in rows):
        small = lot_choices.too_small_words(rows, form.pack_base)
        form.form_errors = [f"请至少勾一批货。{small}"]
        fine = False
    if any(row.errors for row in rows):
        form.form_errors = [*form.form_errors, "有几批货没填对，请看下面的货源表。"]
        fine = False
    return fine


def _refuse(form: ListingForm, rows: list[LotRow], error: MarketplaceError) -> None:
    """Beside the lot when the refusal names one, else beside the field or on top."""
    for row in rows:
        if error.field == f"lot-{row.lot.id}":
            row.errors.append(error.message)
    form.refuse(error)


def _editor(
    in_round: Round,
    form: ListingForm,
    grade: str,
    rows: list[LotRow],
    listing: Listing | None = None,
    before: Listing | None = None,
) -> str:
    """`listing` gets more goods; without it one is made, after the example of `before`."""
    if form.pack_base and form.farmgate_fen:
        for row in rows:
            row.more_fen = asks_above(row.lot, form.pack_base, form.usual_farmgate_fen)
    return render_template(
        "orders/listings/form.html",
        round=in_round,
        form=form,
        grade=grade,
        rows=rows,
        listing=listing,
        before=before,
        reference_fen=reference_fen(form.product, form.pack_base) if form.pack_base else 0,
        too_small=lot_choices.too_small_words(rows, form.pack_base),
        usual_name=form.usual_name if form.pack_base else "",
        capacity=lot_choices.capacity_of(rows, form.pack_base) if form.pack_base else 0,
        most_lots=lot_choices.MOST_LOTS,
    )


def _product(product_id: str, grade: str) -> Product:
    product = db.session.get(Product, row_number(product_id))
    if product is None or grade not in GRADES:
        raise NotFound("没有这个品种。")
    return product


def _get(listing_id: int) -> Listing:
    found = db.session.scalar(
        select(Listing)
        .where(Listing.id == listing_id)
        .options(joinedload(Listing.round), joinedload(Listing.product), joinedload(Listing.seller))
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise NotFound("没有这个产品。")
    return found


@bp.get("/listings/<int:listing_id>")
@requires(ROUND_VIEW)
def show(listing_id: int) -> str:
    return _desk(listing_id)


def _desk(listing_id: int, refused: MarketplaceError | None = None) -> str:
    listing = _get(listing_id)
    actor = current_actor()
    may_manage = actor.may(ROUND_MANAGE) and listing.state != "closed"
    rows = db.session.scalars(
        select(Commitment)
        .where(Commitment.listing_id == listing.id, Commitment.quantity_base > 0)
        .options(
            joinedload(Commitment.lot).joinedload(Lot.household),
            joinedload(Commitment.lot).joinedload(Lot.organisation),
            joinedload(Commitment.lot).joinedload(Lot.region),
        )
        .execution_options(populate_existing=True)
    ).all()
    rows = sorted(rows, key=lambda row: (row.lot.available_until, row.id))
    return render_template(
        "orders/listings/show.html",
        listing=listing,
        round=listing.round,
        rows=rows,
        spare=sum(base for _, base in moving.unreserved_parts(listing, list(rows))),
        targets=_targets(listing) if may_manage else [],
        fixed=changes.ever_ordered(db.session, listing),
        may_manage=may_manage,
        may_orders=actor.may(ORDER_MANAGE),
        may_lots=actor.may(LOT_VIEW),
        refused=refused,
        paid_on_to=money_way(db.session, listing),
        amount=lot_choices.amount_words,
    )


def _targets(listing: Listing) -> list[Listing]:
    """Where what is unreserved may go: the same goods, offered otherwise or in another round."""
    return list(
        db.session.scalars(
            select(Listing)
            .join(Round, Round.id == Listing.round_id)
            .where(
                Listing.product_id == listing.product_id,
                Listing.grade == listing.grade,
                Listing.id != listing.id,
                Listing.state != "closed",
                Round.state.in_(("draft", "open", "on_hold", "postponed")),
            )
            .options(joinedload(Listing.round))
            .order_by(Listing.id)
        )
    )


@bp.route("/listings/<int:listing_id>/lots", methods=["GET", "POST"])
@requires(ROUND_MANAGE)
def lots(listing_id: int) -> Answer:
    """More lots for a listing that is already there."""
    listing = _get(listing_id)
    form = ListingForm(listing.product, [], data=listing_forms.values_of(listing))
    free = lot_choices.free_lots(db.session, _lot_scope(), listing.product_id, listing.grade)
    form.read_values()
    if request.method == "GET":
        rows = lot_choices.fresh_rows(
            free, listing.round, ticked=not listing.capacity_packs, pack_base=listing.pack_base
        )
        return _editor(listing.round, form, listing.grade, rows, listing), 200
    rows, status = lot_choices.typed_rows(free, listing.round, request.form), 422
    if "preview" in request.form:
        return _editor(listing.round, form, listing.grade, rows, listing), 200
    lot_choices.judge_rows(rows, listing.pack_base, listing.usual_farmgate_fen, strict=True)
    if not any(row.ticked for row in rows):
        form.form_errors = ["请至少勾一批货。"]
    elif any(row.errors for row in rows):
        form.form_errors = ["有几批货没填对，请看下面的货源表。"]
    else:
        try:
            return _commit(listing_id, rows)
        except MarketplaceError as error:
            listing = _get(listing_id)
            lot_choices.free_lots(db.session, _lot_scope(), listing.product_id, listing.grade)
            _refuse(form, rows, error)
            status = error.http_status
    return _editor(listing.round, form, listing.grade, rows, listing), status


def _commit(listing_id: int, rows: list[LotRow]) -> Response:
    with transaction() as session:
        listing = get_listing(session, listing_id)
        was_empty = not listing.capacity_packs
        commit_lots(session, current_actor(), listing, lot_choices.parts_of(rows))
        if was_empty and listing.state == "stopped":
            changes.sell_again(session, current_actor(), listing)
    flash(f"货加好了，现在可订 {listing.capacity_packs} 份。", "success")
    return redirect(url_for(".show", listing_id=listing_id))


@bp.route("/listings/<int:listing_id>/edit", methods=["GET", "POST"])
@requires(ROUND_MANAGE)
def edit(listing_id: int) -> Answer:
    listing = _get(listing_id)
    values = listing_forms.values_of(listing)
    form = ListingForm(listing.product, listing_forms.sellers(db.session), data=values)
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            with transaction() as session:
                changes.change_listing(
                    session,
                    current_actor(),
                    get_listing(session, listing_id),
                    form.given(listing.grade),
                )
            flash("改好了。", "success")
            return redirect(url_for(".show", listing_id=listing_id))
        except MarketplaceError as error:
            form.refuse(error)
            status, listing = error.http_status, _get(listing_id)
    fixed = changes.ever_ordered(db.session, listing)
    return render_template(
        "orders/listings/edit.html", form=form, listing=listing, round=listing.round, fixed=fixed
    ), status


@bp.post("/listings/<int:listing_id>/<any(release, move, stop, sell, remove, withdraw):what>")
@requires(ROUND_MANAGE)
def act(listing_id: int, what: str) -> Answer:
    """The small actions on a listing's page; a refusal is shown there."""
    home = url_for("rounds.show", round_id=_get(listing_id).round_id)
    here = url_for(".show", listing_id=listing_id)
    try:
        words = _act(listing_id, what)
    except MarketplaceError as error:
        return _desk(listing_id, error), error.http_status
    flash(words, "success")
    return redirect(home if what == "remove" else here)


def _act(listing_id: int, what: str) -> str:
    actor = current_actor()
    with transaction() as session:
        listing = get_listing(session, listing_id)
        if what == "release":
            moved = moving.release_unreserved(session, actor, listing)
            return f"没人订的货退回了 {moved.lots} 批货源。"
        if what == "move":
            target = get_listing(session, _number("target", "请选挪到哪个产品。"))
            note = request.form.get("note", "").strip()[:200]
            moved = moving.move_unreserved(session, actor, listing, target, note)
            kept = f"有 {moved.kept} 批没法挪，留在原处。" if moved.kept else ""
            return f"{moved.lots} 批没人订的货挪到了“{target.title} {target.pack_name}”。{kept}"
        if what == "withdraw":
            moving.release_lot(session, actor, listing, _number("lot", "没有这批货。"))
            return "这批里没人订的货退回了货源。"
        if what == "stop":
            changes.stop_listing(session, actor, listing)
            return "已停售，订单都还在。"
        if what == "sell":
            changes.sell_again(session, actor, listing)
            return "又开卖了。"
        changes.remove_listing(session, actor, listing)
        return "产品去掉了，货退回了货源。"


def _number(name: str, missing: str) -> int:
    number = row_number(request.form.get(name, ""))
    if not number:
        raise InvalidInput(missing, code="missing", field=name)
    return number
