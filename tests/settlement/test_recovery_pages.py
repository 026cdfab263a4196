"""The pages on which money is asked back: list with its age, signed paper, gross and net, writing off."""

import io
import re
from datetime import timedelta
from functools import partial
from hashlib import sha256

import pytest
from PIL import Image
from python_calamine import CalamineWorkbook

from marketplace.core.clock import today
from tests.settlement.payday import FARMGATE
from tests.settlement.test_recoveries import Asked
from tests.support.world import COUNTY

LIST = "/recoveries"


def picture():
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "white").save(buffer, "JPEG")
    buffer.seek(0)
    return buffer, "paper.jpg"


@pytest.fixture
def asked(world):
    made = Asked(world, paid=(0,))
    made.pay()
    made.give_back(12)
    return made


def signed_in(asked, who):
    return asked.world.sign_in(asked.payday.people[who])


def test_from_the_signed_paper_to_gross_and_net_on_every_page(asked):
    maker = signed_in(asked, "maker")
    listed = maker.get(LIST).text
    assert "等本人签字" in listed
    assert "0 天" in listed
    assert "90.00" in listed, "twelve packs at 7.50"
    for one in asked.all():
        here = f"{LIST}/{one.number}"
        assert one.number in listed
        paper = {"signed_by": "head", "signed_on": f"{today()}", "photo": picture()}
        for wrong in (
            {"signed_by": ""},
            {"signed_on": "哪天"},
            {"signed_on": f"{today() + timedelta(days=1)}"},
        ):
            refused = maker.post(f"{here}/consent", data=paper | {"photo": picture()} | wrong)
            assert refused.status_code == 422, wrong
            assert "field-error" in refused.text
        without = {key: value for key, value in paper.items() if key != "photo"}
        assert "请拍下签了字" in maker.post(f"{here}/consent", data=without).text
        assert maker.post(f"{here}/consent", data=paper).status_code == 303
        assert maker.post(f"{here}/consent", data=paper | {"photo": picture()}).status_code == 409
        assert "户主本人" in maker.get(here).text
        photo = maker.get(f"{here}/paper")
        assert photo.status_code == 200
        assert sha256(photo.data).hexdigest() in maker.get(here).text
    asked.payday.collect(1)
    preview = maker.get("/payouts/new").text
    assert "扣了 15.00 元" in preview
    assert "付 45.00 元" in preview
    number = asked.payday.propose()
    (line,) = asked.payday.lines(number)
    checker = signed_in(asked, "checker")
    page = checker.get(f"/payouts/{number}").text
    assert "同意付 45.00 元" in page
    assert "扣 15.00 元，实付 45.00 元" in page
    asked.payday.approve(number)
    content = io.BytesIO(maker.post(f"/payouts/{number}/file").data)
    rows = CalamineWorkbook.from_filelike(content).get_sheet_by_index(0).to_python()
    assert [str(row[5]) for row in rows[1:]] == ["45.00"]
    papers = (
        f"/payouts/lines/{line.number}",
        f"/payouts/lines/{line.number}/paper",
        f"/payouts/{number}/villages/{line.region_code}/list",
    )
    for paper in papers:
        shown = maker.get(paper).text
        for words in ("60.00", "15.00", "45.00", "烂了", "户主本人"):
            assert words in shown, (paper, words)
    assert "烂了" not in maker.get(f"/payouts/{number}/villages/{line.region_code}/notice").text
    index = next(
        at for at, one in enumerate(asked.payday.households) if one.id == line.household_id
    )
    cadre = asked.world.sign_in(asked.payday.collecting.cadres[index])
    assert "签字同意扣 15.00" in cadre.get(f"/field/households/{line.household_id}").text
    assert cadre.get(LIST).status_code == 403


def test_order_and_lot_are_a_tap_away_for_who_may_open_them(asked):
    page = signed_in(asked, "maker").get(LIST).text
    address = re.search(rf'href="({LIST}/[^"]+)"', page)[1]
    for who in ("auditor", "finance"):
        browser = asked.world.sign_in(asked.world.user(who, region=COUNTY))
        links = re.findall(r'href="(/trace/(?:lots|orders)/[^"]+)"', browser.get(address).text)
        assert len(links) == 2
        assert [browser.get(link).status_code for link in links] == [200, 200]
    leader = asked.world.sign_in(asked.world.user("leader", region=COUNTY))
    assert "/trace/" not in leader.get(address).text


def test_the_cadre_reads_what_is_asked_and_that_nothing_goes_without_a_signature(asked):
    one = asked.all()[0]
    index = next(at for at, h in enumerate(asked.payday.households) if h.id == one.household_id)
    cadre = asked.world.sign_in(asked.payday.collecting.cadres[index])
    assert "不同意就不扣" in cadre.get(f"/field/households/{one.household_id}").text


def test_finance_writes_it_off_with_a_second_person(asked):
    maker, checker = signed_in(asked, "maker"), signed_in(asked, "checker")
    one = asked.all()[0]
    here = f"{LIST}/{one.number}"
    refused = maker.post(f"{here}/write-off", data={"reason": " "})
    assert refused.status_code == 422
    assert "请写为什么不收回了" in refused.text
    assert maker.post(f"{here}/write-off", data={"reason": "户里有人住院"}).status_code == 303
    assert maker.post(f"{here}/write-off", data={"reason": "再来"}).status_code == 409
    assert "自己提的要请别人审批" in maker.get(here).text
    assert maker.post(f"{here}/write-off/decision", data={"decision": "yes"}).status_code == 409
    assert checker.post(f"{here}/write-off/decision", data={"answer": ""}).status_code == 422
    answer = checker.post(f"{here}/write-off/decision", data={"decision": "yes"})
    assert answer.status_code == 303
    assert "核销了" in checker.get(LIST).text
    assert checker.post(f"{here}/write-off/decision", data={"decision": "yes"}).status_code == 404
    assert asked.payday.stand()["aftersale_loss"] == one.fen
    assert one.fen % FARMGATE == 0


def test_the_list_costs_as_many_statements_whatever_its_length(world, statements):
    asked = Asked(world, paid=(0,))
    maker = signed_in(asked, "maker")
    assert "没有要收回的货款" in maker.get(LIST).text
    costs = []
    for packs in (1, 1, 10):
        asked.give_back(packs)
        costs.append(statements(partial(maker.get, LIST)))
    assert len(asked.all()) > len(costs)
    assert max(costs) == min(costs) <= 8
