"""What a lot's stream says at its beginning, once and for all; seals that are gone; rows nobody can read."""

import pytest
from sqlalchemy import func, select, text

from marketplace.catalog.lot_events import shares_data, taken_over_rows
from marketplace.catalog.models import Lot, LotMovement, LotShare
from marketplace.fulfilment.delivering import accept_rest
from marketplace.fulfilment.said_received import NotTaken
from marketplace.orders.returning import record_return
from marketplace.reporting.verify import verify
from marketplace.trace.canonical import canonical, sha256
from marketplace.trace.sealing import seal
from marketplace.trace.streams import Event, append
from tests.fulfilment.arriving import PHOTO, Arriving
from tests.trace.test_streams import Forger


@pytest.fixture
def arriving(world):
    return Arriving(world)


def _where(world):
    with world.transaction() as session:
        return [fault.where for fault in verify(session)]


def _say(world, kind, data):
    with world.transaction() as session:
        append(session, [Event("lot:1", kind, data)])


def _lot(world, lot_id=1):
    with world.transaction() as session:
        return session.get_one(Lot, lot_id)


def test_a_second_beginning_does_not_say_whose_it_is(world, arriving):
    arriving.step(accept_rest)
    stranger = world.household().id
    Forger(world)(
        *(
            text(f"UPDATE {table} SET household_id = {stranger} WHERE lot_id = 1")
            for table in ("lot_share", "accepted_support")
        )
    )
    _say(world, "opened", {"base": 25000, "shares": shares_data(1, {stranger: 25000})})
    assert f"批次 {_lot(world).code}：开头的记录不在开头" in _where(world)


def test_a_lot_is_not_taken_over_in_the_middle(world, arriving):
    arriving.step(accept_rest)
    with world.transaction() as session:
        moved = session.execute(
            select(LotMovement.id, LotMovement.kind, LotMovement.quantity_base)
            .where(LotMovement.lot_id == 1)
            .order_by(LotMovement.id)
        ).all()
        shares = dict(
            session.execute(
                select(LotShare.household_id, LotShare.quantity_base).where(LotShare.lot_id == 1)
            ).all()
        )
        rows = taken_over_rows(session.get_one(Lot, 1), shares, moved)
    data = {"base": 0, "last_movement": moved[-1][0], "rows": sha256(canonical(rows))}
    _say(world, "taken_over", data)
    assert _where(world) == [f"批次 {_lot(world).code}：开头的记录不在开头"]


def test_a_stream_without_a_beginning_is_named(world, arriving):
    Forger(world)(
        text("DELETE FROM trace_event WHERE stream_id = 1"),
        text("UPDATE trace_stream SET seq = 0, hash = '' WHERE id = 1"),
    )
    assert f"批次 {_lot(world).code}：开头的记录不在开头" in _where(world)


OPENED = "品种、等级、产地或可售日和记录不一样"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("grade = '二级'", OPENED),
        ("region_code = '990101102201'", OPENED),
        ("product_id = (SELECT max(id) FROM product)", OPENED),
        ("available_from = '2020-01-01'", OPENED),
        ("available_until = '2030-01-01'", OPENED),
        ("household_id = (SELECT max(id) FROM household)", "供货人或品种和登记不一样"),
    ],
)
def test_a_lot_is_what_it_was_opened_as(world, arriving, change, words):
    world.product("别的")
    Forger(world)(text(f"UPDATE lot SET {change} WHERE id = 1"))
    assert f"批次 {_lot(world).code}：{words}" in _where(world)


def test_a_lot_and_its_report_do_not_change_hands_together(world, arriving):
    stranger = world.household().id
    lot = _lot(world)
    Forger(world)(
        text(f"UPDATE lot SET household_id = {stranger} WHERE id = 1"),
        text(f"UPDATE supply_report SET household_id = {stranger} WHERE id = {lot.report_id}"),
    )
    assert f"批次 {lot.code}：供货人和份额不一样" in _where(world)


def test_two_lots_do_not_exchange_the_codes_on_their_boxes(world, arriving):
    codes = [_lot(world, lot_id).trace_code for lot_id in (1, 2)]
    Forger(world)(
        text("UPDATE lot SET trace_code = 'x' WHERE id = 1"),
        text(f"UPDATE lot SET trace_code = '{codes[0]}' WHERE id = 2"),
        text(f"UPDATE lot SET trace_code = '{codes[1]}' WHERE id = 1"),
    )
    assert f"批次 {_lot(world).code}：溯源码和记录不一样" in _where(world)


def _sealed(world):
    with world.transaction() as session:
        return seal(session).number


def test_the_newest_seal_is_missed(world, arriving):
    _sealed(world)
    arriving.step(accept_rest)
    assert _sealed(world) == 2
    assert _where(world) == []
    Forger(world)(
        text("DELETE FROM trace_seal_leaf WHERE seal_number = 2"),
        text("DELETE FROM trace_seal WHERE number = 2"),
    )
    assert [_lot(world, one).trace_code in "".join(_where(world)) for one in (1, 2)] == [True] * 2


def test_nothing_is_sealed_by_saying_so(world, arriving):
    arriving.step(accept_rest)
    Forger(world)(text("UPDATE trace_stream SET sealed_seq = seq, soon = false"))
    assert [_lot(world, one).trace_code in "".join(_where(world)) for one in (1, 2)] == [True] * 2


def _unchecked(world):
    """What lets values in that the table itself would refuse."""
    with world.transaction() as session:
        sqlite = session.get_bind().dialect.name == "sqlite"
    if sqlite:
        return text("PRAGMA ignore_check_constraints = ON")
    return text("ALTER TABLE goods_return DROP CONSTRAINT ck_goods_return_stage")


@pytest.mark.parametrize("which", ["acceptance", "later"])
def test_a_return_of_no_known_stage_is_named(world, arriving, which):
    first, *_ = arriving.places()
    arriving.accept(NotTaken(first, 2, "crushed", photo=PHOTO))
    if which == "later":
        with world.transaction() as session:
            order = arriving.order(session)
            record_return(session, arriving.actor, order, {order.lines[0].id: 1}, "goodwill", "烂")
    Forger(world)(
        _unchecked(world), text(f"UPDATE goods_return SET stage = 'x' WHERE stage = '{which}'")
    )
    assert any(_lot(world, one).code in "".join(_where(world)) for one in (1, 2))


@pytest.mark.parametrize("subject", ["x", "lot:x", "lot:01", "lot:99999999999999999999"])
def test_a_stream_of_nothing_known_is_named(world, arriving, subject):
    Forger(world)(text(f"UPDATE trace_stream SET subject = '{subject}' WHERE id = 1"))
    assert f"溯源码 {_lot(world).trace_code}：没有这批货" in _where(world)


def test_a_row_that_nobody_can_read_is_named_and_hides_no_other(world, arriving):
    with world.transaction() as session:
        if session.get_bind().dialect.name != "sqlite":
            pytest.skip("PostgreSQL keeps dates as dates")
        assert session.scalar(select(func.count()).select_from(Lot)) == 2
    Forger(world)(
        text("UPDATE lot SET available_until = 'x' WHERE id = 1"),
        text("UPDATE lot SET grade = '二级' WHERE id = 2"),
    )
    with world.transaction() as session:
        codes = dict(session.execute(text("SELECT id, trace_code FROM lot")).all())
        code = session.scalar(text("SELECT code FROM lot WHERE id = 2"))
    assert _where(world) == [f"溯源码 {codes[1]}：账上有读不懂的行", f"批次 {code}：{OPENED}"]
