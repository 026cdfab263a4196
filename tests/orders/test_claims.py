"""Something was wrong: the buyer says so in time, the county decides once, money goes back by itself."""

from datetime import timedelta
from hashlib import sha256

import pytest
from sqlalchemy import select

from marketplace.catalog.pictures import evidence_path
from marketplace.core.clock import now, use_clock
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.notices.models import Notice
from marketplace.orders.claim_models import Claim
from marketplace.orders.claims import file_claim, grant_claim, refuse_claim
from marketplace.orders.return_models import GoodsReturn
from tests.fulfilment.arriving import CANTEEN, COLLEAGUE, FARMGATE, PHOTO, PRICE, Arriving
from tests.support.pages import sent_by


@pytest.fixture
def received(world):
    arriving = Arriving(world)
    arriving.accept(which=COLLEAGUE)
    return arriving


def claim(received, packs=2, reason="rotten", photo=PHOTO, place=None):
    actor = received.world.actor(received.staff)
    part = place or next(iter(received.places(COLLEAGUE)))
    with received.world.transaction() as session:
        order = received.order(session, COLLEAGUE)
        return file_claim(session, actor, order, part, packs, reason, "烂了", photo).number


def decide(received, number, act, *arguments):
    actor = received.world.actor(received.operator)
    with received.world.transaction() as session:
        found = session.scalars(select(Claim).where(Claim.number == number)).one()
        return act(session, actor, found, *arguments)


def test_what_is_granted_is_not_paid_for_and_everybody_hears_of_it(received):
    number = claim(received)
    assert decide(received, number, grant_claim, 1, "farm") == PRICE
    assert received.due(COLLEAGUE) == 7 * PRICE
    assert received.stand("lot_payable") == -7 * FARMGATE
    assert received.faults() == []
    with received.world.transaction() as session:
        (told,) = session.scalars(select(Notice).where(Notice.kind == "claim_granted"))
        assert told.to_user_id == received.staff.id
    with pytest.raises(Conflict):
        decide(received, number, grant_claim, 1, "farm")
    assert received.due(COLLEAGUE) == 7 * PRICE


def test_what_is_refused_says_why(received):
    number = claim(received)
    with pytest.raises(InvalidInput):
        decide(received, number, refuse_claim, " ")
    decide(received, number, refuse_claim, "照片里是好的")
    assert received.due(COLLEAGUE) == 8 * PRICE
    with pytest.raises(Conflict):
        decide(received, number, grant_claim, 1, "farm")
    assert received.faults() == []


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"packs": 9}, "too_many"),
        ({"packs": 0}, "too_many"),
        ({"reason": ""}, "missing"),
        ({"photo": ""}, "photo_missing"),
        ({"place": (9999, 1)}, "missing"),
    ],
)
def test_what_cannot_be_is_refused(received, given, code):
    with pytest.raises(InvalidInput) as refused:
        claim(received, **given)
    assert refused.value.code == code


def test_what_was_asked_for_already_is_not_asked_for_twice(received):
    claim(received, 6)
    with pytest.raises(InvalidInput):
        claim(received, 3)
    claim(received, 2)


def test_too_early_and_too_late(world):
    arriving = Arriving(world)
    with pytest.raises(Conflict) as early:
        claim(arriving)
    assert early.value.code == "wrong_state"
    arriving.accept(which=COLLEAGUE)
    later = now() + timedelta(days=3)
    with use_clock(lambda: later), pytest.raises(Conflict) as late:
        claim(arriving)
    assert late.value.code == "too_late"


def test_from_the_buyers_page_to_the_desk(received):
    buyer = received.world.sign_in(received.staff)
    here = f"/shop/orders/{received.numbers[COLLEAGUE]}/claim"
    assert here in buyer.get("/shop/mine").text
    sent = sent_by(buyer.get(here).text)
    refused = buyer.post(here, data=sent | {"words": "压坏一袋"})
    assert refused.status_code == 422
    assert "压坏一袋" in refused.text
    for _ in range(2):  # a double tap
        assert buyer.post(here, data=sent | {"reason": "crushed"}).status_code == 303
    changed = buyer.post(here, data=sent | {"reason": "crushed", "packs": "2"})
    assert "请刷新页面重新提交" in changed.text
    assert sent_by(changed.text)["key"] != sent["key"]
    assert "等平台处理" in buyer.get(here).text
    desk = received.world.sign_in(received.operator)
    with received.world.transaction() as session:
        number = session.scalars(select(Claim.number)).one()
    assert number in desk.get("/desk/claims").text
    there = f"/desk/claims/{number}"
    for typed in ({"packs": "9", "fault": "transport"}, {"packs": "1", "fault": "unfetched"}):
        assert desk.post(there, data={"decision": "yes"} | typed).status_code == 422
    assert (
        desk.post(there, data={"decision": "yes", "packs": "1", "fault": "transport"}).status_code
        == 303
    )
    assert "同意了" in buyer.get(here).text
    stranger = received.world.sign_in(received.world.user("staff", unit=received.unit))
    assert stranger.get(here).status_code == 404
    assert stranger.get(f"{there}/photo").status_code == 404


def test_the_lot_that_the_claim_names_bears_it_and_its_cadre_is_told(world):
    arriving = Arriving(world)
    arriving.accept()
    actor = world.actor(arriving.buyer)
    for place in arriving.places(CANTEEN):
        with world.transaction() as session:
            order = arriving.order(session, CANTEEN)
            made = file_claim(session, actor, order, place, 1, "rotten", "", PHOTO).number
        decide(arriving, made, grant_claim, 1, "farm")
    with world.transaction() as session:
        rows = session.scalars(select(GoodsReturn)).all()
        told = session.scalars(select(Notice).where(Notice.kind == "goods_rejected")).all()
    assert {(row.order_line_id, row.lot_id) for row in rows} == set(arriving.places(CANTEEN))
    assert {one.to_user_id for one in told} == {arriving.cadre.id}
    assert arriving.faults() == []


def test_nobody_reads_a_photo_by_naming_its_hash(received, app):
    digest = sha256(b"somebody else's").hexdigest()
    path = evidence_path(app.extensions["settings"].folder, digest)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"somebody else's")
    buyer = received.world.sign_in(received.staff)
    here = f"/shop/orders/{received.numbers[COLLEAGUE]}/claim"
    sent = sent_by(buyer.get(here).text) | {"reason": "rotten", "kept": digest}
    refused = buyer.post(here, data=sent)
    assert refused.status_code == 422
    assert "请拍一张照片" in refused.text


def test_what_a_claim_needs_is_not_called_optional(world):
    arriving = Arriving(world)
    arriving.accept()
    here = f"/canteen/orders/{arriving.numbers[CANTEEN]}/claim"
    page = world.sign_in(arriving.buyer).get(here).text
    assert page.count("可不填") == 1, "only the words"
    assert "选了“腐烂、变质、有虫”“分量不足”" in page
    for lot in arriving.lots:
        assert f'<span class="choice-note">批次 {lot.code}，' in page
    refused = world.sign_in(arriving.buyer).post(here, data={"packs": ""})
    assert refused.status_code == 422
    assert "请写几份有问题。" in refused.text


def test_an_archive_of_papers_does_not_call_the_photo_optional(received):
    page = received.world.sign_in(received.clerk).get("/originals").text
    photo = page[page.index("照片</label>") - 80 :]
    assert "可不填" not in photo[: photo.index("</label>")]
