"""From what is owed to the household's account: proposed by one, approved by another, told by the bank."""

from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from marketplace.core.clock import today
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.identity.deputies import appoint_deputy
from marketplace.identity.models import RoleGrant, User
from marketplace.notices.models import Notice
from marketplace.orders.order_models import Order
from marketplace.orders.returning import record_return
from marketplace.settlement.bank_file import bank_file
from marketplace.settlement.deciding import approve_run, get_run, record_sent, reject_run
from marketplace.settlement.holding import hold_line, release_line, retry_line
from marketplace.settlement.payout_models import PayoutLine, PayoutRun
from marketplace.settlement.proposing import propose_run
from marketplace.settlement.splitting import Owner
from tests.settlement.payday import CARDS, FARMGATE, Payday
from tests.support.meanwhile import meanwhile


@pytest.fixture
def payday(world):
    return Payday(world)


def test_a_run_brings_every_fen_of_the_lots_to_their_households(payday):
    number = payday.propose()
    assert payday.run(number).fen == 20 * FARMGATE
    assert {line.state for line in payday.lines(number)} == {"proposed"}
    assert payday.stand()["lot_payable"] == 20 * FARMGATE
    payday.approve(number)
    stand = payday.stand()
    assert "lot_payable" not in stand
    assert stand["payout"] == 20 * FARMGATE
    payday.send(number)
    for line in payday.lines(number):
        assert payday.paid(line)
        assert not payday.paid(line), "the bank says it twice"
    assert "payout" not in payday.stand()
    assert payday.stand()["bank"] == -20 * FARMGATE
    assert payday.run(number).state == "done"
    with payday.world.transaction() as session:
        told = select(func.count()).where(Notice.kind == "payout_paid")
        assert session.scalar(told) == 2
    with pytest.raises(Conflict):
        payday.propose()


def test_nobody_approves_what_he_or_somebody_in_his_name_proposed(payday):
    number = payday.propose()
    with pytest.raises(Conflict):
        payday.approve(number, payday.maker)
    with payday.world.transaction() as session:
        grant = session.scalars(select(RoleGrant).filter_by(user_id=payday.maker.user_id)).one()
        login = session.get_one(User, payday.checker.user_id).login_name
        appoint_deputy(session, payday.maker, grant.id, login, today(), today())
        checker = session.get_one(User, payday.checker.user_id)
    deputy = payday.world.actor(checker)
    assert payday.maker.user_id in deputy.principals
    with pytest.raises(Conflict):
        payday.approve(number, deputy)
    assert payday.run(number).state == "proposed"
    leader = payday.world.actor(payday.world.user("leader", region="990101000000"))
    payday.approve(number, leader)
    assert payday.run(number).state == "approved"


def test_only_what_its_own_buyers_paid_is_paid_out(world):
    payday = Payday(world, paid=(0,))
    number = payday.propose()
    assert payday.run(number).fen == 12 * FARMGATE
    payday.approve(number)
    assert payday.stand()["lot_payable"] == 8 * FARMGATE
    payday.collect(1)
    assert payday.run(payday.propose()).fen == 8 * FARMGATE


def test_one_run_waits_at_a_time_and_a_refused_one_leaves_everything_for_the_next(payday):
    first = payday.propose()
    with pytest.raises(Conflict):
        payday.propose()
    with pytest.raises(InvalidInput):
        payday.reject(first, " ")
    payday.reject(first)
    assert {line.state for line in payday.lines(first)} == {"rejected"}
    second = payday.propose()
    assert payday.run(second).fen == payday.run(first).fen
    payday.approve(second)
    payday.stand()


def test_the_sum_that_was_shown_is_the_sum_that_is_approved(payday):
    number = payday.propose()
    with payday.world.transaction() as session, pytest.raises(Conflict):
        approve_run(session, payday.checker, get_run(session, number), 1)


def test_money_without_an_account_is_held_and_goes_with_a_later_run(world):
    payday = Payday(world, accounts=(0,))
    number = payday.sent()
    held = payday.line(number, 1)
    assert (held.state, held.reason) == ("held", "还没有批准的收款账户")
    payday.paid(payday.line(number))
    assert payday.run(number).state == "done"
    assert payday.stand()["payout"] == held.fen
    payday.account(Owner(payday.households[1].id, 0), CARDS[1])
    second = payday.sent()
    (line,) = payday.lines(second)
    assert (line.replaces_id, line.fen, line.accepted_on) == (held.id, held.fen, held.accepted_on)
    payday.paid(line)
    assert "payout" not in payday.stand()


def test_a_run_in_which_everything_is_held_is_done_at_once(world):
    payday = Payday(world, accounts=())
    number = payday.propose()
    payday.approve(number)
    assert payday.run(number).state == "done"
    assert payday.stand()["payout"] == 20 * FARMGATE


def test_a_bounce_makes_a_new_line_once_something_has_changed(payday):
    number = payday.sent()
    line = payday.line(number)
    assert payday.bounced(line)
    assert not payday.bounced(line)
    assert payday.stand()["payout"] == 20 * FARMGATE
    with pytest.raises(Conflict):
        payday.propose()
    with payday.world.transaction() as session:
        retry_line(session, payday.maker, session.get_one(PayoutLine, line.id))
    again = payday.sent()
    (second,) = payday.lines(again)
    assert second.replaces_id == line.id
    payday.bounced(second)
    payday.account(Owner(payday.households[0].id, 0), CARDS[2], relation="spouse", proof="结婚证")
    (third,) = payday.lines(payday.sent())
    assert third.payee_id not in {line.payee_id, None}
    payday.paid(third)
    payday.paid(payday.line(number, 1))
    assert "payout" not in payday.stand()
    assert payday.stand()["bank"] == -20 * FARMGATE


def test_money_may_come_back_days_after_it_was_paid(payday):
    number = payday.sent()
    line = payday.line(number)
    payday.paid(line)
    assert payday.bounced(line, "账户已销户")
    stand = payday.stand()
    assert (stand["payout"], stand.get("bank")) == (20 * FARMGATE, None)
    assert payday.line(number).state == "bounced"


def test_somebody_who_died_is_not_paid_until_it_is_clear_who_inherits(payday):
    number = payday.propose()
    line = payday.line(number)
    with payday.world.transaction() as session:
        hold_line(session, payday.maker, session.get_one(PayoutLine, line.id), "deceased", "")
    payday.approve(number)
    payday.send(number)
    assert payday.line(number).state == "held"
    with pytest.raises(Conflict):
        payday.propose()
    with payday.world.transaction() as session:
        release_line(session, payday.maker, session.get_one(PayoutLine, line.id), "公证书已存档")
    (again,) = payday.lines(payday.propose())
    assert again.replaces_id == line.id


def test_the_bank_is_not_believed_about_what_it_never_had(payday):
    number = payday.propose()
    line = payday.line(number)
    for act in (payday.paid, payday.bounced):
        with pytest.raises(Conflict):
            act(line)
    payday.approve(number)
    payday.send(number)
    for day in (date(2020, 1, 1), today() + timedelta(days=1)):
        with pytest.raises(InvalidInput):
            payday.paid(line, day)


def test_two_proposals_in_one_moment_are_one_run(payday):
    with pytest.raises(Conflict):
        meanwhile(
            payday.world,
            lambda session: propose_run(session, payday.maker),
            lambda session: propose_run(session, payday.maker),
        )
    with payday.world.transaction() as session:
        assert session.scalar(select(func.count()).select_from(PayoutRun)) == 1


def test_of_two_who_approve_and_refuse_in_one_moment_one_is_told(payday):
    number = payday.propose()

    def approves(session):
        run = get_run(session, number)
        approve_run(session, payday.checker, run, run.fen)

    with pytest.raises(Conflict):
        meanwhile(
            payday.world,
            approves,
            lambda session: reject_run(session, payday.checker, get_run(session, number), "错"),
        )
    assert payday.run(number).state == "approved"
    payday.stand()


def test_once_the_bank_may_have_the_file_nothing_in_it_is_held_back(payday):
    number = payday.propose()
    payday.approve(number)
    with payday.world.transaction() as session, pytest.raises(Conflict):
        record_sent(session, payday.maker, get_run(session, number))
    with payday.world.transaction() as session:
        bank_file(session, payday.maker, get_run(session, number), [])
    line = payday.line(number)
    with payday.world.transaction() as session, pytest.raises(Conflict, match="已经取走"):
        hold_line(session, payday.maker, session.get_one(PayoutLine, line.id), "deceased", "")


def test_an_account_that_was_changed_meanwhile_is_not_paid_into(payday):
    number = payday.propose()
    owner = Owner(payday.households[0].id, 0)
    payday.account(owner, CARDS[2], relation="spouse", proof="结婚证")
    payday.approve(number)
    held = payday.line(number)
    assert (held.state, held.reason) == ("held", "收款账户换了，下一批付到新账户")
    assert payday.line(number, 1).state == "approved"
    payday.send(number)
    payday.paid(payday.line(number, 1))
    (again,) = payday.lines(payday.sent())
    assert (again.replaces_id, again.state) == (held.id, "sent")
    payday.stand()


def test_a_hold_keeps_back_everything_of_its_owner(payday):
    number = payday.sent()
    bounced = payday.line(number)
    payday.bounced(bounced)
    payday.paid(payday.line(number, 1))
    with payday.world.transaction() as session:
        retry_line(session, payday.maker, session.get_one(PayoutLine, bounced.id))
    second = payday.propose()
    (line,) = payday.lines(second)
    with payday.world.transaction() as session:
        hold_line(session, payday.maker, session.get_one(PayoutLine, line.id), "disputed", "")
    payday.approve(second)
    assert payday.run(second).state == "done"
    with pytest.raises(Conflict):
        payday.propose()


def test_what_a_bank_writes_is_kept_without_numbers(payday):
    line = payday.line(payday.sent())
    payday.bounced(line, f"账号{CARDS[0]}已销户")
    with payday.world.transaction() as session:
        assert CARDS[0] not in session.get_one(PayoutLine, line.id).reason


def test_goods_that_nobody_paid_for_and_nobody_bears_are_not_paid_from_others_money(world):
    payday = Payday(world, paid=())
    with world.transaction() as session:
        for order in session.scalars(select(Order).order_by(Order.id)):
            lines = {order.lines[0].id: order.lines[0].packs}
            record_return(session, payday.operator, order, lines, "goodwill", "翻车了")
    with pytest.raises(Conflict):
        payday.propose()
    payday.stand()
