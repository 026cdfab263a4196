"""Live hens of several households, a slaughterhouse that makes them into dressed ones, an operator."""

from datetime import timedelta

from sqlalchemy import select

from marketplace.catalog.lot_papers import Brought
from marketplace.core.clock import today
from marketplace.fulfilment.processing import Plan, cancel, hold_order, plan, start
from marketplace.fulfilment.processing_finish import Finished, finish
from marketplace.fulfilment.processing_lines import LineInput, get_line, save_line
from marketplace.identity.permissions import PROCESS_MANAGE
from marketplace.reporting.verify import verify

VILLAGE = "990101101201"
DAILY = 60


def slip(number="动检 0001", photo="a" * 64, **changes):
    given = {"issued_on": today(), "issuer": "县畜牧站", "sha256": photo} | changes
    return Brought("inspection", number, **given)


class Slaughterhouse:
    """30, 20 and 10 hens at 90 yuan; 60 a day, 2 yuan each; 97 to 100 of 100 come out."""

    def __init__(self, world, hens=(30, 20, 10)):
        self.world = world
        self.hen = world.product("雪毛鸡（活）", "piece", reference_fen=9000)
        self.dressed = world.product("白条鸡", "piece", reference_fen=9500, shelf_days=5)
        self.lots = [world.lot(self.hen, n, village=VILLAGE) for n in hens]
        self.unit = world.unit("青石屠宰场", "enterprise")
        self.seller = world.unit("三岔村集体", "cooperative", region_code=VILLAGE)
        self.user = world.operator()
        self.operator = world.actor(self.user)
        self.scope = self.operator.scope_for(PROCESS_MANAGE)
        self.line = self.save(self.given())

    def given(self, **changes):
        base = {
            "organisation_id": self.unit.id, "kind": "slaughter", "input_product_id": self.hen.id,
            "output_product_id": self.dressed.id, "yield_permille": 990, "low_permille": 970,
            "high_permille": 1000, "fee_fen": 200, "fee_per_base": 1, "daily_base": DAILY,
        }  # fmt: skip
        return LineInput(**(base | changes))

    def save(self, given, line=None):
        with self.world.transaction() as session:
            found = get_line(session, self.scope, line.id) if line else None
            return save_line(session, self.operator, self.scope, given, found)

    def wanted(self, parts, *, day=None, seller=None, line=None):
        chosen = self.seller.id if len(parts) > 1 and seller is None else seller or 0
        lots = {self.lots[i].id: base for i, base in parts.items()}
        return Plan((line or self.line).id, day or today(), lots, chosen)

    def plan(self, parts, **how):
        with self.world.transaction() as session:
            return plan(session, self.operator, self.scope, self.wanted(parts, **how))

    def start(self, order):
        with self.world.transaction() as session:
            start(session, self.operator, hold_order(session, self.scope, order.id))

    def finish(self, order, base, *, paper=None, **more):
        given = Finished(base, "统货", paper or slip(), **more)
        with self.world.transaction() as session:
            return finish(session, self.operator, hold_order(session, self.scope, order.id), given)

    def cancel(self, order, reason="屠宰场停电", left=0):
        with self.world.transaction() as session:
            held = hold_order(session, self.scope, order.id)
            cancel(session, self.operator, held, reason, left)

    def done(self, parts, base):
        order = self.plan(parts)
        self.start(order)
        return self.finish(order, base)

    def read(self, statement):
        with self.world.transaction() as session:
            return session.scalars(statement).all()

    def again(self, thing):
        return self.read(select(type(thing)).where(type(thing).id == thing.id))[0]

    def faults(self):
        with self.world.transaction() as session:
            return verify(session)


TOMORROW = timedelta(days=1)
