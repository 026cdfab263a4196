"""R15: Alipay's bill against the ledger. Every fault is found, and nothing else is said to be one."""

import io
import zipfile
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketplace.payments.answers import Unclear
from marketplace.payments.bill import BillRow, read_bill
from marketplace.payments.merchant import current_alipay
from marketplace.payments.models import BillDay, BillDifference
from marketplace.payments.reconciling import BY_ITSELF, compare, reconcile_due

PRICE = 1230


def compare_bills(paying, days=2):
    """Two mornings later, when the bill of the day is there in any case."""
    paying.later(days=days)
    with paying.world.app.app_context():
        return reconcile_due(current_alipay())


def differences(paying):
    return [
        (one.kind, one.out_trade_no, one.request_no, one.ours_fen, one.theirs_fen)
        for one in paying.all(BillDifference)
    ]


def spoil(paying, statement, *values):
    with paying.gateway.books.held() as db:
        db.execute(statement, values)


def sold(paying):
    """One paid, one paid and partly given back, one paid and cancelled; never-paid ones leave no trace."""
    whole, part, gone = paying.paid(1), paying.paid(3), paying.paid(2)
    paying.come(paying.order(1))
    data = {"version": "1", f"packs-{paying.listing.id}": "2"}
    assert paying.browser.post(f"/shop/orders/{part}/change", data=data).status_code == 303
    assert paying.browser.post(f"/shop/orders/{gone}/cancel").status_code == 303
    paying.jobs()
    assert paying.refunds() == [("done", PRICE), ("done", 2 * PRICE)]
    return whole, part, gone


def test_what_agrees_is_no_difference_on_any_day(paying):
    sold(paying)
    compared = compare_bills(paying)
    assert compared >= 1
    assert differences(paying) == []
    bills = paying.read(BillDay.lines, BillDay.fen)
    assert sorted(bills, reverse=True)[0] == (5, 3 * PRICE)
    assert compare_bills(paying, days=0) == 0, "a bill is fetched once"


def test_each_fault_is_found_with_both_sides(paying):
    whole, part, gone = sold(paying)
    spoil(paying, "UPDATE trade SET fen = fen + 1 WHERE out_trade_no = ?", f"{whole}-1")
    spoil(paying, "DELETE FROM refund WHERE out_trade_no = ?", f"{gone}-1")
    spoil(paying, "UPDATE refund SET fen = fen - 30 WHERE out_trade_no = ?", f"{part}-1")
    books, at = paying.gateway.books, paying.gateway.clock()
    stranger = books.open_trade("D000000-STRANG-1", 500, "x", "", "", at + 60)
    assert books.pay(stranger, at)
    compare_bills(paying)
    assert Counter(differences(paying)) == Counter(
        [
            ("missing", "D000000-STRANG-1", "", 0, 500),
            ("amount", f"{whole}-1", "", PRICE, PRICE + 1),
            ("amount", f"{part}-1", f"{part}-1-R1", -PRICE, -PRICE + 30),
            ("extra", f"{gone}-1", f"{gone}-1-R1", -2 * PRICE, 0),
        ]
    )


def test_a_movement_that_each_side_books_on_its_own_side_of_midnight_agrees(paying):
    number = paying.order(1)
    paying.gateway.fail("notice", "drop", times=8)
    paying.pay(number)
    spoil(paying, "UPDATE trade SET paid_at = paid_at - 86400")
    paying.look(number)
    assert paying.state(number)[0] == "confirmed"
    paying.gateway.faults.clear()
    paying.gateway.deliver_due()
    paying.paid(1)
    assert compare_bills(paying, days=3) >= 3
    assert differences(paying) == []


def test_what_we_learn_late_comes_right_by_itself(paying):
    paying.paid(1)
    number = paying.order(1)
    paying.gateway.fail("notice", "drop", times=8)
    trade = paying.pay(number)
    paying.gateway.deliver_due()
    compare_bills(paying)
    assert differences(paying) == [("missing", f"{number}-1", "", 0, PRICE)]
    paying.gateway.faults.clear()
    paying.gateway.remind_of(trade, status="TRADE_SUCCESS")
    paying.gateway.deliver_due()
    compare_bills(paying, days=1)
    (one,) = [one for one in paying.all(BillDifference) if one.out_trade_no == f"{number}-1"][:1]
    assert (one.kind, one.settled_how) == ("missing", BY_ITSELF)


def test_finance_writes_what_was_done_and_the_auditor_reads_it(paying):
    number = paying.paid(1)
    spoil(paying, "DELETE FROM trade")
    compare_bills(paying)
    finance = paying.world.sign_in(paying.world.user("finance", region="990101000000"))
    auditor = paying.world.sign_in(paying.world.user("auditor", region="990101000000"))
    assert f"{number}-1" in auditor.get("/ledger/bills").get_data(as_text=True)
    (one,) = paying.all(BillDifference)
    address = f"/ledger/bills/differences/{one.id}"
    assert auditor.post(address, data={"how": "x"}).status_code == 403
    empty = finance.post(address, data={"how": " "})
    assert empty.status_code == 422
    assert "请写怎么处理的" in empty.get_data(as_text=True)
    assert finance.post(address, data={"how": "打电话问过支付宝，明天补"}).status_code == 303
    assert finance.post(address, data={"how": "再来"}).status_code == 409
    assert finance.post("/ledger/bills/differences/999", data={"how": "x"}).status_code == 404
    page = auditor.get("/ledger/bills").get_data(as_text=True)
    assert "打电话问过支付宝，明天补" in page
    assert "都对上了" in page


def test_half_a_bill_is_compared_with_nothing(paying):
    paying.paid(1)
    paying.gateway.fail("alipay.data.dataservice.bill.downloadurl.query", "timeout", times=3)
    assert compare_bills(paying) == 0
    assert paying.all(BillDifference) == []


@pytest.mark.parametrize(
    "text",
    ["", "#x\n", "商户订单号\n1\n", "支付宝交易号,商户订单号,业务类型,订单金额（元）\n1,D1,转账,1.00\n",
     "支付宝交易号,商户订单号,业务类型,订单金额（元）\n1,D1,交易,一元\n"],
)  # fmt: skip
def test_what_is_no_bill_is_not_read(text):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("x_业务明细.csv", text.encode("gb18030"))
    with pytest.raises(Unclear):
        read_bill(packed.getvalue())
    with pytest.raises(Unclear):
        read_bill(b"PK no zip")


moves = st.dictionaries(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(("", "r1", "r2"))),
    st.integers(-500, 500).filter(bool),
    max_size=6,
)


@given(moves, moves)
def test_a_difference_is_what_the_sides_do_not_say_alike(ours, theirs):
    bill = [BillRow(*movement, fen) for movement, fen in theirs.items()]
    found = {(one.out_trade_no, one.request_no) for one in compare(bill, ours, ours)}
    assert found == {one for one in ours.keys() | theirs.keys() if ours.get(one) != theirs.get(one)}
    twice = compare([*bill, *bill], ours, ours)
    assert {one.kind for one in twice if (one.out_trade_no, one.request_no) in ours} <= {
        "twice", "extra", "amount",
    }  # fmt: skip
