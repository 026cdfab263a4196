"""One sheet at the desk: what it says, who was told, what was answered, its versions."""

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import joinedload, selectinload
from werkzeug import Response
from wtforms import ValidationError

from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError, NotFound
from marketplace.core.wake import wake
from marketplace.fulfilment.answering import (
    Answered,
    answer_less,
    answer_yes,
    get_sheet,
    record_told,
)
from marketplace.fulfilment.forms import LessForm, ToldForm, read_packs
from marketplace.fulfilment.models import (
    ANSWERS,
    TOLD_HOW,
    PreparationSheet,
    SheetAnswer,
    SheetTold,
)
from marketplace.fulfilment.papers import Paper
from marketplace.fulfilment.revealing import REASONS
from marketplace.fulfilment.sheet_pages import one_paper
from marketplace.fulfilment.views import bp
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import PERSONAL_REVEAL, SHEET_ANSWER, SHEET_VIEW


@bp.get("/<int:sheet_id>")
@requires(SHEET_VIEW)
def sheet(sheet_id: int) -> str:
    return sheet_page("fulfilment/sheet.html", one_paper(db.session, current_scope(), sheet_id))


@bp.get("/code/<code>")
@requires(SHEET_VIEW)
def by_code(code: str) -> Response:
    """Where the QR on the paper leads."""
    found = db.session.scalar(
        current_scope().visible(select(PreparationSheet).where(PreparationSheet.code == code))
    )
    if found is None:
        raise NotFound("没有这张备货单。")
    return redirect(url_for("sheets.sheet", sheet_id=found.id))


def sheet_page(template: str, paper: Paper, told: ToldForm | None = None) -> str:
    """The page of a sheet, at the desk or on the phone."""
    found = paper.row.sheet
    actor = current_actor()
    versions = db.session.scalars(
        select(PreparationSheet)
        .where(found.versions)
        .options(
            selectinload(PreparationSheet.told).joinedload(SheetTold.by),
            selectinload(PreparationSheet.answers).joinedload(SheetAnswer.by),
            joinedload(PreparationSheet.round),
        )
        .order_by(PreparationSheet.version.desc())
    ).all()
    return render_template(
        template,
        paper=paper,
        sheet=found,
        versions=versions,
        told=told or ToldForm(formdata=None),
        ways=TOLD_HOW,
        answers=ANSWERS,
        reasons=REASONS,
        may_answer=actor.may(SHEET_ANSWER) and found.current and found.round.state == "collecting",
        may_reveal=actor.may(PERSONAL_REVEAL) and found.household_id is not None,
    )


@bp.post("/<int:sheet_id>/told")
@requires(SHEET_ANSWER)
def told(sheet_id: int) -> Response | tuple[str, int]:
    done = take_told(sheet_id)
    if done is None:
        return redirect(url_for("sheets.sheet", sheet_id=sheet_id))
    paper = one_paper(db.session, current_scope(), sheet_id)
    return sheet_page("fulfilment/sheet.html", paper, done), 422


def take_told(sheet_id: int) -> ToldForm | None:
    """Record what the form says; the form itself comes back when something is missing."""
    form = ToldForm()
    if not form.validate_on_submit():
        return form
    with transaction() as session:
        record_told(
            session, current_actor(), current_scope(), [sheet_id], form.how.data, form.note.data
        )
    flash("记下了：通知到了。", "success")
    return None


@bp.post("/<int:sheet_id>/yes")
@requires(SHEET_ANSWER)
def yes(sheet_id: int) -> Response:
    take_yes(sheet_id)
    return redirect(url_for("sheets.sheet", sheet_id=sheet_id))


def take_yes(sheet_id: int) -> None:
    with transaction() as session:
        found = get_sheet(session, current_scope(), sheet_id, for_update=True)
        answer_yes(session, current_actor(), found)
    flash("记下了：能备齐。", "success")


@bp.route("/<int:sheet_id>/less", methods=["GET", "POST"])
@requires(SHEET_ANSWER)
def less(sheet_id: int) -> Response | str | tuple[str, int]:
    return less_page("fulfilment/less.html", "sheets.sheet", sheet_id)


class WouldCutError(InvalidInput):
    """Buyers would lose packs: whoever writes it down hears that first. Rolls the answer back."""

    def __init__(self, done: Answered) -> None:
        others = f"有 {done.changed_sheets - 1} 户能补一些，" if done.changed_sheets > 1 else ""
        super().__init__(
            f"{others}订单会少 {done.cut_packs} 份，马上告诉买家，不能撤回。先和农户对一对数；"
            "能补货的户还没说好的，也可以先去说好再来记。"
        )
        self.done = done


def less_page(template: str, back: str, sheet_id: int) -> Response | str | tuple[str, int]:
    """Ask what can be brought; take it, or show what is wrong with everything typed still there."""
    paper = one_paper(db.session, current_scope(), sheet_id)
    form = LessForm()
    status, question = 200, ""
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                done = _take_less(sheet_id, paper, form)
            except WouldCutError as asked:
                form.seen_cut.data = str(asked.done.cut_packs)
                question = asked.message
            except MarketplaceError as error:
                form.refuse(error)
                status = error.http_status
            else:
                wake()
                _tell(done)
                return redirect(url_for(back, sheet_id=_current(sheet_id)))
    page = render_template(
        template,
        paper=paper,
        sheet=paper.row.sheet,
        form=form,
        typed=request.form,
        back=back,
        question=question,
    )
    return page, status


def _take_less(sheet_id: int, paper: Paper, form: LessForm) -> Answered:
    try:
        bring = read_packs(request.form.to_dict(), paper.row.lines)
    except ValidationError as error:
        raise InvalidInput(str(error), code="packs", field="bring") from error
    with transaction() as session:
        found = get_sheet(session, current_scope(), sheet_id, for_update=True)
        done = answer_less(session, current_actor(), found, bring, form.reason.data)
        if done.cut_packs and form.seen_cut.data != str(done.cut_packs):
            raise WouldCutError(done)
        return done


def _tell(done: Answered) -> None:
    others = done.changed_sheets - 1
    parts = ["记下了，备货单已换新的一版。"]
    if others > 0:
        parts.append(f"另有 {others} 户补上，他们的备货单也改了，请通知。")
    if done.cut_packs:
        parts.append(f"订单少了 {done.cut_packs} 份，已告诉买家。")
    flash("".join(parts), "success")


def _current(sheet_id: int) -> int:
    """The version in force of the same supplier and round."""
    old = db.session.get_one(PreparationSheet, sheet_id)
    found = db.session.scalar(
        select(PreparationSheet.id).where(old.versions, PreparationSheet.current)
    )
    return found or sheet_id
