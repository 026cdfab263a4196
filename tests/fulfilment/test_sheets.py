"""Sheets say what the allocation decided, change with it, and are answered."""

import pytest
from sqlalchemy import func, select

from marketplace.catalog.models import Lot
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.fulfilment.models import PreparationSheet, SheetAnswer, SheetLine, SheetTold
from marketplace.identity.audit import AuditRow
from marketplace.notices.models import Notice
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import OrderLine
from marketplace.orders.round_allocation import undo_allocation
from marketplace.orders.round_models import Round, RoundCollection
from tests.fulfilment.collecting import PACK, Collecting


def test_each_supplier_gets_one_sheet_that_adds_up_to_the_allocation(world):
    made = Collecting(world)
    sheets = made.sheets()
    assert [sheet.household_id for sheet in sheets] == [one.id for one in made.households]
    with world.transaction() as session:
        packs, base, amount = session.execute(
            select(
                func.sum(SheetLine.packs),
                func.sum(SheetLine.quantity_base),
                func.sum(SheetLine.amount_fen),
            )
        ).one()
        allocated = session.scalar(select(func.sum(Allocation.packs)))
        assert packs == allocated == 20
        assert base == 20 * PACK
        assert amount == sum(sheet.amount_fen for sheet in sheets) == 20 * 750
        assert session.get_one(Round, made.round.id).state == "collecting"
        assert session.scalar(select(func.count()).where(AuditRow.action == "sheets_issued")) == 1


def test_every_cadre_gets_one_message_and_it_names_nobody(world):
    made = Collecting(world)
    notices = made.read(select(Notice).order_by(Notice.to_user_id))
    assert [notice.to_user_id for notice in notices] == sorted(one.id for one in made.cadres)
    assert notices[0].title == f"第 {made.round.number} 期备货单出来了，您有 1 张要通知"
    assert made.households[0].head_name not in notices[0].body


def test_sheets_are_issued_once_and_then_the_allocation_stands(world):
    made = Collecting(world)
    with pytest.raises(Conflict):
        made.step(issue_sheets)
    with pytest.raises(Conflict, match="备货单已发出"):
        made.step(undo_allocation)


def test_a_village_slot_goes_before_its_town_and_a_missing_one_is_named(world):
    made = Collecting(world, issue=False, villages=("990101101201", "990101102201"))
    with world.transaction() as session:
        town = session.scalars(
            select(RoundCollection).where(RoundCollection.region_code == "990101102000")
        ).one()
        session.delete(town)
    with pytest.raises(Conflict, match="云岭镇松坪村还没有排集货点"):
        made.step(issue_sheets)
    with world.transaction() as session:
        other = session.scalars(select(RoundCollection)).one()
        session.add(
            RoundCollection(
                round_id=made.round.id,
                region_code="990101102201",
                collection_point_id=other.collection_point_id,
                from_at=other.from_at,
                until_at=other.until_at,
            )
        )
    made.step(issue_sheets)
    with world.transaction() as session:
        slots = session.execute(
            select(PreparationSheet.region_code, RoundCollection.region_code).join(
                RoundCollection, RoundCollection.id == PreparationSheet.collection_id
            )
        ).all()
    assert set(slots) == {("990101101201", "990101101000"), ("990101102201", "990101102201")}


def test_a_yes_is_recorded_once_with_who_said_it(world):
    made = Collecting(world)
    made.yes(0)
    made.yes(0)
    (answer,) = made.read(select(SheetAnswer))
    assert (answer.answer, answer.by_id, answer.sheet_id) == (
        "yes",
        made.cadres[0].id,
        made.sheet(0).id,
    )


def test_less_cuts_orders_when_nobody_else_is_ready_and_buyers_are_told(world):
    made = Collecting(world)
    done = made.less(1, 4)
    assert (done.changed_sheets, done.cut_packs) == (1, 6)
    new = made.sheet(1)
    assert (new.version, new.amount_fen) == (2, 4 * 750)
    assert [sheet.current for sheet in made.sheets(all_versions=True)] == [True, False, True]
    with world.transaction() as session:
        assert session.scalar(select(func.sum(OrderLine.cut_packs))) == 6
        lot = session.get_one(Lot, made.lots[1].id)
        assert (lot.committed, lot.withdrawn) == (4 * PACK, 6 * PACK)
        told = session.scalars(select(Notice).where(Notice.kind == "order_cut")).all()
        assert sum(int(notice.title.split()[-2]) for notice in told) == 6
    assert made.balanced()


def test_less_is_refilled_by_a_ready_household_which_gets_a_new_version_and_is_to_be_told(world):
    made = Collecting(world, ready=(0,))
    before = made.sheet(0)
    done = made.less(1, 4)
    assert (done.changed_sheets, done.cut_packs) == (2, 0)
    more = made.sheet(0)
    assert (more.version, more.amount_fen) == (before.version + 1, before.amount_fen + 6 * 750)
    lots = made.read(select(Lot).order_by(Lot.id))
    assert [lot.committed for lot in lots] == [16 * PACK, 4 * PACK]
    changed = made.read(select(Notice).where(Notice.kind == "sheet_changed"))
    assert [notice.to_user_id for notice in changed] == [made.cadres[0].id]
    assert made.balanced()


def test_the_households_own_offer_needs_no_second_answer_but_a_refilled_one_does(world):
    made = Collecting(world, ready=(0,))
    made.yes(0)
    made.less(1, 4)
    answered = {answer.sheet_id for answer in made.read(select(SheetAnswer))}
    assert made.sheet(1).id in answered
    assert made.sheet(0).id not in answered


def test_no_leaves_a_sheet_that_says_nothing_is_to_be_brought(world):
    made = Collecting(world)
    made.less(0, 0)
    assert [answer.answer for answer in made.read(select(SheetAnswer))] == ["no", "yes"]
    assert made.sheet(0).amount_fen == 0
    with pytest.raises(Conflict, match="不用备货"):
        made.yes(0)
    assert made.balanced()


@pytest.mark.parametrize("packs", [11, -1])
def test_an_answer_beyond_the_sheet_is_refused(world, packs):
    made = Collecting(world)
    with pytest.raises(InvalidInput):
        made.less(1, packs)
    assert made.read(select(SheetAnswer)) == []


def test_less_that_is_not_less_is_refused(world):
    made = Collecting(world)
    with pytest.raises(InvalidInput, match="能备齐"):
        made.less(1, 10)


def test_a_replaced_version_takes_no_answer(world):
    made = Collecting(world)
    old = made.sheet(1)
    made.less(1, 4)
    made.sheet = lambda index: old
    with pytest.raises(Conflict, match="新的一版"):
        made.yes(1)


def test_who_was_told_when_and_how_is_kept_and_others_cannot_say_so(world):
    made = Collecting(world)
    made.told(0, "loudspeaker")
    (told,) = made.read(select(SheetTold))
    assert (told.how, told.by_id) == ("loudspeaker", made.cadres[0].id)
    with pytest.raises(NotFound):
        made.told(1, by=made.cadres[0])
    with pytest.raises(InvalidInput):
        made.told(0, "dream")


def test_answers_of_several_cadres_one_after_the_other_keep_the_books(world):
    made = Collecting(world, ordered=(30, 15, 9), supplies=(30, 20, 10), ready=(0, 1, 2))
    made.less(1, 5)
    made.less(2, 0)
    made.less(0, made_packs(made, 0) - 3)
    assert made.balanced()
    with world.transaction() as session:
        on_sheets = session.scalar(
            select(func.sum(SheetLine.packs))
            .join(PreparationSheet, PreparationSheet.id == SheetLine.sheet_id)
            .where(PreparationSheet.current)
        )
        assert on_sheets == session.scalar(select(func.sum(Allocation.packs)))
        assert on_sheets == session.scalar(select(func.sum(OrderLine.allocated_packs)))


def made_packs(made, index):
    return sum(
        line.packs
        for line in made.read(select(SheetLine).where(SheetLine.sheet_id == made.sheet(index).id))
    )
