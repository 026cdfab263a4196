"""Households recorded and corrected by hand: checked as an import is, in reach, with dated statuses."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import select

from marketplace.core.errors import InvalidInput
from marketplace.core.secret_text import keyring
from marketplace.households.household_import import HOUSEHOLDS
from marketplace.households.models import (
    CadreAssignment,
    CooperativeMember,
    Household,
    SupportStatus,
)
from marketplace.households.register import record_household
from marketplace.households.service import HouseholdInput
from marketplace.identity.audit import AuditRow
from marketplace.identity.permissions import HOUSEHOLD_MANAGE
from marketplace.imports.sheets import read_table, write_xlsx
from marketplace.imports.taking import take_table

HERE, ELSEWHERE = "990101101201", "990101102201"
IDENTITY = "439900190001010022"  # nobody's: a well-formed number with its check digit


def given(**changes):
    return {
        "household_no": "S-1",
        "region_code": HERE,
        "head_name": "欧阳铁柱",
        "phone": "000-1111 2222",
        "identity_no": "",
        "persons": "4",
        "land": "3.25",
        "poultry": "",
        "kind": "povertyexit",
        "valid_from": "2020-12-31",
        "cadre": "",
    } | changes


@pytest.fixture
def reviewer(world):
    """Of the first town; the second is out of reach."""
    return world.sign_in(world.user("reviewer", region="990101101000"))


def only(world, model):
    with world.transaction() as session:
        return session.scalars(select(model)).one()


def actions(world):
    with world.transaction() as session:
        return list(
            session.scalars(
                select(AuditRow.action).where(AuditRow.subject == "household").order_by(AuditRow.id)
            )
        )


def test_a_household_is_recorded_with_status_and_cadre_and_leaves_a_trail(world, reviewer):
    cadre = world.user("cadre", name="liu.ganbu")
    saved = reviewer.post("/households/new", data=given(cadre="Liu.Ganbu"), follow_redirects=True)
    assert "保存好了" in saved.text
    assert "欧阳**" in saved.text
    assert "铁柱" not in saved.text
    household = only(world, Household)
    assert (household.phone, household.phone_hash) == ("00011112222", keyring.lookup("00011112222"))
    assert (household.persons, household.land_mu_hundredths, household.poultry) == (4, 325, None)
    status = only(world, SupportStatus)
    assert (status.kind, status.valid_from, status.valid_until) == (
        "povertyexit", date(2020, 12, 31), None,
    )  # fmt: skip
    assert only(world, CadreAssignment).user_id == cadre.id
    assert actions(world) == ["household_created", "status_added", "cadre_assigned"]
    with world.transaction() as session:
        trail = " ".join(session.scalars(select(AuditRow.detail)))
    assert "铁柱" not in trail
    assert "00011112222" not in trail


FAULTS = (
    ({"household_no": " "}, "请填户编号"),
    ({"head_name": ""}, "请填户主姓名"),
    ({"region_code": ""}, "请选村"),
    ({"phone": "12345"}, "手机号应当是 11 位"),
    ({"identity_no": "439900190001010026"}, "最后一位对不上"),
    ({"identity_no": "123"}, "应当是 18 位"),
    ({"persons": "0"}, "人口要在 1 到 50 之间"),
    ({"persons": "三四"}, "人口要填整数"),
    ({"land": "1.234"}, "最多两位小数"),
    ({"land": "很多"}, "很多"),
    ({"poultry": "-1"}, "家禽数要在 0 到"),
    ({"valid_from": ""}, "请填这一类从哪天起"),
    ({"valid_from": "去年"}, "请填日期"),
    ({"kind": "rich"}, "户类别"),
    ({"cadre": "nobody"}, "不是帮扶联系人"),
)


def test_a_fault_is_said_beside_its_field_and_nothing_typed_is_lost(world, reviewer):
    for changes, words in FAULTS:
        typed = given(**changes)
        answer = reviewer.post("/households/new", data=typed)
        assert answer.status_code == 422, changes
        assert words in answer.text, changes
        for name in ("household_no", "head_name", "phone", "land", "valid_from"):
            assert typed[name].strip() in answer.text, (name, changes)
    with world.transaction() as session:
        assert session.scalar(select(Household.id)) is None


def test_a_forged_village_is_refused_for_a_new_household_and_for_a_move(world, reviewer):
    household = world.household(HERE)
    for village in (ELSEWHERE, "990101101000", "000000000000"):
        for address in ("/households/new", f"/households/{household.id}/edit"):
            answer = reviewer.post(address, data=given(region_code=village))
            assert answer.status_code == 422, (village, address)
    assert only(world, Household).region_code == HERE
    out = world.household(ELSEWHERE)
    assert reviewer.get(f"/households/{out.id}/edit").status_code == 404
    assert reviewer.post(f"/households/{out.id}/edit", data=given()).status_code == 404
    assert reviewer.post(f"/households/{out.id}/statuses", data=given()).status_code == 404


def test_the_service_itself_refuses_a_village_out_of_reach(world):
    actor = world.actor(world.user("reviewer", region="990101101000"))
    scope, forged = actor.scope_for(HOUSEHOLD_MANAGE), HouseholdInput("S-2", ELSEWHERE, "陈大山")
    with pytest.raises(InvalidInput, match="不归您管"), world.transaction() as session:
        record_household(session, actor, scope, forged, None)


def test_cadres_and_auditors_do_not_edit_households(world):
    cadre = world.user("cadre")
    household = world.household(cadre=cadre)
    for user in (cadre, world.user("auditor", region="990101000000")):
        client = world.sign_in(user)
        assert client.get("/households/new").status_code == 403
        assert client.get(f"/households/{household.id}/edit").status_code == 403
        assert "修改资料" not in client.get(f"/households/{household.id}").text


def test_a_correction_shows_no_name_and_what_is_left_empty_stays(world, reviewer):
    household = world.household(HERE, name="欧阳铁柱")
    reviewer.post(f"/households/{household.id}/edit", data=given(phone="00011112222"))
    page = reviewer.get(f"/households/{household.id}/edit").text
    assert "欧阳**" in page
    assert "3.25" in page
    for hidden in ("铁柱", "00011112222"):
        assert hidden not in page
    empty = given(head_name="", phone="", persons="5", land="", region_code="990101101202")
    reviewer.post(f"/households/{household.id}/edit", data=empty)
    found = only(world, Household)
    assert (found.head_name, found.phone) == ("欧阳铁柱", "00011112222")
    assert (found.persons, found.region_code) == (5, "990101101202")
    reviewer.post(f"/households/{household.id}/edit", data=empty | {"phone": "无"})
    found = only(world, Household)
    assert (found.phone, found.phone_hash, found.head_name) == (None, None, "欧阳铁柱")
    with world.transaction() as session:
        details = list(
            session.scalars(
                select(AuditRow.detail)
                .where(AuditRow.action == "household_changed")
                .order_by(AuditRow.id)
            )
        )
    assert details == [
        '{"columns": "land_mu_hundredths,persons,phone"}',
        '{"columns": "persons,region_code"}',
        '{"columns": "phone"}',
    ]


def test_a_number_is_taken_once_and_likely_doubles_are_shown_before_saving(world, reviewer):
    first = world.household(HERE, name="欧阳铁柱")
    taken = reviewer.post(
        "/households/new", data=given(household_no=first.household_no, head_name="王福来")
    )
    assert taken.status_code == 409
    assert "已经登记过了" in taken.text
    asked = reviewer.post("/households/new", data=given())
    assert asked.status_code == 409
    for words in ("是不是这几户", "同村同名", first.household_no, "欧阳**"):
        assert words in asked.text
    reviewer.post("/households/new", data=given(other_household="y", identity_no=IDENTITY))
    again = given(
        household_no="S-9", head_name="孙有田", identity_no=IDENTITY, region_code="990101101202"
    )
    assert "证件号码一样" in reviewer.post("/households/new", data=again).text
    hidden = world.household(ELSEWHERE, name="孙有田")
    unseen = reviewer.post("/households/new", data=given(household_no="S-8", head_name="孙有田"))
    assert unseen.status_code == 302
    assert hidden.household_no not in unseen.text


def test_statuses_begin_and_end_and_are_never_overwritten(world, reviewer):
    household = world.household(HERE)  # 脱贫户 since 2020-01-01
    address = f"/households/{household.id}/statuses"
    twice = reviewer.post(address, data={"kind": "povertyexit", "valid_from": "2024-05-01"})
    assert twice.status_code == 409
    assert "2020-01-01 起已经有了" in twice.text
    assert 'value="2024-05-01"' in twice.text
    wrong = {"kind": "dibao", "valid_from": "2024-05-01", "valid_until": "2024-04-01"}
    assert reviewer.post(address, data=wrong).status_code == 422
    held = only(world, SupportStatus)
    early = reviewer.post(f"{address}/{held.id}/end", data={"until": "2019-12-31"})
    assert early.status_code == 422
    assert 'value="2019-12-31"' in early.text
    assert (
        reviewer.post(f"{address}/{held.id}/end", data={"until": "2024-04-30"}).status_code == 302
    )
    assert (
        reviewer.post(f"{address}/{held.id}/end", data={"until": "2025-01-01"}).status_code == 409
    )
    reviewer.post(address, data={"kind": "povertyexit", "valid_from": "2024-05-01"})
    other = world.household(HERE)
    assert (
        reviewer.post(
            f"/households/{other.id}/statuses/{held.id}/end", data={"until": "2024-01-01"}
        ).status_code
        == 404
    )
    with world.transaction() as session:
        rows = session.scalars(
            select(SupportStatus)
            .where(SupportStatus.household_id == household.id)
            .order_by(SupportStatus.valid_from)
        ).all()
        assert [(r.valid_from, r.valid_until) for r in rows] == [
            (date(2020, 1, 1), date(2024, 4, 30)),
            (date(2024, 5, 1), None),
        ]


def test_what_is_sent_by_four_at_the_same_moment_is_recorded_once(world):
    household, unit = world.household(), world.unit(kind="cooperative")
    cadre = world.user("cadre")
    member = {"household": household.household_no, "since": "2024-05-01"}
    acts = (
        (f"/households/{household.id}/statuses", {"kind": "dibao", "valid_from": "2024-05-01"}),
        (f"/households/{household.id}/hand-over", {"cadre": cadre.login_name}),
        (f"/cooperatives/{unit.id}/members", member),
    )
    browsers = [world.sign_in(world.operator()) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for act in acts:
            answers = pool.map(lambda browser, act=act: browser.post(act[0], data=act[1]), browsers)
            assert {answer.status_code for answer in answers} <= {302, 409}
    assert actions(world) == ["status_added", "cadre_assigned"]
    only(world, CadreAssignment)
    only(world, CooperativeMember)


def test_a_cadre_named_by_mistake_is_corrected_the_same_day(world, reviewer):
    wrong, right = world.user("cadre"), world.user("cadre")
    reviewer.post("/households/new", data=given(cadre=wrong.login_name))
    household = only(world, Household)
    answer = reviewer.post(
        f"/households/{household.id}/hand-over", data={"cadre": right.login_name}
    )
    assert answer.status_code == 302
    assert only(world, CadreAssignment).user_id == right.id
    assert actions(world).count("cadre_assigned") == 2
    assert world.sign_in(wrong).get(f"/households/{household.id}").status_code == 404


def test_an_older_file_does_not_begin_again_what_was_ended_by_hand(world, reviewer):
    head = [
        "户编号",
        "乡镇",
        "村",
        "户主",
        "是否脱贫户",
        "监测对象类别",
        "识别监测时间",
        "风险是否已消除",
        "消除时间",
    ]
    row = ["S-1", "青石镇", "三岔村", "欧阳铁柱", "是", "边缘易致贫户", "2024-03-01", "", ""]
    operator = world.actor(world.operator())

    def take(cells):
        with world.app.app_context():
            table = read_table(write_xlsx(head, [cells], "户"), HOUSEHOLDS.columns)
            batch = take_table(operator, "households", "户.xlsx", table)
            return batch.applied, batch.unchanged, batch.faulty

    reviewer.post("/households/new", data=given(valid_from="2021-06-01"))
    assert take(row) == (1, 0, 0)
    with world.transaction() as session:
        held = session.scalars(select(SupportStatus).order_by(SupportStatus.id)).all()
        household = session.scalars(select(Household.id)).one()
    assert [(s.kind, s.valid_from) for s in held] == [
        ("povertyexit", date(2021, 6, 1)),
        ("marginal_risk", date(2024, 3, 1)),
    ]
    for status in held:
        address = f"/households/{household}/statuses/{status.id}/end"
        reviewer.post(address, data={"until": "2025-06-30"})
    assert take(row) == (0, 1, 0)
    assert take([*row[:7], "是", "2025-06-30"]) == (0, 1, 0)
    assert take([*row[:7], "是", "2025-09-30"]) == (0, 0, 1)
    with world.transaction() as session:
        ends = session.scalars(select(SupportStatus.valid_until)).all()
    assert ends == [date(2025, 6, 30)] * 2


def test_a_part_of_a_name_is_searched_only_inside_one_village(world):
    cadre = world.user("cadre")
    here = world.household(HERE, name="欧阳铁柱", cadre=cadre)
    there = world.household("990101101202", name="王铁柱", cadre=cadre)
    client = world.sign_in(cadre)

    def found(**query):
        page = client.get("/field/households", query_string=query).text
        return {h.household_no for h in (here, there) if h.household_no in page}

    assert found() == found(q="H") == {here.household_no, there.household_no}
    assert found(q="铁柱") == set()
    assert "请先点村名" in client.get("/field/households?q=铁柱").text
    assert found(q="铁柱", village=HERE) == {here.household_no}
    assert found(q="铁柱", village=ELSEWHERE) == set()
    assert found(q="王铁柱") == {there.household_no}
    one_village = world.user("cadre")
    mine = world.household(HERE, name="周铁柱", cadre=one_village)
    page = world.sign_in(one_village).get("/field/households?q=铁柱").text
    assert mine.household_no in page
    auditor = world.sign_in(world.user("auditor", region="990101000000"))
    page = auditor.get("/households", query_string={"q": "铁柱", "village": HERE}).text
    assert here.household_no not in page
