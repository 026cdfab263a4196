"""What happens to a lot: every change is one conditional UPDATE and one movement."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from marketplace.catalog.accepted_support import freeze_support
from marketplace.catalog.lot_events import Changes, open_stream, record_moved
from marketplace.catalog.models import Lot, LotMovement, LotShare, SupplyReport
from marketplace.catalog.words import amount_words
from marketplace.core.bulk import change_many, insert_many
from marketplace.core.clock import now
from marketplace.core.codes import dated_code, random_code
from marketplace.core.errors import Conflict
from marketplace.core.states import move, move_many
from marketplace.identity import audit
from marketplace.identity.actor import Actor
from marketplace.identity.scope import Scope


def find_lot(session: Session, scope: Scope, lot_id: int) -> Lot | None:
    return session.scalar(scope.visible(select(Lot).where(Lot.id == lot_id)))


def lock_lots(session: Session, lot_ids: list[int]) -> dict[int, Lot]:
    """The lots by id, locked in id order until the transaction ends, with their figures of now."""
    rows = session.scalars(
        select(Lot)
        .where(Lot.id.in_(lot_ids))
        .order_by(Lot.id)
        .with_for_update(of=Lot)
        .execution_options(populate_existing=True)
    )
    return {lot.id: lot for lot in rows}


def open_lot(session: Session, actor: Actor, report: SupplyReport) -> Lot:
    """The lot that a verified report becomes, with its shares and its first movement."""
    lot = lot_like(report)
    lot.verified = lot.free = report.quantity_base
    session.add(lot)
    session.flush()
    whose = [(share.household_id, share.quantity_base) for share in report.shares]
    shares = [
        LotShare(lot_id=lot.id, household_id=household_id, quantity_base=base)
        for household_id, base in whose or [(report.household_id, report.quantity_base)]
    ]
    session.add_all(shares)
    open_stream(session, lot, shares)
    record_movements(
        session, actor, "verified", {lot.id: report.quantity_base}, reference=f"report:{report.id}"
    )
    return lot


def lot_like(given: SupplyReport | Lot) -> Lot:
    """A lot without goods, with codes of its own: the product, supplier, price and days of `given`."""
    moment = now()
    return Lot(
        code=dated_code("L", moment),
        trace_code=random_code(12),
        report_id=given.report_id if isinstance(given, Lot) else given.id,
        product_id=given.product_id,
        grade=given.grade,
        household_id=given.household_id,
        organisation_id=given.organisation_id,
        region_code=given.region_code,
        asked_fen=given.asked_fen,
        asked_per_base=given.asked_per_base,
        available_from=given.available_from,
        available_until=given.available_until,
        verified=0,
        created_at=moment,
    )


def record_movements(
    session: Session,
    actor: Actor,
    kind: str,
    quantities: dict[int, int],
    *,
    reason: str = "",
    reference: str = "",
    shares: Changes | None = None,
) -> None:
    """One movement row for each lot, and an event in its stream; the caller has changed the lots'
    figures, and by `shares` whose they are."""
    moment = now()
    rows = [
        {
            "lot_id": lot_id,
            "kind": kind,
            "quantity_base": base,
            "reason": reason,
            "reference": reference,
            "by_id": actor.user_id,
            "at": moment,
        }
        for lot_id, base in sorted(quantities.items())
        if base
    ]
    insert_many(session, LotMovement, rows)
    record_moved(session, kind, quantities, shares)


def commit_free(session: Session, actor: Actor, lot: Lot, base: int, reference: str) -> None:
    """free → committed; raises Conflict("not_enough") with the figure that is left."""
    hit = session.execute(
        update(Lot)
        .where(Lot.id == lot.id, Lot.free >= base, Lot.state == "open")
        .values(free=Lot.free - base, committed=Lot.committed + base)
        .execution_options(synchronize_session=False)
    )
    if hit.rowcount != 1:  # type: ignore[attr-defined]
        session.refresh(lot)
        raise Conflict(
            f"批次 {lot.code} 只剩 {amount_words(lot.free, lot.product)} 可上架，请改少一些。",
            code="not_enough",
        )
    record_movements(session, actor, "committed", {lot.id: base}, reference=reference)
    session.refresh(lot)


def release_committed(
    session: Session, actor: Actor, quantities: dict[int, int], reference: str
) -> None:
    """committed → free, for several lots; the caller has locked them."""
    for lot_id, base in sorted(quantities.items()):
        if not base:
            continue
        hit = session.execute(
            update(Lot)
            .where(Lot.id == lot_id, Lot.committed >= base)
            .values(free=Lot.free + base, committed=Lot.committed - base)
            .execution_options(synchronize_session=False)
        )
        assert hit.rowcount == 1, f"lot {lot_id} has less than {base} committed"  # type: ignore[attr-defined]
    record_movements(session, actor, "released", quantities, reference=reference)


def deliver_committed(
    session: Session,
    actor: Actor,
    sold: Mapping[int, int],
    lost: Mapping[int, int],
    reference: str,
    released: Mapping[int, int] = MappingProxyType({}),
) -> None:
    """committed → sold, what is with its buyers; committed → lost, what they did not accept; committed →
    free, what was not needed of it (lot id → base units each). With what is sold the support status of its
    shareholders stands for good. A lot of which nothing is left is exhausted."""
    rows = [
        {
            "of": lot_id,
            "sells": sold.get(lot_id, 0),
            "loses": lost.get(lot_id, 0),
            "keeps": released.get(lot_id, 0),
        }
        for lot_id in sorted({*sold, *lost, *released})
    ]
    ids = [row["of"] for row in rows]
    lock_lots(session, ids)
    change_many(
        session,
        Lot,
        rows,
        lambda given: {
            "committed": Lot.committed - given("sells") - given("loses") - given("keeps"),
            "free": Lot.free + given("keeps"),
            "sold": Lot.sold + given("sells"),
            "lost": Lot.lost + given("loses"),
        },
    )
    record_movements(session, actor, "sold", dict(sold), reference=reference)
    record_movements(session, actor, "lost", dict(lost), reference=reference)
    record_movements(session, actor, "released", dict(released), reference=reference)
    freeze_support(session, [lot_id for lot_id in ids if sold.get(lot_id, 0)])
    nothing_left = Lot.id.in_(ids) & (Lot.free == 0) & (Lot.committed == 0)
    move_many(session, Lot, nothing_left, "open", "exhausted")
    session.expire_all()


def withdraw_free(session: Session, actor: Actor, lot: Lot, base: int, reason: str) -> None:
    """free → withdrawn (sold elsewhere, eaten, died)."""
    hit = session.execute(
        update(Lot)
        .where(Lot.id == lot.id, Lot.free >= base)
        .values(free=Lot.free - base, withdrawn=Lot.withdrawn + base)
        .execution_options(synchronize_session=False)
    )
    if hit.rowcount != 1:  # type: ignore[attr-defined]
        raise Conflict("数量刚刚变了，请刷新再看。", code="changed")
    record_movements(session, actor, "withdrawn", {lot.id: base}, reason=reason)
    session.refresh(lot)


def expire_lots(session: Session, actor: Actor, day: date) -> int:
    """Lots whose last day has passed and that promise nothing any more are closed as expired; locked,
    so that none is put into a listing meanwhile."""
    due = session.scalars(
        select(Lot)
        .where(Lot.state == "open", Lot.available_until < day, Lot.committed == 0)
        .order_by(Lot.id)
        .with_for_update(of=Lot)
    ).all()
    for lot in due:
        move(session, lot, "expired", because="这批货已有变化。")
        audit.record(session, actor, "lot_expired", "lot", lot.id)
    return len(due)
