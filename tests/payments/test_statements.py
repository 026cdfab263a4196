"""Units on account: ordered so, billed once, reminded once, paid, overdue by how long."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from marketplace.core.clock import now, today, use_clock
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.identity.models import Organisation
from marketplace.imports.sheets import read_table, write_xlsx
from marketplace.imports.taking import take_table
from marketplace.imports.unit_import import UNITS
from marketplace.notices.models import Notice
from marketplace.orders.order_models import Order
from marketplace.payments.placing import place
from marketplace.payments.statement_models import Statement, StatementLine
from marketplace.payments.statement_reminders import remind_units
from marketplace.payments.statements import ageing, issue_due, issue_now, listed, standings
from tests.payments.banking import PRICE, Banking
from tests.support.meanwhile import meanwhile

ALL = 20 * PRICE


def later(**passed):
    moment = now() + timedelta(**passed)
    return use_clock(lambda: moment)


def next_month():
    first = (today().replace(day=1) + timedelta(days=32)).replace(day=1)
    return use_clock(lambda: datetime(first.year, first.month, 1, 2, tzinfo=UTC))


def run_issue(banking):
    with banking.world.app.app_context():
        return issue_due()


def notices(banking):
    with banking.world.transaction() as session:
        found = select(Notice).where(Notice.kind == "statement_due").order_by(Notice.id)
        return [(one.to_user_id, one.title) for one in session.scalars(found)]


def test_canteen_orders_of_a_unit_with_terms_are_on_account_and_others_stay(world):
    banking = Banking(world, others=(2,), delivered=False)
    assert banking.collected(banking.numbers[0]) == (0, "account")
    assert banking.collected(banking.others[0]) == (0, "")
    page = banking.sign_in(banking.buyer).get(f"/canteen/orders/{banking.numbers[0]}").text
    assert "单位月结" in page
    staff = world.user("staff", unit=banking.unit)
    number = world.order(staff, banking.round, {banking.listing.id: 1}, pay_how="pickup")
    assert banking.collected(number) == (0, "pickup")
    with pytest.raises(InvalidInput):
        world.order(staff, banking.round, {banking.listing.id: 1}, pay_how="account")


def test_a_month_is_billed_once_when_it_is_over(world):
    banking = Banking(world, others=(2,))
    assert run_issue(banking) == 0, "the month is not over"
    month = f"{today():%Y-%m}"
    with next_month():
        assert run_issue(banking) == 1, "the other unit has no terms"
        assert run_issue(banking) == 0
        (made,) = banking.all(Statement)
        assert (made.month, made.total_fen, made.due_on) == (month, ALL, today() + timedelta(30))
    assert len(banking.all(StatementLine)) == 3
    banking.stand()


def test_finance_bills_a_unit_at_any_time_and_not_twice(world):
    banking = Banking(world, others=(2,))
    number = banking.statement(banking.other)
    assert number.startswith("S")
    with pytest.raises(Conflict):
        banking.statement(banking.other)
    with pytest.raises(InvalidInput):
        banking.act(issue_now, 999)


def test_two_people_bill_the_same_unit_in_the_same_moment(world):
    banking = Banking(world)
    unit = banking.unit.id
    with pytest.raises(Conflict):
        meanwhile(
            world,
            lambda session: issue_now(session, banking.finance, unit),
            lambda session: issue_now(session, banking.finance, unit),
        )
    assert len(banking.all(Statement)) == 1


def test_what_is_paid_before_is_not_billed_and_what_is_paid_after_is_no_longer_open(world):
    banking = Banking(world)
    banking.pay(4 * PRICE, banking.numbers[1])
    number = banking.statement()
    (made,) = banking.all(Statement)
    assert made.total_fen == 16 * PRICE
    transfer = banking.pay(12 * PRICE, number)
    assert banking.transfers()[-1].state == "wrong_amount"
    parts = {banking.numbers[0]: 10 * PRICE, banking.numbers[2]: 2 * PRICE}
    banking.act(place, transfer, parts)
    with world.transaction() as session:
        (one,) = standings(session, listed("open"))
        assert (one.open_fen, one.paid_fen) == (4 * PRICE, 12 * PRICE)
        assert standings(session, listed("overdue")) == []
    banking.pay(4 * PRICE, number)
    with world.transaction() as session:
        assert standings(session, listed("open")) == []
    assert banking.stand() == {"bank": ALL}


@pytest.mark.parametrize(("days", "column"), [(31, 0), (60, 0), (61, 1), (91, 2), (121, 3)])
def test_the_overdue_list_says_by_how_long(world, days, column):
    banking = Banking(world)
    banking.statement()
    with later(days=days), world.transaction() as session:
        (one,) = ageing(session)
        assert (one.unit.id, one.fen) == (banking.unit.id, ALL)
        assert [bool(fen) for fen in one.fens].index(True) == column
    with later(days=30), world.transaction() as session:
        assert ageing(session) == [], "the last day is not too late"


def test_a_unit_is_reminded_before_the_day_and_each_week_after_once(world):
    banking = Banking(world)
    number = banking.statement()
    told = []
    for days in (0, 24, 25, 26, 30, 31, 32, 37, 38, 38):
        with later(days=days), world.app.app_context():
            remind_units()
        told.append(len(notices(banking)))
    assert told == [0, 0, 2, 2, 2, 4, 4, 4, 6, 6]
    assert {user for user, _ in notices(banking)} == {banking.buyer.id, banking.approver.id}
    assert "过期 8 天" in notices(banking)[-1][1]
    banking.pay(ALL, number)
    with later(days=60), world.app.app_context():
        remind_units()
    assert len(notices(banking)) == 6


def test_terms_are_set_where_units_are_edited_and_by_file(world):
    unit = world.unit("县二中", has_canteen=True)
    admin = world.sign_in(world.user("administrator"))
    address = f"/admin/organisations/{unit.id}"
    form = {"name": "县二中", "kind": "school", "region_code": unit.region_code, "active": "y"}
    bad = admin.post(address, data={**form, "on_account": "y", "term": "很久"})
    assert bad.status_code == 422
    assert "很久" in bad.text
    assert admin.post(address, data={**form, "on_account": "y", "term": "45"}).status_code == 302
    with world.transaction() as session:
        found = session.get_one(Organisation, unit.id)
        assert (found.on_account, found.account_days) == (True, 45)
    assert "45 天" in admin.get("/admin/organisations").text
    headings = ("单位名称", "类型", "区划代码", "月结", "账期（天）")
    rows = [
        ["县二中", "学校", unit.region_code, "否", ""],
        ["县三中", "学校", unit.region_code, "是", "60"],
        ["县四中", "学校", unit.region_code, "", ""],
        ["县五中", "学校", unit.region_code, "是", "一年多"],
    ]
    actor = world.actor(world.user("administrator"))
    with world.app.app_context():
        table = read_table(write_xlsx(headings, rows, "单位"), UNITS.columns)
        assert take_table(actor, "units", "单位.xlsx", table).faulty == 1
    with world.transaction() as session:
        found = select(Organisation.name, Organisation.on_account, Organisation.account_days)
        assert {tuple(row) for row in session.execute(found)} == {
            ("县二中", False, 45), ("县三中", True, 60), ("县四中", False, 30),
        }  # fmt: skip


def test_pages_show_a_unit_its_own_statements_and_finance_all(world, statements):
    banking = Banking(world, others=(2,))
    mine, other = banking.statement(), banking.statement(banking.other)
    finance, auditor = (
        banking.sign_in(),
        world.sign_in(world.user("auditor", region="990101000000")),
    )
    buyer, approver = banking.sign_in(banking.buyer), banking.sign_in(banking.approver)
    for path in ("", "/paper", "/file.xlsx"):
        for browser in (buyer, approver):
            assert browser.get(f"/canteen/statements/{mine}{path}").status_code == 200
            assert browser.get(f"/canteen/statements/{other}{path}").status_code == 404
        for browser in (finance, auditor):
            assert browser.get(f"/ledger/statements/{other}{path}").status_code == 200
    paper = buyer.get(f"/canteen/statements/{mine}/paper").text
    for words in (
        "清源县第一小学",
        "贰佰肆拾陆元整",
        mine,
        banking.numbers[2],
        "246.00",
        "还没有填",
    ):
        assert words in paper
    listing = buyer.get("/canteen/statements").text
    assert mine in listing
    assert other not in listing
    assert auditor.post("/ledger/statements/issue", data={"unit": "1"}).status_code == 403
    assert finance.post("/ledger/statements/issue", data={"unit": "x"}).status_code == 422
    answer = finance.post("/ledger/statements/issue", data={"unit": str(banking.unit.id)})
    assert answer.status_code == 409
    assert "没有要出对账单的订单" in answer.text
    for path in ("/ledger/statements", "/ledger/statements?which=overdue"):
        assert statements(lambda path=path: finance.get(path)) <= 8
    assert statements(lambda: buyer.get("/canteen/statements")) <= 8
    assert statements(lambda: buyer.get(f"/canteen/statements/{mine}")) <= 10


def test_the_button_bills_everything_of_a_unit_that_was_delivered(world):
    banking = Banking(world)
    finance = banking.sign_in()
    assert "清源县第一小学" in finance.get("/ledger/statements").text
    answer = finance.post("/ledger/statements/issue", data={"unit": str(banking.unit.id)})
    assert answer.status_code == 303
    assert banking.all(Statement)[0].number in answer.location
    with world.transaction() as session:
        assert session.scalars(select(Order.collected_how)).unique().all() == ["account"]
