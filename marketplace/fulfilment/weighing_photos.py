"""Photos of what lay on the scales."""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalog.pictures import Picture
from marketplace.core.clock import now
from marketplace.core.errors import Conflict, NotFound
from marketplace.fulfilment.models import PreparationSheet
from marketplace.fulfilment.weighing_models import WeighIn, WeighPhoto
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope

MAX_PHOTOS = 3


def folder_of_photos(data: Path) -> Path:
    """Apart from the reports' photos: a file of theirs goes when the last report drops it."""
    return data / "weighing"


def add_photos(session: Session, actor: Actor, row: WeighIn, pictures: Sequence[Picture]) -> None:
    """Attach pictures whose files are kept already. The same picture again changes nothing."""
    session.execute(select(WeighIn.id).where(WeighIn.id == row.id).with_for_update())
    held = {photo.sha256 for photo in photos_of(session, row)}
    new = sorted({picture.sha256 for picture in pictures} - held)
    if len(held) + len(new) > MAX_PHOTOS:
        raise Conflict(
            f"一张过磅单最多 {MAX_PHOTOS} 张照片。", code="too_many_photos", field="photos"
        )
    for sha256 in new:
        session.add(WeighPhoto(weigh_in_id=row.id, sha256=sha256, at=now(), by_id=actor.user_id))
        audit.record(session, actor, "photo_added", "weigh_in", row.number, sha256=sha256)


def photos_of(session: Session, row: WeighIn) -> Sequence[WeighPhoto]:
    mine = WeighPhoto.weigh_in_id == row.id
    return session.scalars(select(WeighPhoto).where(mine).order_by(WeighPhoto.id)).all()


def get_weigh_photo(session: Session, scope: Scope, photo_id: int) -> WeighPhoto:
    """A photo of a weighing whose sheet is within reach."""
    mine = scope.visible(select(PreparationSheet)).with_only_columns(PreparationSheet.id)
    found = session.scalar(
        select(WeighPhoto)
        .join(WeighIn, WeighIn.id == WeighPhoto.weigh_in_id)
        .where(WeighPhoto.id == photo_id, WeighIn.sheet_id.in_(mine))
    )
    if found is None:
        raise NotFound("没有这张照片。")
    return found
