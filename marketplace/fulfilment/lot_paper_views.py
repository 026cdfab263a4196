"""Papers of a lot on a phone: at the scales, or beforehand by who answers for the goods."""

from flask import flash, redirect, render_template, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug import Response
from wtforms import DateField, FileField, SelectChoice, SelectField, SubmitField
from wtforms.validators import Optional

from marketplace.catalog.lot_papers import (
    Brought,
    attach_paper,
    get_paper,
    issue_certificate,
    papers_of,
    set_aside,
)
from marketplace.catalog.models import Lot
from marketplace.catalog.paper_models import BASES, COMMITMENTS, PAPER_KINDS, LotPaper
from marketplace.catalog.uploads import kept_photo, photo_answer
from marketplace.catalog.words import amount_words, piece_word
from marketplace.core.clock import today
from marketplace.core.county_settings import county_settings
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError, NotFound
from marketplace.core.quantity import BaseUnit, parse_quantity
from marketplace.fulfilment.papers_in_van import UNLOADED
from marketplace.fulfilment.revealing import REASONS, reason_words
from marketplace.fulfilment.weighing_models import WeighIn
from marketplace.identity import audit
from marketplace.identity.access import current_actor, current_scope, requires, requires_any
from marketplace.identity.permissions import LOT_VIEW, PAPER_KEEP, PERSONAL_REVEAL
from marketplace.identity.scope import Scope
from marketplace.orders.lot_withdrawal import get_own_lot
from marketplace.orders.missing_papers import missing_before_leaving
from marketplace.orders.round_models import Listing
from marketplace.regions.models import Region
from marketplace.web.field_blueprint import Task, bp, today_tasks
from marketplace.web.forms import Form, TrimmedField, at_most, required

Answer = str | Response | tuple[str, int]
TASKS = 3
"""So many missing papers stand among today's work; the last says how many there are."""


def _choices(words: dict[str, str]) -> list[SelectChoice]:
    return [SelectChoice("", "请选"), *(SelectChoice(*pair) for pair in words.items())]


class IssueForm(Form):
    quantity = TrimmedField("这张合格证管多少", [*required("请写数量。"), at_most(30)])
    basis = SelectField(
        "凭什么承诺合格", choices=_choices(BASES), default="", validators=required("请选一个。")
    )
    submit = SubmitField("开合格证")


class AttachForm(Form):
    kind = SelectField(
        "哪种证明", choices=_choices(PAPER_KINDS), default="", validators=required("请选一种。")
    )
    number = TrimmedField("证明上的编号", [*required("请写证明上的编号。"), at_most(60)])
    issuer = TrimmedField("谁开的", [at_most(60)])
    issued_on = DateField("开具日期", validators=required("请写开具日期。"))
    valid_until = DateField("有效期到", validators=[Optional()])
    photos = FileField("照片")
    submit = SubmitField("存证明")


class AsideForm(Form):
    why = TrimmedField("为什么作废", [*required("请写为什么作废。"), at_most(200)])


@today_tasks
def _papers_to_bring(session: Session) -> list[Task]:
    actor = current_actor()
    if not actor.may(PAPER_KEEP):
        return []
    missing = missing_before_leaving(session, actor.scope_for(PAPER_KEEP), UNLOADED)
    more = f"，一共缺 {len(missing)} 张" if len(missing) > TASKS else ""
    return [
        Task(
            f"补{one.kind}：{one.lot.product.name} {one.supplier}",
            url_for("field.lot_papers", lot_id=one.lot.id),
            f"{one.buyers}要，缺了不能发车{more}",
            "缺证明",
            "bad",
        )
        for one in missing[:TASKS]
    ]


@bp.get("/lots/<int:lot_id>/papers", endpoint="lot_papers")
@requires(PAPER_KEEP)
def show(lot_id: int) -> str:
    return _page(lot_id)


def _page(
    lot_id: int, issue: IssueForm | None = None, attach: AttachForm | None = None, refused: str = ""
) -> str:
    lot = get_own_lot(db.session, current_scope(), lot_id)
    if issue is None:
        issue = IssueForm(formdata=None, prefix="c")
        issue.quantity.data = amount_words(_handed_over(db.session, lot), lot.product)
    return render_template(
        "fulfilment/lot_papers.html",
        lot=lot,
        papers=papers_of(db.session, lot_id),
        issue=issue,
        attach=attach or AttachForm(formdata=None, prefix="p"),
        attaching=attach is not None,
        aside=AsideForm(formdata=None),
        refused=refused,
        kinds=PAPER_KINDS,
        bases=BASES,
        today=today(),
        may_see_lot=current_actor().may(LOT_VIEW),
    )


def _handed_over(session: Session, lot: Lot) -> int:
    """What the scales said in the lot's last round; before that what there is of the lot."""
    net = session.scalar(
        select(func.sum(WeighIn.net_base))
        .join(Listing, Listing.id == WeighIn.listing_id)
        .where(WeighIn.lot_id == lot.id, WeighIn.void_at.is_(None))
        .group_by(Listing.round_id)
        .order_by(Listing.round_id.desc())
        .limit(1)
    )
    whole = lot.verified + lot.surplus + lot.adjusted
    left = whole - lot.sold - lot.donated - lot.withdrawn - lot.lost - lot.processed
    return min(int(net or 0), whole) or left


@bp.post("/lots/<int:lot_id>/papers/issue", endpoint="lot_paper_issue")
@requires(PAPER_KEEP)
def issue(lot_id: int) -> Answer:
    form = IssueForm(prefix="c")
    status = 422
    if form.validate():
        try:
            with transaction() as session:
                lot = get_own_lot(session, current_scope(), lot_id)
                unit: BaseUnit = "g" if lot.product.base_unit == "g" else "piece"
                word = "斤" if unit == "g" else piece_word(lot.product)
                typed = str(form.quantity.data).replace(",", "")
                amount = parse_quantity(typed, base_unit=unit, default_unit=word)
                paper = issue_certificate(
                    session, current_actor(), lot, amount.base, form.basis.data or ""
                )
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
        else:
            flash(f"开好了，编号 {paper.number}。打印出来跟货走。", "success")
            return redirect(url_for("field.paper_print", paper_id=paper.id), 303)
    return _page(lot_id, issue=form), status


@bp.post("/lots/<int:lot_id>/papers/attach", endpoint="lot_paper_attach")
@requires(PAPER_KEEP)
def attach(lot_id: int) -> Answer:
    form = AttachForm(prefix="p")
    get_own_lot(db.session, current_scope(), lot_id)
    status = 422
    if form.validate():
        try:
            given = _brought(form)
            with transaction() as session:
                lot = get_own_lot(session, current_scope(), lot_id)
                attach_paper(session, current_actor(), lot, given)
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
        else:
            flash("证明存好了。", "success")
            return redirect(url_for("field.lot_papers", lot_id=lot_id), 303)
    return _page(lot_id, attach=form), status


def _brought(form: AttachForm) -> Brought:
    """With the photo read and kept, which is slow and stays outside any transaction."""
    return Brought(
        form.kind.data or "",
        str(form.number.data),
        form.issued_on.data,
        form.valid_until.data,
        str(form.issuer.data or ""),
        sha256=kept_photo(form.photos.data),
    )


@bp.post("/papers/<int:paper_id>/aside", endpoint="paper_aside")
@requires(PAPER_KEEP)
def aside(paper_id: int) -> Answer:
    form = AsideForm()
    lot_id = get_paper(db.session, current_scope(), paper_id).lot_id
    try:
        form.check()
        with transaction() as session:
            paper = get_paper(session, current_scope(), paper_id)
            set_aside(session, current_actor(), paper, str(form.why.data))
    except MarketplaceError as error:
        return _page(lot_id, refused=error.message), error.http_status
    flash("作废了，原件还留着。", "success")
    return redirect(url_for("field.lot_papers", lot_id=lot_id), 303)


@bp.get("/papers/<int:paper_id>/print", endpoint="paper_print")
@requires(PAPER_KEEP)
def printed(paper_id: int) -> str:
    return _printed(_issued(db.session, current_scope(), paper_id), full=False)


@bp.post("/papers/<int:paper_id>/print", endpoint="paper_print_full")
@requires(PERSONAL_REVEAL)
def printed_full(paper_id: int) -> str | tuple[str, int]:
    """With the supplier's full name and number, as the form of the law has it; leaves a row in the trail."""
    form = RevealForm()
    with transaction() as session:
        paper = _issued(session, current_scope(), paper_id)
        reason = reason_words(form.reason.data or "")
        if paper.lot.household_id:
            audit.record(
                session,
                current_actor(),
                "personal_revealed",
                "household",
                paper.lot.household_id,
                reason=reason,
                what="name,phone",
            )
    return _printed(_issued(db.session, current_scope(), paper_id), full=True)


class RevealForm(Form):
    reason = TrimmedField("理由")


def _issued(session: Session, scope: Scope, paper_id: int) -> LotPaper:
    paper = get_paper(session, scope, paper_id)
    if not paper.issued_here:
        raise NotFound("这张证明不是在这里开的，请打印它的照片。")
    return paper


def _printed(paper: LotPaper, *, full: bool) -> str:
    town = db.session.get(Region, f"{paper.lot.region_code[:9]}000")
    places = dict.fromkeys(place.name for place in (town, paper.lot.region) if place)
    return render_template(
        "fulfilment/certificate_paper.html",
        paper=paper,
        full=full,
        bases=BASES,
        commitments=COMMITMENTS,
        place="".join(places),
        settings=county_settings(db.session),
        reasons=REASONS,
        may_reveal=current_actor().may(PERSONAL_REVEAL) and paper.lot.household_id,
        back_url=url_for("field.lot_papers", lot_id=paper.lot_id),
    )


@bp.get("/papers/<int:paper_id>/photo", endpoint="paper_photo")
@requires_any(PAPER_KEEP, LOT_VIEW)
def photo(paper_id: int) -> Response:
    """Names and seals may stand on it: for those who reach the lot, never on a public page."""
    return photo_answer(get_paper(db.session, current_scope(), paper_id).sha256)
