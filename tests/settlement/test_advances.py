"""Households are paid before their buyers by a named advance, within its limit, and it is paid back."""

from datetime import timedelta

import pytest

from marketplace.core.clock import today
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.settlement import advances
from marketplace.settlement.deciding import get_run
from tests.settlement.payday import FARMGATE, Payday
from tests.support.pages import form_on
from tests.support.world import COUNTY


@pytest.fixture
def payday(world):
    return Payday(world, paid=(0,))


def _advance(payday, limit_fen):
    with payday.world.transaction() as session:
        day = today() + timedelta(days=60)
        made = advances.propose_advance(session, payday.maker, "县周转金", limit_fen, day).id
    with payday.world.transaction() as session:
        found = advances.get_advance(session, made)
        advances.decide_advance(session, payday.checker, found, approve=True)
    return made


def _standing(payday, advance_id):
    with payday.world.transaction() as session:
        found = advances.standing(session, advances.get_advance(session, advance_id))
        return found.bound, found.drawn, found.due


def _repay(payday, advance_id, fen):
    with payday.world.transaction() as session:
        advances.repay(session, payday.maker, advances.get_advance(session, advance_id), fen)


def test_an_advance_pays_what_buyers_owe_and_comes_back_when_they_pay(payday):
    advance = _advance(payday, 20_000)
    number = payday.propose(advance)
    run = payday.run(number)
    assert (run.fen, run.advanced_fen) == (20 * FARMGATE, 8 * FARMGATE)
    assert _standing(payday, advance) == (8 * FARMGATE, 0, 0)
    payday.approve(number)
    payday.send(number)
    for line in payday.lines(number):
        payday.paid(line)
    stand = payday.stand()
    assert stand["advance"] == 8 * FARMGATE
    assert stand["bank"] == -12 * FARMGATE
    assert _standing(payday, advance) == (0, 8 * FARMGATE, 0)
    payday.collect(1)
    assert _standing(payday, advance) == (0, 8 * FARMGATE, 8 * FARMGATE)
    for fen in (0, 8 * FARMGATE + 1):
        with pytest.raises(InvalidInput):
            _repay(payday, advance, fen)
    _repay(payday, advance, 8 * FARMGATE - 1)
    _repay(payday, advance, 1)
    assert "advance" not in payday.stand()
    with payday.world.transaction() as session:
        advances.close_advance(session, payday.maker, advances.get_advance(session, advance))


def test_what_does_not_fit_into_the_limit_waits(payday):
    advance = _advance(payday, 8 * FARMGATE - 1)
    run = payday.run(payday.propose(advance))
    assert (run.fen, run.advanced_fen) == (12 * FARMGATE, 0)


def test_a_refused_run_gives_the_advance_free(payday):
    advance = _advance(payday, 20_000)
    payday.reject(payday.propose(advance))
    assert _standing(payday, advance) == (0, 0, 0)


def test_an_advance_that_is_drawn_is_not_closed(payday):
    advance = _advance(payday, 20_000)
    payday.sent(advance)
    with payday.world.transaction() as session, pytest.raises(Conflict):
        advances.close_advance(session, payday.maker, advances.get_advance(session, advance))


def test_the_page_proposes_approves_repays_and_refuses_in_words(payday):
    world = payday.world
    maker, checker = (world.sign_in(payday.people[who]) for who in ("maker", "checker"))
    later = (today() + timedelta(days=30)).isoformat()
    good = {"name": "乡村振兴周转金", "limit": "5000", "repay_by": later}
    for change in (
        {"limit": "很多"},
        {"name": ""},
        {"repay_by": "哪天"},
        {"repay_by": "2020-01-01"},
    ):
        refused = maker.post("/advances", data=good | change)
        assert refused.status_code == 422, change
        assert (good | change)["name"] in refused.text
    assert maker.post("/advances", data=good).status_code == 303
    assert "请别人审批" in maker.get("/advances").text
    assert maker.post("/advances/1/decide", data={"answer": "yes"}).status_code == 409
    assert checker.post("/advances/1/decide", data={"answer": "no"}).status_code == 422
    assert checker.post("/advances/1/decide", data={"answer": "yes"}).status_code == 303
    assert checker.post("/advances/1/decide", data={"answer": "yes"}).status_code == 409
    assert "乡村振兴周转金" in maker.get("/payouts/new").text
    page = maker.get("/payouts/new?advance=1").text
    assert '垫 <b class="num">60.00</b> 元' in page
    form = form_on(page, "/payouts/new")
    assert maker.post("/payouts/new", data=form).status_code == 303
    payday.approve(1)
    with world.transaction() as session:
        assert get_run(session, 1).advanced_fen == 8 * FARMGATE
    assert maker.post("/advances/1/repay", data={"amount": "100000"}).status_code == 422
    assert maker.post("/advances/1/repay", data={"amount": "60"}).status_code == 303
    assert maker.post("/advances/1/close").status_code == 303
    assert "结束了" in maker.get("/advances").text
    auditor = world.sign_in(world.user("auditor", region=COUNTY))
    assert auditor.get("/advances").status_code == 200
    assert auditor.post("/advances", data=good).status_code == 403
