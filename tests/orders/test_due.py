"""The clock closes rounds: once, also when two ask at once, and one that fails stops no other."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from marketplace.core.clock import now, use_clock
from marketplace.core.errors import MarketplaceError
from marketplace.identity.actor import SYSTEM
from marketplace.identity.audit import AuditRow
from marketplace.identity.permissions import ORDER_CANTEEN
from marketplace.orders import due
from marketplace.orders.due import close_due_rounds, reopen_due_rounds
from marketplace.orders.interruptions import NewDates, postpone_round
from marketplace.orders.order_models import Order
from marketplace.orders.ordering import change_order, get_order
from marketplace.orders.round_models import Listing, Round
from marketplace.orders.rounds import close_round, get_round


def _states(world):
    with world.transaction() as session:
        return list(session.scalars(select(Round.state).order_by(Round.id)))


def test_a_round_closes_when_its_time_has_come_and_unapproved_orders_give_back(world):
    in_round, listing = world.shop(packs=10)
    unit = world.unit(approval_above_fen=0)
    buyer = world.user("buyer", unit=unit)
    world.order(buyer, in_round, {listing.id: 4}, channel="canteen", organisation_id=unit.id)
    with world.app.app_context():
        assert close_due_rounds() == 0
        with use_clock(lambda: in_round.closes_at):
            assert close_due_rounds() == 1
            assert close_due_rounds() == 0
    with world.transaction() as session:
        order = session.scalars(select(Order)).one()
        assert (order.state, order.ended_because) == ("expired", "截单时还没有审批")
        after = session.get_one(Listing, listing.id)
        assert (after.state, after.reserved_packs) == ("closed", 0)


def test_two_schedulers_close_a_round_once(world):
    in_round, listing = world.shop(packs=50)
    unit = world.unit(approval_above_fen=0)
    buyer = world.user("buyer", unit=unit)
    for _ in range(5):
        world.order(buyer, in_round, {listing.id: 2}, channel="canteen", organisation_id=unit.id)
    together, closed, faults = threading.Barrier(2), [], []

    def scheduler() -> None:
        try:
            with world.app.app_context(), use_clock(lambda: in_round.closes_at):
                together.wait()
                closed.append(close_due_rounds())
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=scheduler) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert sorted(closed) == [0, 1]
    with world.transaction() as session:
        assert session.scalar(select(func.count()).where(AuditRow.action == "round_closed")) == 1
        assert session.scalar(select(func.count()).where(AuditRow.action == "order_expired")) == 5
        assert session.get_one(Listing, listing.id).reserved_packs == 0


def test_closing_while_buyers_order_and_change_leaves_nothing_half_done(world):
    in_round, listing = world.shop(packs=200)
    unit = world.unit(approval_above_fen=0)
    buyers = [world.user("buyer", unit=unit) for _ in range(3)]
    actors = {buyer.id: world.actor(buyer) for buyer in buyers}
    together, faults = threading.Barrier(4), []

    def orders_and_changes(buyer) -> None:
        actor = actors[buyer.id]
        together.wait()
        for _ in range(6):
            number = world.order(
                buyer, in_round, {listing.id: 2}, channel="canteen", organisation_id=unit.id
            )
            with world.transaction() as session:
                order = get_order(session, actor.scope_for(ORDER_CANTEEN), number)
                change_order(session, actor, order, {listing.id: 3}, 1)

    def closes() -> None:
        together.wait()
        with world.transaction() as session:
            close_round(session, SYSTEM, get_round(session, in_round.id))

    def quietly(work, *given) -> None:
        try:
            work(*given)
        except MarketplaceError:
            pass  # too late: the round has closed
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=quietly, args=(orders_and_changes, b)) for b in buyers]
    threads.append(threading.Thread(target=quietly, args=(closes,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with world.transaction() as session:
        assert session.get_one(Round, in_round.id).state == "closed"
        states = set(session.scalars(select(Order.state)))
        assert states <= {"expired"}
        assert session.get_one(Listing, listing.id).reserved_packs == 0


def test_a_round_that_fails_stops_no_other(world, monkeypatch):
    first, _ = world.shop()
    second, _ = world.shop()

    def breaks_on_the_first(session, actor, found):
        if found.id == first.id:
            raise RuntimeError("a fault of the program")
        return close_round(session, actor, found)

    monkeypatch.setattr(due, "close_round", breaks_on_the_first)
    with (
        world.app.app_context(),
        use_clock(lambda: second.closes_at),
        pytest.raises(ExceptionGroup) as raised,
    ):
        close_due_rounds()
    assert len(raised.value.exceptions) == 1
    assert _states(world) == ["open", "closed"]


def test_a_round_that_is_put_off_in_the_last_moment_stays_open(world, monkeypatch):
    in_round, _ = world.shop()
    begin = due.transaction

    def after_it_was_put_off():
        with begin() as session:
            session.get_one(Round, in_round.id).closes_at += timedelta(days=1)
        return begin()

    monkeypatch.setattr(due, "transaction", after_it_was_put_off)
    with world.app.app_context(), use_clock(lambda: in_round.closes_at):
        assert close_due_rounds() == 0
    assert _states(world) == ["open"]


def test_after_an_outage_of_days_what_was_due_is_still_closed(world):
    in_round, _ = world.shop()
    with world.app.app_context(), use_clock(lambda: in_round.closes_at + timedelta(days=5)):
        assert close_due_rounds() == 1
    assert _states(world) == ["closed"]


def test_a_postponed_round_opens_by_itself_at_its_new_time(world):
    in_round, _ = world.shop()
    week = timedelta(days=7)
    with world.transaction() as session:
        found = get_round(session, in_round.id)
        dates = NewDates(now() + week, found.closes_at + week, found.delivers_on + week)
        postpone_round(session, SYSTEM, found, dates)
    with world.app.app_context():
        assert reopen_due_rounds() == 0
        assert close_due_rounds() == 0
        with use_clock(lambda: dates.opens_at):
            assert reopen_due_rounds() == 1
    assert _states(world) == ["open"]
