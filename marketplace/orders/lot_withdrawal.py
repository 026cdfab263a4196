"""A part of a lot is gone (sold elsewhere, eaten, died): two taps on a phone."""

from dataclasses import dataclass
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from marketplace.catalog.models import Lot
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.idempotency import claim, finish
from marketplace.core.quantity import BaseUnit, parse_quantity
from marketplace.core.states import move
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope
from marketplace.orders.lot_figures import figures_of
from marketplace.orders.lowering import lower_lot

PARTS = ("all", "half", "some")


@dataclass(frozen=True)
class Withdrawal:
    """`part` is all, half or some of what is on hand; `typed` says how much for some."""

    lot_id: int
    part: str
    reason: str
    typed: str = ""


@dataclass(frozen=True)
class Withdrawn:
    base: int
    short_packs: int  # ordered packs that the listings now lack


def get_own_lot(session: Session, scope: Scope, lot_id: int) -> Lot:
    """The lot with what its page shows; NotFound out of reach."""
    lot = session.scalar(
        scope.visible(
            select(Lot)
            .where(Lot.id == lot_id)
            .options(
                joinedload(Lot.product),
                joinedload(Lot.report),
                joinedload(Lot.household),
                joinedload(Lot.organisation),
                joinedload(Lot.region),
            )
        )
    )
    if lot is None:
        raise NotFound("没有这批货。")
    return lot


def withdraw_part(
    session: Session, actor: Actor, scope: Scope, wanted: Withdrawal, key: str
) -> Withdrawn:
    """Withdraw once for each `key`, however often it is sent. A lot without anything left is closed."""
    lot = get_own_lot(session, scope, wanted.lot_id)
    body = [wanted.lot_id, wanted.part, wanted.reason, wanted.typed]
    claimed = claim(session, f"user:{actor.user_id}", key, body)
    if claimed.result is not None:
        return Withdrawn(int(claimed.result), 0)
    on_hand = figures_of(session, [lot])[lot.id].on_hand
    if on_hand == 0:
        raise Conflict(
            "手上没有可撤的了。已分配到订单的，请在备货单上回答备不齐。", code="nothing_left"
        )
    base = _amount(lot, wanted, on_hand)
    short = lower_lot(session, actor, lot.id, base, wanted.reason)
    session.refresh(lot)
    if lot.free == 0 and lot.committed == 0 and lot.state == "open":
        into_others = lot.adjusted < 0
        gone = lot.sold + lot.donated + lot.processed + lot.lost == 0 and not into_others
        move(
            session,
            lot,
            "withdrawn" if gone else "exhausted",
            because="这批货刚刚变了，请刷新再看。",
        )
    finish(session, claimed, str(base))
    return Withdrawn(base, short)


def _amount(lot: Lot, wanted: Withdrawal, on_hand: int) -> int:
    if wanted.part not in PARTS:
        raise InvalidInput("请选撤回多少。", code="missing", field="typed")
    if wanted.part == "all":
        return on_hand
    if wanted.part == "half":
        return -(-on_hand // 2)
    mass = lot.product.base_unit == "g"
    return parse_quantity(
        wanted.typed,
        base_unit=cast("BaseUnit", lot.product.base_unit),
        default_unit="斤" if mass else "只",
        approx_piece_mass_g=lot.product.piece_mass_g if mass else None,
        field="typed",
    ).base
