"""A cadre sees how far the goods got, takes back a part in two taps, confirms before closing."""

import re
import uuid
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from marketplace.catalog.models import Lot, LotMovement
from marketplace.core.clock import now
from marketplace.orders.lot_confirmation import asks_from
from marketplace.orders.lot_figures import figures_of
from marketplace.orders.round_models import Listing, LotConfirmation, Round


@pytest.fixture
def cadre(world):
    return world.user("cadre")


@pytest.fixture
def household(world, cadre):
    return world.household(cadre=cadre)


@pytest.fixture
def lot(world, cadre, household):
    product = world.product()
    report = world.report(cadre, product, 25_000, household=household)
    return world.verify(world.user("reviewer", region="990101000000"), report)


def lot_now(world, lot):
    with world.transaction() as session:
        return session.get_one(Lot, lot.id)


def key_of(page):
    return re.search(r'name="key"[^>]*value="([^"]+)"', page)[1]


def take(browser, lot, **typed):
    page = browser.get(f"/field/lots/{lot.id}").text
    key = key_of(page) if 'name="key"' in page else str(uuid.uuid4())
    data = {"key": key, "reason": "eaten", "part": "half", "typed": ""} | typed
    return browser.post(f"/field/lots/{lot.id}/withdraw", data=data, follow_redirects=True)


def test_half_then_all_and_the_lot_is_over(world, cadre, lot):
    browser = world.sign_in(cadre)
    assert "撤回了 25 斤" in take(browser, lot).text
    assert "撤回了 25 斤" in take(browser, lot, part="all", reason="sold_elsewhere").text
    found = lot_now(world, lot)
    assert (found.free, found.withdrawn, found.state) == (0, 25_000, "withdrawn")
    assert take(browser, lot).status_code == 409
    with world.transaction() as session:
        reasons = session.scalars(
            select(LotMovement.reason).where(LotMovement.kind == "withdrawn")
        ).all()
    assert set(reasons) == {"eaten", "sold_elsewhere"}


def test_a_double_tap_takes_once(world, cadre, lot):
    browser = world.sign_in(cadre)
    data = {"key": "a-key-of-the-form", "reason": "died", "part": "half", "typed": ""}
    for _ in range(3):
        answer = browser.post(f"/field/lots/{lot.id}/withdraw", data=data)
        assert answer.status_code == 302
    assert lot_now(world, lot).withdrawn == 12_500


@pytest.mark.parametrize(
    "typed",
    [
        {"reason": ""},
        {"reason": "其他原因"},
        {"part": "some", "typed": "-1"},
        {"part": "some", "typed": "0"},
        {"part": "some", "typed": "NaN"},
        {"part": "some", "typed": "1e309"},
        {"part": "some", "typed": "51斤"},
        {"part": "some", "typed": ""},
        {"part": "everything"},
        {"key": ""},
    ],
)
def test_what_cannot_be_taken_is_refused_with_words(world, cadre, lot, typed):
    answer = take(world.sign_in(cadre), lot, **typed)
    assert answer.status_code == 422
    assert "还差一点" in answer.text
    assert lot_now(world, lot).withdrawn == 0


def test_taking_what_is_ordered_stops_the_listing_and_says_so(world, cadre, lot):
    in_round = world.round()
    with world.transaction() as session:
        product = lot_product = session.get_one(Lot, lot.id).product
        session.expunge(lot_product)
    listing = world.listing(in_round, product, [lot])
    world.open_round(in_round)
    world.order(world.user("staff", unit=world.unit()), in_round, {listing.id: 8})
    browser = world.sign_in(cadre)
    assert "40 斤" in browser.get("/field/lots").text  # ordered, one tap from home
    answer = take(browser, lot, part="some", typed="35斤", reason="died")
    assert "少了 5 份" in answer.text
    with world.transaction() as session:
        assert session.get_one(Listing, listing.id).shortfall_packs == 5


def test_a_strangers_lots_do_not_exist(world, lot, household):
    stranger = world.user("cadre")
    world.household(cadre=stranger)
    browser = world.sign_in(stranger)
    assert lot.code not in browser.get("/lots/").text
    assert f"/field/lots/{lot.id}" not in browser.get("/field/lots?show=all").text
    data = {"key": "a-key-of-the-form", "reason": "died", "part": "all"}
    for answer in (
        browser.get(f"/field/lots/{lot.id}"),
        browser.get(f"/lots/{lot.id}"),
        browser.get(f"/field/households/{household.id}"),
        browser.post(f"/field/lots/{lot.id}/withdraw", data=data),
    ):
        assert answer.status_code == 404
        assert lot.code not in answer.text
    assert lot_now(world, lot).withdrawn == 0
    foreign = world.sign_in(world.user("reviewer", region="990101102000"))
    assert lot.code not in foreign.get("/lots/?show=all").text
    assert foreign.get(f"/lots/{lot.id}").status_code == 404


def offered(world, lot, closes_in):
    in_round = world.round(closes_in=closes_in)
    with world.transaction() as session:
        product = session.get_one(Lot, lot.id).product
        session.expunge(product)
    world.listing(in_round, product, [lot])
    world.open_round(in_round)
    return in_round


def test_the_day_before_closing_asks_whether_the_lots_are_still_there(world, cadre, lot):
    in_round = offered(world, lot, timedelta(hours=5))
    browser = world.sign_in(cadre)
    assert "确认 1 批货还在" in browser.get("/field/").text
    page = browser.get("/field/confirm").text
    assert f'value="{lot.id}"' in page
    assert browser.post("/field/confirm", data={"round": in_round.id}).status_code == 422
    stranger = world.sign_in(world.user("cadre"))
    sent = {"round": in_round.id, "lot": [lot.id]}
    assert stranger.post("/field/confirm", data=sent).status_code == 409
    assert "确认了 1 批" in browser.post("/field/confirm", data=sent, follow_redirects=True).text
    assert browser.post("/field/confirm", data=sent).status_code == 409
    assert "还在</" not in browser.get("/field/").text
    with world.transaction() as session:
        assert session.scalar(select(func.count(LotConfirmation.id))) == 1


def test_nothing_is_asked_earlier_or_after_closing(world, cadre, lot):
    in_round = offered(world, lot, timedelta(days=3))
    browser = world.sign_in(cadre)
    assert "批货还在" not in browser.get("/field/").text
    with world.transaction() as session:
        session.execute(
            update(Round)
            .where(Round.id == in_round.id)
            .values(opens_at=now() - timedelta(days=2), closes_at=now() - timedelta(minutes=1))
        )
    assert "批货还在" not in browser.get("/field/").text


def test_a_round_that_closes_at_midnight_asks_from_the_start_of_the_day_before():
    from datetime import datetime
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("Asia/Shanghai")
    midnight = datetime(2026, 11, 26, tzinfo=zone)  # 24:00 on the 25th
    assert asks_from(midnight) == datetime(2026, 11, 24, tzinfo=zone)
    assert asks_from(datetime(2026, 11, 25, 18, tzinfo=zone)) == datetime(2026, 11, 24, tzinfo=zone)


def test_what_is_ordered_of_a_shared_listing_is_an_estimate_that_never_exceeds_the_offer(world):
    in_round, listing = world.shop(packs=10, lots=2)
    staff = world.user("staff", unit=world.unit())
    world.order(staff, in_round, {listing.id: 5})
    with world.transaction() as session:
        lots = session.scalars(select(Lot)).all()
        figures = figures_of(session, lots)
        for lot in lots:
            figure = figures[lot.id]
            assert figure.estimated
            assert (figure.offered, figure.ordered, figure.allocated) == (12_500, 5000, 0)
            assert figure.on_hand == 12_500
