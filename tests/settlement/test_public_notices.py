"""What hangs in a village and until when; what somebody says to it holds the money until it is answered."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from marketplace.core.clock import today
from marketplace.core.errors import Conflict
from marketplace.settlement.notice_models import Objection, PublicNotice
from marketplace.settlement.payout_models import PayoutLine
from marketplace.settlement.public_notices import answer, hear
from tests.settlement.payday import Payday

VILLAGE, OTHER = "990101101201", "990101102201"
SAID = "隔壁老王说马蹄是他家的"
HEARD = {"said": SAID, "heard_on": f"{today()}"}


@pytest.fixture
def payday(world):
    return Payday(world, villages=(VILLAGE, OTHER), ordered=(30, 15))


@pytest.fixture
def maker(payday):
    return payday.world.sign_in(payday.people["maker"])


def objections(payday):
    with payday.world.transaction() as session:
        return session.scalars(select(Objection).order_by(Objection.id)).all()


def line_page(payday, number, index=0):
    return f"/payouts/lines/{payday.line(number, index).number}"


def test_a_notice_keeps_the_days_on_which_it_hangs(payday, maker):
    number = payday.propose()
    here = f"/payouts/{number}/villages/{VILLAGE}/notice"
    assert "没有记贴出" in maker.get(f"/payouts/{number}").text
    assert maker.post(here, data={"days": "5"}).status_code == 303
    assert "已经贴出" in maker.post(here, data={"days": "10"}, follow_redirects=True).text
    with payday.world.transaction() as session:
        (kept,) = session.scalars(select(PublicNotice)).all()
        assert (kept.begins, kept.ends) == (today(), today() + timedelta(days=4))
    page = maker.get(f"{here}?days=10").text
    assert "共 5 天" in page
    assert "记的贴出" in page
    run = maker.get(f"/payouts/{number}").text
    assert run.count("没有记贴出") == 1, "the other village's"
    assert maker.post(f"/payouts/{number}/villages/990101109999/notice").status_code == 404
    auditor = payday.world.sign_in(payday.world.user("auditor", region="990101000000"))
    assert "记的贴出" in auditor.get(here).text
    assert auditor.post(here).status_code == 403


def test_a_refused_run_is_not_posted(payday, maker):
    number = payday.propose()
    payday.reject(number)
    maker.post(f"/payouts/{number}/villages/{VILLAGE}/notice")
    with payday.world.transaction() as session:
        assert session.scalars(select(PublicNotice)).all() == []


def test_an_objection_holds_the_money_until_it_is_answered(payday, maker):
    number = payday.propose()
    here = line_page(payday, number)
    for bad in (
        HEARD | {"said": " "},
        {"said": SAID, "heard_on": "2999-01-01"},
        {"said": SAID, "heard_on": "昨天"},
    ):
        refused = maker.post(f"{here}/objection", data=bad)
        assert refused.status_code == 422
        assert bad["said"].strip() in refused.text
    assert objections(payday) == []
    heard = maker.post(f"{here}/objection", data=HEARD, follow_redirects=True)
    assert "这一户的货款先不付" in heard.text
    assert SAID in heard.text
    assert payday.line(number).state == "held"
    assert payday.line(number, 1).state == "proposed"
    assert "1 条异议没答复" in maker.get(f"/payouts/{number}").text
    (one,) = objections(payday)
    early = maker.post(f"{here}/release", data={"how": "算了"})
    assert early.status_code == 409
    assert "还有异议没有答复" in early.text
    listed = maker.get(f"/payouts/{number}/villages/{VILLAGE}/list").text
    assert "暂时不付" in listed
    assert "实付 0 户" in listed
    reply = f"{here}/objections/{one.id}"
    assert maker.post(reply, data={"answer": ""}).status_code == 422
    freed = maker.post(reply, data={"answer": "两家一起看了地块，是陈家的"}, follow_redirects=True)
    assert "下一批会带上这笔" in freed.text
    assert maker.post(reply, data={"answer": "再答一次"}).status_code == 409
    assert maker.post(f"{here}/objections/999", data={"answer": "没有"}).status_code == 404
    payday.approve(number)
    payday.send(number)
    for line in payday.lines(number):
        if line.state == "sent":
            payday.paid(line)
    again = payday.sent()
    payday.paid(payday.line(again))
    assert payday.stand()["bank"] < 0


def test_the_last_answer_lets_go_and_a_death_still_holds(payday, maker):
    number = payday.propose()
    here = line_page(payday, number)
    maker.post(f"{here}/hold", data={"why": "deceased"})
    for words in (SAID, "还有人说斤数不对"):
        maker.post(f"{here}/objection", data=HEARD | {"said": words})
    first, second = objections(payday)
    held = payday.line(number)
    with payday.world.transaction() as session:
        line = session.get_one(PayoutLine, held.id)
        assert not answer(session, payday.maker, line, first.id, "问过了")
        assert answer(session, payday.maker, line, second.id, "秤复过了") is False
    assert "户主去世" in maker.get(here).text, "nothing but a person ends that"


def test_an_objection_to_another_payment_of_the_household_still_holds_it(payday, maker):
    first = line_page(payday, payday.sent())
    maker.post(f"{first}/objection", data=HEARD)
    maker.post(f"{first}/bounced", data={"reason": "销户"})
    maker.post(f"{first}/retry")
    (held,) = (one for one in objections(payday))
    freed = maker.post(f"{first}/objections/{held.id}", data={"answer": "查清了"})
    assert freed.status_code == 303
    again = payday.propose()
    maker.post(f"{first}/objection", data=HEARD)
    maker.post(f"{line_page(payday, again)}/objection", data=HEARD)
    assert payday.line(again).state == "held"
    _, waiting, held = objections(payday)
    line = payday.line(again)
    with payday.world.transaction() as session:
        assert not answer(
            session, payday.maker, session.get_one(PayoutLine, line.id), held.id, "问了"
        )
    refused = maker.post(f"{line_page(payday, again)}/release", data={"how": "算了"})
    assert refused.status_code == 409
    freed = maker.post(f"{first}/objections/{waiting.id}", data={"answer": "也问了"})
    assert freed.status_code == 303
    assert "不再暂缓了" in maker.get(line_page(payday, again)).text


def test_money_that_the_bank_has_is_not_stopped_but_the_objection_is_kept(payday, maker):
    number = payday.sent()
    here = line_page(payday, number)
    kept = maker.post(f"{here}/objection", data=HEARD, follow_redirects=True)
    assert "查清以后，请在这里答复" in kept.text
    assert payday.line(number).state == "sent"
    assert "1 条异议没答复" in maker.get(f"/payouts/{number}").text
    maker.post(f"{here}/bounced", data={"reason": "销户"})
    assert maker.post(f"{here}/retry").status_code == 303
    with pytest.raises(Conflict, match="没有可以付的"):
        payday.propose()
    (one,) = objections(payday)
    maker.post(f"{here}/objections/{one.id}", data={"answer": "查清了，是他家的"})
    assert payday.line(payday.propose()).state == "proposed"


def test_what_was_said_is_stored_encrypted(payday):
    line = payday.line(payday.propose())
    with payday.world.transaction() as session:
        hear(session, payday.maker, session.get_one(PayoutLine, line.id), today(), SAID)
    with payday.world.transaction() as session:
        stored = session.execute(text("SELECT said FROM payout_objection")).scalar_one()
    assert "老王" not in stored


def test_two_who_post_one_notice_post_it_once(payday):
    from_both = [payday.world.sign_in(payday.people[name]) for name in ("maker", "checker")]
    number = payday.propose()
    for browser in from_both:
        browser.post(f"/payouts/{number}/villages/{VILLAGE}/notice")
    with payday.world.transaction() as session:
        assert len(session.scalars(select(PublicNotice)).all()) == 1
