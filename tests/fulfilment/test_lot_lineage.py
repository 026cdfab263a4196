"""A recall follows the goods: into another grade, a pooled lot, a processed one, and to whoever got them."""

from contextlib import suppress

import pytest
from sqlalchemy import func, select

from marketplace.catalog.models import Lot
from marketplace.core.clock import now, today
from marketplace.core.errors import Conflict
from marketplace.core.states import move
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.fulfilment.lot_lineage import family_of
from marketplace.fulfilment.pooling import Part, pool
from marketplace.fulfilment.processing import Plan, hold_order, plan, start
from marketplace.fulfilment.processing_finish import Finished, finish
from marketplace.fulfilment.processing_lines import LineInput, save_line
from marketplace.fulfilment.recalling import recall
from marketplace.fulfilment.receipts import hold_weigh_in
from marketplace.fulfilment.regrading import Regrade, regrade
from marketplace.fulfilment.shift_models import LotShift
from marketplace.identity.permissions import PROCESS_MANAGE, WEIGH_IN
from marketplace.notices.models import Notice
from marketplace.orders.lot_events import record_recalled
from marketplace.orders.return_models import GoodsReturn
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.rounds import close_round, get_round
from marketplace.reporting.verify import verify
from tests.fulfilment.collecting import PACK, Weighing
from tests.support.meanwhile import meanwhile

VILLAGE = "990101101201"


class Chain:
    """Household 0's 马蹄: 2.4 packs turn out 二级, their remainder is pooled with a neighbour's and dried.
    A buyer has one pack of the 二级 and one of the dried."""

    def __init__(self, world, *, finished=True):
        self.world, self.scales = world, Weighing(world, ordered=(6, 4), supplies=(5, 5))
        self.user = world.operator()
        self.operator = world.actor(self.user)
        self.scope = self.operator.scope_for(PROCESS_MANAGE)
        self.root = self.scales.lots[0]
        self.second = self._regraded()
        self.neighbour = world.user("cadre")
        self.pooled, self.beside = self._pooled()
        self.order = self._at_the_mill()
        self.dried = self._finish() if finished else None

    def _regraded(self):
        row = self.scales.weigh(0, 2 * PACK, short_reason="grade").row
        shift = self.scales.regrade(row.number, base=6000)
        lot = self.lot(shift.to_lot_id)
        self.round = self.world.round()
        self.listings = [
            self.world.listing(
                self.round, self.scales.product, {lot: 2 * PACK}, grade="二级", farmgate_fen=500
            )
        ]
        return lot

    def _pooled(self):
        household = self.world.household(VILLAGE, cadre=self.neighbour)
        beside = self.world.lot(
            self.scales.product, 900, household=household, grade="二级", asked_fen=100
        )
        seller = self.world.unit("三岔村集体", "cooperative", region_code=VILLAGE)
        clerk = self.world.actor(self.scales.clerk)
        parts = {self.second.id: Part(1000, "head_present"), beside.id: Part(900, "head_phone")}
        with self.world.transaction() as session:
            return pool(session, clerk, clerk.scope_for(WEIGH_IN), seller.id, parts), beside

    def _at_the_mill(self):
        dried = self.world.product("马蹄干", reference_fen=600)
        given = LineInput(
            organisation_id=self.world.unit("烘干厂", "enterprise").id, kind="drying",
            input_product_id=self.scales.product.id, output_product_id=dried.id,
            yield_permille=500, low_permille=100, high_permille=900, fee_fen=10, fee_per_base=500,
            daily_base=100_000,
        )  # fmt: skip
        with self.world.transaction() as session:
            line = save_line(session, self.operator, self.scope, given)
            made = plan(
                session, self.operator, self.scope, Plan(line.id, today(), {self.pooled.id: 1900})
            )
            start(session, self.operator, hold_order(session, self.scope, made.id))
        return made

    def _finish(self):
        with self.world.transaction() as session:
            held = hold_order(session, self.scope, self.order.id)
            return finish(session, self.operator, held, Finished(1000, "统货"))

    def deliver(self):
        """Both kinds are in the buyer's hands."""
        self.listings.append(
            self.world.listing(
                self.round, self._product(self.dried), [self.dried], pack_base=500, farmgate_fen=900
            )
        )
        self.world.open_round(self.round)
        self.buyer = self.world.user("staff", unit=self.world.unit())
        self.number = self.world.order(
            self.buyer, self.round, {listing.id: 1 for listing in self.listings}
        )
        for step in (close_round, allocate_round, issue_sheets, set_out, accept_rest):
            with self.world.transaction() as session:
                step(session, self.operator, get_round(session, self.round.id))

    def _product(self, lot):
        with self.world.transaction() as session:
            return session.get_one(Lot, lot.id).product

    def lot(self, lot_id):
        with self.world.transaction() as session:
            return session.get_one(Lot, lot_id)

    def recall(self):
        with self.world.transaction() as session:
            return recall(session, self.operator, self.root.id, "food_safety", "")

    def faults(self):
        with self.world.transaction() as session:
            return {fault.what for fault in verify(session)}

    def states(self):
        lots = (self.root, self.second, self.pooled, self.dried, self.beside)
        return [self.lot(one.id).state for one in lots if one]


@pytest.fixture
def chain(world):
    made = Chain(world)
    made.deliver()
    return made


def test_a_recall_reaches_what_was_regraded_pooled_and_dried_and_who_got_it(chain):
    with chain.world.transaction() as session:
        family = family_of(session, chain.root.id)
        assert [(one.lot.id, one.depth) for one in family] == [
            (chain.root.id, 0), (chain.second.id, 1), (chain.pooled.id, 2), (chain.dried.id, 3)
        ]  # fmt: skip
        assert [one.how for one in family] == ["", "改等级 12 斤", "拼批 2 斤", "烘干 3.8 斤"]
    done = chain.recall()
    assert done.lots == 4
    assert chain.states() == ["recalled"] * 4 + ["open"], "the neighbour's own is his own"
    with chain.world.transaction() as session:
        packs = select(GoodsReturn.lot_id, func.sum(GoodsReturn.packs)).group_by(GoodsReturn.lot_id)
        assert dict(session.execute(packs).all()) == {chain.second.id: 1, chain.dried.id: 1}
        messages = session.scalars(select(Notice).where(Notice.kind == "lot_recalled")).all()
        assert len({one.to_user_id for one in messages}) == len(messages), "one for each person"
        told = {one.to_user_id: one.body for one in messages}
    assert told[chain.buyer.id].count(chain.number) == 2
    assert chain.pooled.code in told[chain.neighbour.id]
    assert chain.root.code not in told[chain.neighbour.id]
    assert set(told) >= {chain.scales.cadres[0].id}
    assert chain.recall() is None
    assert chain.scales.balanced()


def test_the_page_shows_the_tree_before_and_the_box_says_why_after(chain):
    browser = chain.world.sign_in(chain.user)
    asked = browser.get(f"/lots/{chain.root.id}/recall").text
    for words in ("一起召回的批次", chain.dried.code, "烘干 3.8 斤", chain.number, "召回这 4 批货"):
        assert words in asked
    above = browser.get(f"/lots/{chain.dried.id}/recall").text
    assert chain.pooled.code in above
    assert "那里不跟着召回" in above
    done = browser.post(
        f"/lots/{chain.root.id}/recall", data={"reason": "food_safety"}, follow_redirects=True
    )
    assert "4 批一起召回了" in done.text
    anyone = chain.world.app.test_client()
    assert "来自一批召回的货" in anyone.get(f"/t/{chain.dried.trace_code}").text
    assert "来自一批召回的货" not in anyone.get(f"/t/{chain.root.trace_code}").text


def test_what_stayed_on_sale_and_a_recall_with_a_stranger_are_named(chain):
    chain.recall()
    with chain.world.transaction() as session:
        session.execute(
            Lot.__table__.update().where(Lot.id == chain.dried.id).values(state="exhausted")
        )
    assert "召回的货变成的批次没有召回" in chain.faults()


def test_a_recall_that_names_a_lot_it_has_no_goods_of_is_named(chain):
    with chain.world.transaction() as session:
        beside = session.get_one(Lot, chain.beside.id)
        move(session, beside, "recalled", because="")
        record_recalled(session, {beside.id: chain.dried.trace_code}, "other")
    assert chain.faults() >= {"溯源记录与账目不符", "召回的货变成的批次没有召回"}


def test_a_number_or_the_code_on_a_box_leads_to_the_recall(chain):
    browser = chain.world.sign_in(chain.user)
    assert "没有召回过" in browser.get("/desk/recalls").text
    address = f"/lots/{chain.dried.id}/recall"
    for typed in (chain.dried.code, f" https://x.cn/t/{chain.dried.trace_code.lower()}/ "):
        assert browser.get("/desk/recalls", query_string={"q": typed}).location.endswith(address)
    unknown = browser.get("/desk/recalls?q=L000000-XXXXXX")
    assert unknown.status_code == 404
    assert "L000000-XXXXXX" in unknown.text
    other = chain.world.sign_in(chain.world.user("operator", region="990101102000"))
    assert other.get(f"/desk/recalls?q={chain.dried.code}").status_code == 404
    chain.recall()
    assert chain.pooled.code in browser.get("/desk/recalls").text


def test_goods_at_the_mill_cannot_become_a_lot_any_more(world):
    chain = Chain(world, finished=False)
    page = world.sign_in(chain.user).get(f"/lots/{chain.root.id}/recall").text
    assert chain.order.number in page
    assert chain.recall().lots == 3
    with pytest.raises(Conflict, match="停着"):
        chain._finish()
    assert chain.scales.balanced()


def test_who_regrades_in_the_moment_of_a_recall_regrades_no_recalled_goods(world):
    scales = Weighing(world, ordered=(6, 4), supplies=(5, 5))
    operator, clerk = world.actor(world.operator()), world.actor(scales.clerk)
    row = scales.weigh(0, 2 * PACK, short_reason="grade").row

    def recalls(session):
        recall(session, operator, scales.lots[0].id, "food_safety", "")

    def regrades(session):
        held = hold_weigh_in(session, clerk.scope_for(WEIGH_IN), row.number)
        regrade(session, clerk, held, Regrade("二级", PACK, 100, 500, "head_present"))

    with pytest.raises(Conflict):
        meanwhile(world, recalls, regrades)
    assert scales.read(select(LotShift)) == []
    assert scales.balanced()


def test_who_recalls_in_the_moment_of_a_regrading_takes_both_lots(world):
    scales = Weighing(world, ordered=(6, 4), supplies=(5, 5))
    operator, clerk = world.actor(world.operator()), world.actor(scales.clerk)
    row = scales.weigh(0, 2 * PACK, short_reason="grade").row
    root = scales.lots[0].id

    def recalls(session):
        recall(session, operator, root, "food_safety", "")

    def regrades(session):
        held = hold_weigh_in(session, clerk.scope_for(WEIGH_IN), row.number)
        regrade(session, clerk, held, Regrade("二级", PACK, 100, 500, "head_present"))

    with suppress(Conflict):  # who is told to tap once more, does
        meanwhile(world, regrades, recalls)
    with world.transaction() as session:
        recalls(session)
    shift = scales.read(select(LotShift))[0]
    ids = (shift.from_lot_id, shift.to_lot_id)
    assert scales.read(select(Lot.state).where(Lot.id.in_(ids))) == ["recalled"] * 2
    assert scales.balanced()


def test_there_and_back_is_no_circle(world):
    scales = Weighing(world, ordered=(6, 4), supplies=(5, 5))
    row = scales.weigh(0, 2 * PACK, short_reason="grade").row
    shift = scales.regrade(row.number, 1)
    with world.transaction() as session:
        session.add(
            LotShift(
                kind="pooled", from_lot_id=shift.to_lot_id, to_lot_id=shift.from_lot_id, base=1,
                fen=1, per_base=1, consent="head_present", at=now(), by_id=scales.clerk.id,
            )
        )  # fmt: skip
        session.flush()
        ids = [one.lot.id for one in family_of(session, shift.from_lot_id)]
        assert ids == [shift.from_lot_id, shift.to_lot_id]
        assert [one.lot.id for one in family_of(session, shift.to_lot_id)] == ids[::-1]
