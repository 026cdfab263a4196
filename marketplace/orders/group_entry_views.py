"""The organiser corrects: adds an entry by hand, changes one, takes one out."""

from flask import flash, redirect, render_template, url_for
from werkzeug import Response

from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.core.identifiers import mask_phone
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import ORDER_GROUP
from marketplace.orders.group_entry_form import EntryPage
from marketplace.orders.group_registrations import (
    get_entry,
    get_group,
    remove_entry,
    save_entry,
    why_closed,
)
from marketplace.orders.group_views import Answer, bp
from marketplace.orders.order_models import GroupEntry, GroupRegistration


@bp.get("/<int:group_id>/entries/new")
@requires(ORDER_GROUP)
def add_entry(group_id: int) -> Answer:
    group = get_group(db.session, current_scope(), group_id)
    return _too_late(group) or _page(EntryPage(db.session, group))


@bp.post("/<int:group_id>/entries/new")
@requires(ORDER_GROUP)
def save_new(group_id: int) -> Answer:
    page = EntryPage(db.session, get_group(db.session, current_scope(), group_id))
    return _save(page, str(page.form.key.data or ""))


@bp.get("/<int:group_id>/entries/<int:entry_id>")
@requires(ORDER_GROUP)
def edit_entry(group_id: int, entry_id: int) -> Answer:
    group, entry = _find(group_id, entry_id)
    return _too_late(group) or _page(EntryPage(db.session, group, entry))


@bp.post("/<int:group_id>/entries/<int:entry_id>")
@requires(ORDER_GROUP)
def save_changed(group_id: int, entry_id: int) -> Answer:
    group, entry = _find(group_id, entry_id)
    return _save(EntryPage(db.session, group, entry), entry.entry_key)


@bp.post("/<int:group_id>/entries/<int:entry_id>/remove")
@requires(ORDER_GROUP)
def remove(group_id: int, entry_id: int) -> Response:
    with transaction() as session:
        group = get_group(session, current_scope(), group_id)
        remove_entry(session, group.id, entry_id, current_actor())
    flash("删掉了，记录留着。", "success")
    return _back(group_id)


def _find(group_id: int, entry_id: int) -> tuple[GroupRegistration, GroupEntry]:
    group = get_group(db.session, current_scope(), group_id)
    return group, get_entry(db.session, group, entry_id)


def _too_late(group: GroupRegistration) -> Response | None:
    if closed := why_closed(group, organiser=True):
        flash(closed, "warning")
        return _back(group.id)
    return None


def _back(group_id: int) -> Response:
    return redirect(url_for("groups.show", group_id=group_id), 303)


def _save(page: EntryPage, key: str) -> Answer:
    given = page.read()
    if given is None:
        return _page(page), 422
    group_id = page.group.id
    try:
        with transaction() as session:
            save_entry(session, group_id, key, given, current_actor())
    except MarketplaceError as error:
        page.refuse(error)
        return _page(page), error.http_status
    flash("记好了。", "success")
    return _back(group_id)


def _page(page: EntryPage) -> str:
    return render_template(
        "orders/groups/entry.html",
        page=page,
        group=page.group,
        entry=page.entry,
        phone=mask_phone(page.entry.phone) if page.entry else "",
    )
