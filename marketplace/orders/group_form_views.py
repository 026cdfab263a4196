"""What the shared link opens: colleagues register, correct and withdraw without an account.

Nobody sees anything of anybody else here.
"""

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug import Response

from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.core.identifiers import mask_phone
from marketplace.identity.access import public
from marketplace.orders.group_entry_form import EntryPage
from marketplace.orders.group_registrations import (
    beyond_supply,
    entry_of_code,
    group_of_link,
    remove_entry,
    save_entry,
    why_closed,
)
from marketplace.orders.group_shares import own_portions
from marketplace.orders.order_models import GroupEntry, GroupRegistration
from marketplace.orders.shop_queries import pickups

bp = Blueprint("group_form", __name__, url_prefix="/g")
Answer = str | Response | tuple[str, int]


@bp.get("/<token>")
@public
def new(token: str) -> Answer:
    group = group_of_link(db.session, token)
    if closed := why_closed(group):
        return _closed(group, closed)
    return _page(EntryPage(db.session, group))


@bp.post("/<token>")
@public
def send(token: str) -> Answer:
    group = group_of_link(db.session, token)
    if closed := why_closed(group):
        return _closed(group, closed), 409
    page = EntryPage(db.session, group)
    return _save(page, str(page.form.key.data or ""), "登记好了。")


@bp.get("/<token>/<edit_code>")
@public
def entry(token: str, edit_code: str) -> Answer:
    group = group_of_link(db.session, token)
    found = entry_of_code(db.session, group, edit_code)
    return _entry_page(group, found)


def _entry_page(group: GroupRegistration, found: GroupEntry) -> str:
    closed = why_closed(group)
    gone = found.removed_at is not None
    places = pickups(db.session, group.round_id)
    return render_template(
        "orders/groups/entry_done.html",
        group=group,
        entry=found,
        portions=own_portions(db.session, found),
        closed=closed,
        gone=gone,
        beyond=[]
        if gone or why_closed(group, organiser=True)
        else beyond_supply(db.session, found),
        slot=next((row for row in places if row.pickup_point_id == found.pickup_point_id), None),
        phone=mask_phone(found.phone),
        page=None if closed or gone else EntryPage(db.session, group, found),
        address=url_for(
            "group_form.entry", token=group.token, edit_code=found.edit_code, _external=True
        ),
    )


@bp.post("/<token>/<edit_code>")
@public
def correct(token: str, edit_code: str) -> Answer:
    group = group_of_link(db.session, token)
    found = entry_of_code(db.session, group, edit_code)
    if why_closed(group) or found.removed_at is not None:
        return _entry_page(group, found), 409
    return _save(EntryPage(db.session, group, found), found.entry_key, "改好了。")


@bp.post("/<token>/<edit_code>/withdraw")
@public
def withdraw(token: str, edit_code: str) -> Answer:
    group = group_of_link(db.session, token)
    found = entry_of_code(db.session, group, edit_code)
    group_id, entry_id = group.id, found.id
    try:
        with transaction() as session:
            remove_entry(session, group_id, entry_id)
    except MarketplaceError as error:
        flash(error.message, "error")
        return _entry_page(
            group_of_link(db.session, token), entry_of_code(db.session, group, edit_code)
        ), error.http_status
    flash("登记撤回了。", "success")
    return redirect(url_for("group_form.entry", token=token, edit_code=edit_code), 303)


def _save(page: EntryPage, key: str, said: str) -> Answer:
    given = page.read()
    if given is None:
        return _page(page), 422
    token, group_id = page.group.token, page.group.id
    try:
        with transaction() as session:
            code = save_entry(session, group_id, key, given).edit_code
    except MarketplaceError as error:
        page.refuse(error)
        return _page(page), error.http_status
    flash(said, "success")
    return redirect(url_for("group_form.entry", token=token, edit_code=code), 303)


def _page(page: EntryPage) -> str:
    return render_template("orders/groups/form.html", page=page, group=page.group)


def _closed(group: GroupRegistration, closed: str) -> str:
    return render_template("orders/groups/form_closed.html", group=group, closed=closed)
