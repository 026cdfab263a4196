"""A round whose goods have set out: a canteen's order of 12 packs and a colleague's of 8, from two lots."""

from sqlalchemy import func, select

from marketplace.fulfilment.acceptance import accept, parts_of
from marketplace.fulfilment.answering import get_sheet
from marketplace.fulfilment.delivering import set_out
from marketplace.fulfilment.delivery_models import Delivery, Manifest, Trip
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.fulfilment.models import PreparationSheet
from marketplace.fulfilment.said_received import Signed
from marketplace.fulfilment.trips import HandedOver, Vehicle, make_trip, record_handed_over
from marketplace.fulfilment.weighing import weigh
from marketplace.identity.actor import SYSTEM
from marketplace.identity.models import Organisation
from marketplace.identity.permissions import WEIGH_IN
from marketplace.ledger.models import LedgerEntry
from marketplace.orders.collecting import due_fen
from marketplace.orders.order_models import Order
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.rounds import close_round, get_round
from marketplace.reporting.verify import verify
from tests.support.world import COUNTY

PACK = 2500
FARMGATE, SERVICE, FREIGHT = 750, 280, 200
PRICE = FARMGATE + SERVICE + FREIGHT
PHOTO = "a" * 64
CANTEEN, COLLEAGUE = 0, 1


GREENS = {"name": "马蹄", "drawing": "ma_ti"}
HENS = {"name": "雪毛鸡", "base_unit": "piece", "reference_fen": 3000, "category": "禽类"}
BY_WEIGHT = {
    "pack_kind": "by_weight", "band_low_base": 1300, "band_high_base": 1950, "pack_name": "整只",
    "farmgate_fen": 3900, "service_fen": 390, "freight_fen": 195,
}  # fmt: skip
"""2.6 to 3.9 斤, each 斤 at 11.50 yuan: 10 for the farm, 1 for service, 0.50 for freight."""


class Arriving:
    """`goods` and `listing`: columns of another product and its listing, of which `pack` base units are one."""

    def __init__(
        self, world, *, two_inspectors=False, gone=True, goods=GREENS, pack=PACK, listing=None
    ):
        self.world = world
        self.product = world.product(**goods)
        self.cadre = world.user("cadre")
        self.households = [world.household(cadre=self.cadre) for _ in range(2)]
        reviewer = world.user("reviewer", region=COUNTY)
        self.lots = [
            world.verify(
                reviewer, world.report(self.cadre, self.product, 10 * pack, household=household)
            )
            for household in self.households
        ]
        self.round = world.round()
        self.listing = world.listing(
            self.round, self.product, self.lots, pack_base=pack, **(listing or {})
        )
        world.open_round(self.round)
        self.unit = world.unit("清源县第一小学", has_canteen=True)
        if two_inspectors:
            with world.transaction() as session:
                session.get_one(Organisation, self.unit.id).two_inspectors = True
        self.buyer = world.user("buyer", unit=self.unit)
        self.staff = world.user("staff", unit=self.unit)
        canteen = {"channel": "canteen", "organisation_id": self.unit.id, "fund_source": "canteen"}
        self.numbers = [
            world.order(self.buyer, self.round, {self.listing.id: 12}, **canteen),
            world.order(self.staff, self.round, {self.listing.id: 8}),
        ]
        self.clerk = world.user("clerk", region=COUNTY)
        self.operator = world.operator()
        self.actor = world.actor(self.clerk)
        for step in (close_round, allocate_round, issue_sheets, *([set_out] if gone else [])):
            self.step(step)

    def step(self, act):
        with self.world.transaction() as session:
            return act(session, SYSTEM, get_round(session, self.round.id))

    @property
    def state(self):
        with self.world.transaction() as session:
            return get_round(session, self.round.id).state

    def order(self, session, which=CANTEEN):
        return session.scalars(select(Order).where(Order.number == self.numbers[which])).one()

    def places(self, which=CANTEEN):
        """Place → packs of the order's parts."""
        with self.world.transaction() as session:
            return {
                part.place: part.packs for part in parts_of(session, self.order(session, which))
            }

    def weigh(self, *readings):
        """Each of the two sheets, in the order of the households."""
        for household, reading in zip(self.households, readings, strict=True):
            with self.world.transaction() as session:
                mine = PreparationSheet.household_id == household.id, PreparationSheet.current
                number = session.scalars(select(PreparationSheet.id).where(*mine)).one()
                sheet = get_sheet(session, self.actor.scope_for(WEIGH_IN), number, for_update=True)
                weigh(session, self.actor, sheet, sheet.lines[0].id, reading)

    def hand_over(self):
        """A vehicle has brought everything, and the driver has said so."""
        self.plan_trip(arrived=True)

    def plan_trip(self, *, arrived=False):
        with self.world.transaction() as session:
            stops = list(session.scalars(select(Manifest.id)))
            found = get_round(session, self.round.id)
            trip = session.scalar(select(Trip)) or make_trip(
                session, self.actor, found, stops, Vehicle("县运输队", "王师傅")
            )
            for stop in stops if arrived else ():
                record_handed_over(session, trip, stop, HandedOver("老周"))

    def pickup_code(self, which=COLLEAGUE):
        with self.world.transaction() as session:
            order = self.order(session, which)
            mine = select(Delivery.pickup_code).where(Delivery.order_id == order.id)
            return session.scalars(mine).one()

    def accept(self, *not_taken, which=CANTEEN, actor=None, signed=None, weights=()):
        with self.world.transaction() as session:
            order = self.order(session, which)
            who, signed = actor or self.actor, signed or Signed("王立")
            return accept(session, who, order, not_taken, signed, dict(weights)).state

    def stand(self, account):
        """What an account comes to, debits above zero."""
        with self.world.transaction() as session:
            total = select(func.sum(LedgerEntry.fen)).where(LedgerEntry.account == account)
            return int(session.scalar(total) or 0)

    def due(self, which=CANTEEN):
        with self.world.transaction() as session:
            return due_fen(session, self.order(session, which))

    def faults(self):
        with self.world.transaction() as session:
            return verify(session)
