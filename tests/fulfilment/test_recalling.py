"""A lot is recalled in every stage: nobody gets more of it, who got some has the money back, all hear once."""

import threading

import pytest
from sqlalchemy import func, select

from marketplace.catalog.models import Lot
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.fulfilment.acceptance import accept
from marketplace.fulfilment.answering import answer_less, get_sheet
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.fulfilment.one_message import OneMessage
from marketplace.fulfilment.portions import Supplier
from marketplace.fulfilment.recalling import recall
from marketplace.fulfilment.said_received import NotTaken, Signed
from marketplace.fulfilment.telling import owners_of
from marketplace.identity.permissions import SHEET_ANSWER
from marketplace.notices.models import Notice
from marketplace.orders.claim_models import Claim
from marketplace.orders.claims import file_claim, grant_claim
from marketplace.orders.collecting import due_fen, record_collected
from marketplace.orders.listings import commit_lot
from marketplace.orders.order_models import Order, OrderLine
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.round_models import Commitment, Listing
from marketplace.orders.rounds import close_round, get_round
from marketplace.reporting.verify import verify
from tests.fulfilment.arriving import CANTEEN, COLLEAGUE, FARMGATE, PHOTO, PRICE, Arriving
from tests.fulfilment.collecting import PACK, Collecting
from tests.fulfilment.slaughterhouse import Slaughterhouse
from tests.settlement.payday import Payday
from tests.support.meanwhile import meanwhile


def take(made, index=0, reason="food_safety", words="", by=None):
    world = made.world
    actor = world.actor(by or world.operator())
    with world.transaction() as session:
        return recall(session, actor, made.lots[index].id, reason, words)


def lot(made, index=0):
    with made.world.transaction() as session:
        return session.get_one(Lot, made.lots[index].id)


def told(made):
    with made.world.transaction() as session:
        rows = session.scalars(select(Notice).where(Notice.kind == "lot_recalled"))
        return {row.to_user_id: row.body for row in rows}


@pytest.fixture
def offered(world):
    """An open round: 20 packs of two lots, 12 and 3 ordered."""
    in_round, listing = world.shop(packs=20, lots=2)
    buyers = [world.user("staff", unit=world.unit()) for _ in range(2)]
    for buyer, packs in zip(buyers, (12, 3), strict=True):
        world.order(buyer, in_round, {listing.id: packs})
    with world.transaction() as session:
        lots = session.scalars(select(Lot).order_by(Lot.id)).all()
    made = type("Offered", (), {})()
    made.world, made.round, made.listing, made.lots, made.buyers = (
        world, in_round, listing, lots, buyers,
    )  # fmt: skip
    return made


def _faults(world):
    with world.transaction() as session:
        return verify(session)


def test_what_is_only_offered_is_taken_out_and_the_listing_stops(offered):
    done = take(offered)
    assert done.undone == ()
    found = lot(offered)
    assert (found.state, found.free, found.committed) == ("recalled", found.verified, 0)
    with offered.world.transaction() as session:
        listing = session.get_one(Listing, offered.listing.id)
        assert (listing.capacity_packs, listing.shortfall_packs) == (10, 5)
    assert set(told(offered)) >= {buyer.id for buyer in offered.buyers}
    assert _faults(offered.world) == []


def test_nobody_can_offer_a_recalled_lot(offered):
    take(offered)
    world = offered.world
    operator = world.actor(world.operator())
    with world.transaction() as session:
        listing = session.get_one(Listing, offered.listing.id)
        with pytest.raises(Conflict):
            commit_lot(session, operator, listing, offered.lots[0].id, PACK, "同意")


def test_an_allocated_round_is_to_be_allocated_anew_without_the_lot(world):
    made = Collecting(world, ordered=(12, 8), supplies=(15, 15), issue=False)
    done = take(made)
    assert done.undone == (made.round.number,)
    with world.transaction() as session:
        assert get_round(session, made.round.id).state == "closed"
    made.step(allocate_round)
    assert sum(made.read(select(OrderLine.allocated_packs))) == 15
    assert lot(made).committed == 0
    assert made.balanced()


def test_where_the_rest_was_sold_elsewhere_the_round_is_cut_in_place(world):
    made = Collecting(world, ordered=(6, 4), supplies=(10, 10), issue=False)
    with world.transaction() as session:
        spare = session.scalars(select(Lot).where(Lot.free >= PACK).order_by(Lot.id)).first()
    other = world.listing(world.round(), made.product, {spare: PACK})
    assert other.id
    index = next(i for i, one in enumerate(made.lots) if one.id != spare.id)
    done = take(made, index)
    assert done.undone == ()
    with world.transaction() as session:
        assert get_round(session, made.round.id).state == "allocated"
    assert lot(made, index).committed == 0
    assert made.balanced()


def test_sheets_that_are_out_come_to_nothing_and_ready_households_stand_in(world):
    made = Collecting(world, ordered=(12, 8), supplies=(10, 30), ready=(1,))
    before = made.sheet(0)
    assert before.amount_fen
    done = take(made)
    assert done.cut_packs == 0
    assert made.sheet(0).amount_fen == 0
    assert sum(made.read(select(OrderLine.allocated_packs))) == 20
    assert lot(made).free == 10 * PACK
    bodies = told(made)
    assert set(bodies) == {cadre.id for cadre in made.cadres}
    assert "备货单改了" in bodies[made.cadres[1].id]
    assert made.balanced()


def test_what_nobody_can_stand_in_for_is_cut_and_each_buyer_hears_once(world):
    made = Collecting(world, ordered=(12, 8), supplies=(10, 10))
    done = take(made)
    assert done.cut_packs == 10
    assert sum(made.read(select(OrderLine.allocated_packs))) == 10
    (kinds,) = [set(made.read(select(Notice.kind).where(Notice.kind.like("%cut"))))]
    assert kinds == set()
    short = made.read(select(Order.buyer_id).join(OrderLine).where(OrderLine.cut_packs > 0))
    assert set(short) <= set(told(made))
    assert made.balanced()


def test_a_recalled_lot_stands_in_for_nobody(world):
    made = Collecting(world, ordered=(6, 4), supplies=(30, 10), ready=(0,))
    take(made)
    made.yes(1)
    sheet = made.sheet(1)
    actor = world.actor(made.cadres[1])
    with world.transaction() as session:
        found = get_sheet(session, actor.scope_for(SHEET_ANSWER), sheet.id, for_update=True)
        answer_less(session, actor, found, {made.listing.id: 1}, "died")
    assert made.read(select(Commitment.allocated_packs).order_by(Commitment.id)) == [0, 1]
    assert made.balanced()


@pytest.fixture
def arriving(world):
    return Arriving(world)


def test_what_is_on_its_way_cannot_be_accepted_whatever_is_said(arriving):
    places = arriving.places()
    take(arriving)
    of_lot = {place: packs for place, packs in places.items() if place[1] == arriving.lots[0].id}
    (place,) = of_lot
    assert arriving.accept(NotTaken(place, 1, "crushed")) in {"partly_accepted", "refused"}
    with arriving.world.transaction() as session:
        rows = session.scalars(select(GoodsReturn)).all()
        assert [(row.lot_id, row.packs, row.reason, row.fault) for row in rows] == [
            (place[1], of_lot[place], "recalled", "farm")
        ]
    kept = sum(places.values()) - of_lot[place]
    assert arriving.due() == kept * PRICE
    assert arriving.stand("lot_payable") == -kept * FARMGATE
    assert arriving.faults() == []


def test_nobody_may_say_recalled_of_another_lot(arriving):
    place = next(iter(arriving.places()))
    with pytest.raises(InvalidInput):
        arriving.accept(NotTaken(place, 1, "recalled"))


def test_all_the_others_arrived_but_nothing_of_the_recalled_lot(arriving):
    take(arriving)
    operator = arriving.world.actor(arriving.operator)
    with arriving.world.transaction() as session:
        done, fen = accept_rest(session, operator, get_round(session, arriving.round.id))
    assert (done, fen) == (2, 10 * FARMGATE)
    assert lot(arriving).sold == 0
    assert arriving.state == "settled"
    assert arriving.stand("lot_payable") == -10 * FARMGATE
    assert arriving.faults() == []


def test_what_was_received_is_paid_by_nobody_and_goes_back_by_itself(arriving):
    arriving.accept()
    with arriving.world.transaction() as session:
        order = arriving.order(session)
        record_collected(session, arriving.actor, order, "unit", due_fen(session, order))
    packs = {place[1]: n for place, n in arriving.places().items()}[arriving.lots[0].id]
    done = take(arriving)
    assert done.returned_packs == packs
    assert arriving.due() == (12 - packs) * PRICE
    assert arriving.stand("buyer_prepayment") == -packs * PRICE
    assert arriving.stand("lot_payable") == -(12 - packs) * FARMGATE
    assert arriving.faults() == []
    bodies = told(arriving)
    assert "不要吃" in bodies[arriving.buyer.id]
    assert arriving.cadre.id in bodies


def test_one_message_for_a_buyer_of_several_orders(world):
    made = Arriving(world, gone=False)
    number = made.numbers[CANTEEN]
    with world.transaction() as session:
        session.execute(Order.__table__.update().values(buyer_id=made.buyer.id))
    made.step(set_out)
    for index in range(2):
        take(made, index)
    with world.transaction() as session:
        rows = session.scalars(
            select(Notice).where(Notice.kind == "lot_recalled", Notice.to_user_id == made.buyer.id)
        ).all()
    assert len(rows) == 2
    assert any(number in row.body and made.numbers[COLLEAGUE] in row.body for row in rows)


def test_twice_is_once(arriving):
    assert take(arriving) is not None
    assert take(arriving) is None
    with arriving.world.transaction() as session:
        assert (
            session.scalar(
                select(func.count())
                .select_from(Notice)
                .where(Notice.kind == "lot_recalled", Notice.to_user_id == arriving.buyer.id)
            )
            == 1
        )


def test_two_people_in_one_moment_recall_once(world):
    made = Collecting(world, ordered=(12, 8), supplies=(10, 30), ready=(1,))
    made.step(set_out)
    operators = [world.actor(world.operator()) for _ in range(2)]
    start, outcomes = threading.Barrier(2), []

    def go(actor):
        start.wait()
        try:
            with world.transaction() as session:
                outcomes.append(recall(session, actor, made.lots[0].id, "food_safety", ""))
        except Exception as fault:
            outcomes.append(fault)

    threads = [threading.Thread(target=go, args=[actor]) for actor in operators]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(type(one).__name__ for one in outcomes) == ["NoneType", "Recalled"]
    assert made.balanced()


@pytest.mark.parametrize(("reason", "words"), [("", ""), ("other", " "), ("nonsense", "x")])
def test_a_recall_needs_a_reason(offered, reason, words):
    with pytest.raises(InvalidInput):
        take(offered, reason=reason, words=words)
    assert lot(offered).state == "open"


def test_closing_and_allocating_go_on_after_a_recall(offered):
    take(offered)
    actor = offered.world.actor(offered.world.operator())
    with offered.world.transaction() as session:
        for step in (close_round, allocate_round):
            step(session, actor, get_round(session, offered.round.id))
    with offered.world.transaction() as session:
        assert session.scalar(select(func.sum(OrderLine.allocated_packs))) == 10
    assert _faults(offered.world) == []


def test_the_desk_recalls_on_the_lots_page_and_everybody_can_read_it(arriving):
    world, lot_id = arriving.world, arriving.lots[0].id
    browser = world.sign_in(arriving.operator)
    assert f"/lots/{lot_id}/recall" in browser.get(f"/lots/{lot_id}").text
    asked = browser.get(f"/lots/{lot_id}/recall").text
    assert "在路上，还没验收" in asked
    assert arriving.numbers[CANTEEN] in asked
    assert "周小满" not in asked
    refused = browser.post(f"/lots/{lot_id}/recall", data={"reason": "other", "words": ""})
    assert refused.status_code == 422
    assert "请写清楚" in refused.text
    done = browser.post(
        f"/lots/{lot_id}/recall", data={"reason": "food_safety"}, follow_redirects=True
    )
    assert "召回了，已告诉" in done.text
    again = browser.post(
        f"/lots/{lot_id}/recall", data={"reason": "food_safety"}, follow_redirects=True
    )
    assert "没有重复办" in again.text
    public = world.app.test_client().get(f"/t/{lot(arriving).trace_code}").text
    assert "请不要吃" in public


def test_the_acceptance_page_says_what_is_recalled_and_takes_the_rest(arriving):
    arriving.hand_over()
    take(arriving)
    number = arriving.numbers[CANTEEN]
    browser = arriving.world.sign_in(arriving.buyer)
    page = browser.get(f"/canteen/orders/{number}/accept").text
    assert "不要收、不要吃" in page
    assert "这批货召回了" not in page.split("没收的，为什么")[-1]
    sent = {f"p{line}_{lot_id}-got": packs for (line, lot_id), packs in arriving.places().items()}
    answer = browser.post(f"/canteen/orders/{number}/accept", data={**sent, "inspector": "王立"})
    assert answer.status_code == 303
    assert arriving.due() < 12 * PRICE
    assert arriving.faults() == []


@pytest.mark.parametrize("role", ["reviewer", "auditor", "finance", "clerk"])
def test_only_the_operator_recalls(arriving, role):
    browser = arriving.world.sign_in(arriving.world.user(role, region="990101000000"))
    address = f"/lots/{arriving.lots[0].id}/recall"
    assert browser.post(address, data={"reason": "food_safety"}).status_code == 403
    assert lot(arriving).state == "open"


def test_who_accepts_in_the_moment_of_a_recall_gets_nothing_of_the_lot(world):
    made = Arriving(world)
    operator = world.actor(made.operator)

    def recalls(session):
        recall(session, operator, made.lots[0].id, "food_safety", "")

    def accepts(session):
        accept(session, made.actor, made.order(session), (), Signed("王立"))

    meanwhile(world, recalls, accepts)
    with world.transaction() as session:
        assert set(session.scalars(select(GoodsReturn.stage))) == {"acceptance"}


def test_who_has_just_accepted_gives_it_back(world):
    made = Arriving(world)
    operator = world.actor(made.operator)

    def recalls(session):
        recall(session, operator, made.lots[0].id, "food_safety", "")

    def accepts(session):
        accept(session, made.actor, made.order(session), (), Signed("王立"))

    meanwhile(world, accepts, recalls)
    with world.transaction() as session:
        assert set(session.scalars(select(GoodsReturn.stage))) == {"later"}


def test_an_accepted_row_that_a_recall_should_have_stopped_is_named(arriving):
    arriving.accept()
    with arriving.world.transaction() as session:
        session.execute(Lot.__table__.update().values(state="recalled"))
    assert "召回的批次还有人收了" in {fault.what for fault in arriving.faults()}


def test_a_household_that_is_being_paid_keeps_its_money(world):
    day = Payday(world, ordered=(12, 8), supplies=(10, 10))
    day.propose()
    with world.transaction() as session:
        recall(session, day.operator, day.collecting.lots[0].id, "food_safety", "")
        assert set(session.scalars(select(GoodsReturn.fault))) == {"goodwill"}
        assert session.scalar(select(func.sum(GoodsReturn.packs))) == 10
    assert _faults(world) == []


def test_what_buyers_claim_of_a_recalled_lot_is_answered_by_the_recall(world):
    made = Arriving(world)
    made.accept(which=COLLEAGUE)
    place = next(iter(made.places(COLLEAGUE)))
    actor = world.actor(made.staff)
    with world.transaction() as session:
        order = made.order(session, COLLEAGUE)
        file_claim(session, actor, order, place, 2, "rotten", "", PHOTO)
    take(made, [one.id for one in made.lots].index(place[1]))
    with world.transaction() as session:
        claim = session.scalars(select(Claim)).one()
        assert (claim.state, claim.granted_packs) == ("granted", 2)
        rows = session.scalars(select(GoodsReturn)).all()
        assert {row.reason for row in rows} == {"recalled"}, "nothing goes back twice"
        with pytest.raises(InvalidInput):
            grant_claim(session, actor, claim, 2, "farm")
        session.rollback()
    assert made.faults() == []


def test_everybody_whose_goods_were_processed_together_is_an_owner(world):
    house = Slaughterhouse(world)
    made = house.done({0: 30, 1: 20}, 49)
    with world.transaction() as session:
        lot = session.get_one(Lot, made.id)
        found = owners_of(session, [lot, session.get_one(Lot, house.lots[2].id)])
    assert found[made.id] == {
        Supplier(0, house.seller.id),
        *(Supplier(one.household_id, 0) for one in house.lots[:2]),
    }
    assert found[house.lots[2].id] == {Supplier(house.lots[2].household_id, 0)}
    with world.transaction() as session:  # more lines than a statement takes
        OneMessage().say_lines(session, dict.fromkeys(range(1, 70_001), 1), "{order}")
