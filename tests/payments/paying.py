"""An order paid online, driven as its buyer, the gateway and the minute's job drive it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from marketplace.identity.actor import SYSTEM
from marketplace.ledger.models import LedgerEntry
from marketplace.orders.order_models import Order
from marketplace.orders.round_models import Listing
from marketplace.orders.rounds import get_round
from marketplace.payments.models import Payment, Refund
from marketplace.reporting.verify import verify
from tests.support.alipay import Till


class Paying(Till):
    def __init__(self, world, gateway, packs=20):
        super().__init__(world.app, gateway)
        self.world = world
        self.round, self.listing = world.shop(packs=packs)
        self.buyer = world.user("staff", unit=world.unit())
        self.browser = world.sign_in(self.buyer)
        self._started, self.passed = datetime.now(UTC), timedelta()
        gateway.clock = lambda: self.clock().timestamp()

    def clock(self):
        return self._started + self.passed

    def later(self, **passed):
        self.passed += timedelta(**passed)

    def order(self, packs=2, **changes):
        given = {"pay_how": "alipay"} | changes
        return self.world.order(self.buyer, self.round, {self.listing.id: packs}, **given)

    def page(self, number, **headers):
        answer = self.guest.get(self.address(number), headers=headers)
        assert answer.status_code == 200
        return answer.get_data(as_text=True)

    def paid(self, packs=2, **changes):
        """An order that was ordered, paid, and of which we were told."""
        number = self.order(packs, **changes)
        self.pay(number)
        assert self.gateway.deliver_due() == 1
        return number

    def look(self, number):
        return self.guest.post(self.address(number) + "/look")

    def step(self, *acts):
        for act in acts:
            with self.world.transaction() as session:
                act(session, SYSTEM, get_round(session, self.round.id))

    def state(self, number):
        with self.world.transaction() as session:
            row = session.execute(
                select(Order.state, Order.collected_fen).where(Order.number == number)
            ).one()
        return tuple(row)

    def all(self, model):
        with self.world.transaction() as session:
            return session.scalars(select(model).order_by(*model.__table__.primary_key)).all()

    def read(self, *columns):
        with self.world.transaction() as session:
            return [tuple(row) for row in session.execute(select(*columns))]

    def payments(self):
        return [one.state for one in self.all(Payment)]

    def refunds(self):
        return [(one.state, one.fen) for one in self.all(Refund)]

    def reserved(self):
        with self.world.transaction() as session:
            return session.scalar(select(func.sum(Listing.reserved_packs)))

    def balance(self, account):
        """In fen, debits above zero."""
        with self.world.transaction() as session:
            entries = select(func.sum(LedgerEntry.fen)).where(LedgerEntry.account == account)
            return int(session.scalar(entries) or 0)

    def faults(self):
        with self.world.transaction() as session:
            return verify(session)
