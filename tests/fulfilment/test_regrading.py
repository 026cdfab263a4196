"""What is of another grade goes into that grade's lot, when the household agrees to its price."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from marketplace.catalog.lot_shifts import lot_of_grade, open_other_grade, shift_free
from marketplace.catalog.lots import lock_lots, withdraw_free
from marketplace.catalog.models import Lot, LotMovement, LotShare
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.money import split_by_largest_remainder
from marketplace.core.states import move
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.fulfilment.shift_models import LotShift
from marketplace.fulfilment.weighing_models import WeighIn
from marketplace.identity.actor import SYSTEM
from marketplace.reporting.verify import verify
from marketplace.trace.models import TraceEvent
from tests.fulfilment.collecting import PACK, Weighing
from tests.support.pages import sent_by
from tests.trace.test_streams import Forger


@pytest.fixture
def scales(world):
    return Weighing(world)


@pytest.fixture
def short(scales):
    """Three packs of household 0 are of another grade."""
    return scales.weigh(0, (scales.packs(0) - 3) * PACK, short_reason="grade").row


def _lots(scales, index):
    return scales.read(
        select(Lot).where(Lot.household_id == scales.households[index].id).order_by(Lot.id)
    )


def test_a_lot_of_the_other_grade_is_made_and_nothing_is_lost(scales, short):
    before = scales.lot(0)
    shift = scales.regrade(short.number, 3)
    source, target = _lots(scales, 0)
    assert (target.grade, target.free, target.adjusted) == ("二级", 3 * PACK, 3 * PACK)
    assert (target.asked_fen, target.asked_per_base) == (100, 500)
    assert (source.free, source.adjusted) == (before.free - 3 * PACK, -3 * PACK)
    kinds = scales.read(select(LotMovement.kind).where(LotMovement.lot_id == target.id))
    assert kinds == ["adjusted"]
    shares = {
        lot.id: scales.read(select(LotShare.quantity_base).where(LotShare.lot_id == lot.id))
        for lot in (source, target)
    }
    assert shares == {source.id: [37 * PACK], target.id: [3 * PACK]}
    assert (shift.to_lot_id, shift.consent) == (target.id, "head_present")
    said = [e for e in scales.read(select(TraceEvent.text)) if '"kind":"regraded"' in e]
    assert sum(target.trace_code in one for one in said) == 2, "its own, and in the other's words"
    assert sum(source.trace_code in one for one in said) == 2
    assert scales.balanced()


def test_the_next_time_the_lot_is_found(world, scales, short):
    scales.regrade(short.number, 1)
    with pytest.raises(Conflict, match="已经记过"):
        scales.regrade(short.number, 1)
    scales.weigh(0, scales.packs(0) * PACK - 1, why="又有两份不够", short_reason="grade")
    (row,) = scales.read(select(WeighIn).where(WeighIn.void_at.is_(None)))
    with pytest.raises(Conflict, match=r"1\.00 元/斤"):
        scales.regrade(row.number, 1, fen=90)
    scales.regrade(row.number, 1)
    assert len(_lots(scales, 0)) == 2
    assert _lots(scales, 0)[1].free == 2 * PACK
    assert scales.balanced()


def test_it_is_free_to_be_offered_and_sold(world, scales, short):
    scales.regrade(short.number, 3)
    lot = _lots(scales, 0)[1]
    in_round = world.round()
    listing = world.listing(in_round, scales.product, [lot], grade="二级", farmgate_fen=500)
    assert listing.capacity_packs == 3
    assert scales.read(select(Lot.committed).where(Lot.id == lot.id)) == [3 * PACK]
    for step in (set_out, accept_rest):
        scales.step(step)
    assert scales.balanced()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"consent": ""}, "consent"),
        ({"consent": "manager_phone"}, "consent"),
        ({"grade": "统货"}, "unknown_grade"),
        ({"grade": "头等"}, "unknown_grade"),
        ({"base": 0}, "quantity"),
        ({"fen": 100_000}, "price_slip"),
    ],
)
def test_without_consent_grade_or_price_nothing_moves(scales, short, changes, code):
    with pytest.raises(InvalidInput) as refused:
        scales.regrade(short.number, 3, **changes)
    assert refused.value.code == code
    assert len(_lots(scales, 0)) == 1
    assert scales.read(select(LotShift)) == []


def test_no_more_than_was_weighed_and_than_the_lot_has_left(scales, short):
    with pytest.raises(InvalidInput) as refused:
        scales.regrade(short.number, base=3 * PACK + 1)
    assert refused.value.code == "more_than_weighed"
    scales.regrade(short.number, 2)
    with pytest.raises(InvalidInput, match="只有 5 斤"):
        scales.regrade(short.number, 2, grade="一级", fen=200, sure=True)
    heavy = scales.weigh(1, 11 * PACK, grade="二级").row
    with pytest.raises(Conflict, match="手上只有"):
        scales.regrade(heavy.number, 11)
    scales.regrade(heavy.number, 10)
    with pytest.raises(Conflict, match="已经记过"):
        scales.regrade(heavy.number, 1)
    assert scales.balanced()


def test_a_lot_of_that_grade_that_was_sold_out_takes_more(scales, short):
    scales.regrade(short.number, 1)
    made = _lots(scales, 0)[1]
    actor = scales.world.actor(scales.clerk)
    with scales.world.transaction() as session:
        lot = session.get_one(Lot, made.id)
        withdraw_free(session, actor, lot, PACK, "eaten")
        move(session, lot, "exhausted", because="")
    row = scales.weigh(0, (scales.packs(0) - 1) * PACK, why="又少一份", short_reason="grade").row
    scales.regrade(row.number, 1)
    again = _lots(scales, 0)[1]
    assert (again.state, again.free) == ("open", PACK)
    assert scales.balanced()


def test_only_what_was_short_for_its_grade_and_before_the_truck_leaves(scales):
    late = scales.weigh(0, (scales.packs(0) - 3) * PACK, short_reason="late").row
    with pytest.raises(Conflict, match="不是因为等级"):
        scales.regrade(late.number, 1)
    row = scales.weigh(1, 0, short_reason="grade").row
    scales.step(set_out)
    with pytest.raises(Conflict, match="已经发车"):
        scales.regrade(row.number, 1)


def test_a_lot_of_that_grade_that_was_stopped_is_not_filled(scales, short):
    scales.regrade(short.number, 1)
    made = _lots(scales, 0)[1]
    with scales.world.transaction() as session:
        session.execute(update(Lot).where(Lot.id == made.id).values(state="on_hold"))
    with pytest.raises(Conflict, match="停着"):
        scales.regrade(short.number, 1)
    with scales.world.transaction() as session:
        session.execute(update(Lot).where(Lot.id == made.id).values(state="recalled"))
    with pytest.raises(Conflict, match="召回了"):
        scales.regrade(short.number, 1)


def test_a_cooperatives_members_keep_their_parts(world):
    """Shares of 1, 2 and 4 kilos: of five kilos each gives its part, and none more than it has."""
    unit = world.unit(kind="cooperative")
    members = [world.household() for _ in range(2)]
    for member in members:
        world.member(unit, member)
    product = world.product()
    shares = ((members[0].id, 1000), (members[1].id, 2000), (None, 4000))
    report = world.report(
        world.user("cooperative", unit=unit), product, 7000, organisation_id=unit.id, shares=shares
    )
    lot = world.verify(world.user("reviewer", region="990101000000"), report)
    with world.transaction() as session:
        mine = lock_lots(session, [lot.id])[lot.id]
        other = open_other_grade(session, mine, "二级", 100, 500)
        shift_free(session, SYSTEM, mine, other, 5000, "test")
        assert lot_of_grade(session, mine, "二级") is other
    with world.transaction() as session:
        left = {s.household_id: s.quantity_base for s in mine_shares(session, lot.id)}
        gone = {s.household_id: s.quantity_base for s in mine_shares(session, other.id)}
        assert sum(gone.values()) == 5000
        assert {who: left[who] + gone[who] for who in left} == dict(shares)
        assert verify(session) == []
    with world.transaction() as session:
        locked = lock_lots(session, [lot.id, other.id])
        shift_free(session, SYSTEM, locked[lot.id], locked[other.id], 2000, "test")
    with world.transaction() as session:
        assert mine_shares(session, lot.id) == []
        assert {s.household_id: s.quantity_base for s in mine_shares(session, other.id)} == dict(
            shares
        )
        assert verify(session) == []


def mine_shares(session, lot_id):
    return session.scalars(
        select(LotShare).where(LotShare.lot_id == lot_id).order_by(LotShare.id)
    ).all()


def _typed(**changes):
    return {
        "grade": "二级", "quantity": "15斤", "price": "1", "consent": "head_present"
    } | changes  # fmt: skip


def test_the_clerk_reads_out_the_price_and_writes_down_who_agreed(world, scales, short):
    clerk = world.sign_in(scales.clerk)
    receipt = f"/field/weigh/receipts/{short.number}"
    assert f"{receipt}/regrade" in clerk.get(receipt).text
    page = clerk.get(f"{receipt}/regrade").text
    assert "还没有价" in page
    assert 'value="15 斤"' in page
    for typed, words in (
        ({"consent": ""}, "先把价钱告诉农户"),
        ({"grade": ""}, "请选是哪个等级"),
        ({"quantity": "很多"}, "很多"),
        ({"price": "一百万"}, "价"),
        ({"quantity": "99999斤"}, "别的等级的只有"),
    ):
        refused = clerk.post(f"{receipt}/regrade", data=_typed(**typed))
        assert refused.status_code in {409, 422}, typed
        assert words in refused.text
    assert clerk.post(f"{receipt}/regrade", data=_typed()).status_code == 303
    paper = clerk.get(receipt).text
    assert "转成二级" in paper
    assert "户主本人在场同意" in paper
    source, made = _lots(scales, 0)
    assert "过磅时定为二级" in clerk.get(f"/t/{made.trace_code}").text
    assert "另成一批" in clerk.get(f"/t/{source.trace_code}").text
    assert "二级 1.00 元/斤" in clerk.get(f"{receipt}/regrade").text
    stranger = world.sign_in(world.user("clerk", region="990101102000"))
    assert stranger.post(f"{receipt}/regrade", data=_typed()).status_code == 404


@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=8), st.data())
def test_no_share_gives_more_than_it_has(shares, data):
    base = data.draw(st.integers(0, sum(shares)))
    keys = [str(index) for index in range(len(shares))]
    parts = split_by_largest_remainder(base, shares, tie_keys=keys, salt="L")
    assert all(0 <= part <= share for part, share in zip(parts, shares, strict=True))


def test_a_regrading_cannot_be_changed_unseen(world, scales, short):
    scales.regrade(short.number, 3)
    Forger(world)(update(LotShift).values(base=PACK))
    with world.transaction() as session:
        faults = [fault.where for fault in verify(session)]
    codes = {lot.code for lot in _lots(scales, 0)}
    assert {f"批次 {code}：改等级、拼批和记录不一样" for code in codes} <= set(faults)


def test_a_lower_grade_that_is_dearer_is_asked_about(world, scales, short):
    clerk = world.sign_in(scales.clerk)
    here = f"/field/weigh/receipts/{short.number}/regrade"
    own = scales.lot(0)
    dear = str(own.asked_fen * 500 // own.asked_per_base * 10 / 100)
    typed = {"grade": "二级", "quantity": "5斤", "price": dear, "consent": "head_present"}
    asked = clerk.post(here, data=typed)
    assert asked.status_code == 422
    assert "还贵" in asked.text
    assert scales.read(select(LotShift)) == []
    sure = sent_by(asked.text)["sure"]
    other = clerk.post(here, data=typed | {"sure": sure, "price": f"{float(dear) + 1}"})
    assert other.status_code == 422, "another price is another question"
    assert clerk.post(here, data=typed | {"sure": sure}).status_code == 303


def test_all_that_is_missing_is_said_at_once(world, scales, short):
    clerk = world.sign_in(scales.clerk)
    here = f"/field/weigh/receipts/{short.number}/regrade"
    typed = {"grade": "", "quantity": "很多", "price": "", "consent": ""}
    said = clerk.post(here, data=typed)
    assert said.status_code == 422
    for words in ("请选是哪个等级", "很多", "请写价钱", "先把价钱告诉农户"):
        assert words in said.text
