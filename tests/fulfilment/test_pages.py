"""Pages of sheets: who sees which, what is masked, what a page costs, the same figures everywhere."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.core.clock import use_clock
from marketplace.fulfilment.issuing import issue_sheets
from marketplace.fulfilment.models import PreparationSheet, SheetAnswer, SheetTold
from marketplace.fulfilment.reminding import remind_unanswered
from marketplace.identity.audit import AuditRow
from marketplace.notices.models import Notice
from marketplace.orders.allocation_pages import set_pin
from marketplace.orders.round_allocation import allocate_round, undo_allocation
from marketplace.orders.round_models import Listing, RoundCollection
from tests.fulfilment.collecting import Collecting
from tests.support.world import COUNTY

PHONE = "000-0000 0777"


@pytest.fixture
def collecting(world):
    """Two households in two towns, each with its cadre; the first has a telephone."""
    made = Collecting(world, villages=("990101101201", "990101102201"))
    with world.transaction() as session:
        made.lots = []
        household = session.merge(made.households[0])
        household.phone = PHONE
    return made


def _text(page):
    return re.sub(r"<[^>]+>", " ", page)


def test_the_office_issues_and_the_round_cannot_go_back(world):
    made = Collecting(world, issue=False)
    browser = world.sign_in(world.operator())
    assert "去发备货单" in browser.get("/sheets/").text
    assert browser.post(f"/sheets/round/{made.round.id}/issue").status_code == 302
    refused = browser.post(f"/sheets/round/{made.round.id}/issue")
    assert refused.status_code == 409
    assert "已经发过的不用再发" in refused.text
    assert len(made.sheets()) == 2


def test_a_village_without_a_slot_gets_one_before_sheets_go_out(world):
    made = Collecting(world, issue=False, villages=("990101101201", "990101102201"))
    with world.transaction() as session:
        town = session.scalars(
            select(RoundCollection).where(RoundCollection.region_code == "990101102000")
        ).one()
        point = town.collection_point_id
        session.delete(town)
    browser = world.sign_in(world.operator())
    address = f"/sheets/round/{made.round.id}"
    assert browser.get(address).headers["Location"] == f"{address}/issue"
    assert "云岭镇松坪村" in browser.get(f"{address}/issue").text
    refused = browser.post(f"{address}/issue")
    assert refused.status_code == 409
    assert "请先补上再发" in refused.text
    given = {
        "region_code": "990101102201",
        "point_id": str(point),
        "from_at": "2026-12-01T10:00",
        "until_at": "2026-12-01T08:00",
    }
    refused = browser.post(f"{address}/slot", data=given)
    assert refused.status_code == 422
    assert "收货要先开始再结束" in refused.text
    assert 'value="2026-12-01T10:00"' in refused.text
    given["until_at"] = "2026-12-01T12:00"
    foreign = browser.post(f"{address}/slot", data=given | {"region_code": "990101101201"})
    assert "不用补排" in foreign.text
    assert browser.post(f"{address}/slot", data=given).status_code == 302
    assert browser.post(f"{address}/issue").headers["Location"] == address
    assert "12月1日(周二)上午 10–12 点" in browser.get(address).text


@pytest.mark.parametrize("role", ["cadre", "reviewer", "auditor", "leader", "staff"])
def test_only_the_operator_issues(world, role):
    made = Collecting(world, issue=False)
    unit = world.unit() if role == "staff" else None
    browser = world.sign_in(world.user(role, region=COUNTY if not unit else None, unit=unit))
    assert browser.post(f"/sheets/round/{made.round.id}/issue").status_code == 403


def test_another_towns_and_another_cadres_sheets_do_not_exist(world, collecting):
    """S3, S4: every address with a foreign id answers 404 and shows nothing of it."""
    theirs = collecting.sheet(1)
    strangers = [collecting.cadres[0], world.user("reviewer", region="990101101000")]
    for stranger in strangers:
        browser = world.sign_in(stranger)
        for address in (
            f"/sheets/{theirs.id}", f"/sheets/{theirs.id}/paper", f"/sheets/{theirs.id}/less",
            f"/sheets/code/{theirs.code}", f"/field/sheets/{theirs.id}", f"/field/sheets/{theirs.id}/less",
        ):  # fmt: skip
            assert browser.get(address).status_code == 404, address
        for address in (f"/sheets/{theirs.id}/paper", f"/field/sheets/{theirs.id}/phone"):
            assert browser.post(address, data={"reason": "tell"}).status_code == 404
        for address in (f"/sheets/{theirs.id}/yes", f"/field/sheets/{theirs.id}/yes"):
            assert browser.post(address).status_code == 404
        assert browser.post(f"/sheets/{theirs.id}/told", data={"how": "call"}).status_code == 404
        many = {"chosen": str(theirs.id), "how": "call"}
        told = browser.post(f"/sheets/round/{collecting.round.id}/told", data=many)
        assert told.status_code == 404
        for address in ("/sheets/", f"/sheets/round/{collecting.round.id}", "/field/sheets"):
            page = browser.get(address).text
            assert f'/{theirs.id}"' not in page
    assert collecting.read(select(SheetAnswer)) == collecting.read(select(SheetTold)) == []


def test_names_and_telephones_show_masked_until_a_reason_is_given(world, collecting):
    """S23: a POST with a reason, and one row in the trail that says whose."""
    head = collecting.households[0].head_name
    browser = world.sign_in(collecting.cadres[0])
    sheet = collecting.sheet(0)
    round_id = collecting.round.id
    for address in (
        "/sheets/", f"/sheets/round/{round_id}", f"/sheets/{sheet.id}", f"/sheets/{sheet.id}/paper",
        f"/sheets/round/{round_id}/paper", f"/sheets/round/{round_id}/calls",
        f"/sheets/round/{round_id}/texts", "/field/sheets", f"/field/sheets/{sheet.id}", "/field/",
    ):  # fmt: skip
        page = browser.get(address)
        assert page.status_code == 200, address
        assert head not in page.text, address
        assert PHONE not in page.text, address
    assert browser.post(f"/field/sheets/{sheet.id}/phone").status_code == 422
    assert collecting.read(select(AuditRow).where(AuditRow.action == "personal_revealed")) == []
    page = browser.post(f"/field/sheets/{sheet.id}/phone", data={"reason": "tell"}).text
    assert head in page
    assert PHONE in page
    (row,) = collecting.read(select(AuditRow).where(AuditRow.action == "personal_revealed"))
    assert (row.subject, row.subject_id) == ("household", str(sheet.household_id))
    assert "打电话通知备货" in row.detail
    assert PHONE not in row.detail


def test_printing_writes_full_names_and_leaves_one_row_for_the_stack(world, collecting):
    browser = world.sign_in(world.operator())
    address = f"/sheets/round/{collecting.round.id}/paper"
    page = browser.post(address, data={"reason": "deliver"}).text
    for household in collecting.households:
        assert household.head_name in page
    assert PHONE not in page
    calls = browser.post(address.replace("paper", "calls"), data={"reason": "tell"}).text
    assert PHONE in calls
    rows = collecting.read(select(AuditRow).where(AuditRow.action == "personal_revealed"))
    assert len(rows) == 2
    assert all(str(one.id) in rows[0].detail for one in collecting.households)


def test_the_auditor_reads_and_neither_reveals_nor_answers(world, collecting):
    browser = world.sign_in(world.user("auditor", region=COUNTY))
    sheet = collecting.sheet(0)
    assert browser.get(f"/sheets/{sheet.id}").status_code == 200
    for address in (
        f"/sheets/{sheet.id}/paper",
        f"/sheets/{sheet.id}/yes",
        f"/sheets/{sheet.id}/told",
    ):
        assert browser.post(address, data={"reason": "check", "how": "call"}).status_code == 403


def test_money_quantity_and_time_are_the_same_on_list_sheet_paper_and_message(world, collecting):
    """U19. The message says the same without its spaces."""
    browser = world.sign_in(world.operator())
    sheet = collecting.sheet(0)
    pages = [
        _text(browser.get(address).text)
        for address in (
            f"/sheets/round/{collecting.round.id}", f"/sheets/{sheet.id}", f"/sheets/{sheet.id}/paper",
            f"/sheets/round/{collecting.round.id}/calls", "/field/sheets", f"/field/sheets/{sheet.id}",
        )
    ]  # fmt: skip
    message = re.search(r'id="message-\d+">([^<]+)<', browser.get(f"/sheets/{sheet.id}").text)[1]
    for page in pages:
        assert "75.00" in page
        assert "50 斤" in page
    assert "得75.00元" in message
    assert re.match(r"[㐀-鿿]{1,2}家请备", message)  # as people call a household
    assert "10份共50斤" in message
    when = re.search(r"\d+月\d+日\(周.\)[^ ]* ?[\d:–]+(?: 点)?", pages[1])[0]
    assert all(when in page for page in pages[:3])
    assert when.replace(" ", "") in message


def test_a_cadre_says_yes_in_two_taps(world, collecting):
    browser = world.sign_in(collecting.cadres[0])
    page = browser.get("/field/sheets").text  # first tap: the tab
    action = re.search(r'action="(/field/sheets/\d+/yes)"', page)[1]
    assert browser.post(action).headers["Location"] == "/field/sheets"  # second tap
    (answer,) = collecting.read(select(SheetAnswer))
    assert answer.answer == "yes"
    page = browser.get("/field/sheets").text
    assert "能备齐</span>" in page
    assert "/yes" not in page


def test_less_keeps_what_was_typed_when_refused_and_leads_to_the_new_version(world, collecting):
    browser = world.sign_in(collecting.cadres[0])
    old = collecting.sheet(0)
    box = f"bring_{collecting.listing.id}"
    address = f"/field/sheets/{old.id}/less"
    refused = browser.post(address, data={box: "3"})
    assert refused.status_code == 422
    assert "请选原因" in refused.text
    assert 'value="3"' in refused.text
    refused = browser.post(address, data={box: "99", "reason": "died"})
    assert refused.status_code == 422
    assert "要在 0 到 10 之间" in refused.text
    asked = browser.post(address, data={box: "3", "reason": "died"})
    assert "订单会少 7 份" in asked.text
    assert 'value="3"' in asked.text
    assert collecting.sheet(0).id == old.id
    seen = re.search(r'name="seen_cut"[^>]*value="(\d+)"', asked.text)[1]
    again = browser.post(address, data={box: "2", "reason": "died", "seen_cut": seen})
    assert "订单会少 8 份" in again.text
    done = browser.post(address, data={box: "3", "reason": "died", "seen_cut": seen})
    new = collecting.sheet(0)
    assert done.headers["Location"] == f"/field/sheets/{new.id}"
    page = browser.get(done.headers["Location"]).text
    assert "原来 10 份，现在 3 份" in page
    assert "第 2 版，替代第 1 版" in browser.get(f"/sheets/{new.id}/paper").text
    assert "已经由新的一版替代" in browser.get(f"/sheets/{old.id}").text
    assert browser.post(f"/field/sheets/{old.id}/yes").status_code == 409


def test_many_are_told_at_once_and_the_list_counts_them(world, collecting):
    browser = world.sign_in(world.operator())
    address = f"/sheets/round/{collecting.round.id}"
    assert browser.post(f"{address}/told", data={"how": "paper"}).status_code == 422
    chosen = [str(sheet.id) for sheet in collecting.sheets()]
    browser.post(f"{address}/told", data={"chosen": chosen, "how": "paper"})
    assert {told.how for told in collecting.read(select(SheetTold))} == {"paper"}
    assert "没有这样的备货单" in browser.get(f"{address}?stand=untold").text
    assert len(re.findall(r'name="chosen"', browser.get(f"{address}?stand=waiting").text)) == 2


def test_filters_narrow_by_village_cadre_and_point(world, collecting):
    browser = world.sign_in(world.operator())
    address = f"/sheets/round/{collecting.round.id}"
    first = collecting.sheet(0)
    for narrowed in (
        f"village={first.region_code}", f"cadre={collecting.cadres[0].id}", f"point={first.collection_id}"
    ):  # fmt: skip
        page = browser.get(f"{address}?{narrowed}").text
        assert re.findall(r'name="chosen" value="(\d+)"', page) == [str(first.id)]
    assert browser.get(f"{address}?village=x&cadre=-1&point=1e9&stand=x&page=99").status_code == 200


def test_what_nobody_acknowledged_stands_in_three_lists_and_each_is_told_once_a_day(
    app, world, collecting
):
    reviewer = world.user("reviewer", region="990101101000")
    other_town = world.user("reviewer", region="990101102000")
    operator = world.operator()
    collecting.yes(1)
    sheet = collecting.sheet(0)
    with world.transaction() as session:
        start = session.get_one(PreparationSheet, sheet.id).collection.from_at
    with use_clock(lambda: start - timedelta(hours=49)), app.app_context():
        remind_unanswered()
    assert collecting.read(select(Notice).where(Notice.kind == "sheets_overdue")) == []
    with use_clock(lambda: start - timedelta(hours=47)):
        with app.app_context():
            remind_unanswered()
            remind_unanswered()
        told = collecting.read(select(Notice).where(Notice.kind == "sheets_overdue"))
        assert {notice.to_user_id for notice in told} >= {
            collecting.cadres[0].id, reviewer.id, operator.id,
        }  # fmt: skip
        assert other_town.id not in {notice.to_user_id for notice in told}
        assert len({notice.to_user_id for notice in told}) == len(told)
        assert "快交货了还没有回音" in world.sign_in(collecting.cadres[0]).get("/field/").text
        for person in (reviewer, operator):
            page = world.sign_in(person).get("/sheets/").text
            assert "快交货了，还没有回音" in page
            assert f'/sheets/{sheet.id}"' in page
        assert "快交货了" not in world.sign_in(other_town).get("/sheets/").text


def test_a_cooperatives_sheet_lists_its_members_shares(world):
    cooperative = world.unit("三岔合作社", "cooperative", region_code="990101101201")
    manager = world.user("cooperative", unit=cooperative)
    members = [world.household() for _ in range(2)]
    for member in members:
        world.member(cooperative, member)
    product = world.product("生姜")
    shares = ((members[0].id, 10_000), (members[1].id, 9_000), (None, 4_000))
    report = world.report(manager, product, 23_000, organisation_id=cooperative.id, shares=shares)
    lot = world.verify(world.user("reviewer", region=COUNTY), report)
    in_round = world.round()
    listing = world.listing(in_round, product, [lot])
    world.open_round(in_round)
    world.order(world.user("staff", unit=world.unit()), in_round, {listing.id: 3})
    made = Collecting.__new__(Collecting)
    made.world, made.round = world, in_round
    for step in made.STEPS:
        made.step(step)
    (sheet,) = made.sheets()
    page = _text(world.sign_in(manager).get(f"/field/sheets/{sheet.id}").text)
    assert "三岔合作社" in page
    parts = re.findall(r"\*\* ([\d.]+) 斤|其他社员 ([\d.]+) 斤", page)
    assert round(sum(float(a or b) for a, b in parts), 3) == 15.0
    assert sorted(float(a or b) for a, b in parts) == [2.6, 5.9, 6.5]  # nothing finer than a tenth


def test_a_scanned_sheet_leads_to_its_page(world, collecting):
    sheet = collecting.sheet(0)
    browser = world.sign_in(world.operator())
    assert browser.get(f"/sheets/code/{sheet.code}").headers["Location"] == f"/sheets/{sheet.id}"
    assert browser.get("/sheets/code/NOTACODE").status_code == 404


def test_lists_cost_the_same_statements_for_few_sheets_and_for_many(world, statements):
    few = Collecting(world, ordered=(12,), supplies=(10, 10))
    many = Collecting(world, ordered=(120,), supplies=(10,) * 16)
    operator, cadre = world.sign_in(world.operator()), world.sign_in(many.cadres[0])
    costs = {}
    for name, made in (("few", few), ("many", many)):
        address = f"/sheets/round/{made.round.id}"
        costs[name] = [
            statements(lambda at=at: operator.get(at))
            for at in (address, f"{address}?stand=untold", f"{address}/paper", f"{address}/texts")
        ]
    assert costs["few"] == costs["many"]
    costs["all"] = [
        statements(lambda: operator.get("/sheets/")),
        statements(lambda: cadre.get("/field/sheets")),
    ]
    assert max(costs["many"] + costs["all"]) <= 8, costs


def test_issuing_costs_the_same_statements_for_few_sheets_and_for_many(world, statements):
    few = Collecting(world, ordered=(12,), supplies=(10, 10), issue=False)
    many = Collecting(world, ordered=(120,), supplies=(10,) * 16, issue=False)
    costs = [statements(lambda made=made: made.step(issue_sheets)) for made in (few, many)]
    assert costs[0] == costs[1] <= 20


def test_the_allocation_stays_readable_after_a_pinned_household_brings_less(world):
    made = Collecting(world, ordered=(30,), supplies=(40, 40), issue=False)
    operator = world.operator()
    actor = world.actor(operator)
    made.step(undo_allocation)
    with world.transaction() as session:
        listing = session.get_one(Listing, made.listing.id)
        claimant = f"h:{made.households[0].id}"
        set_pin(session, actor, listing, claimant, 25, "货要坏了")
    made.step(allocate_round)
    made.step(issue_sheets)
    made.less(0, 10)
    desk = world.sign_in(operator)
    page = desk.get(f"/rounds/{made.round.id}/allocation")
    assert page.status_code == 200
    assert "h:" not in re.sub(r"<[^>]+>", "", page.text)
    assert "本期用" in page.text
    assert desk.get(f"/listings/{made.listing.id}/allocation").status_code == 200
