"""R8: whatever is split, every fen is somebody's, and nobody gets more for many small deliveries."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from marketplace.settlement.splitting import OWN, Item, Owner, Whose, split_run

DAY = date(2026, 11, 1)
shares = st.dictionaries(st.integers(0, 12), st.integers(1, 10_000), min_size=1, max_size=8)


@st.composite
def runs(draw):
    lots = {
        lot: Whose(draw(st.sampled_from((0, 100, 200))), draw(shares))
        for lot in range(1, draw(st.integers(1, 6)) + 1)
    }
    lots = {
        lot: whose if whose.organisation_id else Whose(0, {draw(st.integers(1, 12)): 1})
        for lot, whose in lots.items()
    }
    items = [
        Item(order, draw(st.sampled_from(sorted(lots))), draw(st.integers(1, 50_000)), DAY)
        for order in range(draw(st.integers(1, 30)))
    ]
    collectors = {lot: draw(st.sampled_from((0, 100, 200, 300))) for lot in lots}
    return items, lots, collectors


@given(runs(), st.text(max_size=5))
def test_every_fen_of_every_lot_is_somebodys(run, salt):
    items, lots, collectors = run
    sums = split_run(salt, items, lots, collectors)
    assert sum(one.fen for one in sums.values()) == sum(item.fen for item in items)
    for lot in lots:
        paid = sum(p.fen for one in sums.values() for p in one.parts if p.lot_id == lot)
        assert paid == sum(item.fen for item in items if item.lot_id == lot)
    assert all(part.fen > 0 for one in sums.values() for part in one.parts)


@given(runs(), st.text(max_size=5), st.randoms())
def test_the_order_of_events_and_their_number_change_nobodys_sum(run, salt, random):
    items, lots, collectors = run
    pieces = [Item(i.order_id, i.lot_id, 1, DAY) for i in items for _ in range(i.fen % 7)]
    pieces += [Item(i.order_id, i.lot_id, i.fen - i.fen % 7, DAY) for i in items if i.fen >= 7]
    random.shuffle(pieces)
    assert split_run(salt, pieces, lots, collectors) == split_run(salt, items, lots, collectors)


@given(runs(), st.text(max_size=5))
def test_each_gets_his_share_to_within_a_fen_of_each_lot(run, salt):
    items, lots, collectors = run
    sums = split_run(salt, items, lots, collectors)
    for lot, whose in lots.items():
        total = sum(item.fen for item in items if item.lot_id == lot)
        weight = sum(whose.shares.values())
        for household, share in whose.shares.items():
            got = sum(
                p.fen
                for one in sums.values()
                for p in one.parts
                if (p.lot_id, p.household_id) == (lot, household)
            )
            assert abs(got * weight - total * share) < weight


@given(runs(), st.text(max_size=5))
def test_households_are_paid_themselves_unless_somebody_collects_for_the_lot(run, salt):
    items, lots, collectors = run
    for owner, one in split_run(salt, items, lots, collectors).items():
        for part in one.parts:
            through = collectors[part.lot_id]
            if part.household_id == OWN:
                assert owner == Owner(0, lots[part.lot_id].organisation_id)
            else:
                assert owner == (Owner(0, through) if through else Owner(part.household_id, 0))


def test_a_thousand_small_sums_do_not_drift():
    lots = {1: Whose(100, {1: 1, 2: 1, 3: 1})}
    items = [Item(order, 1, 100, DAY) for order in range(1000)]
    fens = sorted(one.fen for one in split_run("3", items, lots, {}).values())
    assert fens == [33333, 33333, 33334]


def test_the_odd_fen_turns_from_run_to_run():
    lots = {1: Whose(100, {1: 1, 2: 1, 3: 1})}
    lucky = {
        max(split_run(str(run), [Item(1, 1, 100, DAY)], lots, {}).items(), key=_fen)[0]
        for run in range(30)
    }
    assert lucky == {Owner(1, 0), Owner(2, 0), Owner(3, 0)}


def _fen(pair):
    return pair[1].fen


def test_waiting_is_counted_from_the_first_delivery():
    items = [Item(1, 1, 5, date(2026, 11, 9)), Item(2, 1, 5, DAY)]
    (one,) = split_run("", items, {1: Whose(0, {7: 1})}, {}).values()
    assert one.accepted_on == DAY
