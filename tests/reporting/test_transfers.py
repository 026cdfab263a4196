"""The pages of bank transfers: what finance sees and does, what an auditor reads, what bad input gets."""

import io

import pytest

from marketplace.payments.bank_models import PayerAlias, Placing
from tests.payments.banking import PRICE, Banking
from tests.support.pages import form_on, forms_on
from tests.support.world import COUNTY

ALL = 20 * PRICE
HERE = "/ledger/transfers"


@pytest.fixture
def banking(world):
    return Banking(world)


@pytest.fixture
def finance(banking):
    return banking.sign_in()


def fields_of(page, action):
    """What a form would send, also names that come several times."""
    (form,) = [one for one in forms_on(page) if one.action.endswith(action)]
    sent = {}
    for name, _, value in form.fields:
        sent.setdefault(name, []).append(value)
    return sent


def test_a_file_is_brought_by_its_page_and_matched_by_the_worker(banking, finance):
    number = banking.statement()
    text = f"交易日期,交易流水号,对方户名,收入金额,附言\n2026-01-05,1,清源县第一小学,{ALL / 100},{number}\n"
    answer = finance.post(
        "/imports/new/bank", data={"file": (io.BytesIO(text.encode("gb18030")), "b.csv")}
    )
    assert answer.status_code == 302
    assert "1" in finance.get(answer.location).text
    batch = answer.location.rpartition("/")[2]
    assert finance.post(f"/imports/{batch}/take", data={"take": "all"}).status_code == 302
    assert "正在对" in finance.get(f"{HERE}?tab=new").text
    banking.bring(banking.row(1))
    page = finance.get(f"{HERE}?tab=matched").text
    assert "自己对上" in page
    assert banking.numbers[0] in page


def test_the_proposal_is_taken_with_one_button(banking, finance):
    number = banking.statement()
    transfer = banking.pay(ALL + 300, number)
    page = finance.get(HERE).text
    assert "金额不对" in page
    assert "多 3.00 元" in page
    sent = fields_of(page, f"/{transfer}/take?tab=open")
    assert finance.post(f"{HERE}/{transfer}/take", data=sent).status_code == 303
    assert banking.stand() == {"bank": ALL + 300, "buyer_credit": 300}
    again = finance.post(f"{HERE}/{transfer}/take", data=sent)
    assert again.status_code == 409
    assert "刚刚有人处理过" in again.text


def test_a_unit_is_chosen_its_orders_ticked_and_the_payer_remembered(banking, finance):
    transfer = banking.pay(5 * PRICE, "货款", payer="国库集中支付中心")
    bare = finance.get(f"{HERE}/{transfer}").text
    assert banking.numbers[0] not in bare
    page = finance.get(f"{HERE}/{transfer}?unit={banking.unit.id}").text
    sent = form_on(page, f"/{transfer}/place")
    assert sent["pick"] in banking.numbers
    _first, second, third = banking.numbers
    typed = {
        "unit": str(banking.unit.id),
        "pick": [second, third],
        f"fen-{second}": "49.20",
        f"fen-{third}": "很多",
    }
    bad = finance.post(f"{HERE}/{transfer}/place", data=typed)
    assert bad.status_code == 422
    for words in ("很多", "49.20", third):
        assert words in bad.text
    typed |= {f"fen-{third}": "10", "rest": "credit", "remember": "1"}
    assert finance.post(f"{HERE}/{transfer}/place", data=typed).status_code == 303
    assert banking.collected(second) == (4 * PRICE, "transfer")
    assert banking.stand()["buyer_credit"] == PRICE - 1000
    assert len(banking.all(PayerAlias)) == 1
    assert "国库集中支付中心" in finance.get(f"{HERE}/payers").text
    page = finance.get(f"{HERE}/{transfer}").text
    assert "记为多付" in page
    placing = banking.all(Placing)[0]
    undone = finance.post(f"{HERE}/placings/{placing.id}/undo", data={"reason": "wrong_order"})
    assert undone.status_code == 303
    assert (
        finance.post(f"{HERE}/placings/{placing.id}/undo", data={"reason": "x"}).status_code == 422
    )
    assert "撤销了" in finance.get(undone.location).text
    banking.stand()


def test_only_one_statement_is_ticked_when_asked(banking, finance):
    number = banking.statement()
    transfer = banking.pay(50, "货款", payer="某公司")
    page = finance.get(f"{HERE}/{transfer}?unit={banking.unit.id}&statement={number}").text
    assert form_on(page, f"/{transfer}/place")["pick"] in banking.numbers


@pytest.mark.parametrize("part", ["", "x", "D1:-5", "D1:٣", f"D1:{'9' * 30}", "D1:1.5"])
def test_sums_that_no_page_sends_are_refused_with_words(banking, finance, part):
    transfer = banking.pay(50, "货款")
    answer = finance.post(f"{HERE}/{transfer}/take", data={"part": part})
    assert answer.status_code == 422
    assert "没有认" in answer.text


def test_other_kinds_of_money_are_settled_with_words(banking, finance):
    banking.bring(banking.row(500, "退税"), banking.row(500, "退税"))
    first, second = (one.id for one in banking.transfers())
    for path in (f"{first}/not-ours", f"{second}/repeated"):
        assert finance.post(f"{HERE}/{path}", data={"how": " "}).status_code == 422
        assert finance.post(f"{HERE}/{path}", data={"how": "问过银行"}).status_code == 303
    page = finance.get(f"{HERE}?tab=not_ours").text
    assert page.count("问过银行") == 2
    assert finance.post(f"{HERE}/{first}/reopen").status_code == 303
    assert finance.post(f"{HERE}/{first}/reopen").status_code == 409
    assert finance.get(f"{HERE}/999").status_code == 404


def test_an_auditor_reads_and_changes_nothing(banking):
    transfer = banking.pay(50, "货款", payer="张小妹")
    auditor = banking.world.sign_in(banking.world.user("auditor", region=COUNTY))
    pages = ("", f"/{transfer}", "/bank", "/payers", "?tab=nonsense&page=x")
    for path in pages:
        answer = auditor.get(HERE + path)
        assert answer.status_code == 200, path
        assert "张小妹" not in answer.text, "a person is masked"
        assert "6222000011112222" not in answer.text
    assert "尾号 2222" in auditor.get(HERE).text
    assert auditor.get("/imports/new/bank").status_code == 404
    for path in (f"{transfer}/take", f"{transfer}/place", f"{transfer}/not-ours", "payers"):
        assert auditor.post(f"{HERE}/{path}").status_code == 403
    town = banking.world.sign_in(banking.world.user("finance", region="990101101000"))
    assert town.get(HERE).status_code == 404


def test_credit_is_used_and_given_back_by_its_page(banking, finance):
    transfer = banking.pay(7 * PRICE, "多")
    unit = banking.unit.id
    sent = {"unit": str(unit), "rest": "credit"}
    assert finance.post(f"{HERE}/{transfer}/place", data=sent).status_code == 303
    assert "清源县第一小学" in finance.get("/ledger/credits").text
    number = banking.numbers[1]
    here = f"/ledger/credits/{unit}"
    assert finance.post(f"{here}/use", data={"pick": number}).status_code == 422
    assert finance.post(f"{here}/use", data={}).status_code == 422
    good = {"pick": number, f"fen-{number}": "49.20"}
    assert finance.post(f"{here}/use", data=good).status_code == 303
    bad = finance.post(f"{here}/return", data={"amount": "999", "note": "退"})
    assert (bad.status_code, "999" in bad.text) == (422, True)
    assert finance.post(f"{here}/return", data={"amount": "1", "note": "退回"}).status_code == 303
    used = banking.all(Placing)[1]
    assert (
        finance.post(f"{HERE}/placings/{used.id}/undo", data={"reason": "wrong_sum"}).status_code
        == 303
    )
    assert finance.get("/ledger/credits/999").status_code == 404
    assert banking.stand()["buyer_credit"] == 7 * PRICE - 100
    page = finance.get(f"{HERE}/bank").text
    assert "账本记了，银行没有" in page
    banking.bring(banking.row(100, "退款", out=True))
    assert "都对上了" in finance.get(f"{HERE}/bank").text


def test_payers_are_kept_by_hand(banking, finance):
    assert finance.post(f"{HERE}/payers", data={"name": "", "unit": "1"}).status_code == 422
    bad = finance.post(f"{HERE}/payers", data={"name": "城东结算点", "unit": "0"})
    assert (bad.status_code, "城东结算点" in bad.text) == (422, True)
    assert (
        finance.post(
            f"{HERE}/payers", data={"name": "字" * 121, "unit": banking.unit.id}
        ).status_code
        == 422
    )
    good = {"name": "城东结算点", "unit": str(banking.unit.id)}
    assert finance.post(f"{HERE}/payers", data=good).status_code == 303
    (one,) = banking.all(PayerAlias)
    assert finance.post(f"{HERE}/payers/{one.id}/end").status_code == 303
    assert finance.post(f"{HERE}/payers/{one.id}/end").status_code == 409
    assert "城东结算点" not in finance.get(f"{HERE}/payers").text


def test_lists_cost_no_more_for_more_rows(banking, finance, statements):
    banking.statement()
    number = banking.numbers[0]

    def costs():
        paths = ("", "?tab=unmatched", "?tab=matched", "/bank", "/payers")
        return [statements(lambda path=path: finance.get(HERE + path)) for path in paths]

    banking.bring(
        banking.row(100, number), banking.row(101, ""), banking.row(4 * PRICE, banking.numbers[1])
    )
    few = costs()
    rows = [banking.row(1000 + at, number if at % 2 else "") for at in range(12)]
    banking.bring(*rows, banking.row(6 * PRICE, banking.numbers[2]))
    assert costs() == few
    assert max(few) <= 8, few


def test_the_ledger_says_in_words_what_came_by_bank(banking, finance):
    banking.pay(ALL, "货款")
    placing = banking.all(Placing)[0]
    page = finance.get(f"/ledger/journals/{placing.journal_number}").text
    assert "银行来款认到订单" in page
    assert "银行流水 1" in finance.get("/ledger").text
    desk = banking.world.sign_in(banking.world.operator())
    order = desk.get(f"/desk/orders/{banking.numbers[0]}").text
    assert "银行转账到账" in order
    refused = desk.post(f"/desk/orders/{banking.numbers[0]}/uncollect", data={"reason": "mistaken"})
    assert refused.status_code == 409
