"""Money of orders in the books: what is collected, taken back, delivered; read down to the receipt."""

import pytest
from sqlalchemy import func, select

from marketplace.core.errors import Conflict
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.ledger import books
from marketplace.ledger.models import Journal
from marketplace.orders.collecting import record_collected, undo_collected
from marketplace.orders.order_models import Order
from marketplace.reporting.verify import verify
from tests.fulfilment.collecting import Collecting
from tests.support.world import COUNTY

PRICE, FARMGATE, SERVICE, FREIGHT = 1230, 750, 280, 200


class Sold:
    """12 and 8 packs of one listing, sheets out; the first buyer has paid."""

    def __init__(self, world):
        self.world = world
        self.operator = world.actor(world.operator())
        self.collecting = Collecting(world)
        self.first, self.second = self._orders()
        self.collect(self.first)

    def _orders(self):
        with self.world.transaction() as session:
            return session.scalars(select(Order).order_by(Order.id)).all()

    def collect(self, order):
        with self.world.transaction() as session:
            found = session.get_one(Order, order.id)
            due = sum(line.due_packs * line.price_fen for line in found.lines)
            return record_collected(
                session, self.operator, found, "pickup", due - found.collected_fen
            )

    def undo(self, order):
        with self.world.transaction() as session:
            undo_collected(session, self.operator, session.get_one(Order, order.id), "mistaken")

    def deliver(self):
        self.collecting.step(set_out)
        return self.collecting.step(accept_rest)

    def stand(self):
        """Account → what stands on it, on its own side."""
        with self.world.transaction() as session:
            rows = books.trial_balance(session)
            assert sum(row.debit_fen for row in rows) == sum(row.credit_fen for row in rows)
            assert verify(session) == []
        return {row.account.code: row.fen for row in rows if row.fen}


@pytest.fixture
def sold(world):
    return Sold(world)


def test_collected_money_is_held_for_the_buyer_until_it_is_taken_back(sold):
    assert sold.stand() == {"collected": 12 * PRICE, "buyer_prepayment": 12 * PRICE}
    sold.undo(sold.first)
    assert sold.stand() == {}
    sold.collect(sold.first)
    assert sold.stand() == {"collected": 12 * PRICE, "buyer_prepayment": 12 * PRICE}


def test_delivered_goods_are_owed_to_households_packers_and_carriers(sold):
    done = sold.deliver()
    assert done == (2, 20 * FARMGATE)
    assert sold.stand() == {
        "collected": 12 * PRICE,
        "buyer_receivable": 8 * PRICE,
        "lot_payable": 20 * FARMGATE,
        "service_payable": 20 * SERVICE,
        "freight_payable": 20 * FREIGHT,
    }
    with sold.world.transaction() as session:
        lots = books.open_parties(session, books.get_account("lot_payable"), 50)
        assert sum(fen for _, fen in lots) == 20 * FARMGATE
        assert len(lots) == 2
    with pytest.raises(Conflict):
        sold.collecting.step(accept_rest)


def test_who_pays_afterwards_settles_what_he_owes_and_a_mistake_is_owed_again(sold):
    sold.deliver()
    sold.collect(sold.second)
    assert "buyer_receivable" not in sold.stand()
    sold.undo(sold.second)
    assert sold.stand()["buyer_receivable"] == 8 * PRICE
    sold.undo(sold.first)
    stand = sold.stand()
    assert (stand["buyer_receivable"], stand.get("collected")) == (20 * PRICE, None)
    sold.collect(sold.first)
    assert sold.stand()["buyer_receivable"] == 8 * PRICE


def test_an_order_of_which_everything_was_cut_owes_nothing(world):
    sold = Sold(world)
    sold.collecting.less(0, 0)
    sold.collecting.less(1, 0)
    sold.undo(sold.first)
    assert sold.deliver()[1] == 0
    assert sold.stand() == {}


def test_the_operator_sees_what_delivering_means_and_says_it_once(sold):
    number = sold.collecting.round.id
    desk, here = sold.world.sign_in(sold.world.operator()), f"/desk/deliveries/round/{number}"
    assert here in desk.get(f"/rounds/{number}").text
    assert "开始配送" in desk.get(here).text
    assert desk.post(f"{here}/rest").status_code == 409
    assert desk.post(f"{here}/set_out").status_code == 303
    page = desk.get(here).text
    assert "还有 2 个订单没有验收" in page
    assert "150.00 元" in page
    assert "150.00 元记进了账本" in desk.post(f"{here}/rest", follow_redirects=True).text
    assert desk.post(f"{here}/rest").status_code == 409
    assert "已办结" in desk.get(f"/rounds/{number}").text


def test_from_a_balance_to_the_receipt_in_the_browser(sold):
    sold.deliver()
    reader = sold.world.sign_in(sold.world.user("finance", region=COUNTY))
    assert reader.get("/").location == "/ledger"
    books_page = reader.get("/ledger").text
    assert "两边相等" in books_page
    assert "150.00" in books_page
    account = reader.get("/ledger/accounts/buyer_receivable").text
    assert "98.40" in account
    owed = reader.get(f"/ledger/accounts/buyer_receivable?party=order:{sold.second.number}").text
    assert f"订单 {sold.second.number}" in owed
    with sold.world.transaction() as session:
        number = session.scalars(select(Journal.number).where(Journal.kind == "delivered")).first()
    journal = reader.get(f"/ledger/journals/{number}").text
    assert "应付农户货款" in journal
    assert reader.get("/ledger/accounts/gold").status_code == 404
    assert reader.get("/ledger/journals/J-none").status_code == 404


def test_the_books_are_for_the_whole_county_or_not_at_all(world):
    auditor = world.sign_in(world.user("auditor", region="990101101000"))
    for path in ("/ledger", "/ledger/accounts/bank", "/ledger/journals/J1"):
        assert auditor.get(path).status_code == 404
    assert world.sign_in(world.operator()).get("/ledger").status_code == 403


def test_a_page_of_the_books_costs_the_same_few_statements(sold, statements):
    reader = sold.world.sign_in(sold.world.user("finance", region=COUNTY))
    few = statements(lambda: reader.get("/ledger"))
    for _ in range(4):
        sold.undo(sold.first)
        sold.collect(sold.first)
    assert statements(lambda: reader.get("/ledger")) == few <= 8
    assert statements(lambda: reader.get("/ledger/accounts/collected")) <= 8
    with sold.world.transaction() as session:
        assert session.scalar(select(func.count()).select_from(Journal)) == 9
