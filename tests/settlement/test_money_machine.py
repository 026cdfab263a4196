"""Money on its way under random moves: after each, every invariant of the books holds."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from marketplace.core.clock import today
from marketplace.core.errors import MarketplaceError
from marketplace.orders.collecting import due_fen, record_collected, undo_collected
from marketplace.orders.order_models import Order
from marketplace.orders.returning import record_given_back, record_return
from marketplace.reporting.verify import verify
from marketplace.settlement import advances
from marketplace.settlement.bank_file import bank_file
from marketplace.settlement.deciding import approve_run, record_sent, reject_run
from marketplace.settlement.holding import hold_line, release_line, retry_line
from marketplace.settlement.notice_models import Objection
from marketplace.settlement.payee_models import Payee
from marketplace.settlement.payees import PayeeInput, consent, propose_payee
from marketplace.settlement.paying import record_bounced, record_paid
from marketplace.settlement.payout_models import Advance, PayoutLine, PayoutRun
from marketplace.settlement.proposing import propose_run
from marketplace.settlement.public_notices import answer, hear
from marketplace.settlement.recoveries import (
    decide_write_off,
    propose_write_off,
    record_consent,
)
from marketplace.settlement.recovery_models import Recovery, RecoveryWriteOff
from marketplace.settlement.splitting import Owner
from tests.settlement.payday import CARDS, Payday
from tests.support.app import dispose, make_app, settings_for
from tests.support.world import World

SMALL = st.integers(0, 50)


class Money(RuleBasedStateMachine):
    """Four orders over three households' lots, delivered; who has paid and has an account changes."""

    def __init__(self, app):
        super().__init__()
        self.app = app
        self.day = Payday(
            World(app), ordered=(5, 7, 3, 11), supplies=(12, 9, 20), paid=(0,), accounts=(0,)
        )

    def teardown(self):
        dispose(self.app)

    def act(self, use_case):
        with suppress(MarketplaceError), self.day.world.transaction() as session:
            use_case(session)

    def on(self, model, number, use_case, *where):
        """Act on one of the rows, if there is one."""

        def on_one(session):
            rows = session.scalars(select(model).where(*where).order_by(model.id)).all()
            if rows:
                use_case(session, rows[number % len(rows)])

        self.act(on_one)

    @rule(number=SMALL)
    def collect(self, number):
        def use_case(session, order):
            fen = due_fen(session, order) - order.collected_fen
            record_collected(session, self.day.operator, order, "pickup", fen)

        self.on(Order, number, use_case)

    @rule(number=SMALL)
    def take_money_back(self, number):
        def use_case(session, order):
            undo_collected(session, self.day.operator, order, "mistaken")

        self.on(Order, number, use_case, Order.collected_fen > 0)

    @rule(number=SMALL, card=st.integers(0, 2))
    def account(self, number, card):
        households = self.day.households
        owner = Owner(households[number % len(households)].id, 0)
        wanted = PayeeInput("陈大山", CARDS[card], "清源农商行", "self")
        self.act(lambda session: propose_payee(session, self.day.operator, owner, wanted))

    @rule(number=SMALL, second=st.booleans())
    def agree(self, number, second):
        actor = self.day.checker if second else self.day.reviewer
        self.on(
            Payee,
            number,
            lambda session, payee: consent(session, actor, payee),
            Payee.state.in_(("proposed", "checked")),
        )

    @rule(limit=st.integers(1, 20_000))
    def advance(self, limit):
        def use_case(session):
            day = today() + timedelta(days=30)
            made = advances.propose_advance(session, self.day.maker, "周转金", limit, day)
            advances.decide_advance(session, self.day.checker, made, approve=True)

        self.act(use_case)

    @rule(number=SMALL, fen=st.integers(1, 9000))
    def repay(self, number, fen):
        self.on(
            Advance,
            number,
            lambda session, one: advances.repay(session, self.day.maker, one, fen),
        )

    @rule(number=SMALL, advanced=st.booleans())
    def propose(self, number, advanced):
        def use_case(session):
            ids = session.scalars(select(Advance.id).order_by(Advance.id)).all()
            chosen = ids[number % len(ids)] if ids and advanced else None
            propose_run(session, self.day.maker, chosen)

        self.act(use_case)

    @rule(approve=st.integers(0, 3))
    def decide(self, approve):
        def use_case(session, run):
            if approve:
                approve_run(session, self.day.checker, run, run.fen)
            else:
                reject_run(session, self.day.checker, run, "再核")

        self.on(PayoutRun, 0, use_case, PayoutRun.state == "proposed")

    @rule(number=SMALL)
    def send(self, number):
        def use_case(session, run):
            bank_file(session, self.day.maker, run, [])
            record_sent(session, self.day.maker, run)

        self.on(PayoutRun, number, use_case, PayoutRun.state == "approved")

    @rule(number=SMALL)
    def bank_pays(self, number):
        self.on(
            PayoutLine,
            number,
            lambda session, line: record_paid(session, self.day.maker, line, today()),
            PayoutLine.state == "sent",
        )

    @rule(number=SMALL)
    def bank_sends_back(self, number):
        self.on(
            PayoutLine,
            number,
            lambda session, line: record_bounced(session, self.day.maker, line, "销户"),
            PayoutLine.state.in_(("sent", "paid")),
        )

    @rule(number=SMALL, act=st.sampled_from(("hold", "release", "retry")))
    def wait(self, number, act):
        def use_case(session, line):
            if act == "hold":
                hold_line(session, self.day.maker, line, "disputed", "")
            elif act == "release":
                release_line(session, self.day.maker, line, "查清了")
            else:
                retry_line(session, self.day.maker, line)

        self.on(PayoutLine, number, use_case)

    @rule(number=SMALL)
    def object_to(self, number):
        self.on(
            PayoutLine,
            number,
            lambda session, line: hear(session, self.day.maker, line, today(), "斤数不对"),
        )

    @rule(number=SMALL)
    def answer(self, number):
        def use_case(session, one):
            answer(session, self.day.maker, one.line, one.id, "复过秤了")

        self.on(Objection, number, use_case, Objection.answered_at.is_(None))

    @rule(
        number=SMALL,
        packs=st.integers(1, 4),
        fault=st.sampled_from(("farm", "goodwill", "unfetched")),
    )
    def come_back(self, number, packs, fault):
        def use_case(session, order):
            taken = {order.lines[0].id: packs}
            record_return(session, self.day.operator, order, taken, fault, "坏了")

        self.on(Order, number, use_case)

    @rule(number=SMALL)
    def hand_back(self, number):
        def use_case(session, order):
            due = due_fen(session, order)
            over = order.collected_fen - due
            record_given_back(session, self.day.operator, order, over, due)

        self.on(Order, number, use_case)

    @rule(number=SMALL)
    def sign(self, number):
        def use_case(session, asked):
            record_consent(session, self.day.maker, asked, "head", today(), "a" * 64)

        self.on(Recovery, number, use_case)

    @rule(number=SMALL)
    def give_up(self, number):
        def use_case(session, asked):
            propose_write_off(session, self.day.maker, asked, "户里困难")

        self.on(Recovery, number, use_case)

    @rule(number=SMALL, approve=st.booleans())
    def decide_on_giving_up(self, number, approve):
        def use_case(session, one):
            decide_write_off(session, self.day.checker, one, approve=approve, answer="再等等")

        self.on(RecoveryWriteOff, number, use_case, RecoveryWriteOff.state == "proposed")

    @invariant()
    def the_books_add_up(self):
        with self.day.world.transaction() as session:
            assert verify(session) == []


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_sequence_of_moves_loses_or_doubles_a_fen(new_database, tmp_path, kind):
    def machine():
        app = make_app(settings_for(new_database(kind), tmp_path))
        app.config["WTF_CSRF_ENABLED"] = False
        return Money(app)

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=6 if kind == "sqlite" else 3,
            stateful_step_count=40,
            suppress_health_check=list(HealthCheck),
            deadline=None,
        ),
    )
