"""What stands before any journey begins: people, three households of one village, places, a product."""

from dataclasses import dataclass

from marketplace.catalog.models import Product, SupplyReport
from marketplace.catalog.reports import return_report
from marketplace.fulfilment.delivering import set_out
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.households.models import Household
from marketplace.identity.models import User
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.round_models import CollectionPoint, Listing, Round
from marketplace.orders.rounds import close_round, get_round
from tests.support.world import World

TOWN = "990101101000"


@dataclass
class MarketDay:
    """Nothing is reported, offered or ordered yet."""

    world: World
    cadre: User
    reviewer: User
    operator: User
    staff: User
    households: list[Household]
    product: Product

    def report(self, base: int = 1_000_000) -> int:
        """A report of the first household that waits for the township; its id."""
        made = self.world.report(
            self.cadre, self.product, base, household=self.households[0], typed_quantity="2千斤"
        )
        return made.id

    def shop(self, packs: int = 400) -> tuple[Round, Listing]:
        """An open round that offers everything the first household has."""
        made = self.world.report(
            self.cadre, self.product, packs * 2500, household=self.households[0]
        )
        lot = self.world.verify(self.reviewer, made)
        in_round = self.world.round()
        listing = self.world.listing(in_round, self.product, [lot])
        self.world.open_round(in_round)
        return in_round, listing

    def sold(self, packs: int = 2) -> tuple[Round, str]:
        """A round that was closed and allocated with one order of the member of staff; its number."""
        in_round, listing = self.shop()
        number = self.world.order(self.staff, in_round, {listing.id: packs})
        actor = self.world.actor(self.operator)
        with self.world.transaction() as session:
            close_round(session, actor, get_round(session, in_round.id))
        with self.world.transaction() as session:
            allocate_round(session, actor, get_round(session, in_round.id))
        return in_round, number

    def set_out(self, in_round: Round) -> None:
        """The round's goods are on their way."""
        actor = self.world.actor(self.operator)
        for step in (issue_sheets, set_out):
            with self.world.transaction() as session:
                step(session, actor, get_round(session, in_round.id))

    def send_back(self, report_id: int) -> None:
        actor = self.world.actor(self.reviewer)
        with self.world.transaction() as session:
            report = session.get_one(SupplyReport, report_id)
            return_report(session, actor, report, "数量请核对")


def market_day(world: World) -> MarketDay:
    """Three households, because a public page names no village with fewer."""
    cadre = world.user("cadre")
    households = [
        world.household(name=name, cadre=cadre) for name in ("陈大山", "李桂香", "王福来")
    ]
    world.pickup_point("县机关大院")
    with world.transaction() as session:
        session.add(CollectionPoint(name="青石镇集货点", address="镇政府旁", region_code=TOWN))
    return MarketDay(
        world,
        cadre,
        world.user("reviewer", region=TOWN),
        world.operator(),
        world.user("staff", unit=world.unit("清源县第一中学"), name="周小满"),
        households,
        world.product("马蹄", drawing="ma_ti"),
    )
