"""The archive of signed papers: file one by its number, find it again by either number."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_wtf.file import FileField
from werkzeug import Response
from wtforms import HiddenField

from marketplace.catalog.uploads import photo_answer, photo_of
from marketplace.core.db import db, transaction
from marketplace.core.errors import MarketplaceError
from marketplace.fulfilment.original_models import ORIGINALS
from marketplace.fulfilment.originals import file_original, get_original, originals
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import HAND_OVER, SHEET_VIEW
from marketplace.web.forms import Form, TrimmedField, at_most, required
from marketplace.web.paging import paginate

bp = Blueprint("originals", __name__, url_prefix="/originals")
Answer = str | Response | tuple[str, int]


class OriginalForm(Form):
    of = TrimmedField(
        "单号", [*required("请写纸上的单号：订单号、配送单号或备货单的码。"), at_most(20)]
    )
    note = TrimmedField("备注", [at_most(100)])
    photo = FileField("照片")
    kept = HiddenField()


@bp.get("")
@requires(SHEET_VIEW)
def index() -> str:
    return _page(OriginalForm(formdata=None, of=request.args.get("of", "")[:20]))


def _page(form: OriginalForm) -> str:
    words = request.args.get("q", "").strip()[:20]
    return render_template(
        "fulfilment/originals.html",
        page=paginate(db.session, originals(current_actor().scope_for(SHEET_VIEW), words), 30),
        words=words,
        kinds=ORIGINALS,
        form=form if current_actor().may(HAND_OVER) else None,
    )


@bp.post("")
@requires(HAND_OVER)
def file() -> Answer:
    form = OriginalForm()
    if not form.validate():
        return _page(form), 422
    try:
        photo = photo_of(form)
        with transaction() as session:
            number = file_original(
                session,
                current_actor(),
                current_scope(),
                str(form.of.data),
                photo,
                str(form.note.data or ""),
            ).number
    except MarketplaceError as error:
        form.refuse(error)
        return _page(form), error.http_status
    flash(f"存好了，档案号 {number}。把号写在纸上，纸按号放。", "success")
    return redirect(url_for(".index"), 303)


@bp.get("/<number>/photo")
@requires(SHEET_VIEW)
def photo(number: str) -> Response:
    return photo_answer(
        get_original(db.session, current_actor().scope_for(SHEET_VIEW), number).photo
    )
