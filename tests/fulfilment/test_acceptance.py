"""Receiving goods: line by line and lot by lot, once, and who bears what was not taken."""

import io
import threading
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import func, select

from marketplace.catalog.lot_papers import Brought, attach_paper, issue_certificate, set_aside
from marketplace.catalog.models import Lot
from marketplace.catalog.paper_models import LotPaper
from marketplace.core.clock import now, today, use_clock
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.fulfilment.acceptance import AcceptedBefore, record_not_collected
from marketplace.fulfilment.delivering import accept_rest, settle_finished_rounds
from marketplace.fulfilment.delivery_models import Delivery
from marketplace.fulfilment.incoming import received
from marketplace.fulfilment.said_received import NotTaken, Signed
from marketplace.identity.audit import AuditRow
from marketplace.identity.permissions import ORDER_CANTEEN
from marketplace.ledger.models import Journal
from marketplace.notices.models import Notice
from marketplace.orders.collecting import record_collected
from marketplace.orders.order_models import OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.returning import record_return
from marketplace.settlement.owed import owed_items
from tests.fulfilment.arriving import (
    BY_WEIGHT,
    CANTEEN,
    COLLEAGUE,
    FARMGATE,
    FREIGHT,
    HENS,
    PACK,
    PHOTO,
    PRICE,
    SERVICE,
    Arriving,
)
from tests.support.pages import sent_by


@pytest.fixture
def arriving(world):
    return Arriving(world)


def one_place(arriving, which=CANTEEN):
    return next(iter(arriving.places(which)))


def test_all_of_it_was_received_and_households_are_owed(arriving):
    assert arriving.accept() == "accepted"
    assert arriving.stand("lot_payable") == -12 * FARMGATE
    assert arriving.stand("buyer_receivable") == 12 * PRICE
    assert arriving.faults() == []
    assert arriving.state == "delivering"


@pytest.mark.parametrize(
    ("reason", "loss", "lots"),
    [("crushed", "carrier_receivable", 12), ("wrong", "aftersale_loss", 12), ("rotten", "", 10)],
)
def test_the_reason_decides_who_bears_what_was_not_taken(arriving, reason, loss, lots):
    place = one_place(arriving)
    assert arriving.accept(NotTaken(place, 2, reason, photo=PHOTO)) == "partly_accepted"
    assert arriving.due() == 10 * PRICE == arriving.stand("buyer_receivable")
    assert arriving.stand("lot_payable") == -lots * FARMGATE
    assert arriving.stand("service_payable") == -10 * SERVICE
    assert arriving.stand("freight_payable") == -10 * FREIGHT
    if loss:
        assert arriving.stand(loss) == 2 * FARMGATE
    assert arriving.faults() == []


def test_what_was_paid_for_and_not_taken_goes_back(arriving):
    with arriving.world.transaction() as session:
        order = arriving.order(session, COLLEAGUE)
        record_collected(session, arriving.actor, order, "pickup", 8 * PRICE)
    place = one_place(arriving, COLLEAGUE)
    arriving.accept(NotTaken(place, 3, "rotten", photo=PHOTO), which=COLLEAGUE)
    assert arriving.stand("buyer_prepayment") == -3 * PRICE
    assert arriving.due(COLLEAGUE) == 5 * PRICE
    assert arriving.faults() == []


def test_an_order_refused_whole_because_of_its_quality_posts_nothing(arriving):
    refused = [NotTaken(p, n, "rotten", photo=PHOTO) for p, n in arriving.places().items()]
    assert arriving.accept(*refused) == "refused"
    assert arriving.due() == 0 == arriving.stand("lot_payable")
    with arriving.world.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Journal)) == 0
        assert session.scalars(select(GoodsReturn.journal_number)).all() == [None] * len(refused)
    assert arriving.faults() == []


def test_nobody_fetched_it(arriving):
    with pytest.raises(Conflict) as refused, arriving.world.transaction() as session:
        record_not_collected(session, arriving.actor, arriving.order(session, COLLEAGUE))
    assert refused.value.code == "too_early"
    later = now() + timedelta(days=30)
    with use_clock(lambda: later), arriving.world.transaction() as session:
        order = arriving.order(session, COLLEAGUE)
        assert record_not_collected(session, arriving.actor, order).state == "not_collected"
    assert arriving.due(COLLEAGUE) == 0
    assert arriving.stand("lot_payable") == -8 * FARMGATE == -arriving.stand("aftersale_loss")
    assert arriving.faults() == []


def test_a_household_is_paid_for_what_was_crushed_only_once_somebody_pays_for_it(arriving):
    arriving.accept(NotTaken(one_place(arriving), 2, "crushed"))
    with arriving.world.transaction() as session:
        assert not any(item.here for item in owed_items(session))
        order = arriving.order(session)
        record_collected(session, arriving.actor, order, "unit", 10 * PRICE)
        owed = owed_items(session)
        assert sum(item.fen for item in owed) == 12 * FARMGATE
        assert all(item.here for item in owed)  # what the fees brought covers it


@pytest.mark.parametrize(
    ("packs", "reason", "photo", "code"),
    [
        (0, "crushed", "", "too_many"),
        (-1, "crushed", "", "too_many"),
        (99, "crushed", "", "too_many"),
        (1, "", "", "missing"),
        (1, "nonsense", "", "missing"),
        (1, "unfetched", "", "missing"),
        (1, "rotten", "", "photo_missing"),
    ],
)
def test_what_cannot_be_changes_nothing(arriving, packs, reason, photo, code):
    with pytest.raises(InvalidInput) as refused:
        arriving.accept(NotTaken(one_place(arriving), packs, reason, photo=photo))
    assert refused.value.code == code
    assert arriving.stand("lot_payable") == 0


def test_a_part_of_another_order_or_the_same_part_twice_is_refused(arriving):
    with pytest.raises(InvalidInput) as refused:
        arriving.accept(NotTaken(one_place(arriving, COLLEAGUE), 1, "crushed"))
    assert refused.value.code == "unknown_line"
    twice = NotTaken(one_place(arriving), 1, "crushed")
    with pytest.raises(InvalidInput) as refused:
        arriving.accept(twice, twice)
    assert refused.value.code == "twice"


def test_where_a_unit_wants_two_names_one_is_not_enough(world):
    arriving = Arriving(world, two_inspectors=True)
    for signed in (Signed(), Signed("王立"), Signed("王立", "王立")):
        with pytest.raises(InvalidInput):
            arriving.accept(signed=signed)
    assert arriving.accept(signed=Signed("王立", "李明")) == "accepted"


def test_before_the_goods_set_out_nothing_is_received(world):
    arriving = Arriving(world, gone=False)
    with pytest.raises(NotFound):
        arriving.accept()


def test_two_people_who_accept_one_delivery_come_to_one_acceptance(arriving):
    place = one_place(arriving)
    said = [[], [NotTaken(place, 1, "crushed")]]
    start = threading.Barrier(2)
    outcomes = []

    def act(mine):
        start.wait()
        try:
            outcomes.append(arriving.accept(*mine))
        except AcceptedBefore:
            outcomes.append("second")
        except Exception as fault:
            outcomes.append(repr(fault))

    threads = [threading.Thread(target=act, args=[mine]) for mine in said]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("second") == 1
    first = next(one for one in outcomes if one != "second")
    missing = 1 if first == "partly_accepted" else 0
    assert arriving.due() == (12 - missing) * PRICE
    assert arriving.faults() == []


def test_the_round_is_settled_when_nothing_is_on_its_way(app, arriving):
    arriving.accept()
    with app.app_context():
        settle_finished_rounds()
    assert arriving.state == "delivering"
    arriving.accept(which=COLLEAGUE)
    with app.app_context():
        settle_finished_rounds()
        settle_finished_rounds()
    assert arriving.state == "settled"


def test_the_rest_is_said_to_be_there_and_what_was_said_before_stays(arriving):
    arriving.accept(NotTaken(one_place(arriving), 2, "rotten", photo=PHOTO))
    orders, fen = arriving.step(accept_rest)
    assert (orders, fen) == (1, 8 * FARMGATE)
    with arriving.world.transaction() as session:
        states = session.scalars(select(Delivery.state).order_by(Delivery.id)).all()
    assert sorted(states) == ["accepted", "partly_accepted"]
    assert arriving.faults() == []
    with pytest.raises(Conflict):
        arriving.accept(which=COLLEAGUE)


def test_what_was_not_taken_cannot_come_back_once_more(arriving):
    arriving.accept(NotTaken(one_place(arriving), 2, "crushed"))
    with arriving.world.transaction() as session:
        order = arriving.order(session)
        (line,) = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id))
        with pytest.raises(InvalidInput):
            record_return(session, arriving.actor, order, {line.id: 11}, "goodwill", "坏了")
    with arriving.world.transaction() as session:
        order = arriving.order(session)
        line = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).one()
        record_return(session, arriving.actor, order, {line.id: 10}, "goodwill", "坏了")
    assert arriving.due() == 0
    assert arriving.faults() == []


def _picture():
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "green").save(buffer, "JPEG")
    buffer.seek(0)
    return buffer, "photo.jpg"


def test_a_canteen_accepts_on_its_page_and_the_register_has_it(arriving):
    arriving.hand_over()
    browser = arriving.world.sign_in(arriving.buyer)
    here = f"/canteen/orders/{arriving.numbers[CANTEEN]}/accept"
    assert here in browser.get("/canteen/").text
    page = browser.get(here).text
    places = arriving.places()
    name = next(f"p{line}_{lot}" for line, lot in places)
    sent = sent_by(page) | {f"{name}-got": str(places[one_place(arriving)] - 1)}
    refused = browser.post(here, data=sent)
    assert refused.status_code == 422
    assert "请选为什么" in refused.text
    sent |= {f"{name}-reason": "rotten", f"{name}-words": "烂了一袋"}
    refused = browser.post(here, data=sent)
    assert refused.status_code == 422
    assert "请拍一张照片" in refused.text
    assert "烂了一袋" in refused.text
    done = browser.post(
        here, data=sent | {f"{name}-photo": _picture()}, content_type="multipart/form-data"
    )
    assert done.status_code == 303, done.text
    again = browser.post(here, data=sent_by(page))
    assert again.status_code == 303
    assert "已经验收过" in browser.get(again.location).text
    register = browser.get("/canteen/incoming").text
    assert arriving.lots[0].code in register
    assert "部分没有收" in register
    assert browser.get("/canteen/incoming/file.xlsx").status_code == 200
    with arriving.world.transaction() as session:
        row = session.scalars(select(GoodsReturn)).one()
        told = session.scalars(select(Notice).where(Notice.kind == "goods_rejected")).one()
    assert told.to_user_id == arriving.cadre.id
    assert "烂了一袋" in told.body
    assert browser.get(f"/desk/deliveries/returns/{row.id}/photo").mimetype == "image/webp"
    stranger = arriving.world.sign_in(arriving.world.user("buyer", unit=arriving.world.unit()))
    assert stranger.get(f"/desk/deliveries/returns/{row.id}/photo").status_code == 404
    assert stranger.get(here).status_code == 404


def test_the_register_says_for_good_what_counted_at_the_acceptance(arriving, statements):
    def issue(base):
        with arriving.world.transaction() as session:
            lots = session.scalars(select(Lot).where(Lot.id.in_([x.id for x in arriving.lots])))
            made = [
                issue_certificate(session, arriving.actor, lot, base, "controlled") for lot in lots
            ]
            return {paper.number for paper in made}

    counted = issue(PACK)
    arriving.accept()
    with arriving.world.transaction() as session:
        for paper in session.scalars(select(LotPaper)).all():
            set_aside(session, arriving.actor, paper, "写错")
    issue(2 * PACK)
    browser = arriving.world.sign_in(arriving.buyer)
    register = browser.get("/canteen/incoming").text
    assert {number for number in counted if f"{number}（后来作废）" in register} == counted
    assert "保质到" in register
    assert statements(lambda: browser.get("/canteen/incoming")) <= 8


def test_a_refused_page_keeps_the_photo(arriving):
    arriving.hand_over()
    browser = arriving.world.sign_in(arriving.buyer)
    here = f"/canteen/orders/{arriving.numbers[CANTEEN]}/accept"
    sent = sent_by(browser.get(here).text)
    name = next(f"p{line}_{lot}" for line, lot in arriving.places())
    sent |= {f"{name}-got": "0", f"{name}-photo": _picture()}
    refused = browser.post(here, data=sent, content_type="multipart/form-data")
    assert refused.status_code == 422
    assert "拍过的照片留着了" in refused.text
    kept = sent_by(refused.text) | {f"{name}-reason": "unlike"}
    assert browser.post(here, data=kept).status_code == 303
    with arriving.world.transaction() as session:
        assert len(session.scalars(select(GoodsReturn.photo)).one()) == 64


def test_the_keeper_finds_an_order_by_its_code_and_hands_it_over(arriving):
    arriving.hand_over()
    buyer = arriving.world.sign_in(arriving.staff)
    number = arriving.numbers[COLLEAGUE]
    assert f"/shop/orders/{number}/code" in buyer.get("/shop/").text
    code = arriving.pickup_code()
    page = buyer.get(f"/shop/orders/{number}/code").text
    assert f"{code[:3]} {code[3:]}" in page
    assert buyer.get(f"/shop/orders/{number}/code.png").data.startswith(b"\x89PNG")
    keeper = arriving.world.sign_in(arriving.clerk)
    found = keeper.get(f"/field/handover?q={code}")
    assert found.status_code == 302
    assert f"{number}?code={code}" in found.location
    page = keeper.get(found.location).text
    assert "周小满" not in page
    assert keeper.post(found.location, data=sent_by(page)).status_code == 303
    assert "收齐了" in keeper.get(found.location).text
    assert buyer.get(f"/shop/orders/{number}/code").status_code == 409
    elsewhere = arriving.world.sign_in(arriving.world.user("clerk", region="990101101000"))
    assert elsewhere.get(found.location).status_code == 404


def _accepting(arriving):
    """The canteen's browser, the page's address, what the page would send, the parts' names."""
    browser = arriving.world.sign_in(arriving.buyer)
    here = f"/canteen/orders/{arriving.numbers[CANTEEN]}/accept"
    names = [f"p{line}_{lot}" for line, lot in arriving.places()]
    return browser, here, sent_by(browser.get(here).text), names


def test_all_that_is_wrong_is_said_at_once_and_of_which_goods(world):
    arriving = Arriving(world, goods=HENS, pack=1, listing=BY_WEIGHT, two_inspectors=True)
    arriving.hand_over()
    browser, here, sent, names = _accepting(arriving)
    first, second = names
    sent |= {
        "inspector": "",
        f"{first}-got": "many",
        f"{first}-weight": "0",
        f"{second}-got": "1",
        f"{second}-weight": "0",
    }
    said = browser.post(here, data=sent)
    assert said.status_code == 422
    summary = said.text[said.text.index("error-summary") :].split("</div>")[0]
    for words in ("请写验收人", "另一位的姓名", "没有收的，请选为什么", "实重就不能是 0"):
        assert words in summary
    assert "没有货就不用登记" not in said.text
    lines = [line for line in summary.split("<li>") if "实重就不能是 0" in line]
    assert len(lines) == len(set(lines)) == 2
    assert all(lot.code in summary for lot in arriving.lots)
    assert "雪毛鸡" in summary


def test_what_must_be_filled_is_not_called_optional(world):
    arriving = Arriving(world, goods=HENS, pack=1, listing=BY_WEIGHT, two_inspectors=True)
    browser, here, _, _ = _accepting(arriving)
    page = browser.get(here).text
    for label in ("照片", "验收人", "第二位验收人", "实重"):
        assert f"{label}</label>" in page, label
    assert "过磅时没有称" in page
    assert "填好的是过磅的数" not in page


def test_goods_that_their_driver_has_not_handed_over_are_accepted_with_one_tick(arriving):
    arriving.plan_trip()
    home = arriving.world.sign_in(arriving.buyer)
    assert "货在路上，到了去验收" in home.get("/canteen/").text
    browser, here, sent, _ = _accepting(arriving)
    asked = browser.post(here, data=sent)
    assert asked.status_code == 422
    assert "货真到了" in asked.text
    assert browser.post(here, data=sent | {"arrived": "y"}).status_code == 303


def test_the_canteen_reads_that_goods_are_here_once_the_driver_has_said_so(arriving, statements):
    browser = arriving.world.sign_in(arriving.buyer)
    order = f"/canteen/orders/{arriving.numbers[CANTEEN]}"
    assert "货到了，去验收" not in browser.get(order).text
    arriving.hand_over()
    assert "货到了，去验收" in browser.get(order).text
    assert "货到了，去验收" in browser.get("/canteen/").text


def test_the_keeper_asks_for_the_code_or_says_that_he_compared_the_name(arriving):
    arriving.plan_trip()
    keeper = arriving.world.sign_in(arriving.clerk)
    here = f"/field/handover/{arriving.numbers[COLLEAGUE]}"
    waits = keeper.get(here).text
    assert "还没有装车，先不要交" in waits
    assert keeper.post(here, data=sent_by(waits) | {"no_code": "y"}).status_code == 422
    arriving.hand_over()
    page = keeper.get(here).text
    assert "还没有装车" not in page
    sent = sent_by(page)
    for typed in ({}, {"code": "000000"}):
        refused = keeper.post(here, data=sent | typed)
        assert refused.status_code == 422
        assert "取货码" in refused.text
    assert arriving.due(COLLEAGUE) == 8 * PRICE
    assert keeper.post(here, data=sent | {"no_code": "y"}).status_code == 303
    with arriving.world.transaction() as session:
        row = session.scalars(select(AuditRow).where(AuditRow.action == "delivery_ended")).one()
    assert "没带码" in row.detail


def test_a_code_typed_on_the_page_does_as_well_as_a_scanned_one(arriving):
    arriving.hand_over()
    keeper = arriving.world.sign_in(arriving.clerk)
    here = f"/field/handover/{arriving.numbers[COLLEAGUE]}"
    code = arriving.pickup_code()
    sent = sent_by(keeper.get(here).text) | {"code": f"{code[:3]} {code[3:]}"}
    assert keeper.post(here, data=sent).status_code == 303
    with arriving.world.transaction() as session:
        row = session.scalars(select(AuditRow).where(AuditRow.action == "delivery_ended")).one()
    assert "没带码" not in row.detail


def test_each_line_of_the_register_has_its_own_conclusion_and_its_papers(arriving):
    brought = Brought("inspection", "动检 0042", today(), issuer="县畜牧站")
    keeper = arriving.world.actor(arriving.cadre)
    with arriving.world.transaction() as session:
        attach_paper(session, keeper, session.get_one(Lot, arriving.lots[0].id), brought)
    (first, packs), *others = arriving.places().items()
    arriving.accept(NotTaken(first, packs - 1, "late"))
    rows = {row.lot_code: row for row in _register(arriving)}
    partly = rows.pop(arriving.lots[0].code)
    assert (partly.verdict, partly.inspection) == ("部分没有收", "动检 0042")
    assert [(row.verdict, row.inspection) for row in rows.values()] == [("收齐了", "")]
    assert others
    browser = arriving.world.sign_in(arriving.buyer)
    assert "检疫证明 动检 0042" in browser.get("/canteen/incoming").text
    with arriving.world.transaction() as session:
        paper = session.scalars(select(LotPaper)).one()
        set_aside(session, keeper, paper, "写错")
    assert "动检 0042（后来作废）" in browser.get("/canteen/incoming").text


def test_a_line_that_nobody_took_says_so(arriving):
    (first, packs), *_ = arriving.places().items()
    arriving.accept(NotTaken(first, packs, "missing"))
    rows = {row.lot_code: row.verdict for row in _register(arriving)}
    assert rows[arriving.lots[0].code] == "都没有收"


def _register(arriving):
    scope = arriving.world.actor(arriving.buyer).scope_for(ORDER_CANTEEN)
    with arriving.world.transaction() as session:
        return received(session, scope, today() - timedelta(days=1), today(), phone="000")
