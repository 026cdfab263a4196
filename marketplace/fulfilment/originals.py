"""Filing signed originals, and finding them again."""

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.clock import now, shanghai_date
from marketplace.core.codes import next_number
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.idempotency import once
from marketplace.fulfilment.delivery_models import Delivery, Manifest
from marketplace.fulfilment.models import PreparationSheet
from marketplace.fulfilment.original_models import SignedOriginal
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope
from marketplace.orders.order_models import Order


def file_original(
    session: Session, actor: Actor, scope: Scope, of: str, photo: str, note: str = ""
) -> SignedOriginal:
    """Keep the picture of the paper with number `of` (order, manifest or sheet) under an archive number.
    The same picture of the same paper is filed once. Raises InvalidInput for a number that is none in reach,
    or without a picture."""
    if not photo:
        raise InvalidInput("请拍下签了字的那一页。", code="missing", field="photo")
    subject = _subject(session, scope, of.strip().upper())
    owner = "original:" + ":".join(f"{name}:{row}" for name, row in subject.items())
    number = once(
        session, owner, photo, [], lambda: _file(session, actor, subject, photo, note).number
    )
    return session.scalars(select(SignedOriginal).where(SignedOriginal.number == number)).one()


def _file(
    session: Session, actor: Actor, subject: dict[str, int], photo: str, note: str
) -> SignedOriginal:
    day = shanghai_date(now())
    made = SignedOriginal(
        number=f"A{day.year}-{next_number(session, f'original:{day.year}'):06d}",
        photo=photo,
        note=note.strip()[:100],
        at=now(),
        by_id=actor.user_id,
        **subject,
    )
    session.add(made)
    session.flush()
    audit.record(session, actor, "original_filed", "original", made.number, sha256=photo)
    return made


def _subject(session: Session, scope: Scope, of: str) -> dict[str, int]:
    mine = _orders(scope)
    order = session.scalar(select(Order.id).where(Order.number == of, Order.id.in_(mine)))
    if order is not None:
        return {"order_id": order}
    here = select(Delivery.manifest_id).where(Delivery.order_id.in_(mine))
    manifest = session.scalar(
        select(Manifest.id).where(Manifest.number == of, Manifest.id.in_(here))
    )
    if manifest is not None:
        return {"manifest_id": manifest}
    sheet = session.scalar(
        scope.visible(select(PreparationSheet))
        .where(PreparationSheet.code == of)
        .with_only_columns(PreparationSheet.id)
    )
    if sheet is None:
        raise InvalidInput(
            "没有这个单号。订单号、配送单号、备货单上的码都可以。", code="unknown", field="of"
        )
    return {"sheet_id": sheet}


def _orders(scope: Scope) -> Select[int]:
    return scope.visible(select(Order)).with_only_columns(Order.id)


def originals(scope: Scope, words: str = "") -> Select[SignedOriginal]:
    """Those in reach, the newest first; `words`: an archive number or that of the paper."""
    mine = _orders(scope)
    sheets = scope.visible(select(PreparationSheet)).with_only_columns(PreparationSheet.id)
    here = select(Delivery.manifest_id).where(Delivery.order_id.in_(mine))
    statement = (
        select(SignedOriginal)
        .outerjoin(SignedOriginal.manifest)
        .outerjoin(SignedOriginal.order)
        .outerjoin(SignedOriginal.sheet)
        .where(
            or_(
                SignedOriginal.order_id.in_(mine),
                SignedOriginal.manifest_id.in_(here),
                SignedOriginal.sheet_id.in_(sheets),
            )
        )
        .options(
            joinedload(SignedOriginal.manifest),
            joinedload(SignedOriginal.order),
            joinedload(SignedOriginal.sheet),
            joinedload(SignedOriginal.by),
        )
        .order_by(SignedOriginal.id.desc())
    )
    if words:
        numbers = (SignedOriginal.number, Manifest.number, Order.number, PreparationSheet.code)
        statement = statement.where(or_(*(number == words.upper() for number in numbers)))
    return statement


def get_original(session: Session, scope: Scope, number: str) -> SignedOriginal:
    found = session.scalar(originals(scope).where(SignedOriginal.number == number))
    if found is None:
        raise NotFound("没有这份原件。")
    return found
