"""What an organisation sells in its own name: its account receives, and each household signs to it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from marketplace.core.clock import now, today, use_clock
from marketplace.core.errors import Conflict
from marketplace.identity.actor import SYSTEM
from marketplace.identity.permissions import RECEIPT_FILE
from marketplace.orders.listing_changes import change_listing
from marketplace.orders.listings import ListingInput, commit_lot, get_listing
from marketplace.orders.order_models import Order
from marketplace.orders.sellers import sales_of
from marketplace.settlement import receipts
from marketplace.settlement.splitting import Owner
from marketplace.settlement.statements import money_of
from tests.fulfilment.collecting import PACK
from tests.settlement.payday import CARDS, FARMGATE, Payday

NAME = "清源县供销集团"


@pytest.fixture
def company(world):
    return world.unit(NAME, kind="county_company")


def _payday(world, company, *, collects):
    payday = Payday(world, seller_id=company.id)
    if collects:
        unit = Owner(0, company.id)
        payday.account(unit, CARDS[2], holder=NAME, relation="unit", for_members=True)
    return payday


def _collected(world, company):
    """The company has the money of twenty packs; its line."""
    payday = _payday(world, company, collects=True)
    (line,) = payday.lines(payday.sent())
    payday.paid(line)
    return payday, line


def _file(payday, manager):
    actor = payday.world.actor(manager)
    with payday.world.transaction() as session:
        scope = actor.scope_for(RECEIPT_FILE)
        parts = [str(part.id) for part, _ in receipts.waiting(session, scope)]
        return receipts.file_receipts(session, actor, scope, parts, today(), "档案柜 3")


def test_its_account_receives_and_the_lots_owe_until_each_household_has_signed(world, company):
    payday, line = _collected(world, company)
    assert (line.organisation_id, line.fen) == (company.id, 20 * FARMGATE)
    stand = payday.stand()
    assert stand["lot_payable"] == stand["cooperative_held"] == 20 * FARMGATE
    assert _file(payday, world.user("cooperative", unit=company)) == 2
    stand = payday.stand()
    assert "lot_payable" not in stand
    assert "cooperative_held" not in stand


def test_a_household_sees_its_money_with_the_company_and_counts_it_once(world, company):
    payday, line = _collected(world, company)
    with world.transaction() as session:
        money = [money_of(session, household.id) for household in payday.households]
    assert sum(part.fen for one in money for part in one.collected) == line.fen
    assert [one.owed_fen for one in money] == [0, 0]


def test_without_an_account_that_collects_the_households_are_paid_themselves(world, company):
    payday = _payday(world, company, collects=False)
    payday.account(Owner(0, company.id), CARDS[2], holder=NAME, relation="unit")
    lines = payday.lines(payday.sent())
    assert {line.household_id for line in lines} == {one.id for one in payday.households}


def test_a_company_that_keeps_households_waiting_sells_nothing_new(world, company):
    payday, _ = _collected(world, company)
    in_round, product = world.round(), payday.collecting.product
    theirs = world.listing(in_round, product, {}, seller_id=company.id)
    farms = world.listing(in_round, product, {})
    lot = payday.collecting.lots[0]

    def commits(listing):
        with world.transaction() as session:
            commit_lot(session, SYSTEM, get_listing(session, listing.id), lot.id, PACK, "同意")

    later = now() + timedelta(days=16)
    with use_clock(lambda: later):
        with pytest.raises(Conflict, match=f"{NAME}还有 2 笔"):
            commits(theirs)
        commits(farms)  # others may sell what the household has


def test_what_two_sellers_sold_of_a_lot_is_paid_in_two_runs(world, company):
    payday = _payday(world, company, collects=True)
    collecting = payday.collecting
    collecting.round = world.round()
    again = world.listing(
        collecting.round, collecting.product, {collecting.lots[0]: 5 * PACK}, pack_base=PACK
    )
    world.open_round(collecting.round)
    world.order(collecting.buyers[0], collecting.round, {again.id: 3})
    for step in (*collecting.STEPS, *Payday.DELIVERY):
        collecting.step(step)
    payday.collect(2)
    first, second = payday.sent(), payday.sent()
    assert [line.organisation_id for line in payday.lines(first)] == [company.id]
    (line,) = payday.lines(second)
    assert (line.household_id, line.fen) == (payday.households[0].id, 3 * FARMGATE)
    payday.stand()


def test_in_one_round_a_lot_has_one_seller(world, company):
    product = world.product()
    lot = world.lot(product, 40 * PACK)
    in_round = world.round()
    farms = world.listing(in_round, product, {lot: 10 * PACK})
    theirs = world.listing(in_round, product, {}, seller_id=company.id)
    with pytest.raises(Conflict, match="一批货一期只能有一个卖方"), world.transaction() as session:
        commit_lot(session, SYSTEM, get_listing(session, theirs.id), lot.id, PACK)
    other = world.listing(in_round, product, {lot: 10 * PACK})
    with pytest.raises(Conflict, match="一批货一期只能有一个卖方"):
        _sold_by(world, other, company.id)
    assert _seller(world, farms) is None


def test_who_ordered_keeps_the_seller_that_was_named(world, company):
    product = world.product()
    in_round = world.round()
    listing = world.listing(in_round, product, [world.lot(product, 40 * PACK)])
    _sold_by(world, listing, company.id)
    assert _seller(world, listing) == company.id
    world.open_round(in_round)
    world.order(world.user("staff", unit=world.unit()), in_round, {listing.id: 1})
    with pytest.raises(Conflict, match="不能换卖方"):
        _sold_by(world, listing, None)
    assert _seller(world, listing) == company.id


def _sold_by(world, listing, seller_id):
    with world.transaction() as session:
        found = get_listing(session, listing.id)
        names = ListingInput.__dataclass_fields__
        given = ListingInput(**{name: getattr(found, name) for name in names})
        change_listing(session, SYSTEM, found, replace(given, seller_id=seller_id))


def _seller(world, listing):
    with world.transaction() as session:
        return get_listing(session, listing.id).seller_id


@pytest.mark.parametrize(
    ("collects", "words"),
    [
        (True, f"付到{NAME}的账户（清源农商行，尾号 {CARDS[2][-4:]}），由它发给农户签收"),
        (False, f"按{NAME}的委托直接付给农户"),
    ],
)
def test_the_listing_and_the_paper_name_the_receiving_account(world, company, collects, words):
    payday = _payday(world, company, collects=collects)
    with world.transaction() as session:
        order = session.get_one(Order, 1)
        (sale,) = sales_of(session, order.lines, "县平台")
        assert sale.receives == f"县平台代收，{words}"
    page = world.sign_in(payday.people["operator"]).get(f"/listings/{payday.collecting.listing.id}")
    assert words in page.text


def test_a_company_may_be_proposed_as_who_receives(world, company):
    operator = world.sign_in(world.operator())
    typed = {
        "owner": NAME,
        "holder": NAME,
        "account": "3100000000000001",
        "bank": "清源农商行",
        "relation": "unit",
        "for_members": "y",
    }
    assert operator.post("/payees/new", data=typed).status_code == 303
    assert "代农户收款" in operator.get("/payees").text
