"""The collection clerk's phone: who is still to come, and what the scales said."""

from dataclasses import dataclass, replace

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import Session, contains_eager, joinedload
from werkzeug import Response
from wtforms import HiddenField, SelectChoice, SelectField, SubmitField

from marketplace.catalog.models import GRADES, STOPPED
from marketplace.core.clock import now
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.core.quantity import BaseUnit, parse_quantity
from marketplace.core.wake import wake
from marketplace.fulfilment.answering import get_sheet
from marketplace.fulfilment.models import PreparationSheet, SheetLine
from marketplace.fulfilment.receipts import receipts_of
from marketplace.fulfilment.sheet_views import WouldCutError
from marketplace.fulfilment.weighing import (
    FarOff,
    Reading,
    WeighedBefore,
    amount,
    weigh,
    weighed_lines,
)
from marketplace.fulfilment.weighing_models import DEDUCTIONS, SHORT_REASONS, WeighIn
from marketplace.households.models import Household
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import WEIGH_IN
from marketplace.identity.scope import Scope
from marketplace.orders.round_models import Round, RoundCollection
from marketplace.web.field_blueprint import bp
from marketplace.web.forms import Form, TrimmedField, at_most, required
from marketplace.web.paging import Page, page_number

ON_ONE_PAGE = 30
Answer = str | Response | tuple[str, int]


def _choices(words: dict[str, str]) -> list[SelectChoice]:
    return [SelectChoice("", "请选"), *(SelectChoice(*pair) for pair in words.items())]


def _grades() -> list[SelectChoice]:
    return [SelectChoice("", "和备货单一样"), *(SelectChoice(grade) for grade in GRADES)]


class WeighForm(Form):
    """One line of a sheet. `sure` and `seen_cut` come back when somebody was asked about them."""

    gross = TrimmedField("毛重", [*required("请写秤上的数。"), at_most(30)])
    tare = TrimmedField("皮重", [at_most(30)])
    deduction = TrimmedField("扣重", [at_most(30)])
    mass = TrimmedField("这些一共多重", [at_most(30)])
    deduction_reason = SelectField("为什么扣", choices=_choices(DEDUCTIONS), default="")
    grade = SelectField("等级", choices=_grades(), default="")
    short_reason = SelectField("不够的话，为什么少", choices=_choices(SHORT_REASONS), default="")
    why = TrimmedField("为什么要重新过", [at_most(200)])
    sure = HiddenField()
    seen_cut = HiddenField()
    submit = SubmitField("记下")


@dataclass(frozen=True)
class Waiting:
    """A sheet with how many of its lines have been at the scales."""

    sheet: PreparationSheet
    lines: int
    weighed: int


@bp.get("/weigh", endpoint="weigh")
@requires(WEIGH_IN)
def queue() -> str | Response:
    """Who is still to come, the next slot first; a number or a code leads straight to the sheet."""
    asked = request.args.get("q", "").strip()[:40]
    scope = current_scope()
    if asked and (found := _named(db.session, scope, asked)):
        return redirect(url_for("field.weigh_sheet", sheet_id=found))
    sheets, lines, weighed = _progress(db.session, scope)
    number = min(page_number(), max(1, -(-sheets // ON_ONE_PAGE)))
    rows = _queue(db.session, scope, number)
    return render_template(
        "fulfilment/field_weigh.html",
        page=Page(rows, number, sheets, ON_ONE_PAGE),
        lines=lines,
        weighed=weighed,
        asked=asked,
        as_of=now(),
    )


def _open_sheets(scope: Scope) -> Select[PreparationSheet]:
    return (
        scope.visible(select(PreparationSheet))
        .join(Round, Round.id == PreparationSheet.round_id)
        .where(PreparationSheet.current, Round.state == "collecting")
        .where(PreparationSheet.amount_fen > 0)
    )


def _named(session: Session, scope: Scope, asked: str) -> int | None:
    household = select(Household.id).where(Household.household_no == asked.upper())
    mine = (PreparationSheet.code == asked.upper()) | PreparationSheet.household_id.in_(household)
    found = session.scalars(
        _open_sheets(scope)
        .join(PreparationSheet.collection)
        .where(mine)
        .order_by(RoundCollection.from_at, PreparationSheet.id)
        .with_only_columns(PreparationSheet.id)
        .limit(1)
    )
    return found.first()


_COUNTS = and_(
    WeighIn.listing_id == SheetLine.listing_id,
    WeighIn.lot_id == SheetLine.lot_id,
    WeighIn.void_at.is_(None),
)


def _progress(session: Session, scope: Scope) -> tuple[int, int, int]:
    """Sheets, their lines, and how many of these were weighed."""
    row = session.execute(
        _open_sheets(scope)
        .join(SheetLine, SheetLine.sheet_id == PreparationSheet.id)
        .outerjoin(WeighIn, _COUNTS)
        .with_only_columns(
            func.count(PreparationSheet.id.distinct()),
            func.count(SheetLine.id),
            func.count(WeighIn.id),
        )
    ).one()
    return row[0], row[1], row[2]


def _queue(session: Session, scope: Scope, number: int) -> list[Waiting]:
    lines = (
        select(
            SheetLine.sheet_id,
            func.count(SheetLine.id).label("lines"),
            func.count(WeighIn.id).label("weighed"),
        )
        .outerjoin(WeighIn, _COUNTS)
        .group_by(SheetLine.sheet_id)
        .subquery()
    )
    rows = session.execute(
        _open_sheets(scope)
        .join(lines, lines.c.sheet_id == PreparationSheet.id)
        .join(PreparationSheet.collection)
        .add_columns(lines.c.lines, lines.c.weighed)
        .options(
            contains_eager(PreparationSheet.collection).joinedload(RoundCollection.point),
            joinedload(PreparationSheet.household),
            joinedload(PreparationSheet.organisation),
            joinedload(PreparationSheet.region),
        )
        .order_by(
            lines.c.weighed >= lines.c.lines,
            RoundCollection.from_at,
            PreparationSheet.region_code,
            PreparationSheet.id,
        )
        .limit(ON_ONE_PAGE)
        .offset((number - 1) * ON_ONE_PAGE)
    )
    return [Waiting(sheet, count, weighed) for sheet, count, weighed in rows]


@bp.get("/weigh/<int:sheet_id>", endpoint="weigh_sheet")
@requires(WEIGH_IN)
def sheet(sheet_id: int) -> str:
    return _page(sheet_id)


def _page(
    sheet_id: int, line_id: int = 0, form: WeighForm | None = None, question: str = ""
) -> str:
    """`form` is that of the line whose reading was refused or asked about."""
    found = get_sheet(db.session, current_scope(), sheet_id)
    weighed = weighed_lines(db.session, found)
    lines = [(line, weighed.get((line.listing_id, line.lot_id))) for line in found.lines]
    forms = {
        line.id: _asking(form, again=done is not None)
        if form and line.id == line_id
        else _form(line, done)
        for line, done in lines
    }
    return render_template(
        "fulfilment/field_weigh_sheet.html",
        sheet=found,
        lines=lines,
        next_line=next((line.id for line, done in lines if done is None), 0),
        forms=forms,
        open_line=line_id,
        question=question,
        receipts=receipts_of(db.session, found),
        newest=0 if found.current else _newest(found),
        amount=amount,
        shorts=SHORT_REASONS,
        stopped=STOPPED,
    )


def _newest(old: PreparationSheet) -> int:
    """The version in force, if the supplier still has one."""
    mine = select(PreparationSheet.id).where(old.versions, PreparationSheet.current)
    return db.session.scalar(mine) or 0


def _form(line: SheetLine, done: WeighIn | None) -> WeighForm:
    return _asking(WeighForm(formdata=None, prefix=f"l{line.id}"), again=done is not None)


def _asking(form: WeighForm, *, again: bool) -> WeighForm:
    """What the line cannot do without is not called optional."""
    form.mass.flags.required = True
    form.why.flags.required = again
    return form


@bp.post("/weigh/<int:sheet_id>/<int:line_id>", endpoint="weigh_line")
@requires(WEIGH_IN)
def take(sheet_id: int, line_id: int) -> Answer:
    """What the scales said of a line; a shortage that cuts orders is asked about first."""
    form = WeighForm(prefix=f"l{line_id}")
    question, status = "", 422
    if form.validate():
        try:
            number = _take(sheet_id, line_id, form)
        except WouldCutError as asked:
            form.seen_cut.data, question = str(asked.done.cut_packs), asked.message
        except FarOff as asked:
            form.sure.data, question = str(asked.net), asked.message
        except WeighedBefore as refused:
            form.refuse(refused)
            status = refused.http_status
        except MarketplaceError as refused:
            if refused.http_status == 404:
                raise
            form.refuse(refused)
            status = refused.http_status
        else:
            wake()
            flash("记下了，把过磅单给农户看一看。", "success")
            return redirect(url_for("field.weigh_receipt", number=number), 303)
    return _page(sheet_id, line_id, form, question), status


def _take(sheet_id: int, line_id: int, form: WeighForm) -> str:
    with transaction() as session:
        found = get_sheet(session, current_scope(), sheet_id, for_update=True)
        line = next((one for one in found.lines if one.id == line_id), None)
        reading = _reading(form, line)
        done = weigh(
            session, current_actor(), found, line_id, reading, instead_why=form.why.data or ""
        )
        if done.short and done.short.cut_packs and form.seen_cut.data != str(done.short.cut_packs):
            raise WouldCutError(done.short)
        return done.row.number


def _reading(form: WeighForm, line: SheetLine | None) -> Reading:
    product = line.listing.product if line else None
    unit: BaseUnit = "g" if product is None or product.base_unit == "g" else "piece"
    word = "斤" if unit == "g" else (product.piece_word if product else "") or "个"

    def base(field: TrimmedField) -> int:
        text = (field.data or "").strip()
        if text in {"", "0"}:
            return 0
        name = field.name.rpartition("-")[2]
        return parse_quantity(text, base_unit=unit, default_unit=word, field=name).base

    text = str(form.mass.data or "")
    read = Reading(
        base(form.gross),
        base(form.tare),
        base(form.deduction),
        form.deduction_reason.data or "",
        form.short_reason.data or "",
        form.grade.data or "",
        parse_quantity(text, base_unit="g", default_unit="斤", field="mass").base if text else 0,
    )
    return replace(read, sure=form.sure.data == str(read.net))
