"""A row that was changed behind the back of its stream is found, and the lot is named."""

import pytest
from alembic import command
from sqlalchemy import delete, insert, select, update

from marketplace.catalog.lot_shifts import add_surplus, open_other_grade, shift_free
from marketplace.catalog.lots import lock_lots, withdraw_free
from marketplace.catalog.models import AcceptedSupport, Lot, LotMovement, LotShare
from marketplace.core.clock import today
from marketplace.core.db import db
from marketplace.core.schema import alembic_config, upgrade
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.fulfilment.weighing import weighed_data
from marketplace.fulfilment.weighing_models import WeighIn
from marketplace.identity.actor import SYSTEM
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import Order
from marketplace.reporting.verify import verify
from marketplace.reporting.verify_scales import ScaleBooks
from marketplace.trace.models import TraceEvent, TraceStream
from tests.fulfilment.collecting import PACK, Collecting, Weighing
from tests.trace.test_streams import Forger

UNLIKE = "溯源记录与账目不符"


@pytest.fixture
def sold(world):
    """Two households' lots, sold and delivered."""
    collecting = Collecting(world)
    for step in (set_out, accept_rest):
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
    assert f"批次 {_code(sold, 0)}：验收的和记录不一样" in _unlike(world)


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
        helped = session.scalars(select(AcceptedSupport)).all()
        assert {(one.kind, one.day) for one in helped} == {("povertyexit", today())}
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


@pytest.fixture
def weighed(world):
    """Household 0 has been at the scales, and once more after the clerk had forgotten the basket."""
    scales = Weighing(world)
    scales.weigh(0, scales.packs(0) * PACK + 700)
    scales.weigh(0, scales.packs(0) * PACK + 700, tare=700, why="没去皮")
    assert _unlike(world) == []
    return scales


@pytest.mark.parametrize(
    "changes",
    [
        {"gross_base": WeighIn.gross_base + 1, "net_base": WeighIn.net_base + 1},
        {"packs": WeighIn.packs - 1, "short_reason": "late"},
        {"grade": "特级"},
        {"number": "W-0"},
    ],
)
def test_a_weighing_cannot_be_changed_unseen(world, weighed, changes):
    second = select(WeighIn.id).where(WeighIn.tare_base > 0).scalar_subquery()
    Forger(world)(update(WeighIn).where(WeighIn.id == second).values(**changes))
    assert _unlike(world) == [f"批次 {_code(weighed, 0)}：过磅和记录不一样"]


def test_a_weighing_cannot_go_unseen_nor_come_without_its_event(world, weighed):
    Forger(world)(delete(WeighIn).where(WeighIn.tare_base > 0))
    assert _unlike(world) == [f"批次 {_code(weighed, 0)}：过磅和记录不一样"]
    with world.transaction() as session:
        row = session.scalars(select(WeighIn)).one()
        copied = {c.name: getattr(row, c.name) for c in WeighIn.__table__.c}
        copied |= {"id": 99, "number": "W-99", "lot_id": weighed.lots[1].id}
        session.execute(insert(WeighIn).values(**copied))
    assert len(_unlike(world)) == 2


def test_weighings_from_before_the_grade_was_noted_are_no_fault(world, weighed):
    """Their event says everything else."""
    with world.transaction() as session:
        row = session.scalars(select(WeighIn)).first()
        data = weighed_data(row)
        del data["grade"]
        books = ScaleBooks(session, [row.lot_id])
        others = session.scalars(select(WeighIn).where(WeighIn.id != row.id))
        said = {one.number: weighed_data(one) for one in others} | {row.number: data}
        assert books.unlike(row.lot_id, said, []) == ""
        said[row.number] = data | {"net": 1}
        assert books.unlike(row.lot_id, said, []) == "过磅和记录不一样"


def test_a_lot_from_before_may_grow_and_be_regraded(world, taken_over):
    """What was taken over is what it has now without what was added since."""
    with world.transaction() as session:
        lot = session.scalars(select(Lot).where(Lot.free > 1000).order_by(Lot.id)).first()
        (lot,) = lock_lots(session, [lot.id]).values()
        add_surplus(session, SYSTEM, lot, 500, "test")
        other = open_other_grade(session, lot, "二级", 100, 500)
        shift_free(session, SYSTEM, lot, other, 700, "test")
    with world.transaction() as session:
        assert verify(session) == []
    mine = LotShare.lot_id == lot.id
    Forger(world)(update(LotShare).where(mine).values(quantity_base=LotShare.quantity_base + 1))
    assert f"批次 {lot.code}：接管以前的行改过" in _unlike(world)
