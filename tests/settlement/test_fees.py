"""What a round took for service and freight goes to named packers and carriers, against invoices."""

import pytest

from marketplace.core.errors import Conflict, InvalidInput
from marketplace.fulfilment.said_received import NotTaken
from marketplace.orders.rounds import get_round
from marketplace.settlement import fees
from tests.fulfilment.arriving import Arriving
from tests.settlement.payday import FARMGATE, Payday
from tests.support.world import COUNTY

PRICE, SERVICE, FREIGHT = 1230, 280, 200


@pytest.fixture
def payday(world):
    return Payday(world, paid=(0,))


def _money(payday):
    with payday.world.transaction() as session:
        return fees.money_of_round(session, get_round(session, payday.collecting.round.id))


def _propose(payday, fen, number="F-1", kind="freight"):
    with payday.world.transaction() as session:
        found = get_round(session, payday.collecting.round.id)
        made = fees.propose_invoice(session, payday.maker, found, kind, "青石运输队", number, fen)
        return made.id


def _decide(payday, invoice_id, actor=None, *, approve=True, reason=""):
    with payday.world.transaction() as session:
        fees.decide_invoice(
            session, actor or payday.checker, invoice_id, approve=approve, reason=reason
        )


def test_a_rounds_statement_says_what_was_taken_spent_and_left(payday):
    money = _money(payday)
    assert (money.due_fen, money.collected_fen) == (20 * PRICE, 12 * PRICE)
    assert (money.households.taken_fen, money.households.spent_fen) == (20 * FARMGATE, 0)
    service, freight = money.fees
    assert (service.taken_fen, freight.taken_fen) == (20 * SERVICE, 20 * FREIGHT)
    _decide(payday, _propose(payday, 1500))
    payday.sent()
    money = _money(payday)
    assert money.households.spent_fen == 12 * FARMGATE
    service, freight = money.fees
    assert (freight.taken_fen, freight.spent_fen, freight.left_fen) == (
        20 * FREIGHT, 1500, 20 * FREIGHT - 1500,
    )  # fmt: skip
    assert payday.stand()["freight_payable"] == 20 * FREIGHT - 1500


def test_what_a_carrier_owes_is_taken_off_his_freight(world):
    arriving = Arriving(world)
    arriving.accept(NotTaken(next(iter(arriving.places())), 2, "crushed"))
    maker, checker = (world.actor(world.user("finance", region=COUNTY)) for _ in range(2))

    def propose(fen, offset, kind="freight", number="F-1"):
        with world.transaction() as session:
            found = get_round(session, arriving.round.id)
            return fees.propose_invoice(
                session, maker, found, kind, "青石运输队", number, fen, offset
            ).id

    for wrong in ((1000, 2 * FARMGATE + 1), (1000, -1), (1000, 5, "service")):
        with pytest.raises(InvalidInput):
            propose(*wrong)
    made = propose(1800, 2 * FARMGATE)
    with world.transaction() as session:
        fees.decide_invoice(session, checker, made, approve=True)
        money = fees.money_of_round(session, get_round(session, arriving.round.id))
    assert money.carrier_fen == 0
    assert money.households.taken_fen == 12 * FARMGATE
    assert arriving.stand("bank") == -(1800 - 2 * FARMGATE)
    assert arriving.stand("carrier_receivable") == 0
    assert arriving.faults() == []


def test_nobody_approves_his_own_invoice_and_none_is_paid_twice(payday):
    made = _propose(payday, 1500)
    with pytest.raises(Conflict):
        _decide(payday, made, payday.maker)
    with pytest.raises(Conflict):
        _propose(payday, 900)
    _decide(payday, made)
    with pytest.raises(Conflict):
        _decide(payday, made)
    assert payday.stand()["bank"] == -1500


def test_no_more_is_paid_than_the_round_took(payday):
    with pytest.raises(InvalidInput):
        _propose(payday, 20 * FREIGHT + 1)
    first, second = (_propose(payday, 20 * FREIGHT, number) for number in ("F-1", "F-2"))
    _decide(payday, first)
    with pytest.raises(InvalidInput):
        _decide(payday, second)
    with pytest.raises(InvalidInput):
        _decide(payday, second, approve=False)
    _decide(payday, second, payday.maker, approve=False, reason="重复了")
    _propose(payday, 100, "F-2", "service")


def test_the_pages_take_an_invoice_from_one_and_pay_it_by_another(payday):
    maker, checker = (payday.world.sign_in(payday.people[who]) for who in ("maker", "checker"))
    here = f"/round-money/{payday.collecting.round.id}"
    assert "246.00" in maker.get("/round-money").text
    good = {"kind": "freight", "contractor": "青石运输队", "invoice_no": "F-9", "amount": "12.5"}
    for change in ({"amount": "很多"}, {"amount": "9999"}, {"contractor": ""}, {"invoice_no": ""}):
        refused = maker.post(here, data=good | change)
        assert refused.status_code == 422, change
        assert (good | change)["amount"] in refused.text
    assert maker.post(here, data=good).status_code == 303
    assert maker.post(here, data=good).status_code == 409
    assert maker.post(f"{here}/invoices/1", data={"answer": "yes"}).status_code == 409
    assert checker.post(f"{here}/invoices/1", data={"answer": "no"}).status_code == 422
    assert checker.post(f"{here}/invoices/99", data={"answer": "yes"}).status_code == 404
    assert checker.post(f"{here}/invoices/1", data={"answer": "yes"}).status_code == 303
    assert "付过的单据" in maker.get(here).text
