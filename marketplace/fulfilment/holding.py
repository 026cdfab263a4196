"""Putting a lot, a town or a pickup point on hold, and lifting it.

A held lot is offered by nobody: what listings hold of it and have not allocated comes out at once. What is
allocated stays until the operator cuts it (held_orders.py). A held stop is not driven to.
"""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.catalog.lots import lock_lots
from marketplace.catalog.models import Lot
from marketplace.catalog.reports import hears_of_verified
from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.states import move
from marketplace.fulfilment.hold_queries import lots_of, lots_to_hold, still_held
from marketplace.fulfilment.one_message import OneMessage
from marketplace.fulfilment.portions import Supplier
from marketplace.fulfilment.recalled import find_by_code
from marketplace.fulfilment.taking_back import CHANGED, TakenBack, lock_all, offer_no_more
from marketplace.fulfilment.telling import keepers_of
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope
from marketplace.orders.hold_models import CAUSES, Hold, HoldLot
from marketplace.orders.lot_events import record_held, record_hold_lifted
from marketplace.orders.round_models import PickupPoint
from marketplace.regions.models import Region

NOTHING_LEFT = "这批货没有能停的了：卖完了、过期了，或者撤回了。已经送出去的有问题，请用“召回”。"


def planned(session: Session, scope: Scope, kind: str, target: str) -> Hold:
    """The hold that would be put on; `target`: code of a lot, or on its boxes, code of a town, id of a pickup
    point. Raises NotFound for what is not there or out of reach."""
    hold = Hold(kind=kind, words="")
    if kind == "lot":
        hold.lot = find_by_code(session, scope, target)
        region = hold.lot.region_code if hold.lot else ""
        hold.lot_id = hold.lot.id if hold.lot else None
    elif kind == "stop":
        number = int(target) if target.isascii() and target.isdecimal() and len(target) < 19 else 0
        hold.point = session.get(PickupPoint, number)
        region = hold.point.region_code if hold.point else ""
        hold.pickup_point_id = hold.point.id if hold.point else None
    else:
        region = target
    found = session.get(Region, region) if region and scope.covers_region(region) else None
    if found is None or (kind == "region" and found.level != "town"):
        raise NotFound("没有这一批、这个乡镇或这个提货点，请重新选。")
    hold.region, hold.region_code = found, found.code
    return hold


def put_on(session: Session, actor: Actor, hold: Hold, cause: str, words: str) -> Hold:
    """Raises InvalidInput without a cause, Conflict when it is held already or changed this moment."""
    if cause not in CAUSES:
        raise InvalidInput("请选为什么停。", code="missing", field="cause")
    hold.words = words.strip()[:100]
    if cause == "other" and not hold.words:
        raise InvalidInput("选了“其他”，请写清楚为什么。", code="missing", field="words")
    _refuse_twice(session, hold)
    hold.cause, hold.at, hold.by_id = cause, now(), actor.user_id
    session.add(hold)
    session.flush()
    if hold.kind != "stop":
        _stop_lots(session, actor, hold)
    audit.record(session, actor, "hold_put_on", "hold", hold.id, kind=hold.kind, cause=cause)
    return hold


def _refuse_twice(session: Session, hold: Hold) -> None:
    """Who holds the same thing in this moment waits for the row of its region; lots are locked last."""
    with session.no_autoflush:
        session.refresh(hold.region, with_for_update={"key_share": True})
        same = select(Hold.id).where(
            Hold.kind == hold.kind,
            Hold.lifted_at.is_(None),
            Hold.region_code == hold.region_code,
            Hold.lot_id.is_not_distinct_from(hold.lot_id),
            Hold.pickup_point_id.is_not_distinct_from(hold.pickup_point_id),
        )
        if session.scalar(same) is not None:
            raise Conflict(f"{hold.what}已经停着，不用再停。", code="held")


def _stop_lots(session: Session, actor: Actor, hold: Hold) -> None:
    ids = lots_to_hold(session, hold)
    if not ids and hold.kind == "lot":
        raise Conflict(NOTHING_LEFT, code="nothing")
    _, lots = lock_all(session, ids)
    if lots_to_hold(session, hold) != ids:
        raise Conflict(CHANGED, code="changed")
    stopping = [lot for lot in lots.values() if lot.state != "on_hold"]
    for lot in stopping:
        move(session, lot, "on_hold", because=CHANGED)
    _note_lots(session, hold, ids)
    done = TakenBack()
    offer_no_more(session, actor, ids, done)
    words = OneMessage()
    done.tell(session, words, hold.why)
    suppliers = {Supplier(lot.household_id or 0, lot.organisation_id or 0) for lot in stopping}
    for users in keepers_of(session, suppliers).values():
        for user in users:
            words.say(
                user, f"{hold.what}先停了：{hold.why}。恢复前不能上架，也先不用备，请告诉农户。"
            )
    key = f"hold:{hold.id}:on"
    words.send(session, key, "hold_put_on", f"hold:{hold.id}", f"停了：{hold.what}")


def _note_lots(session: Session, hold: Hold, lots: Collection[int]) -> None:
    session.add_all(HoldLot(hold_id=hold.id, lot_id=lot_id) for lot_id in lots)
    session.flush()
    record_held(session, hold.id, hold.cause, lots)


@hears_of_verified
def hold_with_its_town(session: Session, lot: Lot) -> None:
    """What is verified while the goods of its town are held for what is wrong with them is held too. Who puts
    the hold on, or lifts it, in this moment waits, or is waited for."""
    town = f"{lot.region_code[:9]}000"
    session.execute(select(Region.code).where(Region.code == town).with_for_update(read=True))
    hold = session.scalar(
        select(Hold)
        .where(Hold.kind == "region", Hold.region_code == town, Hold.lifted_at.is_(None))
        .with_for_update(of=Hold, read=True)
        .execution_options(populate_existing=True)
    )
    if hold is not None and hold.holds_later:
        move(session, lot, "on_hold", because=CHANGED)
        _note_lots(session, hold, [lot.id])


def lift(session: Session, actor: Actor, hold: Hold) -> int:
    """Lots can be offered again; what was taken out of listings is not put back. Returns how many lots.
    Lifting twice is lifting once; `hold` is locked."""
    if hold.lifted_at is not None:
        return 0
    lots = lock_lots(session, lots_of(session, hold))
    hold.lifted_at, hold.lifted_by_id = now(), actor.user_id
    session.flush()
    record_hold_lifted(session, hold.id, list(lots))
    kept = still_held(session, hold, list(lots))
    opened = [lot for lot in lots.values() if lot.state == "on_hold" and lot.id not in kept]
    for lot in opened:
        left = lot.free + lot.committed
        move(session, lot, "open" if left else "exhausted", because=CHANGED)
    audit.record(session, actor, "hold_lifted", "hold", hold.id, lots=len(opened))
    return len(opened)
