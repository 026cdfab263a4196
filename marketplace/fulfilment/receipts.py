"""Weighings as they were written down: one by its number, all of a supplier's."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.core.errors import Conflict, NotFound
from marketplace.fulfilment.answering import get_sheet
from marketplace.fulfilment.models import PreparationSheet
from marketplace.fulfilment.weighing_models import WeighIn
from marketplace.identity.scope import Scope


def get_weigh_in(session: Session, scope: Scope, number: str) -> WeighIn:
    mine = scope.visible(select(PreparationSheet)).with_only_columns(PreparationSheet.id)
    found = session.scalar(
        select(WeighIn)
        .where(WeighIn.number == number, WeighIn.sheet_id.in_(mine))
        .options(
            joinedload(WeighIn.by),
            joinedload(WeighIn.void_by),
            joinedload(WeighIn.listing),
            joinedload(WeighIn.lot),
            joinedload(WeighIn.sheet).joinedload(PreparationSheet.household),
            joinedload(WeighIn.sheet).joinedload(PreparationSheet.organisation),
            joinedload(WeighIn.sheet).joinedload(PreparationSheet.round),
        )
    )
    if found is None:
        raise NotFound("没有这张过磅单，或不归您管。")
    return found


def receipts_of(session: Session, sheet: PreparationSheet) -> Sequence[WeighIn]:
    """All weighings of a supplier in a round, those set aside too, in the order of time."""
    mine = select(PreparationSheet.id).where(sheet.versions)
    return session.scalars(
        select(WeighIn)
        .where(WeighIn.sheet_id.in_(mine))
        .options(joinedload(WeighIn.by), joinedload(WeighIn.void_by), joinedload(WeighIn.listing))
        .options(joinedload(WeighIn.lot))
        .order_by(WeighIn.id)
    ).all()


def hold_weigh_in(session: Session, scope: Scope, number: str) -> WeighIn:
    """A weighing within reach; nobody changes its round meanwhile."""
    sheet_id = get_weigh_in(session, scope, number).sheet_id
    get_sheet(session, scope, sheet_id, for_update=True)
    session.expire_all()
    return get_weigh_in(session, scope, number)


def refuse_closed(row: WeighIn) -> None:
    """Whether a weighing still counts and its round is still at the scales."""
    if row.void_at is not None:
        raise Conflict("这张过磅单已经作废，请看新的一张。", code="void")
    if row.sheet.round.state != "collecting":
        raise Conflict("这一期已经发车，不能再改。", code="wrong_state")
