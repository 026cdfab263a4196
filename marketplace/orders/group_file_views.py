"""A registration on paper and as a file: lists to collect and sign, xlsx in and out."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, url_for
from flask_wtf.file import FileField, FileRequired
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload
from werkzeug import Response

from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.core.identifiers import mask_phone
from marketplace.identity import audit
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import ORDER_GROUP
from marketplace.imports.sheets import read_table, write_xlsx
from marketplace.orders import group_sheet as sheet
from marketplace.orders.group_registrations import entries_of, get_group, why_closed
from marketplace.orders.group_shares import Portions, Short, Shorts, portions_of, shorts_of
from marketplace.orders.group_totals import Total, totals
from marketplace.orders.group_views import Answer, bp
from marketplace.orders.order_models import (
    FUND_SOURCES,
    GroupEntry,
    GroupRegistration,
    Order,
    OrderLine,
)
from marketplace.orders.round_models import RoundPickup
from marketplace.orders.shop_queries import Wish, goods, pickups
from marketplace.web.downloads import send_xlsx
from marketplace.web.forms import Form

REASONS = {"call": "到货了打电话通知", "check": "核对名单"}


class FileForm(Form):
    file = FileField("选文件（.xlsx 或 .csv）", [FileRequired("请先选一个文件。")])


@dataclass(frozen=True)
class Drop:
    """What a unit fetches at one pickup point, and who signs for it, department by department."""

    slot: RoundPickup
    order: Order | None
    totals: list[Total]
    departments: list[tuple[str, list[GroupEntry]]]
    shorts: Shorts

    def portions(self, entry: GroupEntry) -> Portions:
        return portions_of(entry, self.shorts)

    def short(self, total: Total) -> Short | None:
        return self.shorts.get((self.order.id, total.listing.id)) if self.order else None


@bp.get("/<int:group_id>/import")
@requires(ORDER_GROUP)
def import_file(group_id: int) -> Answer:
    group = get_group(db.session, current_scope(), group_id)
    if closed := why_closed(group, organiser=True):
        flash(closed, "warning")
        return redirect(url_for("groups.show", group_id=group_id))
    return _import_page(group, FileForm())


@bp.post("/<int:group_id>/import")
@requires(ORDER_GROUP)
def check_file(group_id: int) -> Answer:
    group = get_group(db.session, current_scope(), group_id)
    form = FileForm()
    if not form.validate():
        return _import_page(group, form), 422
    try:
        table = read_table(form.file.data.read(), sheet.COLUMNS, may_repeat=sheet.TWICE)
        offered = db.session.scalars(goods([group.round], Wish())).all()
        preview = sheet.check_table(table, offered, pickups(db.session, group.round_id))
    except MarketplaceError as error:
        form.refuse(error)
        return _import_page(group, form), error.http_status
    return _import_page(group, form, preview)


@bp.post("/<int:group_id>/import/take")
@requires(ORDER_GROUP)
def take_file(group_id: int) -> Answer:
    try:
        people = sheet.unseal(group_id, request.form.get("people", ""))
        with transaction() as session:
            group = get_group(session, current_scope(), group_id)
            taken = sheet.take(session, current_actor(), group.id, people)
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        form = FileForm()
        form.refuse(error)
        group = get_group(db.session, current_scope(), group_id)
        return _import_page(group, form), error.http_status
    flash(f"导入了 {taken} 人。", "success")
    return redirect(url_for("groups.show", group_id=group_id), 303)


def _import_page(
    group: GroupRegistration, form: FileForm, preview: sheet.Preview | None = None
) -> str:
    return render_template(
        "orders/groups/import.html",
        group=group,
        form=form,
        preview=preview,
        sealed=sheet.seal(group.id, preview.people) if preview and preview.people else "",
        columns=[column.heading for column in sheet.COLUMNS],
    )


@bp.get("/<int:group_id>/template.xlsx")
@requires(ORDER_GROUP)
def template(group_id: int) -> Response:
    """An empty form with the round's goods in it, so that names are copied and not guessed."""
    group = get_group(db.session, current_scope(), group_id)
    headings = [column.heading for column in sheet.COLUMNS]
    lines = [
        ["", "", listing.title, listing.pack_name, "", "", ""]
        for listing in db.session.scalars(goods([group.round], Wish()))
    ]
    return send_xlsx(write_xlsx(headings, lines, "订购登记表"), f"订购登记表模板_{group.id}.xlsx")


@bp.get("/<int:group_id>/export.xlsx")
@requires(ORDER_GROUP)
def export(group_id: int) -> Response:
    group = get_group(db.session, current_scope(), group_id)
    entries = _present(group)
    lines = list(sheet.rows(group, entries, _orders_of(entries), _fund(group)))
    with transaction() as session:
        audit.record(
            session, current_actor(), "personal_exported", "group", group_id, what="订购登记表"
        )
    return send_xlsx(write_xlsx(sheet.HEADINGS, lines, "订购登记表"), f"订购登记表_{group_id}.xlsx")


def _fund(group: GroupRegistration) -> str:
    """Said when the list was submitted, so it stands on the lines of the orders."""
    if group.state != "submitted":
        return ""
    source = db.session.scalar(
        select(OrderLine.fund_source)
        .join(GroupEntry, GroupEntry.order_id == OrderLine.order_id)
        .where(GroupEntry.group_id == group.id)
        .limit(1)
    )
    return FUND_SOURCES.get(source or "", "")


def _present(group: GroupRegistration) -> list[GroupEntry]:
    return [e for e in entries_of(db.session, group.id) if e.removed_at is None]


def _orders_of(entries: Sequence[GroupEntry]) -> Sequence[Order]:
    """What the registration became when it was handed in: one order for each pickup point."""
    made = {entry.order_id for entry in entries if entry.order_id}
    wanted = select(Order).where(Order.id.in_(made)).order_by(Order.id)
    with_lines = selectinload(Order.lines).joinedload(OrderLine.listing)
    return db.session.scalars(wanted.options(with_lines, joinedload(Order.pickup_point))).all()


@bp.get("/<int:group_id>/lists")
@requires(ORDER_GROUP)
def lists(group_id: int) -> str:
    return _lists(get_group(db.session, current_scope(), group_id), full=False)


@bp.post("/<int:group_id>/lists")
@requires(ORDER_GROUP)
def print_lists(group_id: int) -> str:
    """With the telephones that colleagues left to be called on: for a reason, one row in the trail."""
    group = get_group(db.session, current_scope(), group_id)
    reason = REASONS.get(request.form.get("reason", ""))
    if reason is None:
        raise InvalidInput("请先选查看的理由。", code="no_reason", field="reason")
    with transaction() as session:
        actor = current_actor()
        audit.record(
            session, actor, "personal_revealed", "group", group_id, reason=reason, what="phone"
        )
    return _lists(group, full=True)


def _drop(slot: RoundPickup, order: Order | None, entries: list[GroupEntry]) -> Drop:
    departments: dict[str, list[GroupEntry]] = {}
    for entry in entries:
        departments.setdefault(entry.department or "未填部门", []).append(entry)
    made = [order] if order else []
    wanted, shorts = totals(entries, [slot.point], made), shorts_of(entries, made)
    return Drop(slot, order, wanted, list(departments.items()), shorts)


def _lists(group: GroupRegistration, *, full: bool) -> str:
    entries = _present(group)
    orders = {order.id: order for order in _orders_of(entries)}
    drops = []
    for slot in pickups(db.session, group.round_id):
        here = [entry for entry in entries if entry.pickup_point_id == slot.pickup_point_id]
        for order_id in dict.fromkeys(entry.order_id for entry in here):
            mine = [entry for entry in here if entry.order_id == order_id]
            drops.append(_drop(slot, orders.get(order_id or 0), mine))
    return render_template(
        "orders/groups/lists.html",
        group=group,
        drops=drops,
        full=full,
        reasons=REASONS,
        mask_phone=mask_phone,
        back_url=url_for("groups.show", group_id=group.id),
    )
