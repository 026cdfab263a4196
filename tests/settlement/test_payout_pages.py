"""The pages by which money goes to households: who sees and does what, and what is said to nonsense."""

import io
import re
from datetime import timedelta
from functools import partial

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import func, select

from marketplace.core.clock import today
from marketplace.core.money import format_yuan
from marketplace.identity.audit import AuditRow
from marketplace.imports.sheets import read_table, write_xlsx
from marketplace.imports.taking import take_table
from marketplace.payments.bank_days import bank_days
from marketplace.payments.bank_import import BANK_ROWS
from marketplace.payments.transfers import match_new
from marketplace.settlement.advances import propose_advance
from marketplace.settlement.checking import CHECKED
from marketplace.settlement.payout_models import PayoutRun
from marketplace.settlement.result_import import RESULTS
from marketplace.settlement.splitting import Owner
from tests.settlement.payday import CARDS, FARMGATE, Payday
from tests.support.pages import form_on

OWN_TOWN, OTHER_TOWN = "990101101000", "990101102000"


@pytest.fixture
def payday(world):
    return Payday(world, villages=("990101101201", "990101102201"), ordered=(30, 15))


@pytest.fixture
def maker(payday):
    return payday.world.sign_in(payday.people["maker"])


@pytest.fixture
def checker(payday):
    return payday.world.sign_in(payday.people["checker"])


def test_a_run_goes_from_the_proposal_to_the_account(payday, maker, checker):
    page = maker.get("/payouts/new").text
    assert "付 337.50 元" in page
    answer = maker.post("/payouts/new", data=form_on(page, "/payouts/new"), follow_redirects=True)
    assert "等审批" in answer.text
    number = payday.run(1).number
    here = f"/payouts/{number}"
    assert "自己提的要请别人审批" in maker.get(here).text
    fen = str(payday.run(number).fen)
    assert maker.post(f"{here}/approve", data={"fen": fen}).status_code == 409
    assert "同意付" in checker.get(here).text
    assert checker.post(f"{here}/approve", data={"fen": "12"}).status_code == 409
    assert checker.post(f"{here}/approve", data={"fen": "一堆"}).status_code == 422
    assert checker.post(f"{here}/approve", data={"fen": fen}).status_code == 303
    content = io.BytesIO(maker.post(f"{here}/file").data)
    rows = CalamineWorkbook.from_filelike(content).get_sheet_by_index(0).to_python()
    assert rows[0][1:4] == ["业务编号", "收款账号", "收款户名"]
    assert {row[2] for row in rows[1:]} == set(CARDS[:2])
    assert sum(round(float(row[5]) * 100) for row in rows[1:]) == int(fen)
    assert maker.post(f"{here}/sent").status_code == 303
    assert maker.post(f"{here}/sent").status_code == 409
    for line in payday.lines(number):
        page = f"/payouts/lines/{line.number}"
        for day in ("哪天", ""):
            assert maker.post(f"{page}/paid", data={"day": day}).status_code == 422
        assert maker.post(f"{page}/paid", data={"day": f"{today()}"}).status_code == 303
        assert "已到账" in maker.get(page).text
        assert "结算单" in maker.get(f"{page}/paper").text
    assert "办完了" in maker.get(here).text
    assert payday.stand()["bank"] == -45 * FARMGATE


def test_the_file_is_never_taken_by_get_and_stands_in_the_trail(payday, maker):
    number = payday.propose()
    assert maker.post(f"/payouts/{number}/file").status_code == 422
    payday.approve(number)
    assert maker.get(f"/payouts/{number}/file").status_code != 200
    maker.post(f"/payouts/{number}/file")
    with payday.world.transaction() as session:
        trail = select(func.count()).where(AuditRow.action == "personal_exported")
        assert session.scalar(trail) == 1


def test_pages_show_masks_only(payday, maker):
    number = payday.sent()
    line = payday.lines(number)[0]
    village = f"/payouts/{number}/villages/990101101201"
    for address in (
        "/payouts",
        f"/payouts/{number}",
        f"/payouts/lines/{line.number}",
        f"/payouts/lines/{line.number}/paper",
        f"{village}/list",
        f"{village}/notice",
        "/payees?which=approved",
    ):
        answer = maker.get(address)
        assert answer.status_code == 200, address
        assert "陈大山" not in answer.text, address
        assert not any(card in answer.text for card in CARDS), address
    assert "尾号" not in maker.get(f"{village}/notice").text


def test_a_township_sees_its_own_villages_and_nothing_of_others(payday):
    number = payday.sent()
    own = payday.world.sign_in(payday.world.user("reviewer", region=OWN_TOWN))
    page = own.get(f"/payouts/{number}").text
    mine, others = payday.line(number, 0), payday.line(number, 1)
    assert mine.number in page
    assert others.number not in page
    assert own.get(f"/payouts/lines/{others.number}").status_code == 404
    assert own.get(f"/payouts/{number}/villages/990101102201/list").status_code == 404
    assert own.post(f"/payouts/lines/{mine.number}/hold").status_code == 403
    assert own.post("/payouts/new").status_code == 403
    assert own.get("/payouts/99").status_code == 404
    assert own.get("/payouts/lines/P1-9999").status_code == 404


def test_holding_and_letting_go_want_their_words(payday, maker):
    number = payday.propose()
    page = f"/payouts/lines/{payday.line(number).number}"
    refused = maker.post(f"{page}/hold", data={"why": "", "words": "村里来电话"})
    assert refused.status_code == 422
    assert "村里来电话" in refused.text
    assert maker.post(f"{page}/hold", data={"why": "deceased"}).status_code == 303
    assert "户主去世" in maker.get(page).text
    assert maker.post(f"{page}/release", data={"how": ""}).status_code == 422
    assert maker.post(f"{page}/release", data={"how": "公证书存档"}).status_code == 303
    assert maker.post(f"{page}/release", data={"how": "再来"}).status_code == 404
    assert maker.post(f"{page}/retry").status_code == 409


def test_refusing_a_run_wants_a_reason_and_keeps_what_was_typed(payday, checker):
    number = payday.propose()
    assert checker.post(f"/payouts/{number}/reject", data={"reason": " "}).status_code == 422
    assert checker.post(f"/payouts/{number}/reject", data={"reason": "少了一户"}).status_code == 303
    assert "少了一户" in checker.get(f"/payouts/{number}").text


def test_nonsense_for_an_advance_is_refused_in_words(payday, maker):
    for typed in ("99999", "abc", "-1"):
        answer = maker.post("/payouts/new", data={"advance": typed, "fen": "1"})
        assert answer.status_code in {404, 422}, typed
    with payday.world.transaction() as session:
        assert session.scalar(select(func.count()).select_from(PayoutRun)) == 0


def test_an_account_is_proposed_by_one_and_consented_to_by_two(world):
    payday = Payday(world, accounts=())
    household = payday.households[0]
    operator = world.sign_in(payday.people["operator"])
    given = {
        "owner": household.household_no,
        "holder": "李桂香",
        "account": CARDS[0],
        "bank": "清源农商行",
        "relation": "spouse",
        "proof": "",
    }
    refused = operator.post("/payees/new", data=given)
    assert refused.status_code == 422
    assert "李桂香" in refused.text
    wrong = CARDS[0][:-1] + str((int(CARDS[0][-1]) + 1) % 10)
    for change in (
        {"proof": "结婚证", "owner": "没有"},
        {"proof": "结婚证", "account": wrong},
        {"proof": "结婚证", "account": "12"},
        {"relation": "unit"},
        {"proof": "结婚证", "for_members": "y"},
    ):
        assert operator.post("/payees/new", data=given | change).status_code == 422, change
    good = given | {"proof": "结婚证复印件存村委会"}
    assert operator.post("/payees/new", data=good).status_code == 303
    assert operator.post("/payees/new", data=good).status_code == 409
    assert operator.post("/payees/consent", data={"pick": "1"}).status_code == 403
    first, second = (world.sign_in(payday.people[who]) for who in ("reviewer", "checker"))
    pick = re.search(r'name="pick" value="(\d+)"', first.get("/payees").text)[1]
    assert first.post("/payees/consent", data={}).status_code == 422
    assert first.post("/payees/consent", data={"pick": pick}).status_code == 303
    assert "您签过了" in first.get("/payees").text
    assert first.post("/payees/consent", data={"pick": pick}).status_code == 409
    assert second.post("/payees/consent", data={"pick": pick}).status_code == 303
    assert "可以用" in second.get("/payees?which=approved").text
    number = payday.propose()
    assert payday.line(number).state == "proposed"


def test_a_payee_may_be_refused_with_words(world):
    payday = Payday(world, accounts=())
    operator = world.sign_in(payday.people["operator"])
    operator.post(
        "/payees/new",
        data={
            "owner": payday.households[0].household_no,
            "holder": "陈大山",
            "account": CARDS[0],
            "bank": "清源农商行",
            "relation": "self",
        },
    )
    reviewer = world.sign_in(payday.people["reviewer"])
    pick = re.search(r'name="pick" value="(\d+)"', reviewer.get("/payees").text)[1]
    assert reviewer.post(f"/payees/{pick}/refuse", data={"reason": ""}).status_code == 422
    assert reviewer.post(f"/payees/{pick}/refuse", data={"reason": "卡号糊了"}).status_code == 303
    assert "卡号糊了" in reviewer.get("/payees?which=rejected").text


def test_lists_cost_as_many_statements_whatever_their_length(world, statements):
    costs = []
    for households in (1, 6):
        payday = Payday(
            world,
            ordered=(3,) * households,
            supplies=(20,) * households,
            paid=(),
            accounts=range(households),
        )
        for index in range(households):
            payday.collect(-1 - index)
        get = world.sign_in(payday.people["maker"]).get
        number = payday.sent()
        pages = (
            "/payouts",
            "/payouts/new",
            f"/payouts/{number}",
            "/payees?which=approved",
            "/payees",
            "/advances",
        )
        payday.account(Owner(payday.households[0].id, 0), CARDS[1], consents=0)
        with world.transaction() as session:
            propose_advance(session, payday.operator, "周转金", 100, today() + timedelta(days=9))
        costs.append([statements(partial(get, page)) for page in pages])
        for line in payday.lines(number):
            payday.paid(line)
    assert costs[0] == costs[1]
    index, new, *lists = costs[1]
    assert max(index, *lists) <= 8, costs
    assert new <= 21, costs  # no list: it draws up a whole run


def test_a_leaders_day_begins_with_what_waits_for_his_word(payday):
    leader = payday.world.sign_in(payday.world.user("leader", region="990101000000"))
    assert "等您审批" not in leader.get("/board").text
    number = payday.propose()
    with payday.world.transaction() as session:
        propose_advance(session, payday.maker, "周转金", 100, today() + timedelta(days=9))
    page = leader.get("/board").text
    assert page.count("等您审批") == 2
    assert f"/payouts/{number}" in page
    town = payday.world.sign_in(payday.world.user("leader", region=OWN_TOWN))
    assert "等您审批" not in town.get("/board").text


def test_who_proposed_an_account_takes_it_back_while_it_waits(world):
    payday = Payday(world, accounts=())
    waiting = payday.account(Owner(payday.households[0].id, 0), CARDS[0], consents=1)
    operator = world.sign_in(payday.people["operator"])
    other = world.sign_in(world.operator())
    here = f"/payees/{waiting}/take-back"
    assert here in operator.get("/payees").text
    assert here not in other.get("/payees").text
    assert other.post(here).status_code == 409
    assert operator.post(here).status_code == 303
    assert operator.post(here).status_code == 409
    assert "提出的人收回了" in operator.get("/payees?which=rejected").text
    payday.account(Owner(payday.households[0].id, 0), CARDS[1])


def test_the_next_run_is_seen_before_it_is_proposed(world):
    payday = Payday(world, accounts=(0,))
    maker = world.sign_in(payday.people["maker"])
    page = maker.get("/payouts/new").text
    owed = [line.fen for line in payday.lines(payday.propose())]
    payday.reject(1)
    assert sum(owed) > 0
    assert f"付 {format_yuan(owed[0])} 元" in page
    assert "还没有批准的收款账户" in page
    assert "陈大山" not in page
    stale = form_on(page, "/payouts/new")
    payday.account(Owner(payday.households[1].id, 0), CARDS[1])
    payday.propose()
    assert "有一批等着审批" in maker.get("/payouts/new").text
    assert maker.post("/payouts/new", data=stale).status_code == 409
    payday.reject(2)
    wrong = maker.post("/payouts/new", data=stale | {"fen": "1"})
    assert wrong.status_code == 409
    assert "总数和您看到的不一样" in wrong.text
    assert maker.post("/payouts/new", data=stale).status_code == 303


def test_accounts_are_tested_by_the_bank_and_the_file_needs_a_second_person(payday, maker, checker):
    assert maker.post("/payees/check/file").status_code == 409
    assert maker.post("/payees/check").status_code == 303
    assert maker.post("/payees/check").status_code == 409
    assert maker.post("/payees/check/1/release").status_code == 409
    assert "放行核验文件" in checker.get("/payees").text
    assert checker.post("/payees/check/1/release").status_code == 303
    assert checker.post("/payees/check/1/release").status_code == 409
    assert checker.post("/payees/check/99/release").status_code == 404
    content = io.BytesIO(maker.post("/payees/check/file").data)
    rows = CalamineWorkbook.from_filelike(content).get_sheet_by_index(0).to_python()
    assert {row[1] for row in rows[1:]} == set(CARDS[:2])
    _bring(payday, CHECKED, ("收款账号", "结果", "原因"), [[CARDS[0], "不一致", "户名少一个字"]])
    number = payday.propose()
    held, ready = payday.line(number, 0), payday.line(number, 1)
    assert (held.state, ready.state) == ("held", "proposed")
    assert "户名少一个字" in maker.get(f"/payouts/lines/{held.number}").text


def test_the_banks_answers_are_read_checked_and_taken_once(payday):
    number = payday.sent()
    first, second = payday.lines(number)
    headings = ("业务编号", "收款账号", "金额", "结果", "失败原因")
    good = [first.number, first.payee_id and CARDS[0][-4:], str(first.fen / 100), "成功", ""]
    wrong = [
        ["P9-0001", "", "1", "成功", ""],
        [first.number, "9999", "1.00", "也许", ""],
        [second.number, "", str(second.fen / 100), "失败", ""],
    ]
    assert _bring(payday, RESULTS, headings, wrong).faulty == 3
    bad = [second.number, "", str(second.fen / 100), "失败", "账户已销户"]
    assert _bring(payday, RESULTS, headings, [good, bad]).faulty == 0
    assert [line.state for line in payday.lines(number)] == ["paid", "bounced"]
    again = _bring(payday, RESULTS, headings, [good, bad])
    assert (again.faulty, again.applied) == (0, 0)
    payday.stand()


def test_a_payout_that_came_back_is_not_booked_twice_by_the_banks_statement(payday, maker):
    number = payday.sent()
    line = payday.line(number)
    payday.paid(line)
    headings = ("交易日期", "交易流水号", "对方户名", "对方账号", "收入金额", "附言")
    fen = f"{line.fen // 100}.{line.fen % 100:02d}"
    row = [today().isoformat(), "B1", "清源农商行", "", fen, "退汇"]
    assert _bring(payday, BANK_ROWS, headings, [row]).applied == 1
    with payday.world.app.app_context():
        match_new()
    early = maker.post("/ledger/transfers/1/booked", data={"how": "退汇"})
    assert early.status_code == 422
    assert "先在那一笔货款里记退回" in early.text
    payday.bounced(line)
    done = maker.post("/ledger/transfers/1/booked", data={"how": f"退回 {line.number}"})
    assert done.status_code == 303
    assert "bank" not in payday.stand()
    assert "suspense" not in payday.stand()
    with payday.world.transaction() as session:
        _, unlike = bank_days(session)
    assert [(one.side, one.fen) for one in unlike] == [("ledger", -line.fen)], "the payment itself"


def _bring(payday, importer, headings, rows):
    table = read_table(write_xlsx(headings, rows, "表"), importer.columns)
    with payday.world.app.app_context():
        return take_table(payday.maker, importer.code, "表.xlsx", table, "good")


def test_finance_of_one_town_neither_decides_nor_takes_files_of_the_county(payday):
    number = payday.propose()
    town = payday.world.sign_in(payday.world.user("finance", region=OWN_TOWN))
    fen = str(payday.run(number).fen)
    assert "钱从哪里来" not in town.get(f"/payouts/{number}").text
    for address in (
        "/payouts/new",
        f"/payouts/{number}/approve",
        f"/payouts/{number}/reject",
        f"/payouts/{number}/file",
        f"/payouts/{number}/sent",
        "/advances",
        "/payees/check",
        "/payees/check/file",
    ):
        assert town.post(address, data={"fen": fen, "reason": "x"}).status_code == 404, address
    for address in ("/advances", "/round-money", "/imports/new/payout_results"):
        assert town.get(address).status_code == 404, address
    assert payday.run(number).state == "proposed"
