"""A row that was changed behind the back of its stream is found, and the lot is named."""

import pytest
from alembic import command
from sqlalchemy import select, update

from marketplace.catalog.lots import lock_lots, withdraw_free
from marketplace.catalog.models import Lot, LotMovement, LotShare
from marketplace.core.db import db
from marketplace.core.schema import alembic_config, upgrade
from marketplace.identity.actor import SYSTEM
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.delivering import record_delivered, set_out
from marketplace.orders.order_models import Order
from marketplace.reporting.verify import verify
from marketplace.trace.models import TraceEvent, TraceStream
from tests.fulfilment.collecting import Collecting
from tests.trace.test_streams import Forger

UNLIKE = "溯源记录与账目不符"


@pytest.fixture
def sold(world):
    """Two households' lots, sold and delivered."""
    collecting = Collecting(world)
    for step in (set_out, record_delivered):
        collecting.step(step)
    assert _unlike(world) == []
    return collecting


def _unlike(world):
    with world.transaction() as session:
        return [fault.where for fault in verify(session) if fault.what == UNLIKE]


def _code(sold, index):
    return sold.lots[index].code


def test_whose_a_lot_is_cannot_be_changed_unseen(world, sold):
    one, other = sold.lots
    Forger(world)(
        update(LotShare).where(LotShare.lot_id == one.id).values(household_id=sold.households[1].id)
    )
    assert _unlike(world) == [f"批次 {_code(sold, 0)}：是谁的和记录不一样"]
    assert other.code not in str(_unlike(world))


def test_a_movement_cannot_be_changed_unseen(world, sold):
    moved = select(LotMovement.id).where(
        LotMovement.lot_id == sold.lots[1].id, LotMovement.kind == "committed"
    )
    Forger(world)(update(LotMovement).where(LotMovement.id.in_(moved)).values(quantity_base=1))
    assert f"批次 {_code(sold, 1)}：流水和记录不一样" in _unlike(world)


def test_packs_of_a_buyer_cannot_grow_unseen(world, sold):
    mine = select(Allocation.id).where(Allocation.lot_id == sold.lots[0].id).limit(1)
    change = update(Allocation).where(Allocation.id.in_(mine.scalar_subquery()))
    Forger(world)(change.values(packs=Allocation.packs + 1))
    assert f"批次 {_code(sold, 0)}：分到订单的和记录不一样" in _unlike(world)


def test_a_delivery_cannot_be_taken_back_unseen(world, sold):
    Forger(world)(update(Order).where(Order.state == "closed").values(state="allocated"))
    assert f"批次 {_code(sold, 0)}：送到的和记录不一样" in _unlike(world)


def test_a_lot_without_a_stream_is_missed(world, sold):
    mine = TraceStream.subject == f"lot:{sold.lots[0].id}"
    stream = select(TraceStream.id).where(mine)
    Forger(world)(
        TraceEvent.__table__.delete().where(TraceEvent.stream_id.in_(stream)),
        TraceStream.__table__.delete().where(mine),
    )
    assert _unlike(world) == ["有批次没有记录"]


@pytest.fixture
def taken_over(world, app, database_url, sold):
    """The same county, as if there had been no events until now."""
    with app.app_context():
        db.engine.dispose()
    command.downgrade(alembic_config(database_url), "0012")
    upgrade(database_url)
    return sold


def test_what_was_there_before_is_taken_over_with_a_hash_of_its_rows(world, taken_over):
    with world.transaction() as session:
        assert verify(session) == []
        assert len(session.scalars(select(TraceStream)).all()) == 2
        lots = lock_lots(session, [taken_over.lots[1].id])
        (lot,) = lots.values()
        if lot.free:
            withdraw_free(session, SYSTEM, lot, lot.free, "died")
    with world.transaction() as session:
        assert verify(session) == [], "what happens afterwards follows on"
    Forger(world)(
        update(LotShare)
        .where(LotShare.lot_id == taken_over.lots[0].id)
        .values(household_id=taken_over.households[1].id)
    )
    assert _unlike(world) == [f"批次 {_code(taken_over, 0)}：接管以前的行改过"]


def test_a_movement_from_before_cannot_be_changed_unseen(world, taken_over):
    with world.transaction() as session:
        lot = session.scalars(select(Lot).order_by(Lot.id)).first()
        row = session.scalars(select(LotMovement).where(LotMovement.lot_id == lot.id)).first()
    Forger(world)(update(LotMovement).where(LotMovement.id == row.id).values(quantity_base=7))
    assert f"批次 {lot.code}：接管以前的行改过" in _unlike(world)
