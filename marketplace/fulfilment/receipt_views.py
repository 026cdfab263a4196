"""The household's receipt on the clerk's phone, and the photos that belong to it."""

from flask import current_app, redirect, render_template, request, url_for
from flask_wtf.file import MultipleFileField
from sqlalchemy import select
from werkzeug import Response
from werkzeug.datastructures import FileStorage
from wtforms import SubmitField

from marketplace.catalog.pictures import keep_picture, picture_path, read_picture
from marketplace.core.county_settings import county_settings
from marketplace.core.db import db, transaction
from marketplace.core.errors import InvalidInput, MarketplaceError, NotFound
from marketplace.fulfilment.models import PreparationSheet
from marketplace.fulfilment.receipts import get_weigh_in, hold_weigh_in
from marketplace.fulfilment.regrading import may_regrade, shifts_of
from marketplace.fulfilment.shift_models import CONSENTS
from marketplace.fulfilment.surplus import MuchMore, extra_base, keep_surplus, surplus_of
from marketplace.fulfilment.weighing import amount
from marketplace.fulfilment.weighing_models import DEDUCTIONS, SHORT_REASONS, WeighIn
from marketplace.fulfilment.weighing_photos import (
    MAX_PHOTOS,
    add_photos,
    folder_of_photos,
    get_weigh_photo,
    photos_of,
)
from marketplace.identity.access import current_actor, current_scope, requires
from marketplace.identity.permissions import SHEET_VIEW, WEIGH_IN
from marketplace.web.addresses import row_number
from marketplace.web.field_blueprint import bp
from marketplace.web.forms import Form


class PhotoForm(Form):
    photos = MultipleFileField("照片")
    submit = SubmitField("存照片")


@bp.get("/weigh/receipts/<number>", endpoint="weigh_receipt")
@requires(WEIGH_IN)
def receipt(number: str) -> str:
    """For the household: what was weighed, what it gets."""
    return _receipt(number)


def _receipt(number: str, question: MuchMore | None = None) -> str:
    row = get_weigh_in(db.session, current_scope(), number)
    shifts, kept = shifts_of(db.session, row), surplus_of(db.session, row)
    return render_template(
        "fulfilment/weigh_receipt.html",
        row=row,
        photos=len(photos_of(db.session, row)),
        shifts=shifts,
        consents=CONSENTS,
        may_regrade=may_regrade(row),
        surplus=kept,
        extra=0
        if kept or row.void_at or row.sheet.round.state != "collecting"
        else extra_base(row),
        home=_goes_home(row, sum(one.base for one in shifts), kept.base if kept else 0),
        question=question,
        amount=amount,
        deductions=DEDUCTIONS,
        shorts=SHORT_REASONS,
        settings=county_settings(db.session),
        back_url=url_for("field.weigh_sheet", sheet_id=_current(row)),
    )


def _goes_home(row: WeighIn, shifted: int, kept: int) -> int:
    """Base units that were weighed and stay the household's: less than a pack, too much, another grade."""
    taken = row.packs * row.listing.pack_base + kept
    if row.grade != row.lot.grade:
        taken = shifted
    return max(0, row.net_base - taken)


@bp.post("/weigh/receipts/<number>/surplus", endpoint="weigh_surplus")
@requires(WEIGH_IN)
def surplus(number: str) -> Response | tuple[str, int]:
    """The household sells what is more, too; far more than its sheet is asked about."""
    sure = row_number(request.form.get("sure", ""))
    try:
        with transaction() as session:
            row = hold_weigh_in(session, current_scope(), number)
            keep_surplus(session, current_actor(), row, sure)
    except MuchMore as question:
        return _receipt(number, question), question.http_status
    return redirect(url_for("field.weigh_receipt", number=number), 303)


def _current(row: WeighIn) -> int:
    """The version in force of the sheet that a receipt belongs to."""
    found = db.session.scalar(
        select(PreparationSheet.id).where(row.sheet.versions, PreparationSheet.current)
    )
    if found is None:
        raise InvalidInput("这一户没有备货单了。")
    return found


@bp.get("/weigh/receipts/<number>/photos", endpoint="weigh_photos")
@requires(WEIGH_IN)
def photos(number: str) -> str:
    return _photos_page(number, PhotoForm(formdata=None))


def _photos_page(number: str, form: PhotoForm) -> str:
    row = get_weigh_in(db.session, current_scope(), number)
    return render_template(
        "fulfilment/field_weigh_photos.html",
        row=row,
        photos=photos_of(db.session, row),
        form=form,
        most=MAX_PHOTOS,
    )


@bp.post("/weigh/receipts/<number>/photos", endpoint="weigh_photos_add")
@requires(WEIGH_IN)
def photos_add(number: str) -> Response | tuple[str, int]:
    form = PhotoForm()
    try:
        form.check()
        _keep(number, form)
    except MarketplaceError as error:
        if error.http_status == 404:
            raise
        form.refuse(error)
        return _photos_page(number, form), error.http_status
    return redirect(url_for("field.weigh_receipt", number=number), 303)


def _keep(number: str, form: PhotoForm) -> None:
    """Reading a picture is slow: it is done, and the file there, before anything is held."""
    get_weigh_in(db.session, current_scope(), number)
    sent = [one for one in form.photos.data or [] if isinstance(one, FileStorage) and one.filename]
    if not sent:
        raise InvalidInput("请先拍照或选照片。", code="missing", field="photos")
    pictures = [read_picture(file.read()) for file in sent[:MAX_PHOTOS]]
    folder = folder_of_photos(current_app.extensions["settings"].folder)
    for picture in pictures:
        keep_picture(folder, picture)
    with transaction() as session:
        row = get_weigh_in(session, current_scope(), number)
        add_photos(session, current_actor(), row, pictures)


@bp.get("/weigh/photos/<int:photo_id>", endpoint="weigh_photo")
@requires(SHEET_VIEW)
def photo(photo_id: int) -> Response:
    """A photo of a weighing within reach; our own WebP, never what was uploaded."""
    found = get_weigh_photo(db.session, current_scope(), photo_id)
    path = picture_path(folder_of_photos(current_app.extensions["settings"].folder), found.sha256)
    if not path.exists():
        raise NotFound("这张照片的文件不在了。")
    return Response(path.read_bytes(), content_type="image/webp")
