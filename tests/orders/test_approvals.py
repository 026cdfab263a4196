"""A unit's consent: by somebody else than who ordered, before the closing, to what was shown."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from marketplace.core.clock import now, today, use_clock
from marketplace.identity.models import Deputy, RoleGrant
from marketplace.orders.order_models import Order
from marketplace.orders.round_models import Listing


class Unit:
    """A unit where each canteen order needs consent, with a buyer and an approver."""

    def __init__(self, world):
        self.world = world
        self.unit = world.unit(approval_above_fen=0)
        self.buyer = world.user("buyer", unit=self.unit)
        self.approver = world.user("approver", unit=self.unit)
        self.round, self.listing = world.shop(packs=50)

    def order(self, by=None):
        return self.world.order(
            by or self.buyer,
            self.round,
            {self.listing.id: 5},
            channel="canteen",
            organisation_id=self.unit.id,
            fund_source="canteen",
        )

    def answer(self, who, number, yes=True, reason="", version=1):
        data = {"answer": "yes" if yes else "no", "reason": reason, "version": str(version)}
        return self.world.sign_in(who).post(f"/approvals/{number}", data=data)

    def stands_in(self, deputy, principal):
        with self.world.transaction() as session:
            grant = session.scalars(
                select(RoleGrant).where(RoleGrant.user_id == principal.id)
            ).one()
            session.add(
                Deputy(
                    grant_id=grant.id,
                    deputy_id=deputy.id,
                    valid_from=today(),
                    valid_until=today() + timedelta(days=5),
                )
            )

    def state(self, number):
        with self.world.transaction() as session:
            return session.scalar(select(Order.state).where(Order.number == number))

    def reserved(self):
        with self.world.transaction() as session:
            return session.scalar(select(func.sum(Listing.reserved_packs)))


@pytest.fixture
def unit(world):
    return Unit(world)


def test_the_approver_sees_lines_and_sum_and_agrees(world, unit):
    number = unit.order()
    page = world.sign_in(unit.approver).get("/approvals/").get_data(as_text=True)
    assert number in page
    assert unit.listing.title in page
    assert "食堂经费" in page
    assert unit.answer(unit.approver, number).status_code == 303
    assert unit.state(number) == "confirmed"
    again = unit.answer(unit.approver, number, yes=False, reason="晚了")
    assert again.status_code == 409
    assert unit.state(number) == "confirmed"


def test_the_units_say_is_a_step_of_the_order_until_and_after_it_is_given(world, unit):
    number = unit.order()
    browser = world.sign_in(unit.buyer)

    def chain():
        page = browser.get(f"/canteen/orders/{number}").get_data(as_text=True)
        found = re.findall(r"chain-(done|now|todo)[^<]*<span><span>([^<]+)", page)
        return {label: state for state, label in found}

    assert list(chain())[:3] == ["下单", "审批", "截单"]
    assert (chain()["审批"], chain()["截单"]) == ("now", "todo")
    unit.answer(unit.approver, number)
    assert (chain()["审批"], chain()["截单"]) == ("done", "now")


def test_a_refusal_needs_a_reason_and_gives_the_goods_back(unit):
    number = unit.order()
    refused = unit.answer(unit.approver, number, yes=False, reason=" ")
    assert (refused.status_code, "请写不同意的原因" in refused.get_data(as_text=True)) == (
        422,
        True,
    )
    assert unit.reserved() == 5
    assert unit.answer(unit.approver, number, yes=False, reason="超预算").status_code == 303
    assert (unit.state(number), unit.reserved()) == ("rejected", 0)


def test_nobody_agrees_to_an_order_of_his_own(world, unit):
    with world.transaction() as session:
        session.add(
            RoleGrant(
                user_id=unit.buyer.id,
                role="approver",
                organisation_id=unit.unit.id,
                valid_from=today(),
            )
        )
    number = unit.order()
    assert "要请别人审批" in world.sign_in(unit.buyer).get("/approvals/").get_data(as_text=True)
    assert unit.answer(unit.buyer, number).status_code == 409
    assert unit.state(number) == "awaiting_approval"


def test_a_deputy_of_the_approver_does_not_agree_to_his_own_order(unit):
    unit.stands_in(unit.buyer, unit.approver)
    number = unit.order()
    assert unit.answer(unit.buyer, number).status_code == 409
    assert unit.state(number) == "awaiting_approval"
    assert unit.answer(unit.approver, number).status_code == 303


def test_a_buyer_who_also_approves_does_not_agree_to_what_his_deputy_ordered(world, unit):
    colleague = world.user("staff", unit=unit.unit)
    unit.stands_in(colleague, unit.buyer)
    with world.transaction() as session:
        session.add(
            RoleGrant(
                user_id=unit.buyer.id,
                role="approver",
                organisation_id=unit.unit.id,
                valid_from=today(),
            )
        )
    number = unit.order(colleague)
    assert unit.answer(unit.buyer, number).status_code == 409
    assert unit.answer(unit.approver, number).status_code == 303


def test_a_deputy_of_the_buyer_does_not_agree_to_his_principals_order(world, unit):
    other = world.user("approver", unit=unit.unit)
    unit.stands_in(other, unit.buyer)
    number = unit.order()
    assert unit.answer(other, number).status_code == 409
    assert unit.answer(unit.approver, number).status_code == 303


def test_a_deputy_who_ordered_nothing_agrees_for_the_approver(world, unit):
    colleague = world.user("staff", unit=unit.unit)
    unit.stands_in(colleague, unit.approver)
    number = unit.order()
    assert unit.answer(colleague, number).status_code == 303
    assert unit.state(number) == "confirmed"


def test_after_closing_nobody_agrees_any_more(unit):
    number = unit.order()
    later = now() + timedelta(days=3, seconds=1)
    with use_clock(lambda: later):
        answer = unit.answer(unit.approver, number)
    assert answer.status_code == 409
    assert "已经截单" in answer.get_data(as_text=True)
    assert unit.state(number) == "awaiting_approval"


def test_nobody_agrees_to_what_was_changed_behind_the_page(world, unit):
    number = unit.order()
    world.sign_in(unit.buyer).post(
        f"/canteen/orders/{number}/change", data={f"packs-{unit.listing.id}": "9", "version": "1"}
    )
    assert unit.answer(unit.approver, number, version=1).status_code == 409
    assert unit.answer(unit.approver, number, version=2).status_code == 303


def test_another_units_order_does_not_exist_for_an_approver(world, unit):
    number = unit.order()
    stranger = world.user("approver", unit=world.unit())
    assert number not in world.sign_in(stranger).get("/approvals/").get_data(as_text=True)
    assert unit.answer(stranger, number).status_code == 404
    assert unit.answer(unit.buyer, number).status_code == 403


def test_the_list_of_waiting_orders_costs_the_same_for_one_and_for_many(world, unit, statements):
    unit.order()
    browser = world.sign_in(unit.approver)
    few = statements(lambda: browser.get("/approvals/"))
    for _ in range(5):
        unit.order(world.user("buyer", unit=unit.unit))
    assert statements(lambda: browser.get("/approvals/")) == few
    assert few <= 8
