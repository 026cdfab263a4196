"""A cooperative's lot: members are paid themselves, or sign for what it collected for them."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.core.clock import now, today, use_clock
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.identity.actor import SYSTEM
from marketplace.identity.permissions import RECEIPT_FILE
from marketplace.ledger import books
from marketplace.ledger.posting import credit, debit, post
from marketplace.orders.listings import commit_lot, get_listing
from marketplace.settlement import receipts
from marketplace.settlement.payout_models import PayoutPart
from marketplace.settlement.splitting import Owner
from tests.fulfilment.collecting import Collecting
from tests.settlement.payday import CARDS, FARMGATE, Payday

PACK = 2500


class Pooled(Collecting):
    """A cooperative's lot of 100 packs: 40 and 30 of two members, 30 of others; 10 packs are sold."""

    def __init__(self, world):
        self.world = world
        self.unit = world.unit("青石合作社", kind="cooperative", region_code="990101101000")
        self.manager = world.user("cooperative", unit=self.unit)
        self.households = [world.household() for _ in range(2)]
        for household in self.households:
            world.member(self.unit, household)
        first, second = self.households
        shares = ((first.id, 40 * PACK), (second.id, 30 * PACK), (None, 30 * PACK))
        self.product = world.product()
        reviewer = world.user("reviewer", region="990101000000")
        self.lot = world.verify(reviewer, self._report(shares))
        self.round = world.round()
        self.listing = world.listing(self.round, self.product, {self.lot: 90 * PACK})
        world.open_round(self.round)
        world.order(world.user("staff", unit=world.unit()), self.round, {self.listing.id: 10})
        for step in self.STEPS:
            self.step(step)

    def _report(self, shares):
        return self.world.report(
            self.manager, self.product, 100 * PACK, organisation_id=self.unit.id, shares=shares
        )


@pytest.fixture
def payday(world):
    return Payday(world, supply=Pooled, paid=(0,), accounts=())


def _collects(payday):
    """The cooperative has the county's consent to collect; its run is paid."""
    unit = Owner(0, payday.collecting.unit.id)
    payday.account(unit, CARDS[0], relation="unit", for_members=True)
    number = payday.sent()
    (line,) = payday.lines(number)
    payday.paid(line)
    return line


def _file(payday, parts, day=None, receipt="档案柜 3"):
    actor = payday.world.actor(payday.collecting.manager)
    with payday.world.transaction() as session:
        scope = actor.scope_for(RECEIPT_FILE)
        return receipts.file_receipts(
            session, actor, scope, [str(part) for part in parts], day or today(), receipt
        )


def _waiting(payday):
    actor = payday.world.actor(payday.collecting.manager)
    with payday.world.transaction() as session:
        return [part.id for part, _ in receipts.waiting(session, actor.scope_for(RECEIPT_FILE))]


def test_members_are_paid_directly_by_their_shares(payday):
    first, second = payday.households
    for at, owner in enumerate((Owner(first.id, 0), Owner(second.id, 0))):
        payday.account(owner, CARDS[at])
    payday.account(Owner(0, payday.collecting.unit.id), CARDS[2], relation="unit")
    fens = {line.household_id or 0: line.fen for line in payday.lines(payday.sent())}
    assert fens == {first.id: 4 * FARMGATE, second.id: 3 * FARMGATE, 0: 3 * FARMGATE}
    assert "lot_payable" not in payday.stand()


def test_what_a_cooperative_collects_stays_owed_until_each_member_has_signed(payday):
    line = _collects(payday)
    assert line.fen == 10 * FARMGATE
    stand = payday.stand()
    assert stand["lot_payable"] == stand["cooperative_held"] == 7 * FARMGATE
    assert stand["bank"] == -10 * FARMGATE
    parts = _waiting(payday)
    assert len(parts) == 2
    assert _file(payday, parts[:1]) == 1
    assert _file(payday, parts) == 1, "signed once is signed"
    stand = payday.stand()
    assert "lot_payable" not in stand
    assert "cooperative_held" not in stand
    with pytest.raises(Conflict):
        payday.bounced(line)


def test_money_that_comes_back_from_a_cooperative_is_owed_as_before(payday):
    line = _collects(payday)
    payday.bounced(line)
    stand = payday.stand()
    assert "cooperative_held" not in stand
    assert (stand["lot_payable"], stand["payout"]) == (7 * FARMGATE, 3 * FARMGATE)


def test_receipts_want_a_place_a_day_and_a_member(payday):
    _collects(payday)
    parts = _waiting(payday)
    for day, receipt, chosen in (
        (today(), " ", parts),
        (today(), "柜", []),
        (today() + timedelta(days=1), "柜", parts),
        (today() - timedelta(days=9), "柜", parts),
    ):
        with pytest.raises(InvalidInput):
            _file(payday, chosen, day, receipt)
    assert _waiting(payday) == parts


def test_a_cooperative_that_is_late_lists_nothing_new(payday):
    _collects(payday)
    pooled = payday.collecting
    listing = payday.world.listing(payday.world.round(), pooled.product, {})
    later = now() + timedelta(days=16)

    def commits():
        with payday.world.transaction() as session:
            found = get_listing(session, listing.id)
            commit_lot(session, SYSTEM, found, pooled.lot.id, 2 * PACK, "同意")

    with use_clock(lambda: later), pytest.raises(Conflict, match="签收"):
        commits()
    _file(payday, _waiting(payday))
    with use_clock(lambda: later):
        commits()


def test_the_manager_files_receipts_on_the_phone_and_nobody_elses(payday):
    _collects(payday)
    manager = payday.world.sign_in(payday.collecting.manager)
    assert "代收的货款等农户签收" in manager.get("/field/").text
    page = manager.get("/field/receipts").text
    assert "陈大山" not in page
    parts = _waiting(payday)
    refused = manager.post("/field/receipts", data={"part": parts, "receipt": "", "day": "哪天"})
    assert refused.status_code == 422
    assert "checked" in refused.text
    stranger = payday.world.user("cooperative", unit=payday.world.unit(kind="cooperative"))
    theirs = payday.world.sign_in(stranger)
    assert theirs.post("/field/receipts", data={"part": parts, "receipt": "柜"}).status_code == 303
    assert _waiting(payday) == parts
    done = manager.post("/field/receipts", data={"part": parts, "receipt": "档案柜", "day": ""})
    assert done.status_code == 303
    assert "档案柜" in manager.get("/field/receipts").text
    with payday.world.transaction() as session:
        assert books.balance(session, "cooperative_held") == 0


def test_a_cadre_shows_a_household_its_money(world):
    payday = Payday(world)
    number = payday.sent()
    payday.paid(payday.line(number))
    cadre = world.sign_in(payday.collecting.cadres[0])
    page = cadre.get(f"/field/households/{payday.households[0].id}").text
    assert "已到账" in page
    assert f'尾号 <span class="num">{CARDS[0][-4:]}' in page
    assert CARDS[0] not in page


def test_a_cooperative_sees_what_it_collected_and_not_what_is_its_members_own(world):
    payday = Payday(world)
    number = payday.sent()
    payday.paid(payday.line(number))
    unit = world.unit(kind="cooperative")
    world.member(unit, payday.households[0])
    manager = world.sign_in(world.user("cooperative", unit=unit))
    page = manager.get(f"/field/households/{payday.households[0].id}")
    assert page.status_code == 200
    assert "已到账" not in page.text
    assert CARDS[0][-4:] not in page.text


def test_receipts_and_bank_rows_do_not_know_each_others_numbers(payday):
    line = _collects(payday)
    with payday.world.transaction() as session:
        for part in _waiting_rows(session):
            lines = [debit("bank", 1), credit("suspense", 1)]
            key, subject = f"received:{part.id}", f"transfer:{part.id}"
            post(session, SYSTEM, "received", key, subject, lines)
    assert _file(payday, _waiting(payday)) == 2
    assert line.state == "sent"


def _waiting_rows(session):
    return session.scalars(select(PayoutPart).where(PayoutPart.household_id.is_not(None))).all()
