"""Lines pasted from a chat: typed text, what was understood of it, what goes back to be mended."""

import hashlib
import json

from flask import flash, redirect, render_template, url_for
from sqlalchemy import select
from werkzeug import Response
from wtforms import TextAreaField

from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError, NotFound
from marketplace.identity.access import current_actor, signed_in
from marketplace.identity.home import works_on_phone
from marketplace.imports import batches, taking
from marketplace.imports.importer import Importer, PastedText
from marketplace.imports.models import ImportBatch, ImportRow
from marketplace.imports.sheets import Table
from marketplace.imports.views import STATES, allowed_importer, bp, own_batch, start_work
from marketplace.web.forms import Form, at_most, required

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


@bp.route("/imports/paste/<kind>", methods=["GET", "POST"])
@signed_in
def paste(kind: str) -> str | Response | tuple[str, int]:
    importer, pasted = _pasted(kind)
    form = PasteForm()
    status = 422 if form.is_submitted() else 200
    if form.validate_on_submit():
        try:
            return redirect(url_for("imports.pasted", paste_id=_store(importer, form.text.data)))
        except MarketplaceError as error:
            form.refuse(error)
            status = error.http_status
    page = render_template(
        "imports/paste.html", form=form, importer=importer, pasted=pasted, layout=_frame()
    )
    return page, status


def _store(importer: Importer, text: str) -> int:
    """Read, keep and check the lines; says which of them were passed over. Returns the batch's id."""
    assert importer.pasted is not None
    rows = importer.pasted.read(db.session, text)
    table = Table(rows.headings, rows.rows, hashlib.sha256(text.encode()).hexdigest())
    with transaction() as session:
        batch = batches.store_batch(session, current_actor(), importer.code, "贴的文字", table)
        batch_id = batch.id
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
    text = source.give_back([(cells[row.id], problems[row.id]) for row in faulty])
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
    """Once the good lines are taken, or when there are none."""
    ended = batch.state == "done"
    return bool(batch.faulty) and (ended or batch.faulty == batch.total)


def _line(
    source: PastedText, cells: dict[str, str], problems: list[str] | None = None
) -> dict[str, object]:
    whose, what = source.said(cells)
    return {"number": cells["行"], "raw": cells["原文"], "whose": whose, "what": what,
            "problems": problems or []}  # fmt: skip
