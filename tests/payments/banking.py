"""A canteen on account with delivered orders, and a bank whose rows come as a file."""

from datetime import date, timedelta

from sqlalchemy import select

from marketplace.core.clock import today
from marketplace.fulfilment.delivering import accept_rest, set_out
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.identity.actor import SYSTEM
from marketplace.identity.models import Organisation
from marketplace.imports.models import ImportBatch
from marketplace.imports.sheets import read_table, write_xlsx
from marketplace.imports.taking import take_table
from marketplace.ledger import books
from marketplace.orders.order_models import Order
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.rounds import close_round, get_round
from marketplace.payments.bank_import import BANK_ROWS
from marketplace.payments.bank_models import Placing, Transfer
from marketplace.payments.statements import issue_now
from marketplace.payments.transfers import match_new
from marketplace.reporting.verify import verify
from tests.support.world import COUNTY

PRICE = 1230
HEADINGS = (
    "交易日期",
    "交易流水号",
    "对方户名",
    "对方账号",
    "收入金额",
    "支出金额",
    "摘要",
    "附言",
)


def yuan(fen):
    return f"{fen // 100}.{fen % 100:02d}"


class Banking:
    """`packs`: what the first unit's canteen orders, an order each. Prices are PRICE a pack."""

    def __init__(self, world, packs=(10, 4, 6), others=(), delivered=True, on_account=True):
        self.world = world
        self.round, self.listing = world.shop(packs=200)
        self.unit = world.unit("清源县第一小学", has_canteen=True)
        self.other = world.unit("清源县医院", kind="hospital", has_canteen=True)
        if on_account:
            with world.transaction() as session:
                session.get_one(Organisation, self.unit.id).on_account = True
        self.buyer = world.user("buyer", unit=self.unit)
        self.approver = world.user("approver", unit=self.unit)
        self.stranger = world.user("buyer", unit=self.other)
        self.numbers = [self.order(self.buyer, self.unit, n) for n in packs]
        self.others = [self.order(self.stranger, self.other, n) for n in others]
        self.finance_user = world.user("finance", region=COUNTY)
        self.finance = world.actor(self.finance_user)
        if delivered:
            self.deliver()

    def order(self, buyer, unit, packs, **changes):
        given = {"channel": "canteen", "organisation_id": unit.id, "fund_source": "canteen"}
        return self.world.order(buyer, self.round, {self.listing.id: packs}, **(given | changes))

    def deliver(self):
        for step in (close_round, allocate_round, issue_sheets, set_out, accept_rest):
            with self.world.transaction() as session:
                step(session, SYSTEM, get_round(session, self.round.id))

    def statement(self, unit=None):
        with self.world.transaction() as session:
            return issue_now(session, self.finance, (unit or self.unit).id).number

    def row(self, fen, remark="", payer="清源县第一小学", serial=None, day=None, out=False):
        self._serials = getattr(self, "_serials", 0) + 1
        serial = f"B{self._serials:06d}" if serial is None else serial
        sums = ["", yuan(fen)] if out else [yuan(fen), ""]
        day = (day or today()).isoformat()
        return [day, serial, payer, "6222000011112222", *sums, "转账", remark]

    def bring(self, *rows, match=True, headings=HEADINGS):
        """A file of these rows on its whole way; returns the batch."""
        content = write_xlsx(headings, [list(row) for row in rows], "银行流水")
        with self.world.app.app_context():
            table = read_table(content, BANK_ROWS.columns)
            batch_id = take_table(self.finance, "bank", "bank.xlsx", table).id
            if match:
                match_new()
        with self.world.transaction() as session:
            return session.get_one(ImportBatch, batch_id)

    def pay(self, fen, remark="", **changes):
        """One row; returns its id."""
        self.bring(self.row(fen, remark, **changes))
        return self.transfers()[-1].id

    def act(self, work, *arguments, **named):
        with self.world.transaction() as session:
            return work(session, self.finance, *arguments, **named)

    def transfers(self):
        return self.all(Transfer)

    def states(self):
        return [one.state for one in self.transfers()]

    def all(self, model):
        with self.world.transaction() as session:
            return session.scalars(select(model).order_by(model.id)).all()

    def placings(self):
        return [(one.kind, one.fen, one.undone_at is not None) for one in self.all(Placing)]

    def collected(self, number):
        with self.world.transaction() as session:
            found = session.scalars(select(Order).where(Order.number == number)).one()
            return found.collected_fen, found.collected_how

    def stand(self):
        """Account → what stands on it, on its own side; everything agrees."""
        with self.world.transaction() as session:
            assert verify(session) == []
            rows = books.trial_balance(session)
        kept = {
            "bank",
            "suspense",
            "buyer_receivable",
            "buyer_prepayment",
            "buyer_credit",
            "collected",
        }
        return {row.account.code: row.fen for row in rows if row.fen and row.account.code in kept}

    def sign_in(self, user=None):
        return self.world.sign_in(user or self.finance_user)


def days_ago(days) -> date:
    return today() - timedelta(days=days)
