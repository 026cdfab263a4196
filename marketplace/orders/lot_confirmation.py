"""From the day before a round closes, each cadre says which promised lots are still there."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, contains_eager, joinedload

from marketplace.catalog.models import Lot
from marketplace.core.clock import local_day_start, now, shanghai_date
from marketplace.core.errors import Conflict
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope
from marketplace.orders.round_models import Commitment, Listing, LotConfirmation, Round


@dataclass(frozen=True)
class Due:
    """A round that closes soon, and the lots nobody has confirmed yet."""

    round_id: int
    name: str
    closes_at: datetime
    lots: tuple[Lot, ...]


def asks_from(closes_at: datetime) -> datetime:
    """The start of the day before the closing day; 24:00 still belongs to the day it ends."""
    closing_day = shanghai_date(closes_at - timedelta(seconds=1))
    return local_day_start(closing_day - timedelta(days=1))


def due_confirmations(session: Session, scope: Scope) -> list[Due]:
    """One statement; the next round to close first."""
    moment = now()
    rows = session.execute(
        select(Lot, Round.id, Round.name, Round.closes_at)
        .join(Commitment, Commitment.lot_id == Lot.id)
        .join(Listing, Listing.id == Commitment.listing_id)
        .join(Round, Round.id == Listing.round_id)
        .join(Lot.product)
        .where(
            Lot.within(scope),
            Round.state == "open",
            Round.closes_at > moment,
            Round.closes_at <= moment + timedelta(days=2),
            Commitment.quantity_base > 0,
            ~exists().where(
                LotConfirmation.round_id == Round.id, LotConfirmation.lot_id == Lot.id
            ),
        )
        .options(
            contains_eager(Lot.product), joinedload(Lot.household), joinedload(Lot.organisation),
            joinedload(Lot.region), joinedload(Lot.report),
        )
        .order_by(Round.closes_at, Round.id, Lot.id)
    )  # fmt: skip
    found: dict[int, tuple[str, datetime, dict[int, Lot]]] = {}
    for lot, round_id, name, closes_at in rows:
        if asks_from(closes_at) <= moment:
            found.setdefault(round_id, (name, closes_at, {}))[2][lot.id] = lot
    return [
        Due(round_id, name, closes_at, tuple(lots.values()))
        for round_id, (name, closes_at, lots) in found.items()
    ]


def confirm_lots(
    session: Session, actor: Actor, scope: Scope, round_id: int, lot_ids: Collection[int]
) -> int:
    """Record that these lots are still there; returns how many were due. Again changes nothing."""
    due = next((d for d in due_confirmations(session, scope) if d.round_id == round_id), None)
    ids = sorted({lot.id for lot in due.lots} & set(lot_ids)) if due else []
    if not ids:
        raise Conflict("这些货已经确认过，或者这一期已经截单。", code="nothing_due")
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(
        dialect.insert(LotConfirmation)
        .values(
            [
                {"round_id": round_id, "lot_id": lot_id, "by_id": actor.user_id, "at": now()}
                for lot_id in ids
            ]
        )
        .on_conflict_do_nothing(index_elements=["round_id", "lot_id"])
    )
    audit.record(session, actor, "lots_confirmed", "round", round_id, lots=len(ids))
    return len(ids)
