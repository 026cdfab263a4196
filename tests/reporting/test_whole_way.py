"""From the report to the household's account: the board, its rows and the bar of each lot say the same."""

import pytest
from sqlalchemy import select

from marketplace.catalog.models import Lot
from marketplace.fulfilment.acceptance import accept, parts_of
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.fulfilment.said_received import NotTaken, Scaled, Signed
from marketplace.orders.lot_figures import UNWEIGHED, chain_of_lot, figures_of
from marketplace.orders.order_models import Order
from marketplace.orders.rounds import get_round
from marketplace.reporting import board as boards
from marketplace.reporting.board_rows import counted_base, rows_behind
from tests.fulfilment.arriving import BY_WEIGHT, HENS, Arriving
from tests.fulfilment.collecting import PACK, Weighing
from tests.fulfilment.test_by_weight import MIXED
from tests.settlement.payday import Payday

LATE = ("weighed", "accepted", "paid")


class OnTheWay(Payday):
    """Both households bring ten packs; nothing has left yet."""

    DELIVERY = ()

    def __init__(self, world):
        super().__init__(world, supply=Weighing)

    def board(self):
        """Stage → packs of the round, each figure checked against its rows and the bars of the lots."""
        with self.world.transaction() as session:
            found = get_round(session, self.collecting.round.id)
            (line,) = boards.board_of(session, found).products
            lots = session.scalars(select(Lot).order_by(Lot.id)).all()
            figures = figures_of(session, lots)
            for stage, of_lot in zip(
                LATE,
                (
                    lambda one: one.later.get("收货", 0),
                    lambda one: one.accepted,
                    lambda one: one.later.get("到账", 0),
                ),
                strict=True,
            ):
                rows = session.scalars(rows_behind(found, stage, line.product.id, "")).all()
                base = line.figures.get(stage, 0)
                assert sum(counted_base(session, stage, rows).values()) == base
                assert sum(of_lot(figures[lot.id]) for lot in lots) == base
            return {
                stage: line.figures[stage] // PACK
                for stage in ("allocated", *LATE)
                if line.figures.get(stage)
            }

    def bar(self, index):
        """What the bar of a lot says, from the collection point on."""
        with self.world.transaction() as session:
            lot = session.get_one(Lot, self.collecting.lots[index].id)
            stages = chain_of_lot(lot, figures_of(session, [lot])[lot.id])
            return [(stage.value, stage.state) for stage in stages[4:]]

    def chain(self):
        with self.world.transaction() as session:
            found = get_round(session, self.collecting.round.id)
            return boards.board_of(session, found).all_paid

    def turn_away(self, packs):
        with self.world.transaction() as session:
            order = session.scalars(select(Order).order_by(Order.id)).first()
            place = parts_of(session, order)[0].place
            accept(
                session, self.operator, order, [NotTaken(place, packs, "crushed")], Signed("王立")
            )


@pytest.fixture
def way(world):
    return OnTheWay(world)


def test_the_board_follows_the_goods_to_the_households_accounts(way):
    scales = way.collecting
    assert way.board() == {"allocated": 20}
    assert way.bar(0) == [("50 斤", "now"), *[("", "todo")] * 3]
    scales.weigh(0, 10 * PACK)
    scales.weigh(1, 9 * PACK, short_reason="gone")
    assert way.board() == {"allocated": 19, "weighed": 19}
    assert way.bar(0)[:2] == [("50 斤", "done"), ("50 斤", "now")]
    scales.step(set_out)
    assert way.board()["weighed"] == 19
    way.turn_away(2)
    accepted = way.board()["accepted"]
    assert 0 < accepted < 17
    scales.step(accept_rest)
    assert way.board() == {"allocated": 19, "weighed": 19, "accepted": 17}
    number = way.sent()
    first, second = way.lines(number)
    way.paid(first)
    assert 0 < way.board()["paid"] < 17
    assert not way.chain()
    way.paid(second)
    assert way.board() == {"allocated": 19, "weighed": 19, "accepted": 17, "paid": 17}
    assert way.chain()
    assert {state for _, state in way.bar(0) + way.bar(1)} == {"done"}
    way.bounced(second)
    assert way.board()["paid"] < 17, "the bank sent it back days later"


def test_goods_that_nobody_weighed_are_not_called_received_at_the_scales(way):
    way.collecting.step(set_out)
    way.collecting.step(accept_rest)
    assert way.board() == {"allocated": 20, "accepted": 20}
    assert way.bar(0) == [("50 斤", "done"), (UNWEIGHED, "done"), ("50 斤", "now"), ("", "todo")]


def test_pages_open_the_rows_of_every_stage(way):
    scales, browser = way.collecting, way.world.sign_in(way.people["operator"])
    row = scales.weigh(0, 10 * PACK).row
    scales.step(set_out)
    scales.step(accept_rest)
    for line in way.lines(way.sent()):
        way.paid(line)
    found = scales.round.id
    page = browser.get(f"/board/{found}").text
    for stage, said in zip(LATE, (f"过磅单 {row.number}", "订单 D", "订单 D"), strict=True):
        assert f"/board/{found}/rows/{stage}" in page
        assert said in browser.get(f"/board/{found}/rows/{stage}").text
    assert "收货 50 斤，验收 100 斤，到账 100 斤" in page
    cadre = way.world.sign_in(scales.cadres[0])
    for path in ("/field/lots", f"/field/lots/{scales.lots[0].id}"):
        assert "到账" in cadre.get(path).text


@pytest.mark.parametrize(
    ("kind", "grams"),
    [({"listing": MIXED}, 2390), ({"goods": HENS, "pack": 1, "listing": BY_WEIGHT}, 1500)],
)
def test_what_is_sold_by_weight_is_counted_as_its_lots_count_it(world, kind, grams):
    arriving = Arriving(world, **kind)
    arriving.accept(weights={place: Scaled(n * grams) for place, n in arriving.places().items()})
    with world.transaction() as session:
        found = get_round(session, arriving.round.id)
        (line,) = boards.board_of(session, found).products
        sold = sum(session.get_one(Lot, lot.id).sold for lot in arriving.lots)
        rows = session.scalars(rows_behind(found, "accepted", line.product.id, "")).all()
        assert line.figures["accepted"] == sold
        assert sum(counted_base(session, "accepted", rows).values()) == sold
    page = world.sign_in(arriving.operator).get(f"/board/{arriving.round.id}/rows/accepted")
    assert page.status_code == 200
