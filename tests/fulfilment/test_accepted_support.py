"""Whom a sale helped is what the household was on the day of acceptance, whatever it is afterwards."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.exc import DBAPIError

from marketplace.catalog.models import AcceptedSupport, LotShare
from marketplace.core.clock import now, today, use_clock
from marketplace.fulfilment.delivering import accept_rest
from marketplace.households.models import SupportStatus
from marketplace.orders.shop_queries import origins
from marketplace.orders.supporters import supported_behind
from marketplace.reporting.board import board_of
from marketplace.reporting.trace import public_lot
from tests.fulfilment.arriving import COLLEAGUE, Arriving


def ends(arriving, index, day):
    with arriving.world.transaction() as session:
        whose = SupportStatus.household_id == arriving.households[index].id
        session.scalars(select(SupportStatus).where(whose)).one().valid_until = day


def begins(arriving, index, kind, day):
    with arriving.world.transaction() as session:
        whose = arriving.households[index].id
        session.add(SupportStatus(household_id=whose, kind=kind, valid_from=day))


def counted(arriving):
    """Supported households as the trace page, the shop, the board and the listing count them."""
    with arriving.world.transaction() as session:
        lots = [lot.id for lot in arriving.lots]
        found = supported_behind(session, lots, today())
        traced = sum(public_lot(session, lot.trace_code).supported for lot in arriving.lots)
        shop = sum(one.households for one in origins(session, arriving.listing.id))
        on_board = board_of(session, session.merge(arriving.round))
        assert (traced, shop, on_board.households) == (found.households,) * 3
        assert on_board.monitored == found.monitored
        return found.households, found.monitored


def test_what_a_household_was_at_acceptance_stays_with_the_sale(world):
    arriving = Arriving(world)
    begins(arriving, 1, "unstable_exit", today())
    ends(arriving, 0, today() - timedelta(days=1))
    assert counted(arriving) == (1, 1), "ended before acceptance"
    arriving.accept()  # 12 packs: all of one lot and part of the other
    assert arriving.faults() == []
    begins(arriving, 0, "povertyexit", today())
    ends_all(arriving, 1)
    later = now() + timedelta(days=1)
    with use_clock(lambda: later):
        assert counted(arriving) == (1, 1), "ended the day after acceptance, begun after it"
        arriving.accept(which=COLLEAGUE)
        assert counted(arriving) == (1, 1), "the first acceptance counts"
    assert arriving.faults() == []
    with world.transaction() as session:
        rows = session.execute(
            select(AcceptedSupport.household_id, AcceptedSupport.kind).order_by(AcceptedSupport.id)
        ).all()
    first, second = (household.id for household in arriving.households)
    assert sorted(rows) == sorted(
        [(first, "none"), (second, "povertyexit"), (second, "unstable_exit")]
    )


def ends_all(arriving, index):
    with arriving.world.transaction() as session:
        whose = SupportStatus.household_id == arriving.households[index].id
        for row in session.scalars(select(SupportStatus).where(whose)):
            row.valid_until = today()


def test_what_nobody_has_accepted_goes_by_the_status_of_today(world):
    arriving = Arriving(world)
    ends_all(arriving, 0)
    later = now() + timedelta(days=1)
    with use_clock(lambda: later):
        with world.transaction() as session:
            lots = [lot.id for lot in arriving.lots]
            assert supported_behind(session, lots, today()).households == 1
        arriving.step(accept_rest)
        ends_all(arriving, 1)
        assert counted(arriving)[0] == 1
    assert arriving.faults() == []


def test_it_is_never_changed_and_never_missing(world):
    arriving = Arriving(world)
    arriving.step(accept_rest)
    for forged in (
        "UPDATE accepted_support SET kind = 'none'",
        "DELETE FROM accepted_support",
    ):
        with pytest.raises(DBAPIError), world.transaction() as session:
            session.execute(text(forged))
    lot = arriving.lots[0].id
    newcomer = world.household().id
    with world.transaction() as session:
        session.execute(delete(LotShare).where(LotShare.lot_id == lot))
        session.add(LotShare(lot_id=lot, household_id=newcomer, quantity_base=25_000))
    assert "验收的货没有留下户类别" in {fault.what for fault in arriving.faults()}
    with world.transaction() as session:
        session.add(AcceptedSupport(lot_id=lot, household_id=newcomer, kind="none", day=today()))
        session.add(AcceptedSupport(lot_id=lot, household_id=newcomer, kind="dibao", day=today()))
    assert "留下的户类别不对" in {fault.what for fault in arriving.faults()}
