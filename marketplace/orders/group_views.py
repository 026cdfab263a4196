"""An organiser's registrations: start one, share it, see what came in, submit it once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload
from werkzeug import Response
from wtforms import HiddenField, RadioField, SelectChoice

from marketplace.core.clock import format_deadline, now
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError
from marketplace.core.identifiers import mask_phone
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.models import User
from marketplace.identity.permissions import ORDER_GROUP, ORDER_OWN
from marketplace.orders.canteen_sheet import choose_unit, units
from marketplace.orders.deposits import rule_words
from marketplace.orders.group_registrations import (
    GroupInput,
    cancel_group,
    closing_before,
    create_group,
    entries_of,
    get_group,
    why_closed,
)
from marketplace.orders.group_shares import portions_of, shorts_of
from marketplace.orders.group_submission import (
    GROUP_FUNDS,
    SubmitInput,
    submit_group,
)
from marketplace.orders.group_totals import places_of, totals
from marketplace.orders.money_back import due_fen
from marketplace.orders.my_order_words import deposit_of, money_of, states_of, total_words
from marketplace.orders.order_models import (
    FUND_SOURCES,
    GroupEntry,
    GroupRegistration,
    Order,
    OrderLine,
)
from marketplace.orders.round_models import Round
from marketplace.orders.rounds import open_rounds
from marketplace.web.addresses import row_number
from marketplace.web.forms import Form, TrimmedField, at_most, required
from marketplace.web.paging import paginate
from marketplace.web.time_fields import (
    ClosingTimeField,
    DayField,
    closing_moment,
    closing_parts,
)

bp = Blueprint("groups", __name__, url_prefix="/groups")
STATES = {
    "open": ("登记中", "leaf"),
    "closed": ("登记截止，等交单", "ripe"),
    "missed": ("没有交单，已截单", "bad"),
    "submitted": ("已交单", "sky"),
    "cancelled": ("已取消", "plain"),
}
Answer = str | Response | tuple[str, int]


class GroupForm(Form):
    round_id = RadioField("哪一期", required("请选期次。"), validate_choice=False)
    suggested = HiddenField()
    title = TrimmedField("叫什么", [at_most(60)])
    closes_on = DayField("登记截止日期")
    closes_time = ClosingTimeField("登记截止时间")


class SubmitForm(Form):
    contact_name = TrimmedField("谁去取货", required("请填取货人姓名。") + [at_most(30)])
    contact_phone = TrimmedField("取货人电话", required("请填电话。") + [at_most(30)])
    fund_source = RadioField(
        "谁出钱",
        required("请选资金来源。"),
        choices=[SelectChoice(code, FUND_SOURCES[code]) for code in GROUP_FUNDS],
        validate_choice=False,
    )


@dataclass(frozen=True)
class Suggestion:
    """How a registration in a round is called and when it closes, unless the person says otherwise."""

    round_id: str
    title: str
    day: date
    time: str


def phase(group: GroupRegistration) -> str:
    """A key of STATES: what the organiser has to think of next."""
    if group.state != "open":
        return group.state
    if group.round.state != "open" or group.round.closes_at <= now():
        return "missed"
    return "closed" if group.closes_at <= now() else "open"


def _rounds() -> list[Round]:
    return [found for found in open_rounds(db.session) if found.open_to_groups]


@bp.get("/")
@requires(ORDER_GROUP)
def index() -> str:
    mine = (
        current_scope()
        .visible(select(GroupRegistration))
        .options(joinedload(GroupRegistration.round, innerjoin=True))
        .order_by(GroupRegistration.id.desc())
    )
    page = paginate(db.session, mine, 20)
    counted = db.session.execute(
        select(GroupEntry.group_id, func.count())
        .where(
            GroupEntry.group_id.in_([group.id for group in page.items]),
            GroupEntry.removed_at.is_(None),
        )
        .group_by(GroupEntry.group_id)
    )
    counts = {group_id: entries for group_id, entries in counted}  # noqa: C416
    return render_template(
        "orders/groups/index.html", page=page, counts=counts, phase=phase, states=STATES
    )


@bp.route("/new", methods=["GET", "POST"])
@requires(ORDER_GROUP)
def new() -> Answer:
    found = units(db.session, current_scope())
    unit = choose_unit(found, request.values.get("unit", ""))
    form, rounds = GroupForm(), _rounds()
    form.round_id.choices = [
        SelectChoice(
            str(r.id),
            f"第 {r.number} 期 · {r.name}",
            {"data-note": f"{format_deadline(r.closes_at)} 截单"},
        )
        for r in rounds
    ]
    suggestions = [
        Suggestion(
            str(r.id),
            f"{unit.name}第 {r.number} 期团购"[:60],
            *closing_parts(closing_before(r.closes_at, now())),
        )
        for r in rounds
    ]
    for one in suggestions:
        form.closes_time.also_offer(one.time)
    status = 200
    if request.method == "GET" and rounds:
        first = suggestions[0]
        form.round_id.data = form.suggested.data = first.round_id
        form.title.data, form.closes_on.data = first.title, first.day
        form.closes_time.data = first.time
    elif request.method == "POST":
        form.closes_time.also_offer(next(iter(request.form.getlist("closes_time")), "24:00"))
        status = 422
        if form.validate():
            try:
                _follow_round(form, suggestions)
                return _created(form, unit.id)
            except MarketplaceError as error:
                form.refuse(error)
                status = error.http_status
    page = render_template(
        "orders/groups/new.html",
        form=form,
        rounds=rounds,
        suggestions=suggestions,
        units=found,
        unit=unit,
    )
    return page, status


def _follow_round(form: GroupForm, suggestions: list[Suggestion]) -> None:
    """What was left empty, or as it was suggested for another round, becomes that of the chosen one."""
    by_round = {one.round_id: one for one in suggestions}
    chosen = by_round.get(str(form.round_id.data))
    if chosen is None:
        return  # refused in a moment, for the reason that holds for that round
    before = by_round.get(str(form.suggested.data), chosen)
    if form.title.data in {"", None, before.title}:
        form.title.data = chosen.title
    closes = form.closes_on.data, form.closes_time.data
    if form.closes_on.data is None or closes == (before.day, before.time):
        form.closes_on.data, form.closes_time.data = chosen.day, chosen.time
    form.suggested.data = chosen.round_id


def _created(form: GroupForm, organisation_id: int) -> Response:
    if form.closes_on.data is None:
        raise InvalidInput("请填日期。", code="no_day", field="closes_on")
    try:
        closes_at = closing_moment(form.closes_on.data, str(form.closes_time.data))
    except ValueError:
        raise InvalidInput("请选时间。", code="bad_time", field="closes_time") from None
    given = GroupInput(
        row_number(str(form.round_id.data)), organisation_id, str(form.title.data), closes_at
    )
    with transaction() as session:
        group_id = create_group(session, current_actor(), given).id
    flash("登记开好了，把链接或二维码发给同事。", "success")
    return redirect(url_for("groups.show", group_id=group_id), 303)


@bp.get("/<int:group_id>")
@requires(ORDER_GROUP)
def show(group_id: int) -> str:
    form = SubmitForm()
    user = db.session.get_one(User, current_actor().user_id)
    form.contact_name.data, form.contact_phone.data = user.display_name, user.phone or ""
    form.fund_source.data = GROUP_FUNDS[0]
    return _show(get_group(db.session, current_scope(), group_id), form)


def _show(group: GroupRegistration, form: SubmitForm) -> str:
    every = entries_of(db.session, group.id)
    entries = [entry for entry in every if entry.removed_at is None]
    places = places_of(entries)
    made = sorted({entry.order_id for entry in entries if entry.order_id})
    orders = _orders(made) if made else []
    shorts = shorts_of(entries, orders)
    return render_template(
        "orders/groups/show.html",
        group=group,
        form=form,
        phase=phase(group),
        states=STATES,
        closed=why_closed(group, organiser=True),
        entries=entries,
        removed=len(every) - len(entries),
        places=places,
        totals=totals(entries, places, orders),
        portions={entry.id: portions_of(entry, shorts) for entry in entries},
        orders=orders,
        openable=_openable(made) if made else set(),
        order_states=states_of(db.session, orders),
        money_of=money_of,
        deposit_of=deposit_of,
        deposit_rule=rule_words(group.round, "group"),
        due_fen=due_fen,
        total_words=total_words,
        mask_phone=mask_phone,
        address=url_for("group_form.new", token=group.token, _external=True),
    )


def _orders(made: list[int]) -> Sequence[Order]:
    lines = selectinload(Order.lines).joinedload(OrderLine.listing, innerjoin=True)
    statement = select(Order).where(Order.id.in_(made)).order_by(Order.id)
    return db.session.scalars(statement.options(joinedload(Order.pickup_point), lines)).all()


def _openable(made: list[int]) -> set[int]:
    """Those of the orders whose own page this person may open."""
    actor = current_actor()
    if not actor.may(ORDER_OWN):
        return set()
    mine = actor.scope_for(ORDER_OWN).visible(select(Order.id))
    return set(db.session.scalars(mine.where(Order.id.in_(made))))


@bp.post("/<int:group_id>/submit")
@requires(ORDER_GROUP)
def submit(group_id: int) -> Answer:
    form = SubmitForm()
    if not form.validate():
        return _show(get_group(db.session, current_scope(), group_id), form), 422
    given = SubmitInput(
        str(form.contact_name.data), str(form.contact_phone.data), str(form.fund_source.data)
    )
    try:
        with transaction() as session:
            group = get_group(session, current_scope(), group_id)
            made = submit_group(session, current_actor(), group, given)
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        form.refuse(error)
        return _show(get_group(db.session, current_scope(), group_id), form), error.http_status
    waits = (
        "还要付押金，付了才算订上。" if rule_words(group.round, "group") else "签收单可以打印了。"
    )
    flash(f"交单成功，共 {len(made)} 张订单。{waits}", "success")
    return redirect(url_for("groups.show", group_id=group_id), 303)


@bp.post("/<int:group_id>/cancel")
@requires(ORDER_GROUP)
def cancel(group_id: int) -> Response:
    with transaction() as session:
        cancel_group(session, current_actor(), get_group(session, current_scope(), group_id))
    flash("这次登记取消了。", "success")
    return redirect(url_for("groups.show", group_id=group_id), 303)
