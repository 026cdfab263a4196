"""Lines pasted from a chat: typed text, what was understood of it, what goes back to be mended."""

import hashlib
import json
import re
from collections.abc import Sequence

from flask import flash, redirect, render_template, request, url_for
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug import Response
from wtforms import TextAreaField

from marketplace.core.clock import format_when
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError, NotFound
from marketplace.identity.access import current_actor, signed_in
from marketplace.identity.home import works_on_phone
from marketplace.identity.scope import Scope
from marketplace.imports import batches, taking
from marketplace.imports.importer import IMPORTERS, Importer, PastedText
from marketplace.imports.models import ImportBatch, ImportRow
from marketplace.imports.sheets import Table
from marketplace.imports.views import STATES, allowed_importer, bp, own_batch, start_work
from marketplace.web.addresses import row_number
from marketplace.web.field_blueprint import Task, today_tasks
from marketplace.web.forms import Form, at_most, required

_NUMBERED = re.compile(r"\s*(?P<number>[1-9][0-9]{0,2})\s*[.、．)）]")
MOST_TEXT = 40_000
"""Characters; a form of more is refused unread, at nine bytes for each."""


class PasteForm(Form):
    text = TextAreaField("接龙的文字", required("请把接龙的文字贴进来。") + [at_most(MOST_TEXT)])


def _frame() -> str:
    return "layout/phone.html" if works_on_phone(current_actor()) else "layout/desk.html"


def _pasted(kind: str) -> tuple[Importer, PastedText]:
    importer = allowed_importer(kind)
    if importer.pasted is None:
        raise NotFound("没有这种导入。")
    return importer, importer.pasted


@today_tasks
def _lines_to_mend(session: Session) -> list[Task]:
    """The last pastes that were left before every line was taken or mended."""
    actor = current_actor()
    kinds = [i.code for i in IMPORTERS.values() if i.pasted and actor.may(i.permission)]
    if not kinds:
        return []
    return [
        Task(
            f"{IMPORTERS[batch.kind].title}：{waiting_words(batch)}",
            url_for("imports.pasted", paste_id=batch.id),
            f"{format_when(batch.created_at)} 贴的",
            "没弄完",
            "warn",
        )
        for batch in batches.unfinished(session, Scope(user_id=actor.user_id), kinds)
    ]


def waiting_words(batch: ImportBatch) -> str:
    """How many lines wait, and for what."""
    if batch.state in {"reading", "applying"}:
        return STATES[batch.state][0]
    good = batch.total - batch.faulty if batch.state == "previewed" else 0
    words = (f"{good} 条等您登记" if good else "", f"{batch.faulty} 条要改" if batch.faulty else "")
    return "，".join(filter(None, words))


@bp.route("/imports/paste/<kind>", methods=["GET", "POST"])
@signed_in
def paste(kind: str) -> str | Response | tuple[str, int]:
    """`mends` is the paste that the text was given back from: this one takes its place."""
    importer, pasted = _pasted(kind)
    mends = row_number(request.args["mends"]) if "mends" in request.args else None
    form = PasteForm()
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            paste_id = _store(importer, form.text.data, mends)
            return redirect(url_for("imports.pasted", paste_id=paste_id))
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
    page = render_template(
        "imports/paste.html",
        form=form,
        importer=importer,
        pasted=pasted,
        layout=_frame(),
        unfinished=[] if form.is_submitted() else _unfinished(kind),
        waiting_words=waiting_words,
    )
    return page, status


def _unfinished(kind: str) -> Sequence[ImportBatch]:
    return batches.unfinished(db.session, Scope(user_id=current_actor().user_id), [kind])


def _store(importer: Importer, text: str, mends: int | None) -> int:
    """Read, keep and check the lines; says which of them were passed over. Returns the batch's id."""
    assert importer.pasted is not None
    rows = importer.pasted.read(db.session, text)
    table = Table(rows.headings, rows.rows, hashlib.sha256(text.encode()).hexdigest())
    with transaction() as session:
        batch = batches.store_batch(session, current_actor(), importer.code, "贴的文字", table)
        batch_id = batch.id
        if mends is not None:
            batches.give_way(session, current_actor(), own_batch(session, mends))
    start_work(batch_id, len(table.rows))
    if rows.left_out:
        shown = "、".join(str(number) for number in rows.left_out[:10])
        more = " 等" if len(rows.left_out) > 10 else ""
        flash(f"第 {shown} 行{more}当作标题或例子，跳过了。", "info")
    return batch_id


@bp.get("/imports/pasted/<int:paste_id>")
@signed_in
def pasted(paste_id: int) -> str:
    """Every line as it was understood; those to mend as a text that can be pasted again."""
    batch = own_batch(db.session, paste_id)
    importer, source = _pasted(batch.kind)
    rows = db.session.scalars(
        select(ImportRow).where(ImportRow.batch_id == batch.id).order_by(ImportRow.row_no)
    ).all()
    cells = {row.id: taking.cells_of(batch, row) for row in rows}
    problems = {
        row.id: [f"{c}：{w}" if c else w for c, w in json.loads(row.problems)] for row in rows
    }
    faulty = [row for row in rows if row.state == "faulty"]
    mended = rows if batch.state == "previewed" else faulty
    text = source.give_back([(cells[row.id], problems[row.id]) for row in mended])
    return render_template(
        "imports/pasted.html",
        batch=batch,
        importer=importer,
        state=STATES[batch.state],
        faulty=[_line(source, cells[row.id], problems[row.id]) for row in faulty],
        others={
            state: [_line(source, cells[row.id]) for row in rows if row.state == state]
            for state in ("waiting", "good", "applied", "unchanged")
        },
        mend=PasteForm(formdata=None, data={"text": text}) if _may_mend(batch) else None,
        layout=_frame(),
    )


def _may_mend(batch: ImportBatch) -> bool:
    """Before anything is taken the whole text, afterwards the lines that were not."""
    left = batch.state == "done" and bool(batch.faulty) and not batch.message
    return batch.state == "previewed" or left


def _line(
    source: PastedText, cells: dict[str, str], problems: list[str] | None = None
) -> dict[str, object]:
    whose, what = source.said(cells)
    return {"place": _place(cells), "raw": cells["原文"], "whose": whose, "what": what,
            "problems": problems or []}  # fmt: skip


def _place(cells: dict[str, str]) -> str:
    """`第 4 条（第 5 行）` where the list numbers its lines and a heading stands above them."""
    line = f"第 {cells['行']} 行"
    said = _NUMBERED.match(cells["原文"])
    if said is None or said["number"] == cells["行"]:
        return line
    return f"第 {said['number']} 条（{line}）"
