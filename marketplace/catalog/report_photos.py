"""Which photos belong to a report."""

from collections.abc import Sequence

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from marketplace.catalog.models import ReportPhoto, SupplyReport
from marketplace.catalog.pictures import Picture
from marketplace.core.clock import now
from marketplace.core.errors import Conflict, NotFound
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope

MAX_PHOTOS = 3


def add_photos(
    session: Session, actor: Actor, report: SupplyReport, pictures: Sequence[Picture]
) -> None:
    """Attach pictures whose files are kept already. The same picture again changes nothing."""
    if not pictures:
        return
    session.refresh(report, with_for_update=True)
    if report.state not in {"draft", "submitted", "returned"}:
        raise Conflict("这条登记已经核实或撤回，不能再加照片。", code="wrong_state")
    held = set(
        session.scalars(select(ReportPhoto.sha256).where(ReportPhoto.report_id == report.id))
    )
    new = {picture.sha256: picture for picture in pictures if picture.sha256 not in held}
    if len(held) + len(new) > MAX_PHOTOS:
        raise Conflict(
            f"一条登记最多 {MAX_PHOTOS} 张照片。", code="too_many_photos", field="photos"
        )
    for picture in new.values():
        session.add(
            ReportPhoto(
                report_id=report.id,
                sha256=picture.sha256,
                width=picture.width,
                height=picture.height,
                at=now(),
            )
        )
        audit.record(
            session, actor, "photo_added", "supply_report", report.id, sha256=picture.sha256
        )
    session.flush()
    session.expire(report, ["photos"])


def get_photo(session: Session, scope: Scope, photo_id: int) -> ReportPhoto:
    """A photo of a report within reach."""
    photo = session.scalar(
        select(ReportPhoto)
        .join(SupplyReport, SupplyReport.id == ReportPhoto.report_id)
        .where(ReportPhoto.id == photo_id, SupplyReport.within(scope))
    )
    if photo is None:
        raise NotFound("没有这张照片。")
    return photo


def remove_photo(session: Session, actor: Actor, photo: ReportPhoto) -> bool:
    """Take a photo off a report that is not verified yet; who did it stays in the audit trail.

    Returns whether no other report shows the same picture: its file may go once this is committed.
    """
    session.refresh(photo.report, with_for_update=True)  # a reviewer may be looking at it
    if photo.report.state not in {"draft", "submitted", "returned"}:
        raise Conflict("这条登记已经核实或撤回，照片不能再动。", code="wrong_state")
    audit.record(
        session, actor, "photo_removed", "supply_report", photo.report_id, sha256=photo.sha256
    )
    session.delete(photo)
    session.flush()
    return not session.scalar(select(exists().where(ReportPhoto.sha256 == photo.sha256)))
