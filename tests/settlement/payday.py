"""A round that is delivered and paid for, and the people who bring its money to the households."""

from sqlalchemy import select

from marketplace.core.clock import today
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.ledger import books
from marketplace.orders.collecting import due_fen, record_collected
from marketplace.orders.order_models import Order
from marketplace.reporting.verify import verify
from marketplace.settlement.bank_file import bank_file
from marketplace.settlement.deciding import approve_run, get_run, record_sent, reject_run
from marketplace.settlement.payee_models import Payee
from marketplace.settlement.payees import PayeeInput, consent, propose_payee
from marketplace.settlement.paying import record_bounced, record_paid
from marketplace.settlement.payout_models import PayoutLine, PayoutRun
from marketplace.settlement.proposing import propose_run
from marketplace.settlement.splitting import Owner
from tests.fulfilment.collecting import Collecting
from tests.support.world import COUNTY

FARMGATE = 750
CARDS = ("6222000000000000012", "6222000000000000020", "6222000000000000038")


class Payday:
    """`paid`: numbers of the buyers whose money is here when the round is delivered."""

    DELIVERY = (set_out, accept_rest)

    def __init__(self, world, *, paid=(0, 1), accounts=(0, 1), supply=Collecting, **round_of):
        self.world = world
        self.people = {
            "operator": world.operator(),
            "reviewer": world.user("reviewer", region=COUNTY),
            "maker": world.user("finance", region=COUNTY),
            "checker": world.user("finance", region=COUNTY),
        }
        self.operator, self.reviewer, self.maker, self.checker = map(
            world.actor, self.people.values()
        )
        self.collecting = supply(world, **round_of)
        self.households = self.collecting.households
        for index in paid:
            self.collect(index)
        for index in accounts:
            self.account(Owner(self.households[index].id, 0), CARDS[index % len(CARDS)])
        for step in self.DELIVERY:
            self.collecting.step(step)

    def collect(self, index):
        with self.world.transaction() as session:
            order = session.scalars(select(Order).order_by(Order.id)).all()[index]
            fen = due_fen(session, order) - order.collected_fen
            assert record_collected(session, self.operator, order, "pickup", fen)

    def account(
        self, owner, number, *, holder="陈大山", relation="self", proof="", consents=2, **more
    ):
        """An account with both consents, or fewer."""
        wanted = PayeeInput(holder, number, "清源农商行", relation, proof, **more)
        with self.world.transaction() as session:
            payee_id = propose_payee(session, self.operator, owner, wanted).id
        for actor in (self.reviewer, self.checker)[:consents]:
            with self.world.transaction() as session:
                consent(session, actor, session.get_one(Payee, payee_id))
        return payee_id

    def propose(self, advance_id=None):
        with self.world.transaction() as session:
            return propose_run(session, self.maker, advance_id).number

    def approve(self, number, actor=None):
        with self.world.transaction() as session:
            run = get_run(session, number)
            approve_run(session, actor or self.checker, run, run.fen)

    def reject(self, number, reason="数不对"):
        with self.world.transaction() as session:
            reject_run(session, self.checker, get_run(session, number), reason)

    def send(self, number):
        with self.world.transaction() as session:
            run = get_run(session, number)
            bank_file(session, self.maker, run, [])
            return record_sent(session, self.maker, run)

    def sent(self, advance_id=None):
        """A run that is with the bank; its number."""
        number = self.propose(advance_id)
        self.approve(number)
        self.send(number)
        return number

    def lines(self, number):
        with self.world.transaction() as session:
            return session.scalars(
                select(PayoutLine)
                .join(PayoutRun, PayoutRun.id == PayoutLine.run_id)
                .where(PayoutRun.number == number)
                .order_by(PayoutLine.id)
            ).all()

    def line(self, number, index=0):
        """The line of household number `index`."""
        owner = self.households[index].id
        return next(line for line in self.lines(number) if line.household_id == owner)

    def paid(self, line, day=None):
        with self.world.transaction() as session:
            found = session.get_one(PayoutLine, line.id)
            return record_paid(session, self.maker, found, day or today())

    def bounced(self, line, reason="户名不符"):
        with self.world.transaction() as session:
            return record_bounced(session, self.maker, session.get_one(PayoutLine, line.id), reason)

    def run(self, number):
        with self.world.transaction() as session:
            return get_run(session, number)

    def stand(self):
        """Account → what stands on it, on its own side; everything is proved on the way."""
        with self.world.transaction() as session:
            rows = books.trial_balance(session)
            assert verify(session) == []
        return {row.account.code: row.fen for row in rows if row.fen}
