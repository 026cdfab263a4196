"""A round whose goods lack a paper that their buyers ask for does not set out."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from marketplace.catalog.lot_papers import Brought, attach_paper, issue_certificate, set_aside
from marketplace.catalog.models import Lot, Product
from marketplace.catalog.paper_models import LotPaper, PaperRule
from marketplace.catalog.paper_rules import rules_of, set_rules
from marketplace.core.clock import today
from marketplace.core.errors import Conflict
from marketplace.fulfilment.delivering import set_out
from marketplace.identity.actor import SYSTEM
from marketplace.orders.missing_papers import Missing, Need, Paper, lacking, missing_papers
from marketplace.orders.rounds import get_round
from tests.catalog.test_product_pages import TYPED
from tests.fulfilment.collecting import PACK, Collecting

KINDS = st.sampled_from(["certificate", "inspection", "licence"])
LOTS = st.integers(1, 4)
WHOSE = {1: "h1", 2: "h1", 3: "o1", 4: "o2"}


@given(
    st.lists(st.tuples(LOTS, KINDS, st.sampled_from(["canteen", "shop"]))),
    st.lists(st.tuples(LOTS, KINDS, st.booleans())),
)
def test_missing_is_exactly_what_is_asked_for_and_not_there(asked, there):
    needs = [Need(lot, WHOSE[lot], kind, buyers) for lot, kind, buyers in asked]
    papers = [Paper(lot, WHOSE[lot], kind, good, None) for lot, kind, good in there]

    def served(lot, kind):
        mine = [x for x in there if x[1] == kind and x[2]]
        if kind == "licence":
            return any(WHOSE[x[0]] == WHOSE[lot] for x in mine)
        return any(x[0] == lot for x in mine)

    found = lacking(needs, papers)
    assert {(one.lot_id, one.kind) for one in found} == {
        (lot, kind) for lot, kind, _ in asked if not served(lot, kind)
    }
    assert len({(one.lot_id, one.kind) for one in found}) == len(found)
    for one in found:
        assert set(one.buyers) == {b for lot, kind, b in asked if (lot, kind) == (one.lot_id, one.kind)}  # fmt: skip


def test_the_last_day_of_what_has_ended_is_told():
    need = Need(1, "h1", "inspection", "canteen")
    ended = [Paper(1, "h1", "inspection", False, date(2026, 1, day)) for day in (3, 5, 4)]
    assert lacking([need], ended) == [
        Missing(1, "inspection", ("canteen",), expired_on=date(2026, 1, 5))
    ]


class Asked(Collecting):
    """Staff ordered; the product asks for what a test says."""

    def asks(self, **kinds):
        with self.world.transaction() as session:
            set_rules(session, SYSTEM, session.get_one(Product, self.product.id), kinds)

    def missing(self):
        with self.world.transaction() as session:
            found = missing_papers(session, get_round(session, self.round.id))
        return [(one.lot_id, one.kind) for one in found]

    def give(self, index, kind="certificate", **changes):
        keeper = self.world.actor(self.cadres[index])
        with self.world.transaction() as session:
            lot = session.get_one(Lot, self.lots[index].id)
            if kind == "certificate":
                return issue_certificate(session, keeper, lot, PACK, "controlled")
            brought = Brought(kind, f"{kind} {index}", today() - timedelta(days=1), **changes)
            return attach_paper(session, keeper, lot, brought)


@pytest.fixture
def asked(world):
    return Asked(world)


def test_nothing_is_asked_for_unless_somebody_says_so(asked):
    assert asked.missing() == []
    asked.step(set_out)


def test_what_other_buyers_ask_for_stops_nobody(asked):
    asked.asks(canteen=["certificate", "inspection"], group=["licence"])
    assert asked.missing() == []


def test_a_missing_paper_stops_dispatch_and_names_lot_supplier_paper(asked):
    asked.asks(shop=["certificate"])
    asked.give(1)
    with pytest.raises(Conflict) as refused:
        asked.step(set_out)
    for words in (asked.lots[0].code, asked.households[0].masked_name, "承诺达标合格证", "补上"):
        assert words in refused.value.message
    assert asked.lots[1].code not in refused.value.message
    assert asked.households[0].head_name not in refused.value.message
    paper = asked.give(0)
    assert asked.missing() == []
    keeper = asked.world.actor(asked.cadres[0])
    with asked.world.transaction() as session:
        set_aside(session, keeper, session.get_one(LotPaper, paper.id), "写错")
    assert asked.missing() == [(asked.lots[0].id, "certificate")]
    asked.give(0)
    asked.step(set_out)


def test_a_paper_that_ends_before_the_delivery_will_not_do(asked):
    asked.asks(shop=["inspection"])
    delivers = asked.round.delivers_on
    for index in (0, 1):
        asked.give(index, "inspection", valid_until=delivers - timedelta(days=1 - index))
    assert asked.missing() == [(asked.lots[0].id, "inspection")]
    with pytest.raises(Conflict, match="只管到"):
        asked.step(set_out)


def test_a_licence_serves_all_lots_of_its_supplier(world, asked):
    asked.asks(shop=["licence"])
    other = world.lot(asked.product, PACK, household=asked.households[0])
    keeper = world.actor(asked.cadres[0])
    with world.transaction() as session:
        brought = Brought("licence", "许可 1", today())
        attach_paper(session, keeper, session.get_one(Lot, other.id), brought)
    assert asked.missing() == [(asked.lots[1].id, "licence")]


def test_a_lot_that_sells_nothing_needs_no_paper(world):
    asked = Asked(world, ordered=(5,), supplies=(5, 5))
    asked.asks(shop=["certificate"])
    assert len(asked.missing()) == len(asked.sheets())


def test_the_round_page_says_it_before_and_leads_there(world, asked):
    desk = world.sign_in(world.operator())
    here = f"/rounds/{asked.round.id}"
    assert "还缺的证明" not in desk.get(here).text
    asked.asks(shop=["certificate"])
    page = desk.get(here).text
    assert "还缺的证明" in page
    for index in (0, 1):
        assert f"/field/lots/{asked.lots[index].id}/papers" in page
        assert asked.households[index].head_name not in page
    refused = desk.post(f"/desk/deliveries/round/{asked.round.id}/set_out")
    assert refused.status_code == 409
    assert "还不能发车" in refused.text
    for index in (0, 1):
        data = {"c-quantity": "5斤", "c-basis": "controlled"}
        issued = desk.post(f"/field/lots/{asked.lots[index].id}/papers/issue", data=data)
        assert issued.status_code == 303
    assert "还缺的证明" not in desk.get(here).text
    assert desk.post(f"/desk/deliveries/round/{asked.round.id}/set_out").status_code == 303


def test_who_answers_for_the_goods_has_it_among_todays_work(world, asked):
    asked.asks(shop=["certificate"])
    mine, other = (world.sign_in(cadre) for cadre in asked.cadres)
    asked.give(1)
    page = mine.get("/field/").text
    assert "补承诺达标合格证" in page
    assert f"/field/lots/{asked.lots[0].id}/papers" in page
    assert "补承诺达标合格证" not in other.get("/field/").text
    asked.give(0)
    assert "补承诺达标合格证" not in mine.get("/field/").text


def test_what_is_missing_costs_as_many_statements_for_many(world, statements):
    desk = world.sign_in(world.operator())
    few, many = Asked(world), Asked(world, ordered=(9,) * 6, supplies=(9,) * 6)
    for one in (few, many):
        one.asks(shop=["certificate", "inspection"])
    counts = [
        statements(lambda one=one: desk.get(f"/rounds/{one.round.id}")) for one in (few, many)
    ]
    assert counts[0] == counts[1]


def test_the_product_page_keeps_what_is_asked_for(world):
    desk = world.sign_in(world.operator())
    typed = TYPED | {"canteen_papers": ["certificate", "inspection"], "group_papers": "certificate"}
    assert desk.post("/products/new", data=typed).status_code == 302
    with world.transaction() as session:
        (product,) = session.scalars(select(Product)).all()
        assert rules_of(session, product.id) == {
            "canteen": ["certificate", "inspection"],
            "shop": [],
            "group": ["certificate"],
        }
    page = desk.get(f"/products/{product.id}").text
    assert page.count("checked") == 1 + 1 + 3  # 论个, 可以登记, three papers
    wrong = desk.post(f"/products/{product.id}", data=typed | {"shop_papers": "letter"})
    assert wrong.status_code == 422
    desk.post(f"/products/{product.id}", data=TYPED | {"canteen_papers": "inspection"})
    with world.transaction() as session:
        kinds = session.scalars(select(PaperRule.kind)).all()
        assert kinds == ["inspection"]
