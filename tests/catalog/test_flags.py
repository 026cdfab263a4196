"""Doubts come with evidence; the pure rules and the queue's SQL agree."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.catalog.flags import Claim, Other, flags_of
from marketplace.catalog.report_queue import (
    QueueFilter,
    queue_statement,
    signals_of,
    working_days_before,
)
from marketplace.core.clock import today
from marketplace.core.county_settings import county_number
from marketplace.households.models import Household
from marketplace.identity.permissions import REPORT_VERIFY

PLAIN = {
    "base_unit": "g", "piece_word": "", "quantity_base": 500_000, "asked_fen": 150,
    "asked_per_base": 500, "reference_fen": 150, "reference_per_base": 500,
}  # fmt: skip


def codes(**changes):
    return [flag.code for flag in flags_of(Claim(**(PLAIN | changes)), alarm_percent=40)]


def test_an_ordinary_report_raises_no_doubt():
    assert codes() == []
    assert codes(land_mu_hundredths=200, yield_per_mu_base=250_000) == []


@pytest.mark.parametrize(
    ("asked", "doubtful"), [(210, False), (211, True), (90, False), (89, True)]
)
def test_the_price_limit_itself_is_still_fine(asked, doubtful):
    assert codes(asked_fen=asked) == (["price"] if doubtful else [])


def test_the_difference_in_price_is_rounded_half_up():
    (low,) = flags_of(Claim(**(PLAIN | {"asked_fen": 180, "reference_fen": 320})), alarm_percent=40)
    assert low.evidence.endswith("低 44%。")  # 43.75


def test_prices_in_different_units_are_compared_exactly():
    assert codes(asked_fen=300, asked_per_base=1000) == []
    assert codes(asked_fen=300_000, asked_per_base=1_000_000) == []
    assert codes(asked_fen=150, asked_per_base=1000) == ["price"]


def test_more_than_land_or_flock_gives():
    assert codes(land_mu_hundredths=199, yield_per_mu_base=250_000) == ["land"]
    assert codes(land_mu_hundredths=None, yield_per_mu_base=1) == []
    hens = {"base_unit": "piece", "piece_word": "只", "asked_per_base": 1, "reference_per_base": 1}
    assert codes(**hens, quantity_base=31, poultry=30, yield_per_bird_base=1) == ["flock"]
    assert codes(**hens, quantity_base=30, poultry=30, yield_per_bird_base=1) == []


def test_a_last_day_far_beyond_the_shelf_life():
    assert codes(days=44, shelf_days=7) == []
    (flag,) = flags_of(Claim(**PLAIN, days=180, shelf_days=7), alarm_percent=40)
    assert (flag.code, flag.evidence) == ("days", "登记可卖 180 天，这个品种一般放 7 天。")


def test_the_evidence_names_the_other_one_with_its_quantity():
    claim = Claim(**PLAIN, others=(Other("lot", 7, "L261121-ABCDEF", 250_000),))
    (flag,) = flags_of(claim, alarm_percent=40)
    assert (flag.code, flag.evidence) == (
        "twice",
        "同一家同一品种还有批次 L261121-ABCDEF（500 斤）。",
    )


@given(st.integers(1, 10**7), st.sampled_from([1, 500, 1000, 10**6]), st.integers(5, 500))
def test_any_price_yields_a_sentence_or_nothing(asked, per, percent):
    claim = Claim(**(PLAIN | {"asked_fen": asked, "asked_per_base": per}))
    for flag in flags_of(claim, alarm_percent=percent):
        assert flag.label in {"价格偏高", "价格偏低"}
        assert flag.evidence.endswith("%。")


def test_working_days_leave_out_the_weekend():
    monday = date(2026, 11, 23)
    assert working_days_before(monday, 2) == date(2026, 11, 19)
    assert working_days_before(date(2026, 11, 22), 1) == date(2026, 11, 20)
    assert working_days_before(monday, 0) == monday


def test_the_queues_filter_finds_exactly_what_the_rules_doubt(world, cadre, reviewer):
    grown = world.product("马蹄", yield_per_mu_base=1_000_000)
    hens = world.product("雪毛鸡", "piece", yield_per_bird_base=1, reference_fen=5000)
    unit = world.unit("青石合作社", "cooperative", region_code="990101101201")
    manager = world.user("cooperative", unit=unit)
    homes = [world.household(cadre=cadre) for _ in range(6)]
    with world.transaction() as session:
        for home in homes[:3]:
            found = session.get_one(Household, home.id)
            found.land_mu_hundredths, found.poultry = 150, 20
    world.report(cadre, grown, 1_500_000, household=homes[0])
    world.report(cadre, grown, 1_500_001, household=homes[1])
    world.report(cadre, hens, 21, household=homes[0])
    world.report(cadre, hens, 20, household=homes[1])
    world.report(cadre, grown, 9_000_000, household=homes[3])
    world.report(cadre, grown, 500, household=homes[4], asked_fen=211)
    world.lot(hens, 5, household=homes[5])
    world.report(cadre, hens, 5, household=homes[5])
    for _ in range(2):
        world.report(manager, grown, 5000, organisation_id=unit.id)
    world.report(cadre, grown, 5, household=homes[2])
    greens = world.product("青菜", shelf_days=7)
    for home, days in zip(homes, (44, 45), strict=False):
        last = today() + timedelta(days=days)
        world.report(cadre, greens, 5, household=home, available_until=last)
    actor = world.actor(reviewer)
    scope = actor.scope_for(REPORT_VERIFY)
    with world.transaction() as session:
        alarm = county_number(session, "price_alarm_percent")

        def ids(show):
            statement = queue_statement(
                scope, QueueFilter(show), alarm_percent=alarm, working_days=2
            )
            return session.scalars(statement).all()

        rows = ids("all")
        signals = signals_of(session, actor, rows, alarm)
        doubted = {row.id for row in rows if signals[row.id].flags}
        assert doubted == {row.id for row in ids("flagged")}
        assert (len(rows), len(doubted)) == (12, 7)
