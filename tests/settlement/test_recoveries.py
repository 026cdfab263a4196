"""Goods came back after their households were paid: asked back, taken off only with a signature, or written off."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from marketplace.catalog.lots import open_lot
from marketplace.catalog.made_reports import made_report
from marketplace.catalog.models import POOLED
from marketplace.core.clock import today
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.notices.models import Notice
from marketplace.orders.claims import file_claim, grant_claim
from marketplace.orders.order_models import Order
from marketplace.orders.returning import parts_left, record_return
from marketplace.reporting.verify import verify
from marketplace.settlement.fees import money_of_round
from marketplace.settlement.holding import hold_line, release_line
from marketplace.settlement.payout_models import PayoutLine, PayoutPart
from marketplace.settlement.recoveries import (
    decide_write_off,
    propose_write_off,
    record_consent,
)
from marketplace.settlement.recovery_models import PayoutDeduction, Recovery, RecoveryWriteOff
from marketplace.settlement.recovery_parts import Left
from marketplace.settlement.splitting import Owner
from tests.fulfilment.collecting import PACK, Collecting
from tests.settlement.payday import FARMGATE, Payday

PHOTO = "b" * 64


class Asked:
    """Both orders' households are being paid; then packs of the first order come back."""

    def __init__(self, world, **given):
        self.payday = Payday(world, **given)
        self.world = world
        self.number = self.payday.sent()

    def pay(self):
        for line in self.payday.lines(self.number):
            if line.state == "sent":
                self.payday.paid(line)

    def give_back(self, packs, order=0, fault="farm"):
        with self.world.transaction() as session:
            found = session.scalars(select(Order).order_by(Order.id)).all()[order]
            taken = {found.lines[0].id: packs}
            record_return(session, self.payday.operator, found, taken, fault, "烂了")

    def all(self):
        with self.world.transaction() as session:
            return session.scalars(select(Recovery).order_by(Recovery.id)).all()

    def agree(self, recovery, photo=PHOTO, day=None, who="head"):
        with self.world.transaction() as session:
            found = session.get_one(Recovery, recovery.id)
            record_consent(session, self.payday.maker, found, who, day or today(), photo)

    def write_off(self, recovery, reason="户里困难"):
        with self.world.transaction() as session:
            found = session.get_one(Recovery, recovery.id)
            return propose_write_off(session, self.payday.maker, found, reason).id

    def decide(self, write_off, actor=None, *, approve=True, answer=""):
        with self.world.transaction() as session:
            found = session.get_one(RecoveryWriteOff, write_off)
            decide_write_off(
                session, actor or self.payday.checker, found, approve=approve, answer=answer
            )


@pytest.fixture
def asked(world):
    """The second order's money comes after the first run: its households are paid with the next one."""
    return Asked(world, paid=(0,))


def test_what_came_back_after_the_payout_is_asked_of_each_as_the_run_had_split_it(asked):
    asked.pay()
    before = asked.payday.stand()
    asked.give_back(4)
    stand = asked.payday.stand()
    assert stand["household_recovery"] == 4 * FARMGATE
    assert stand.get("lot_payable") == before.get("lot_payable"), "nobody is owed less"
    assert stand["bank"] == before["bank"]
    assert sum(one.fen for one in asked.all()) == 4 * FARMGATE
    with asked.world.transaction() as session:
        told = session.scalars(select(Notice).where(Notice.kind == "goods_rejected")).all()
    assert told
    assert "本人签字同意" in told[0].body
    with asked.world.transaction() as session:
        found = session.get_one(Order, 1).round
        assert money_of_round(session, found).households.left_fen == 8 * FARMGATE


def test_without_a_signature_nothing_is_taken_off(asked):
    asked.pay()
    asked.give_back(4)
    asked.payday.collect(1)
    number = asked.payday.sent()
    assert {line.deducted_fen for line in asked.payday.lines(number)} == {0}
    for line in asked.payday.lines(number):
        asked.payday.paid(line)
    assert asked.payday.stand()["household_recovery"] == 4 * FARMGATE


def agreed(asked, packs=12):
    asked.pay()
    asked.give_back(packs)
    for one in asked.all():
        asked.agree(one)
    asked.payday.collect(1)
    return asked.payday.propose()


def test_with_a_signature_it_comes_off_the_next_payment_gross_and_net(asked):
    number = agreed(asked)
    (line,) = [line for line in asked.payday.lines(number) if line.deducted_fen]
    owed = sum(one.fen for one in asked.all() if one.household_id == line.household_id)
    assert (owed, line.deducted_fen) == (2 * FARMGATE, 2 * FARMGATE)
    assert line.net_fen == 6 * FARMGATE
    before = asked.payday.stand()
    asked.payday.approve(number)
    asked.payday.send(number)
    asked.payday.paid(line)
    stand = asked.payday.stand()
    assert before["household_recovery"] - stand.get("household_recovery", 0) == line.deducted_fen
    assert stand["bank"] - before["bank"] == -line.net_fen
    with asked.world.transaction() as session:
        words = session.scalars(
            select(Notice.body).where(Notice.subject == f"payout:{line.number}")
        ).first()
    assert "没有扣钱" not in words
    assert "扣" in words
    assert "烂了" in words


def test_never_more_than_the_payment_and_the_rest_stays_open(world):
    asked = Asked(world, paid=(0,), ordered=(18, 2))
    number = agreed(asked)
    lines = asked.payday.lines(number)
    assert all(line.deducted_fen <= line.fen for line in lines)
    whole = [line for line in lines if line.deducted_fen == line.fen]
    assert whole, "one owes more than he gets now"
    asked.payday.approve(number)
    assert {
        line.state for line in asked.payday.lines(number) if line.id in {w.id for w in whole}
    } == {"paid"}
    assert asked.payday.stand()["household_recovery"] > 0
    with pytest.raises(Conflict, match="没有经过银行"):
        asked.payday.bounced(whole[0])


def test_what_is_held_or_comes_back_takes_nothing_off_until_it_is_paid(asked):
    number = agreed(asked)
    (line,) = [line for line in asked.payday.lines(number) if line.deducted_fen]
    asked.payday.approve(number)
    with asked.world.transaction() as session:
        found = session.get_one(PayoutLine, line.id)
        hold_line(session, asked.payday.maker, found, "disputed", "")
        assert (found.off_fen, found.net_fen) == (0, line.fen)
        release_line(session, asked.payday.maker, found, "查清了")
    again = asked.payday.sent()
    (line,) = [line for line in asked.payday.lines(again) if line.deducted_fen]
    before = asked.payday.stand()["household_recovery"]
    asked.payday.paid(line)
    assert asked.payday.stand()["household_recovery"] == before - line.deducted_fen
    asked.payday.bounced(line)
    assert asked.payday.stand()["household_recovery"] == before


def test_the_paper_must_be_there_and_the_day_must_be_possible(asked):
    asked.pay()
    asked.give_back(1)
    one = asked.all()[0]
    for wrong in ({"photo": ""}, {"who": "neighbour"}, {"day": today().replace(year=2000)}):
        with pytest.raises(InvalidInput):
            asked.agree(one, **wrong)
    asked.agree(one)
    with pytest.raises(Conflict):
        asked.agree(one)
    for forged in (
        "UPDATE household_recovery SET fen = 1",
        "DELETE FROM recovery_consent",
    ):
        with pytest.raises(DBAPIError), asked.world.transaction() as session:
            session.execute(text(forged))


def test_it_is_written_off_by_two_people_and_no_further(asked):
    asked.pay()
    asked.give_back(2)
    one, *others = asked.all()
    asked.agree(one)
    with pytest.raises(InvalidInput):
        asked.write_off(one, " ")
    first = asked.write_off(one)
    with pytest.raises(Conflict):
        asked.write_off(one)
    with pytest.raises(Conflict):
        asked.decide(first, asked.payday.maker)
    with pytest.raises(InvalidInput):
        asked.decide(first, approve=False)
    asked.payday.collect(1)
    number = asked.payday.propose()
    assert not any(line.deducted_fen for line in asked.payday.lines(number)), "it is being decided"
    asked.payday.reject(number)
    asked.decide(first)
    stand = asked.payday.stand()
    assert stand["aftersale_loss"] == one.fen
    assert stand.get("household_recovery", 0) == sum(other.fen for other in others)
    with pytest.raises(Conflict):
        asked.write_off(one)


def test_while_a_run_waits_for_its_approval_nobody_is_asked(world):
    payday = Payday(world)
    payday.propose()
    with world.transaction() as session:
        order = session.scalars(select(Order).order_by(Order.id)).first()
        with pytest.raises(Conflict, match="正等审批"):
            record_return(session, payday.operator, order, {order.lines[0].id: 1}, "farm", "坏")
    payday.approve(1)
    with world.transaction() as session:
        order = session.scalars(select(Order).order_by(Order.id)).first()
        record_return(session, payday.operator, order, {order.lines[0].id: 1}, "farm", "坏")
    assert payday.stand()["household_recovery"] == FARMGATE


def test_a_claim_after_the_payout_asks_the_household_and_pays_the_buyer(asked):
    asked.pay()
    buyer = asked.world.actor(asked.payday.collecting.buyers[0])
    with asked.world.transaction() as session:
        order = session.scalars(select(Order).order_by(Order.id)).first()
        part = parts_left(session, order)[0]
        claim = file_claim(session, buyer, order, part.place, 1, "rotten", "", PHOTO)
        assert grant_claim(session, asked.payday.operator, claim, 1, "farm") > FARMGATE
    assert asked.payday.stand()["household_recovery"] == FARMGATE


def test_a_deduction_that_nobody_signed_is_found(asked):
    asked.pay()
    asked.give_back(1)
    (one,) = asked.all()
    whose = {line.household_id: line.id for line in asked.payday.lines(asked.number)}
    with asked.world.transaction() as session:
        session.add(PayoutDeduction(line_id=whose[one.household_id], recovery_id=one.id, fen=1))
    with asked.world.transaction() as session:
        found = {fault.what for fault in verify(session)}
    assert {"货款的扣项不符", "没有签字就扣了货款"} <= found


class Three(Collecting):
    """One lot of three households in equal parts, sold by their village's cooperative: ten packs at 7.00."""

    def __init__(self, world):
        self.world = world
        self.product = world.product("马蹄")
        self.households = [world.household(cadre=world.user("cadre")) for _ in range(3)]
        seller = world.unit("三岔村集体", "cooperative", region_code="990101101201")
        actor = world.actor(world.operator())
        with world.transaction() as session:
            report = made_report(
                session, actor, self.product, {one.id: 10 * PACK for one in self.households},
                until=today() + timedelta(days=20), organisation_id=seller.id,
                region_code=seller.region_code, grade="统货", asked_fen=140, asked_per_base=500,
                cause="零头", channel=POOLED,
            )  # fmt: skip
            self.lots = [open_lot(session, actor, report)]
        self.round = world.round()
        self.listing = world.listing(
            self.round, self.product, self.lots, pack_base=PACK, farmgate_fen=700
        )
        world.open_round(self.round)
        world.order(world.user("staff", unit=world.unit()), self.round, {self.listing.id: 10})
        for step in self.STEPS:
            self.step(step)


def test_however_many_returns_there_are_nobody_is_asked_for_more_than_he_got(world):
    asked = Asked(world, paid=(0,), accounts=(0, 1, 2), supply=Three)
    asked.pay()
    with world.transaction() as session:
        parts = session.execute(select(PayoutPart.household_id, PayoutPart.fen)).all()
    assert sorted(fen for _, fen in parts) == [2333, 2333, 2334]
    for _ in range(10):
        asked.give_back(1)
    back = Counter()
    for one in asked.all():
        back[one.household_id] += one.fen
    assert dict(back) == dict(parts)
    assert asked.payday.stand()["household_recovery"] == 7000
    with world.transaction() as session:
        one = session.scalars(select(Recovery)).first()
        more = {"household_id": one.household_id, "region_code": one.region_code, "at": one.at}
        session.add(Recovery(number="K0", return_id=one.return_id, fen=1, **more))
    with world.transaction() as session:
        assert "要收回的比付过的多" in {fault.what for fault in verify(session)}


@given(
    st.lists(st.integers(1, 10_000), min_size=1, max_size=6),
    st.lists(st.integers(1, 3000), min_size=1, max_size=8),
)
def test_parts_taken_one_by_one_never_exceed_what_was_paid(paid, returns):
    owners = {Owner(number, 0): fen for number, fen in enumerate(paid, 1)}
    left = Left("salt", owners, dict(owners))
    asked = Counter()
    for fen in returns:
        wanted = min(fen, sum(paid) - asked.total())
        taken = left.take(wanted)
        assert sum(taken.values()) == wanted
        asked.update(taken)
    assert all(asked[owner] <= fen for owner, fen in owners.items())
