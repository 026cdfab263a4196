"""What was told of a lot stays on its pages, with what became of it; who is signed in goes on from there."""

import re

from sqlalchemy import select

from marketplace.catalog.models import Lot
from marketplace.fulfilment.recalling import recall
from marketplace.identity.actor import SYSTEM
from marketplace.orders.interruptions import cancel_round
from marketplace.orders.order_models import Order
from marketplace.orders.round_allocation import allocate_round, undo_allocation
from marketplace.orders.round_models import Round
from tests.reporting.test_trace import Sold
from tests.support.world import COUNTY


def _steps(page):
    return re.findall(
        r'<li class="timeline-(\w+)"><b class="num">[^ ]+ (\w+)</b><span>(.*?)</span>', page
    )


def _undone(page):
    return {words for state, _, words in _steps(page) if state == "undone"}


def _on_round(world, *steps):
    with world.transaction() as session:
        found = session.scalars(select(Round)).one()
        for step in steps:
            step(session, SYSTEM, found)


def test_an_allocation_taken_back_stays_and_says_so(world, client):
    sold = Sold(world)
    before = sold.page(client).text
    assert not _undone(before)
    _on_round(world, undo_allocation)
    after = sold.page(client).text
    (words,) = _undone(after)
    assert re.fullmatch(r"<s>第 \d+ 期的订单分到 3 份[^<]+</s> 后来撤回了", words)
    told = [(title, words) for state, title, words in _steps(after) if state == "done"]
    assert any(title == "撤回分配" and "3 份" in words for title, words in told)
    _on_round(world, allocate_round)
    again = sold.page(client).text
    assert len(_undone(again)) == 1, "what was taken back stays beside what is given now"
    assert [title for _, title, _ in _steps(again)].count("分配") == 2


def test_what_a_round_offered_stays_when_the_round_is_cancelled(world, client):
    sold = Sold(world)
    _on_round(world, undo_allocation, lambda *given: cancel_round(*given, "大雪封路"))
    page = sold.page(client).text
    assert any("后来取消了" in words for words in _undone(page))
    assert "您这一份" not in page, "nothing is sold any more at that round's price"


def test_after_a_recall_the_page_still_says_who_was_to_get_it(world, client):
    sold = Sold(world)
    operator = world.operator()
    actor = world.actor(operator)
    with world.transaction() as session:
        assert recall(session, actor, sold.lot.id, "food_safety", "")
    page = sold.page(client).text
    assert any("分到 3 份" in words and "后来撤回了" in words for words in _undone(page))
    assert any(title == "召回" for _, title, _ in _steps(page))
    assert "凭证里一条不少" not in page, "before the first seal there is no proof to compare with"
    for who in (world.user("auditor", region=COUNTY), operator):
        kept = world.sign_in(who).get(f"/trace/lots/{sold.lot.id}").text
        assert "这批货召回了" in kept
        assert "分到过，后来不给了" in kept
        assert f"/trace/orders/{sold.number}" in kept
        assert 'data-label="为什么">这批货召回了' in kept
        assert "现在没有分给谁" in kept
        assert re.search(r'分到过">3 份</td><td class="num" data-label="还给">0 份', kept)
    cadre = world.sign_in(sold.cadre).get(f"/trace/lots/{sold.lot.id}").text
    assert "分到过，后来不给了" in cadre
    assert sold.number not in cadre


def test_what_is_given_as_before_is_not_told_as_lost(world):
    sold = Sold(world)
    auditor = world.sign_in(world.user("auditor", region=COUNTY))
    assert "分到过" not in auditor.get(f"/trace/lots/{sold.lot.id}").text
    _on_round(world, undo_allocation)
    assert 'data-label="为什么">分配撤回了' in auditor.get(f"/trace/lots/{sold.lot.id}").text
    _on_round(world, allocate_round)
    assert "分到过" not in auditor.get(f"/trace/lots/{sold.lot.id}").text
    with world.transaction() as session:
        assert session.scalars(select(Order)).one().state == "allocated"


def test_a_lot_that_is_held_says_so_to_the_auditor(world):
    sold = Sold(world)
    with world.transaction() as session:
        session.get_one(Lot, sold.lot.id).state = "on_hold"
    page = world.sign_in(world.user("auditor", region=COUNTY)).get(f"/trace/lots/{sold.lot.id}")
    assert "县里先停了" in page.text


def test_who_works_for_the_county_goes_on_from_the_public_page(world, client):
    sold = Sold(world)
    address, lot = f"/t/{sold.lot.trace_code}", f"/lots/{sold.lot.id}"
    for nobody in (client, world.sign_in(sold.staff), world.sign_in(world.user("cadre"))):
        page = nobody.get(address).text
        assert "县里的页面" not in page
        assert lot not in page
    operator = world.sign_in(world.operator())
    for browser in (operator, world.sign_in(world.user("auditor", region=COUNTY))):
        page = browser.get(address).text
        for way in (lot, f"/trace{lot}"):
            assert f'href="{way}"' in page
            assert browser.get(way).status_code == 200
    own = world.sign_in(sold.cadre).get(address).text
    assert f'href="/trace{lot}"' in own
    assert f'href="{lot}"' not in own, "a cadre's lots are on the phone pages"
    elsewhere = world.sign_in(world.user("reviewer", region="990101102000"))
    assert "县里的页面" not in elsewhere.get(address).text
