"""Who reads which messages."""

import pytest
from sqlalchemy import select

from marketplace.core.identifiers import mask_name
from marketplace.identity.models import User
from marketplace.notices.models import Notice
from marketplace.notices.outbox import Message, enqueue
from marketplace.orders.order_models import Order
from tests.support.world import COUNTY


@pytest.fixture
def cadre(world):
    return world.user("cadre")


@pytest.fixture
def notice(world, cadre):
    with world.transaction() as session:
        enqueue(
            session,
            Message("sheet:1:issued", "sheet", "sheet:1", "有 3 户要通知", "三岔村 3 户", cadre.id),
        )
        return session.scalars(select(Notice.id)).one()


def _notice(world, notice):
    with world.transaction() as session:
        return session.get_one(Notice, notice)


def test_a_person_reads_and_acknowledges_the_own_messages(world, cadre, notice):
    browser = world.sign_in(cadre)
    page = browser.get("/notices/mine").text
    assert "有 3 户要通知" in page
    assert "三岔村 3 户" in page
    assert browser.post(f"/notices/mine/{notice}/acknowledge").status_code == 302
    assert browser.post(f"/notices/mine/{notice}/acknowledge").status_code == 302
    assert _notice(world, notice).state == "acknowledged"
    assert "知道了" not in browser.get("/notices/mine").text


def test_somebody_elses_message_does_not_exist(world, notice):
    browser = world.sign_in(world.user("cadre"))
    assert "有 3 户要通知" not in browser.get("/notices/mine").text
    assert browser.post(f"/notices/mine/{notice}/acknowledge").status_code == 404
    assert _notice(world, notice).acknowledged_at is None


def test_the_office_sees_the_list_and_not_the_text(world, notice):
    for role in ("operator", "auditor"):
        page = world.sign_in(world.user(role, region=COUNTY)).get("/notices/?state=queued").text
        assert "有 3 户要通知" in page
        assert "三岔村 3 户" not in page
    assert world.sign_in(world.user("cadre")).get("/notices/").status_code == 403


def test_the_office_reads_who_got_a_message_and_goes_on_to_what_it_is_about(world, cadre):
    world.household(cadre=cadre)
    buyer = world.user("staff", unit=world.unit("教育局"))
    product = world.product()
    in_round = world.round()
    listing = world.listing(in_round, product, [world.lot(product, 25_000)])
    world.open_round(in_round)
    number = world.order(buyer, in_round, {listing.id: 2})
    with world.transaction() as session:
        order_id = session.scalars(select(Order.id)).one()
        names = {one.id: one.display_name for one in session.scalars(select(User)).all()}
        for at, (subject, to) in enumerate(
            ((f"round:{in_round.id}", cadre.id), (f"order:{order_id}", buyer.id), ("odd:1", None))
        ):
            enqueue(session, Message(f"one:{at}", "kind", subject, f"事由 {at}", "内容", to))
    pages = (("operator", f"/desk/orders/{number}"), ("auditor", f"/trace/orders/{number}"))
    for role, order in pages:
        browser = world.sign_in(world.user(role, region=COUNTY))
        page = browser.get("/notices/").text
        assert f'data-label="给谁">{names[cadre.id]}</td>' in page
        assert mask_name(names[buyer.id]) in page
        assert f">{names[buyer.id]}<" not in page, "who only buys is masked, as on the order"
        for address, title in ((f"/sheets/round/{in_round.id}", "事由 0"), (order, "事由 1")):
            assert f'<a href="{address}">{title}</a>' in page
        assert browser.get(order).status_code == 200
        assert "<td>事由 2</td>" in page


def test_the_operator_sends_a_failed_message_again_and_the_auditor_may_not(world, notice):
    auditor = world.sign_in(world.user("auditor", region=COUNTY))
    operator = world.sign_in(world.operator())
    assert operator.post(f"/notices/{notice}/again").status_code == 409
    with world.transaction() as session:
        session.get_one(Notice, notice).state = "failed"
    assert "再发一次" not in auditor.get("/notices/").text
    assert auditor.post(f"/notices/{notice}/again").status_code == 403
    assert "再发一次" in operator.get("/notices/?state=failed").text
    assert operator.post(f"/notices/{notice}/again").status_code == 302
    assert _notice(world, notice).state == "queued"
