"""Photos that come with a form: kept before its use case begins, so that a refusal loses none."""

from typing import Any

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer
from werkzeug import Response
from werkzeug.datastructures import FileStorage

from marketplace.catalog.pictures import (
    evidence_folder,
    evidence_path,
    keep_picture,
    read_picture,
)
from marketplace.core.errors import InvalidInput, MarketplaceError, NotFound

GOOD_FOR = 24 * 3600  # seconds


def kept_photo(sent: Any, before: str = "") -> str:
    """The SHA-256 of the photo that was sent, else of the one for which an earlier try got the ticket `before`;
    empty when there is none. Raises InvalidInput for what is no photo."""
    folder = current_app.extensions["settings"].folder
    if isinstance(sent, FileStorage) and sent.filename:
        picture = read_picture(sent.read())
        keep_picture(evidence_folder(folder), picture)
        return picture.sha256
    try:
        return str(_tickets().loads(before, max_age=GOOD_FOR)) if before else ""
    except BadSignature:
        return ""


def photo_of(form: Any) -> str:
    """The SHA-256 of the photo that a form's `photo` sent, else of an earlier try's; the form's `kept` carries its
    ticket on. Empty when there is none; raises InvalidInput beside the field for what is no photo."""
    try:
        digest = kept_photo(form.photo.data, str(form.kept.data or ""))
    except MarketplaceError as error:
        raise InvalidInput(error.message, code=error.code, field="photo") from error
    form.kept.data = photo_ticket(digest)
    return digest


def photo_ticket(digest: str) -> str:
    """What a refused form carries instead of the photo: only who has sent a picture can name it."""
    return str(_tickets().dumps(digest)) if digest else ""


def _tickets() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="kept-photo")


def photo_answer(digest: str) -> Response:
    """A kept photo, our own WebP; whoever calls has checked that it may be seen."""
    path = evidence_path(current_app.extensions["settings"].folder, digest)
    if not digest or not path.exists():
        raise NotFound("这张照片的文件不在了。")
    return Response(path.read_bytes(), content_type="image/webp")
