"""Anybody reads what is sealed, downloads a proof without an account, and checks it."""

import json
from pathlib import Path

from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.settlement.lot_events import sum_code
from marketplace.trace import check as checker
from marketplace.trace.check import check
from marketplace.trace.sealing import seal
from tests.fulfilment.collecting import Collecting
from tests.settlement.payday import Payday
from tests.trace import stranger


def _seal(world):
    with world.transaction() as session:
        assert seal(session)


def test_before_the_first_seal_the_page_says_so(world):
    browser = world.app.test_client()
    assert "还没有封印" in browser.get("/trust").text
    missing = browser.get("/trust/seals/1.json")
    assert missing.status_code == 404
    lot = world.lot(world.product(), 10_000)
    page = browser.get(f"/t/{lot.trace_code}").text
    assert "今天夜里封印" in page
    assert browser.get(f"/t/{lot.trace_code}/proof.json").status_code == 404
    assert browser.get("/t/ZZZZZZZZZZZZ/proof.json").status_code == 404
    assert '<b class="num">1</b> 批货有没封印的新记录' in browser.get("/trust").text


def test_who_scans_a_box_downloads_a_proof_that_holds(world):
    collecting = Collecting(world)
    for step in (set_out, accept_rest):
        collecting.step(step)
    _seal(world)
    lot = collecting.lots[0]
    browser = world.app.test_client()
    page = browser.get(f"/t/{lot.trace_code}").text
    assert "封在第" in page
    assert "份到了买家手里" in page
    proof = browser.get(f"/t/{lot.trace_code}/proof.json")
    assert "attachment" in proof.headers["Content-Disposition"]
    its_seal = browser.get("/trust/seals/1.json")
    files = json.loads(proof.text), json.loads(its_seal.text)
    kinds = [event["kind"] for event in check(*files).events]
    assert (kinds[0], kinds[-1]) == ("opened", "accepted")
    assert "allocated" in kinds
    assert stranger.holds(*files)
    trust = browser.get("/trust").text
    assert files[1]["public_key"] in trust
    assert "第 1 号封印" in trust
    assert "先后以编号为准" in trust


def test_the_events_name_nobody_and_no_village(world):
    payday = Payday(world)
    payday.paid(payday.lines(payday.sent())[0])
    _seal(world)
    household, lot = payday.households[0], payday.collecting.lots[0]
    text = world.app.test_client().get(f"/t/{lot.trace_code}/proof.json").text
    for secret in (household.head_name, household.household_no, household.region_code):
        assert secret not in text
    events = [json.loads(event) for event in json.loads(text)["events"]]
    assert events[0]["data"]["town"] == f"{household.region_code[:9]}000"
    paid = next(event for event in events if event["kind"] == "paid")
    (_, base) = events[0]["data"]["shares"][0]
    assert base == lot.verified
    assert paid["data"]["to"] == events[0]["data"]["shares"][0][0], "the one whose lot it is"
    (line,) = (one for one in payday.lines(1) if one.household_id == household.id)
    assert line.number not in text
    assert paid["data"]["sum"] == sum_code(lot.id, line.number, line.fen)
    assert set(paid["data"]) == {"collected", "payment", "sum", "to"}, (
        "what a household got stands nowhere"
    )


def test_two_lots_of_one_household_do_not_name_it_alike(world):
    cadre, reviewer = world.user("cadre"), world.user("reviewer", region="990101000000")
    household, product = world.household(cadre=cadre), world.product()
    codes = []
    for _ in range(2):
        report = world.report(cadre, product, 10_000, household=household)
        codes.append(world.verify(reviewer, report).trace_code)
    _seal(world)
    browser = world.app.test_client()
    names = set()
    for code in codes:
        first = json.loads(json.loads(browser.get(f"/t/{code}/proof.json").text)["events"][0])
        names.add(first["data"]["shares"][0][0])
    assert len(names) == 2


def test_the_checker_is_handed_out_as_it_is(world):
    answer = world.app.test_client().get("/trust/check.py")
    assert answer.text == Path(checker.__file__).read_text(encoding="utf8")
    assert "attachment" in answer.headers["Content-Disposition"]
