"""Bringing a file: template, upload, preview with cures, progress, rows to mend."""

import json

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_wtf.file import FileField, FileRequired
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug import Response
from wtforms import SubmitField

from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError, NotFound
from marketplace.core.wake import wake
from marketplace.identity.access import current_actor, signed_in
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope
from marketplace.imports import batches, taking
from marketplace.imports.importer import IMPORTERS, Importer
from marketplace.imports.models import ImportBatch, ImportRow
from marketplace.imports.sheets import PROBLEM_HEADING, read_table, write_xlsx
from marketplace.web.downloads import send_xlsx
from marketplace.web.forms import Form
from marketplace.web.paging import paginate

bp = Blueprint("imports", __name__)
AT_ONCE = 300
"""So many rows are checked while the person waits; more are checked by the worker, with progress."""
STATES = {
    "reading": ("正在检查", "sky"),
    "previewed": ("等您决定", "ripe"),
    "applying": ("正在导入", "sky"),
    "done": ("已导入", "leaf"),
    "failed": ("没有导入", "bad"),
    "discarded": ("已放弃", "plain"),
}


class UploadForm(Form):
    file = FileField("选文件（.xlsx 或 .csv）", [FileRequired("请先选一个文件。")])
    submit = SubmitField("上传并检查")


def _allowed(actor: Actor) -> list[Importer]:
    return [importer for importer in IMPORTERS.values() if importer.open_to(actor)]


def allowed_importer(kind: str) -> Importer:
    """The kind, for those who may; for others it does not exist."""
    importer = batches.importer_of(kind)
    if not importer.open_to(current_actor()):
        raise NotFound("没有这种导入。")
    return importer


def _by_file(kind: str) -> Importer:
    importer = allowed_importer(kind)
    if importer.pasted:
        raise NotFound("没有这种导入。")
    return importer


def own_batch(session: Session, batch_id: int) -> ImportBatch:
    return batches.get_batch(session, Scope(user_id=current_actor().user_id), batch_id)


def start_work(batch_id: int, rows: int) -> None:
    """A few rows while the person waits, many by the worker, who may also come first."""
    if rows > AT_ONCE:
        wake()
    elif taking.claim(batch_id) is not None:
        taking.work_on(batch_id)


@bp.get("/imports")
@signed_in
def index() -> str:
    actor = current_actor()
    if not _allowed(actor):
        raise NotFound("没有这个页面。")
    own = Scope(user_id=actor.user_id).visible(select(ImportBatch)).order_by(ImportBatch.id.desc())
    page = paginate(db.session, own, 20)
    return render_template(
        "imports/index.html", importers=_allowed(actor), page=page, states=STATES, kinds=IMPORTERS
    )


@bp.route("/imports/new/<kind>", methods=["GET", "POST"])
@signed_in
def new(kind: str) -> str | Response | tuple[str, int]:
    importer = _by_file(kind)
    form = UploadForm()
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        upload = form.file.data
        try:
            table = read_table(upload.read(), importer.columns)
            with transaction() as session:
                name = upload.filename or "file"
                batch = batches.store_batch(session, current_actor(), kind, name, table)
                batch_id = batch.id
            start_work(batch_id, len(table.rows))
            return redirect(url_for("imports.show", batch_id=batch_id))
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
    return render_template("imports/new.html", form=form, importer=importer), status


@bp.get("/imports/<int:batch_id>")
@signed_in
def show(batch_id: int) -> str | Response:
    batch = own_batch(db.session, batch_id)
    importer = allowed_importer(batch.kind)
    if importer.pasted:
        return redirect(url_for("imports.pasted", paste_id=batch_id))
    faulty = paginate(
        db.session,
        select(ImportRow)
        .where(ImportRow.batch_id == batch.id, ImportRow.state == "faulty")
        .order_by(ImportRow.row_no),
        50,
    )
    columns: list[str] = json.loads(batch.columns)
    unknown = [
        c
        for c in columns
        if c and c != PROBLEM_HEADING and c not in {x.heading for x in importer.columns}
    ]
    rows = [
        {
            "number": row.row_no,
            "first": " ".join(json.loads(row.cells)[:3]),
            "problems": json.loads(row.problems),
        }
        for row in faulty.items
    ]
    return render_template(
        "imports/show.html",
        batch=batch,
        importer=importer,
        rows=rows,
        page=faulty,
        states=STATES,
        unknown=unknown,
    )


@bp.post("/imports/<int:batch_id>/take")
@signed_in
def take(batch_id: int) -> Response:
    with transaction() as session:
        batch = own_batch(session, batch_id)
        allowed_importer(batch.kind)
        batches.ask_to_take(session, current_actor(), batch, request.form.get("take", "good"))
        rows, pasted = batch.total, IMPORTERS[batch.kind].pasted
    start_work(batch_id, rows)
    wake()  # what follows from the rows shall not wait for the next minute
    if pasted:
        return redirect(url_for("imports.pasted", paste_id=batch_id))
    return redirect(url_for("imports.show", batch_id=batch_id))


@bp.post("/imports/<int:batch_id>/discard")
@signed_in
def drop(batch_id: int) -> Response:
    with transaction() as session:
        batch = own_batch(session, batch_id)
        kind = batch.kind
        said = batches.let_go(session, current_actor(), batch)
    flash(said, "success")
    if IMPORTERS[kind].pasted:
        return redirect(url_for("imports.paste", kind=kind))
    return redirect(url_for("imports.index"))


@bp.get("/imports/<int:batch_id>/faulty.xlsx")
@signed_in
def faulty_file(batch_id: int) -> Response:
    batch = own_batch(db.session, batch_id)
    headings = [*batches.kept_columns(batch), PROBLEM_HEADING]
    content = write_xlsx(headings, batches.faulty_rows(db.session, batch), "待改")
    return send_xlsx(content, f"待改_{batch.id}.xlsx")


@bp.get("/imports/template/<kind>.xlsx")
@signed_in
def template(kind: str) -> Response:
    importer = _by_file(kind)
    headings = [column.heading for column in importer.columns]
    return send_xlsx(
        write_xlsx(headings, [[""] * len(headings)], importer.title), f"{importer.title}模板.xlsx"
    )
