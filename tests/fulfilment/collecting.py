"""A round whose sheets are out, and its scales, made by the product's services."""

from sqlalchemy import select

from marketplace.catalog.models import Lot
from marketplace.fulfilment.answering import answer_less, answer_yes, get_sheet, record_told
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.fulfilment.models import PreparationSheet, SheetLine
from marketplace.fulfilment.receipts import hold_weigh_in
from marketplace.fulfilment.regrading import Regrade, regrade
from marketplace.fulfilment.surplus import keep_surplus
from marketplace.fulfilment.weighing import Reading, weigh
from marketplace.identity.actor import SYSTEM
from marketplace.identity.permissions import SHEET_ANSWER, WEIGH_IN
from marketplace.orders.round_allocation import allocate_round
from marketplace.orders.round_models import LotConfirmation
from marketplace.orders.rounds import close_round, get_round
from marketplace.reporting.verify import verify

PACK = 2500
TOWN = "990101101000"


class Collecting:
    """One listing; `supplies` packs of households of their own, `ordered` packs by staff.

    `ready`: numbers of the suppliers whose cadre confirmed that more could be brought.
    """

    STEPS = (close_round, allocate_round, issue_sheets)

    def __init__(
        self,
        world,
        ordered=(12, 8),
        supplies=(40, 10),
        ready=(),
        issue=True,
        villages=(),
        seller_id=None,
    ):
        self.world = world
        self.product = world.product(f"马蹄{next(world._numbers)}")
        self.cadres = [world.user("cadre") for _ in supplies]
        self.households = [
            world.household(
                villages[index] if villages else "990101101201", cadre=self.cadres[index]
            )
            for index in range(len(supplies))
        ]
        reviewer = world.user("reviewer", region="990101000000")
        self.lots = [
            world.verify(
                reviewer, world.report(cadre, self.product, packs * PACK, household=household)
            )
            for cadre, household, packs in zip(self.cadres, self.households, supplies, strict=True)
        ]
        self.round = world.round()
        self.listing = world.listing(
            self.round, self.product, self.lots, pack_base=PACK, seller_id=seller_id
        )
        world.open_round(self.round)
        self.buyers = [world.user("staff", unit=world.unit()) for _ in ordered]
        for buyer, packs in zip(self.buyers, ordered, strict=True):
            world.order(buyer, self.round, {self.listing.id: packs})
        for index in ready:
            with world.transaction() as session:
                session.add(
                    LotConfirmation(
                        round_id=self.round.id,
                        lot_id=self.lots[index].id,
                        by_id=self.cadres[index].id,
                        at=self.round.opens_at,
                    )
                )
        self.step(close_round)
        self.step(allocate_round)
        if issue:
            self.step(issue_sheets)

    def step(self, act, *arguments):
        with self.world.transaction() as session:
            return act(session, SYSTEM, get_round(session, self.round.id), *arguments)

    def read(self, statement):
        with self.world.transaction() as session:
            return session.scalars(statement).all()

    def sheets(self, *, all_versions=False):
        statement = (
            select(PreparationSheet)
            .where(PreparationSheet.round_id == self.round.id)
            .order_by(PreparationSheet.household_id, PreparationSheet.version)
        )
        return self.read(statement if all_versions else statement.where(PreparationSheet.current))

    def sheet(self, index):
        """The current sheet of supplier number `index`."""
        household = self.households[index].id
        return next(sheet for sheet in self.sheets() if sheet.household_id == household)

    def yes(self, index, by=None):
        actor = self.world.actor(by or self.cadres[index])
        sheet_id = self.sheet(index).id
        with self.world.transaction() as session:
            scope = actor.scope_for(SHEET_ANSWER)
            answer_yes(session, actor, get_sheet(session, scope, sheet_id, for_update=True))

    def less(self, index, packs, by=None, reason="died"):
        actor = self.world.actor(by or self.cadres[index])
        sheet_id = self.sheet(index).id
        with self.world.transaction() as session:
            scope = actor.scope_for(SHEET_ANSWER)
            sheet = get_sheet(session, scope, sheet_id, for_update=True)
            return answer_less(session, actor, sheet, {self.listing.id: packs}, reason)

    def told(self, index, how="visit", by=None):
        actor = self.world.actor(by or self.cadres[index])
        ids = [self.sheet(index).id]
        with self.world.transaction() as session:
            return record_told(session, actor, actor.scope_for(SHEET_ANSWER), ids, how, "")

    def balanced(self):
        with self.world.transaction() as session:
            return verify(session) == []


class Weighing(Collecting):
    """The two suppliers of Collecting give ten packs each; `clerk` weighs."""

    def __init__(self, world, **changes):
        super().__init__(world, **changes)
        self.clerk = world.user("clerk", region=TOWN)

    def weigh(self, index, gross, *, by=None, why="", line=0, **reading):
        actor = self.world.actor(by or self.clerk)
        sheet_id = self.sheet(index).id
        with self.world.transaction() as session:
            sheet = get_sheet(session, actor.scope_for(WEIGH_IN), sheet_id, for_update=True)
            given = Reading(gross, **reading)
            return weigh(session, actor, sheet, sheet.lines[line].id, given, instead_why=why)

    def packs(self, index):
        return sum(line.packs for line in self.lines(index))

    def lines(self, index):
        sheet = self.sheet(index)
        return self.read(select(SheetLine).where(SheetLine.sheet_id == sheet.id))

    def lot(self, index):
        with self.world.transaction() as session:
            return session.get_one(Lot, self.lots[index].id)

    def regrade(self, number, packs=0, *, by=None, grade="二级", **changes):
        actor = self.world.actor(by or self.clerk)
        given = {
            "grade": grade, "base": packs * PACK, "fen": 100, "per_base": 500,
            "consent": "head_present",
        } | changes  # fmt: skip
        with self.world.transaction() as session:
            row = hold_weigh_in(session, actor.scope_for(WEIGH_IN), number)
            return regrade(session, actor, row, Regrade(**given))

    def keep_surplus(self, number, by=None):
        actor = self.world.actor(by or self.clerk)
        with self.world.transaction() as session:
            row = hold_weigh_in(session, actor.scope_for(WEIGH_IN), number)
            return keep_surplus(session, actor, row)
