"""Neighbours' remainders become one lot, sold by an organisation and paid by what each put in."""

import pytest
from sqlalchemy import select, update

from marketplace.catalog.models import Lot, LotMovement, LotShare, SupplyReport
from marketplace.core.clock import now
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.fulfilment.pooling import Part, groups, neighbours_of, pool, sellers_of
from marketplace.fulfilment.shift_models import LotShift
from marketplace.identity.models import Organisation
from marketplace.identity.permissions import WEIGH_IN
from marketplace.orders.round_models import Round
from marketplace.reporting.board import board_of, table_of
from marketplace.reporting.board_rows import counted_base, rows_behind
from marketplace.reporting.verify import verify
from marketplace.settlement.owed import shares_of
from marketplace.settlement.splitting import Item, split_run
from marketplace.trace.models import TraceEvent
from tests.fulfilment.collecting import TOWN
from tests.trace.test_streams import Forger

VILLAGE = "990101101201"
PACK = 2500
LEFT = (1000, 700, 900)


class Remainders:
    """Three neighbours with less than a pack each, a product that is sold by the pack, and a clerk."""

    def __init__(self, world):
        self.world = world
        self.product = world.product("马蹄")
        world.listing(world.round(), self.product, [world.lot(self.product, PACK)])
        self.lots = [world.lot(self.product, base, village=VILLAGE) for base in LEFT]
        self.clerk = world.user("clerk", region=TOWN)
        self.unit = None

    def named(self, **columns):
        self.unit = self.world.unit(
            "三岔村集体", "cooperative", **{"region_code": VILLAGE} | columns
        )
        return self.unit

    def pool(self, parts, *, by=None, unit=None, consent="head_present"):
        actor = self.world.actor(by or self.clerk)
        given = {self.lots[i].id: Part(base, consent) for i, base in parts.items()}
        seller = (unit or self.unit or Organisation(id=0)).id
        with self.world.transaction() as session:
            return pool(session, actor, actor.scope_for(WEIGH_IN), seller, given)

    def read(self, statement):
        with self.world.transaction() as session:
            return session.scalars(statement).all()

    def faults(self):
        with self.world.transaction() as session:
            return verify(session)


@pytest.fixture
def village(world):
    return Remainders(world)


def test_three_remainders_become_one_lot_and_no_gram_is_lost(village):
    village.named()
    made = village.pool({0: 1000, 1: 700, 2: 800})
    assert (made.organisation_id, made.verified, made.free) == (village.unit.id, 2500, 2500)
    assert (made.grade, made.region_code, made.asked_fen) == ("统货", VILLAGE, 150)
    put = {share.household_id: share.quantity_base for share in _shares(village, made.id)}
    assert put == {
        lot.household_id: base for lot, base in zip(village.lots, (1000, 700, 800), strict=True)
    }
    ids = [lot.id for lot in village.lots]
    left = village.read(select(Lot).where(Lot.id.in_(ids)).order_by(Lot.id))
    assert [(lot.free, lot.adjusted) for lot in left] == [(0, -1000), (0, -700), (100, -800)]
    assert [len(_shares(village, lot.id)) for lot in left] == [0, 0, 1]
    moved = select(LotMovement.quantity_base).where(LotMovement.reference == made.code)
    assert sorted(village.read(moved)) == [-1000, -800, -700]
    said = village.read(select(TraceEvent.text))
    assert sum('"kind":"pooled_into"' in one and made.trace_code in one for one in said) == 3
    assert sum('"kind":"pooled_from"' in one for one in said) == 3
    assert [row.consent for row in village.read(select(LotShift))] == ["head_present"] * 3
    assert village.faults() == []


def _shares(village, lot_id):
    return village.read(select(LotShare).where(LotShare.lot_id == lot_id).order_by(LotShare.id))


def test_what_it_brings_is_paid_by_what_each_put_in(village, world):
    village.named()
    made = village.pool({0: 1000, 1: 700, 2: 800})
    with world.transaction() as session:
        whose = shares_of(session, [made.id])
    sums = split_run("run", [Item(1, made.id, 2500, made.available_from)], whose, {})
    assert sorted(part.fen for part in sums.values()) == [700, 800, 1000]
    assert {owner.organisation_id for owner in sums} == {0}, "nothing is the organisation's own"


def test_it_can_be_offered_whole(village, world):
    village.named()
    made = village.pool({0: 1000, 1: 700, 2: 800})
    listing = world.listing(world.round(), village.product, [made])
    assert listing.capacity_packs == 1
    assert listing.supported_households == 3
    assert village.faults() == []


@pytest.mark.parametrize(
    ("parts", "consent", "words"),
    [
        ({0: 1000}, "head_present", "至少要两户"),
        ({0: 1000, 1: 700}, "", "谁同意的"),
        ({0: 1000, 1: 700}, "manager_phone", "谁同意的"),
        ({0: 1000, 1: 0}, "head_present", "称了多少"),
    ],
)
def test_what_cannot_be_is_refused_in_words(village, parts, consent, words):
    village.named()
    with pytest.raises(InvalidInput, match=words):
        village.pool(parts, consent=consent)
    assert village.read(select(LotShift)) == []


def test_what_is_an_organisations_already_is_not_pooled_again(village, world):
    village.named()
    made = village.pool({0: 500, 1: 700})
    village.lots.append(made)
    with pytest.raises(InvalidInput, match="两户以上"):
        village.pool({0: 500, 3: 600})
    assert village.faults() == []


def test_no_more_than_each_has_left(village):
    village.named()
    with pytest.raises(Conflict, match="手上只有"):
        village.pool({0: 1000, 1: 701})
    assert village.read(select(LotShift)) == []
    assert village.read(select(SupplyReport).where(SupplyReport.channel == "pooled")) == []


@pytest.mark.parametrize(
    "changes",
    [{"grade": "二级"}, {"asked_fen": 151}, {"region_code": "990101101202"}],
)
def test_only_the_same_goods_of_one_village_go_together(village, world, changes):
    village.named()
    with world.transaction() as session:
        session.execute(update(Lot).where(Lot.id == village.lots[1].id).values(**changes))
    with pytest.raises(InvalidInput, match="同村、同品种"):
        village.pool({0: 1000, 1: 700})


def test_somebody_has_to_sell_it(village, world):
    with pytest.raises(InvalidInput, match="村集体或合作社"):
        village.pool({0: 1000, 1: 700})
    far = village.named(region_code="990101102201")
    with pytest.raises(InvalidInput, match="村集体或合作社"):
        village.pool({0: 1000, 1: 700})
    for lot in village.lots[:2]:
        with world.transaction() as session:
            household = session.get_one(Lot, lot.id).household
        world.member(far, household)
    assert village.pool({0: 1000, 1: 700}).organisation_id == far.id
    with pytest.raises(InvalidInput, match="村集体或合作社"):
        village.pool({0: 1000, 2: 900}, unit=world.unit("学校", "school", region_code=VILLAGE))


def test_who_sells_for_two_villages_covers_both(village, world):
    one_village = village.named()
    town = world.unit("镇合作社", "cooperative", region_code=TOWN)
    county = world.unit("县合作社", "cooperative", region_code="990101000000")
    other, far = (
        world.lot(village.product, 900, village=code) for code in ("990101101202", "990101102201")
    )
    for lots, sellers in (
        (village.lots[:2], [one_village]),
        ([village.lots[0], other], [town]),
        ([village.lots[0], far], [county]),
    ):
        with world.transaction() as session:
            assert [x.id for x in sellers_of(session, lots)] == [x.id for x in sellers]


def test_another_town_has_no_such_remainders(village, world):
    village.named()
    stranger = world.user("clerk", region="990101102000")
    with pytest.raises(InvalidInput, match="至少要两户"):
        village.pool({0: 1000, 1: 700}, by=stranger)
    scope = world.actor(stranger).scope_for(WEIGH_IN)
    with world.transaction() as session:
        assert groups(session, scope) == []
        with pytest.raises(NotFound):
            neighbours_of(session, scope, village.lots[0].id)


def test_whole_packs_and_single_remainders_are_no_group(village, world):
    world.lot(village.product, PACK, village=VILLAGE)
    world.lot(village.product, 800, village="990101101202")
    scope = world.actor(village.clerk).scope_for(WEIGH_IN)
    with world.transaction() as session:
        (group,) = groups(session, scope)
        assert (group.lots, group.base, group.pack_base) == (3, sum(LEFT), PACK)
        assert {lot.id for lot in neighbours_of(session, scope, group.lot_id)} == {
            lot.id for lot in village.lots
        }


def test_a_clerk_pools_on_the_phone(village, world):
    clerk = world.sign_in(village.clerk)
    assert "/field/weigh/pool" in clerk.get("/field/weigh").text
    page = clerk.get("/field/weigh/pool").text
    assert "三岔村 马蹄" in page
    assert "够 1 份" in page
    address = f"/field/weigh/pool/{village.lots[0].id}"
    assert "还没有人能出面卖" in clerk.get(address).text
    village.named()
    assert "三岔村集体" in clerk.get(address).text
    ids = [lot.id for lot in village.lots]
    typed = {f"q{ids[0]}": "2斤", f"q{ids[1]}": "1.4", f"c{ids[0]}": "head_phone"}
    typed["seller"] = village.unit.id
    refused = clerk.post(address, data=typed)
    assert refused.status_code == 422
    assert "谁同意的" in refused.text
    assert 'value="1.4"' in refused.text
    odd = clerk.post(address, data=typed | {f"q{ids[1]}": "一堆"})
    assert odd.status_code == 422
    done = clerk.post(address, data=typed | {f"c{ids[1]}": "family_present"})
    assert done.status_code == 303
    assert "拼成批次" in clerk.get(done.location).text
    (made,) = village.read(select(Lot).where(Lot.organisation_id == village.unit.id))
    assert made.free == 1700
    public = clerk.get(f"/t/{made.trace_code}").text
    assert "一户拼进来" in public
    assert "和邻居的拼成一批" in clerk.get(f"/t/{village.lots[0].trace_code}").text
    assert village.faults() == []


def test_the_list_costs_as_many_statements_for_many(village, world, statements):
    clerk = world.sign_in(village.clerk)
    few = statements(lambda: clerk.get("/field/weigh/pool"))
    for name in ("冬瓜", "生姜", "大米"):
        product = world.product(name)
        world.listing(world.round(), product, [world.lot(product, PACK)])
        for base in LEFT:
            world.lot(product, base, village=VILLAGE)
    assert statements(lambda: clerk.get("/field/weigh/pool")) == few <= 8


def test_a_pooling_cannot_be_changed_unseen(village, world):
    village.named()
    village.pool({0: 1000, 1: 700})
    Forger(world)(update(LotShift).where(LotShift.base == 700).values(base=70))
    assert any("改等级、拼批" in fault.where for fault in village.faults())


def test_the_board_counts_pooled_goods_once(village, world):
    village.named()
    in_round = world.round()
    world.listing(in_round, village.product, [world.lot(village.product, PACK)])
    before = _board(world, in_round)
    assert "马蹄" in str(before)
    village.pool({0: 1000, 1: 700, 2: 800})
    assert _board(world, in_round) == before


def _board(world, in_round):
    with world.transaction() as session:
        return table_of(board_of(session, session.get_one(Round, in_round.id)))


def test_goods_pooled_after_the_round_has_closed_stay_verified(village, world):
    village.named()
    in_round = world.round()
    world.listing(in_round, village.product, [world.lot(village.product, PACK)])
    world.open_round(in_round)
    with world.transaction() as session:
        closed = session.get_one(Round, in_round.id)
        closed.closes_at = now()
    before, rows = _board(world, in_round), _verified_rows(world, in_round)
    village.pool({0: 1000, 1: 700, 2: 800})
    assert _board(world, in_round) == before
    assert _verified_rows(world, in_round) == rows
    page = world.sign_in(world.operator()).get(f"/board/{in_round.id}/rows/verified")
    assert page.status_code == 200


def _verified_rows(world, in_round):
    """Lot → base units that it adds to the figure of what was verified."""
    with world.transaction() as session:
        found = session.get_one(Round, in_round.id)
        lots = session.scalars(rows_behind(found, "verified", None, "")).all()
        return counted_base(session, "verified", lots)


def test_what_is_wrong_stands_at_its_household(village, world):
    unit = village.named()
    clerk = world.sign_in(village.clerk)
    first, second, third = village.lots
    here = f"/field/weigh/pool/{first.id}"
    typed = {
        f"q{first.id}": "很多",
        f"c{first.id}": "head_present",
        f"q{second.id}": "许多",
        "seller": str(unit.id),
    }
    said = clerk.post(here, data=typed)
    assert said.status_code == 422
    for lot in (first, second):
        assert f'id="q{lot.id}-error"' in said.text
        assert f"批次 {lot.code}：" in said.text
    typed |= {f"q{first.id}": "2斤", f"q{second.id}": "9斤", f"q{third.id}": "1斤"}
    said = clerk.post(here, data=typed)
    assert said.status_code == 422
    assert f'id="q{second.id}-error"' in said.text, "more than is left"
    for lot in (second, third):
        assert f'id="c{lot.id}-error"' in said.text, "nobody agreed"
    assert f'id="c{first.id}-error"' not in said.text
