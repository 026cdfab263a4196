"""The whole chain under random moves: after each of them every invariant of the books holds."""

from contextlib import nullcontext, suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from marketplace.alipay_simulator.books import Books
from marketplace.catalog.models import Lot
from marketplace.core.clock import now, today, use_clock
from marketplace.core.errors import MarketplaceError
from marketplace.fulfilment.acceptance import accept, parts_of, record_not_collected
from marketplace.fulfilment.answering import answer_less, answer_yes, get_sheet
from marketplace.fulfilment.cancelling import cancel_order_of
from marketplace.fulfilment.delivering import accept_rest, set_out, settle_finished_rounds
from marketplace.fulfilment.delivery_models import Delivery
from marketplace.fulfilment.held_orders import cut, move_orders, put_off
from marketplace.fulfilment.holding import lift, planned, put_on
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.fulfilment.models import PreparationSheet, SheetLine
from marketplace.fulfilment.pooling import Part, pool
from marketplace.fulfilment.processing import Plan, cancel, hold_order, plan, start
from marketplace.fulfilment.processing_finish import Finished, finish
from marketplace.fulfilment.processing_lines import LineInput, save_line
from marketplace.fulfilment.processing_models import ProcessingOrder
from marketplace.fulfilment.recalling import recall
from marketplace.fulfilment.receipts import hold_weigh_in
from marketplace.fulfilment.regrading import Regrade, regrade
from marketplace.fulfilment.said_received import NotTaken, Scaled, Signed
from marketplace.fulfilment.surplus import extra_base, keep_surplus, offer_surplus
from marketplace.fulfilment.weighing import Reading, weigh
from marketplace.fulfilment.weighing_models import WeighSurplus
from marketplace.identity.permissions import (
    ORDER_OWN,
    PROCESS_MANAGE,
    ROUND_MANAGE,
    SHEET_ANSWER,
    WEIGH_IN,
)
from marketplace.orders.claim_models import Claim
from marketplace.orders.claims import file_claim, grant_claim, refuse_claim
from marketplace.orders.collecting import due_fen, record_collected, undo_collected
from marketplace.orders.hold_models import Hold
from marketplace.orders.listings import commit_lot
from marketplace.orders.lowering import lower_lot
from marketplace.orders.moving import release_lot
from marketplace.orders.order_models import Order
from marketplace.orders.ordering import cancel_order, change_order, get_order
from marketplace.orders.returning import parts_left
from marketplace.orders.round_allocation import allocate_round, undo_allocation
from marketplace.orders.round_models import Commitment, Listing, PickupPoint
from marketplace.orders.rounds import close_round, get_round
from marketplace.payments.models import Payment, Refund
from marketplace.payments.refunding import NOT_BACK_YET
from marketplace.reporting.verify import verify
from marketplace.trace.sealing import seal
from tests.support.alipay import Till
from tests.support.app import dispose, make_app, settings_for
from tests.support.world import World

PACKS = (2500, 5000)
LOOSE = {"pack_kind": "by_weight", "band_low_base": 4500, "band_high_base": 5000}
SMALL = st.integers(0, 50)


def later(*given):
    put_off(*given, today() + timedelta(days=9))


class Chain(RuleBasedStateMachine):
    """One round with two pack sizes of one product, over lots of several households; the larger one is sold by
    weight."""

    def __init__(self, app, gateway):
        super().__init__()
        self.app = app
        gateway.books = Books()
        self.till = Till(app, gateway)
        self.world = World(app)
        self.product = self.world.product()
        self.operator = self.world.actor(self.world.operator())
        self.staff = [self.world.user("staff", unit=self.world.unit()) for _ in range(2)]
        self.buyers = [self.world.actor(user) for user in self.staff]
        self.reviewer = self.world.user("reviewer", region="990101000000")
        self.cadre = self.world.user("cadre")
        self.clerk = self.world.actor(self.cadre)
        self.households = [self.world.household(cadre=self.cadre) for _ in range(3)]
        self.round = self.world.round(closes_in=timedelta(days=2))
        lot = self.world.lot(self.product, 20 * 2500)
        self.listings = [
            self.world.listing(
                self.round,
                self.product,
                {lot: 10 * 2500},
                pack_base=base,
                **(LOOSE if loose else {}),
            )
            for loose, base in enumerate(PACKS)
        ]
        self.world.open_round(self.round)
        self.next = self.world.round()
        self.later = self.world.listing(
            self.next, self.product, [self.world.lot(self.product, 2500)]
        )
        self.world.open_round(self.next)
        self.cooperative = self.world.unit(kind="cooperative", region_code=lot.region_code)
        self.line = self.processing_line()

    def processing_line(self):
        made_into = self.world.product("马蹄干")
        given = LineInput(
            self.cooperative.id, "drying", self.product.id, made_into.id, 300, 200, 400, 10, 500, 30_000
        )  # fmt: skip
        with self.world.transaction() as session:
            scope = self.operator.scope_for(PROCESS_MANAGE)
            return save_line(session, self.operator, scope, given)

    def teardown(self):
        dispose(self.app)

    def act(self, use_case):
        """One use case in one transaction; what the product refuses changes nothing."""
        with suppress(MarketplaceError), self.world.transaction() as session:
            use_case(session)

    def pick(self, session, model, number, *where):
        rows = session.scalars(select(model).where(*where).order_by(model.id)).all()
        return rows[number % len(rows)] if rows else None

    @property
    def state(self):
        with self.world.transaction() as session:
            return get_round(session, self.round.id).state

    @initialize(
        far=st.sampled_from(("", "on its way", "there", "there")),
        fault=st.sampled_from(("farm", "transport", "goodwill", "", "nobody yet")),
    )
    def begin(self, far, fault):
        """Some ways begin with orders whose goods are on their way, or there and one of them bad; one was paid
        online."""
        if not far:
            return
        fixed, loose = (listing.id for listing in self.listings)
        numbers = [
            self.world.order(user, self.round, packs, pay_how=way)
            for user, packs, way in zip(
                self.staff,
                ({fixed: 4, loose: 1}, {fixed: 3, loose: 2}),
                ("alipay", "pickup"),
                strict=True,
            )
        ]
        self.till.pay(numbers[0])
        self.till.gateway.deliver_due()
        steps = (close_round, allocate_round, issue_sheets, self.weigh_all, set_out, accept_rest)
        for step in steps if far == "there" else steps[:-1]:
            with self.world.transaction() as session:
                step(session, self.operator, get_round(session, self.round.id))
        if far == "there":
            self.claim(0, 2, "rotten", "b" * 64, 1, fault)

    def weigh_all(self, session, operator, _):
        """Everybody brings what his sheet asks for, loose goods a little lighter than the heaviest."""
        scope = operator.scope_for(WEIGH_IN)
        for number in session.scalars(select(PreparationSheet.id)).all():
            sheet = get_sheet(session, scope, number, for_update=True)
            for line in sheet.lines:
                lighter = 111 * line.packs if line.listing.by_weight else 0
                weigh(session, operator, sheet, line.id, Reading(line.quantity_base - lighter))

    @rule(number=SMALL, grams=st.integers(1, 40_000))
    def report_and_verify(self, number, grams):
        household = self.households[number % len(self.households)]
        self.world.verify(
            self.reviewer, self.world.report(self.cadre, self.product, grams, household=household)
        )

    @rule(number=SMALL, which=SMALL, grams=st.integers(1, 40_000))
    def commit(self, number, which, grams):
        def use_case(session):
            lot = self.pick(session, Lot, number, Lot.state == "open")
            if lot is None:
                return
            listing = session.get_one(Listing, self.listings[which % 2].id)
            commit_lot(
                session, self.operator, listing, lot.id, min(grams, max(lot.free, 1)), "同意"
            )

        self.act(use_case)

    @rule(number=SMALL)
    def take_back(self, number):
        def use_case(session):
            held = self.pick(session, Commitment, number)
            release_lot(session, self.operator, held.listing, held.lot_id)

        self.act(use_case)

    @rule(number=SMALL, grams=st.integers(1, 60_000))
    def lower(self, number, grams):
        self.act(
            lambda session: lower_lot(
                session, self.operator, self.pick(session, Lot, number).id, grams, "eaten"
            )
        )

    @rule(who=SMALL, first=st.integers(0, 6), second=st.integers(0, 4), online=st.booleans())
    def order(self, who, first, second, online):
        packs = {
            listing.id: n for listing, n in zip(self.listings, (first, second), strict=True) if n
        }
        with suppress(MarketplaceError):
            way = "alipay" if online else "pickup"
            self.world.order(self.staff[who % 2], self.round, packs, pay_how=way)

    @rule(number=SMALL, told=st.booleans())
    def pay(self, number, told):
        """At Alipay, which says so at once or not at all."""
        with self.world.transaction() as session:
            order = self.pick(session, Order, number, Order.state == "awaiting_payment")
        if order is not None and self.state == "open":
            self.till.gateway.pay(
                self.till.come(order.number)
            )  # who paid already pays no second time
            if told:
                self.till.gateway.deliver_due()

    @rule(unclear=st.sampled_from(("", "late", "timeout", "status 500")))
    def a_minute_passes(self, unclear):
        """What is late is asked about, what is not paid expires, what is too much goes back."""
        if unclear:
            self.till.gateway.fail("alipay.trade.refund", unclear)
        self.till.jobs()
        self.till.gateway.faults.clear()

    @rule(who=SMALL, number=SMALL, packs=st.integers(0, 8))
    def change(self, who, number, packs):
        actor = self.buyers[who % 2]

        def use_case(session):
            order = self.pick(session, Order, number, Order.buyer_id == actor.user_id)
            if order is not None:
                found = get_order(session, actor.scope_for(ORDER_OWN), order.number)
                change_order(session, actor, found, {self.listings[0].id: packs}, found.version)

        self.act(use_case)

    @rule(who=SMALL, number=SMALL)
    def cancel(self, who, number):
        actor = self.buyers[who % 2]

        def use_case(session):
            order = self.pick(session, Order, number, Order.buyer_id == actor.user_id)
            if order is not None:
                cancel_order(
                    session, actor, get_order(session, actor.scope_for(ORDER_OWN), order.number)
                )

        self.act(use_case)

    @precondition(lambda self: self.state in {"closed", "allocated", "collecting", "delivering"})
    @rule(number=SMALL)
    def a_buyer_leaves(self, number):
        def use_case(session):
            order = self.pick(session, Order, number)
            if order is not None:
                cancel_order_of(session, self.operator, order, "单位停课")

        self.act(use_case)

    @precondition(lambda self: self.state == "open")
    @rule(sure=st.integers(0, 3))
    def close(self, sure):
        if sure == 0:
            self.act(
                lambda session: close_round(
                    session, self.operator, get_round(session, self.round.id)
                )
            )

    @precondition(lambda self: self.state == "closed")
    @rule()
    def allocate(self):
        self.act(
            lambda session: allocate_round(
                session, self.operator, get_round(session, self.round.id)
            )
        )

    @precondition(lambda self: self.state == "allocated")
    @rule()
    def undo(self):
        self.act(
            lambda session: undo_allocation(
                session, self.operator, get_round(session, self.round.id)
            )
        )

    @precondition(lambda self: self.state == "allocated")
    @rule()
    def issue(self):
        self.act(
            lambda session: issue_sheets(session, self.operator, get_round(session, self.round.id))
        )

    @precondition(lambda self: self.state == "collecting")
    @rule(number=SMALL, packs=st.integers(-1, 5))
    def answer(self, number, packs):
        scope = self.operator.scope_for(SHEET_ANSWER)

        def use_case(session):
            sheet = self.pick(session, PreparationSheet, number, PreparationSheet.current)
            if sheet is None:
                return
            found = get_sheet(session, scope, sheet.id, for_update=True)
            if packs < 0:
                answer_yes(session, self.operator, found)
            else:
                bring = {line.listing_id: min(packs, line.packs) for line in found.lines}
                answer_less(session, self.operator, found, bring, "died")

        self.act(use_case)

    @precondition(lambda self: self.state == "collecting")
    @rule(
        number=SMALL,
        hundredths=st.integers(0, 130),
        reason=st.sampled_from(("late", "gone", "grade")),
        why=st.sampled_from(("", "秤不准")),
        grade=st.sampled_from(("", "", "二级")),
    )
    def weigh_in(self, number, hundredths, reason, why, grade):
        """A line comes to so many hundredths of what the sheet asks for."""
        scope = self.operator.scope_for(WEIGH_IN)

        def use_case(session):
            line = self.pick(session, SheetLine, number)
            if line is not None:
                sheet = get_sheet(session, scope, line.sheet_id, for_update=True)
                gross = line.quantity_base * hundredths // 100
                reading = Reading(gross, short_reason=reason, grade=grade, sure=True)
                weigh(session, self.operator, sheet, line.id, reading, instead_why=why)

        self.act(use_case)

    @precondition(lambda self: self.state == "collecting")
    @rule(number=SMALL, grade=st.sampled_from(("", "二级")), grams=st.integers(1, 40_000))
    def regrade(self, number, grade, grams):
        """A line is short for its grade, and what is there of the other grade is sold as that."""
        scope = self.operator.scope_for(WEIGH_IN)

        def use_case(session):
            line = self.pick(session, SheetLine, number, SheetLine.sheet.has(current=True))
            if line is None:
                return
            sheet = get_sheet(session, scope, line.sheet_id, for_update=True)
            reading = Reading(line.quantity_base // 2, short_reason="grade", grade=grade, sure=True)
            done = weigh(session, self.operator, sheet, line.id, reading, instead_why="看过等级")
            row = hold_weigh_in(session, scope, done.row.number)
            given = Regrade("二级", min(grams, row.lot.free), 100, 500, "head_present")
            regrade(session, self.operator, row, given)

        self.act(use_case)

    @precondition(lambda self: self.state == "collecting")
    @rule(number=SMALL)
    def sell_more(self, number):
        """A household weighs in more than its sheet asks for, and sells that too."""
        scope = self.operator.scope_for(WEIGH_IN)

        def use_case(session):
            line = self.pick(session, SheetLine, number, SheetLine.sheet.has(current=True))
            if line is None:
                return
            sheet = get_sheet(session, scope, line.sheet_id, for_update=True)
            reading = Reading(line.quantity_base + number * 2500, sure=True)
            done = weigh(session, self.operator, sheet, line.id, reading, instead_why="又来了一筐")
            row = hold_weigh_in(session, scope, done.row.number)
            keep_surplus(session, self.operator, row, extra_base(row))

        self.act(use_case)

    @rule(number=SMALL)
    def offer_more(self, number):
        scope = self.operator.scope_for(SHEET_ANSWER)

        def use_case(session):
            row = self.pick(session, WeighSurplus, number)
            if row is not None:
                offer_surplus(session, self.operator, scope, row.id, self.later.id, "同意")

        self.act(use_case)

    @rule(numbers=st.tuples(SMALL, SMALL), grams=st.integers(1, 5_000))
    def pool(self, numbers, grams):
        scope = self.operator.scope_for(WEIGH_IN)

        def use_case(session):
            picked = [self.pick(session, Lot, n, Lot.free > 0) for n in numbers]
            parts = {
                lot.id: Part(min(grams, lot.free), "family_phone")
                for lot in picked
                if lot is not None
            }
            pool(session, self.operator, scope, self.cooperative.id, parts)

        self.act(use_case)

    @rule(
        numbers=st.lists(SMALL, min_size=1, max_size=3),
        grams=st.integers(1, 9_000),
        begun=st.booleans(),
    )
    def plan_processing(self, numbers, grams, begun):
        scope = self.operator.scope_for(PROCESS_MANAGE)

        def use_case(session):
            picked = [self.pick(session, Lot, n, Lot.free > 0) for n in numbers]
            parts = {lot.id: min(grams, lot.free) for lot in picked if lot is not None}
            given = Plan(self.line.id, today(), parts, self.cooperative.id)
            order = plan(session, self.operator, scope, given)
            if begun:
                start(session, self.operator, hold_order(session, scope, order.id))

        self.act(use_case)

    @rule(number=SMALL, hundredths=st.integers(0, 110), cancelled=st.booleans())
    def process(self, number, hundredths, cancelled):
        """A planned order starts; one at work comes to so many hundredths, or is cancelled with so much."""
        scope = self.operator.scope_for(PROCESS_MANAGE)

        def use_case(session):
            at_work = ProcessingOrder.state.in_(("planned", "started"))
            picked = self.pick(session, ProcessingOrder, number, at_work)
            if picked is None:
                return
            order = hold_order(session, scope, picked.id)
            base = order.input_base * hundredths // 100
            if cancelled:
                cancel(session, self.operator, order, "停电", base)
            elif order.state == "planned":
                start(session, self.operator, order)
            else:
                finish(session, self.operator, order, Finished(base, "一级", sure=True))

        self.act(use_case)

    @rule()
    def seal_what_is_there(self):
        self.act(seal)

    @rule(number=SMALL, how=st.sampled_from(("unit", "pickup")))
    def collect(self, number, how):
        def use_case(session):
            order = self.pick(session, Order, number)
            if order is not None:
                due = due_fen(session, order) - order.collected_fen
                record_collected(session, self.operator, order, how, due)

        self.act(use_case)

    @rule(number=SMALL)
    def take_money_back(self, number):
        def use_case(session):
            order = self.pick(session, Order, number, Order.collected_fen > 0)
            if order is not None:
                undo_collected(session, self.operator, order, "mistaken")

        self.act(use_case)

    @precondition(lambda self: self.state in {"collecting", "delivering"})
    @rule()
    def go_on(self):
        """The goods set out, and then they are there."""
        step = set_out if self.state == "collecting" else accept_rest
        self.act(lambda session: step(session, self.operator, get_round(session, self.round.id)))

    @precondition(lambda self: self.state == "delivering")
    @rule(
        number=SMALL,
        missing=st.lists(st.integers(0, 3), max_size=3),
        reason=st.sampled_from(("crushed", "rotten", "wrong")),
        fetched=st.booleans(),
        grams=st.integers(4400, 5000),
    )
    def receive(self, number, missing, reason, fetched, grams):
        """One order, all of it or less, or nobody comes for it; a loose pack weighs so many grams."""

        def use_case(session):
            delivery = self.pick(session, Delivery, number)
            if delivery is None:
                return
            if not fetched:
                record_not_collected(session, self.operator, delivery.order)
                return
            parts = parts_of(session, delivery.order)
            said = [
                NotTaken(part.place, packs, reason, photo="a" * 64)
                for part, packs in zip(parts, missing, strict=False)
                if packs
            ]
            out = {one.place: one.packs for one in said}
            weights = {
                part.place: Scaled((part.packs - out.get(part.place, 0)) * grams)
                for part in parts
                if part.line.heaviest_g
            }
            accept(session, self.operator, delivery.order, said, Signed(), weights)

        later = now() + timedelta(days=30)
        with nullcontext() if fetched else use_clock(lambda: later):
            self.act(use_case)

    @property
    def arrived(self):
        with self.world.transaction() as session:
            return session.scalar(select(Order.id).where(Order.state == "closed").limit(1))

    @precondition(lambda self: self.arrived)
    @rule(
        number=SMALL,
        packs=st.integers(1, 2),
        reason=st.sampled_from(("crushed", "rotten", "wrong")),
        photo=st.sampled_from(("b" * 64, "b" * 64, "")),
        in_time=st.integers(0, 4),
        fault=st.sampled_from(("farm", "transport", "goodwill", "", "nobody yet")),
    )
    def claim(self, number, packs, reason, photo, in_time, fault):
        """A buyer says what was wrong with what he has, with a photo or without, and now and then too late; the
        county decides at once, or some day."""

        def use_case(session):
            order = self.pick(session, Order, number, Order.state == "closed")
            if order is None:
                return
            part = next(iter(parts_left(session, order)), None)
            if part is not None:
                buyer = next(one for one in self.buyers if one.user_id == order.buyer_id)
                file_claim(session, buyer, order, part.place, packs, reason, "", photo)

        later = now() + timedelta(days=30)
        with nullcontext() if in_time else use_clock(lambda: later):
            self.act(use_case)
        if fault != "nobody yet":
            self.decide(number, packs, fault, "照片里看不出来")

    @precondition(lambda self: self.arrived)
    @rule(
        number=SMALL,
        packs=st.integers(1, 4),
        fault=st.sampled_from(("farm", "farm", "transport", "goodwill", "")),
        why=st.sampled_from(("", "照片里是好的")),
    )
    def decide_on_a_claim(self, number, packs, fault, why):
        self.decide(number, packs, fault, why)

    def decide(self, number, packs, fault, why):
        """Granted at the cost of somebody, else refused with words or, which cannot be, without. What was paid
        for it goes back to where it came from."""

        def use_case(session):
            found = self.pick(session, Claim, number, Claim.state == "open")
            if found is not None and fault:
                grant_claim(session, self.operator, found, packs, fault, why)
            elif found is not None:
                refuse_claim(session, self.operator, found, why)

        self.act(use_case)
        self.till.jobs()
        with self.world.transaction() as session:
            for order in session.scalars(select(Order).where(Order.state == "closed")):
                online = order.collected_how == "alipay"
                assert not online or self.refund_follows(session, order), order.number

    def refund_follows(self, session, order):
        """Of what was paid online nothing is kept beyond what is due, or it is known to be on its way."""
        over = order.collected_fen - due_fen(session, order)
        asked = (
            select(func.coalesce(func.sum(Refund.fen), 0))
            .join(Payment, Payment.id == Refund.payment_id)
            .where(Payment.order_id == order.id, Refund.state.in_(NOT_BACK_YET))
        )
        return over <= session.scalar(asked)

    @rule(number=SMALL, sure=st.integers(0, 2))
    def recall_a_lot(self, number, sure):
        def use_case(session):
            lot = self.pick(session, Lot, number)
            recall(session, self.operator, lot.id, "food_safety", "")

        if sure == 0:
            self.act(use_case)

    @rule(number=SMALL, kind=st.sampled_from(("lot", "region", "stop")))
    def hold(self, number, kind):
        def use_case(session):
            lot = self.pick(session, Lot, number)
            point = self.pick(session, PickupPoint, number)
            targets = {"lot": lot.code, "region": f"{lot.region_code[:9]}000", "stop": point.id}
            scope = self.operator.scope_for(ROUND_MANAGE)
            made = planned(session, scope, kind, str(targets[kind]))
            put_on(session, self.operator, made, ("road", "epidemic")[number % 2], "")

        self.act(use_case)

    @rule(number=SMALL, act=st.sampled_from((lift, cut, later)))
    def after_a_hold(self, number, act):
        def use_case(session):
            hold = self.pick(session, Hold, number, Hold.lifted_at.is_(None))
            if hold is not None:
                act(session, self.operator, hold)

        self.act(use_case)

    @rule(number=SMALL, to=SMALL)
    def send_elsewhere(self, number, to):
        def use_case(session):
            hold = self.pick(session, Hold, number, Hold.kind == "stop", Hold.lifted_at.is_(None))
            if hold is not None:
                target = self.pick(session, PickupPoint, to)
                move_orders(session, self.operator, hold, target.id)

        self.act(use_case)

    @precondition(lambda self: self.state == "delivering")
    @rule()
    def nothing_is_on_its_way(self):
        with self.app.app_context():
            settle_finished_rounds()

    @invariant()
    def the_books_add_up(self):
        with self.world.transaction() as session:
            assert verify(session) == []


@pytest.fixture
def new_app(new_database, tmp_path, alipay_settings):
    """Fresh applications, as many as the machine asks for."""

    def make(kind):
        url = new_database(kind)
        made = make_app(
            settings_for(url, tmp_path, alipay=alipay_settings, site="http://localhost")
        )
        made.config["WTF_CSRF_ENABLED"] = False
        return made

    return make


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_no_sequence_of_moves_unbalances_the_books(new_app, gateway, kind):
    run_state_machine_as_test(
        lambda: Chain(new_app(kind), gateway),
        settings=settings(
            max_examples=6 if kind == "sqlite" else 3,
            stateful_step_count=30,
            suppress_health_check=list(HealthCheck),
            deadline=None,
        ),
    )
