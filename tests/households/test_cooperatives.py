"""Cooperatives: seen and kept in reach, members from day to day."""

from datetime import date

import pytest
from sqlalchemy import select

from marketplace.core.clock import today
from marketplace.households.models import CooperativeMember
from marketplace.identity.audit import AuditRow
from marketplace.identity.models import Organisation
from marketplace.imports.importer import IMPORTERS
from marketplace.imports.sheets import read_table, write_xlsx
from marketplace.imports.taking import take_table

HERE, ELSEWHERE = "990101101201", "990101102201"
USCC = "91350100M000100Y43"


def given(**changes):
    return {"name": "清源蔬菜合作社", "kind": "cooperative", "uscc": USCC, "region_code": "990101101000",
            "address": "三岔村口", "active": "y"} | changes  # fmt: skip


@pytest.fixture
def reviewer(world):
    return world.sign_in(world.user("reviewer", region="990101101000"))


@pytest.fixture
def unit(world):
    return world.unit("云山合作社", "cooperative", region_code="990101101000")


def rows(world):
    with world.transaction() as session:
        return [
            (row.household_id, row.valid_from, row.valid_until)
            for row in session.scalars(select(CooperativeMember).order_by(CooperativeMember.id))
        ]


def _import(world, kind, table):
    """Applied, unchanged and faulty rows."""
    operator = world.actor(world.operator())
    content = write_xlsx(table[0], table[1:], "表")
    with world.app.app_context():
        read = read_table(content, IMPORTERS[kind].columns)
        batch = take_table(operator, kind, "表.xlsx", read)
        return batch.applied, batch.unchanged, batch.faulty


def test_a_cooperative_is_created_corrected_and_found(world, reviewer):
    assert "还没有合作社" in reviewer.get("/cooperatives").text
    made = reviewer.post("/cooperatives/new", data=given(), follow_redirects=True)
    assert "清源蔬菜合作社" in made.text
    assert "还没有社员" in made.text
    page = reviewer.get("/cooperatives", query_string={"q": "蔬菜"}).text
    assert "0 户" in page
    with world.transaction() as session:
        held = session.scalars(select(Organisation)).one()
        held.has_canteen, held.approval_above_fen = True, 5000
    address = f"/cooperatives/{held.id}/edit"
    assert USCC in reviewer.get(address).text
    reviewer.post(address, data=given(name="清源合作社", active=""))
    with world.transaction() as session:
        found = session.get_one(Organisation, held.id)
        assert (found.name, found.active, found.has_canteen, found.approval_above_fen) == (
            "清源合作社", False, True, 5000,
        )  # fmt: skip
        assert session.scalars(
            select(AuditRow.action).where(AuditRow.subject == "organisation").order_by(AuditRow.id)
        ).all() == ["organisation_created", "organisation_changed"]


FAULTS = (
    ({"name": " "}, "请填名称"),
    ({"name": "云山合作社"}, "已经登记过了"),
    ({"uscc": "91350100M000100Y44"}, "最后一位对不上"),
    ({"kind": "school"}, "类型"),
    ({"region_code": "990101102000"}, "所在地"),
    ({"region_code": "990101000000"}, "所在地"),
)


def test_what_is_wrong_is_said_and_nothing_typed_is_lost(world, reviewer, unit):
    for changes, words in FAULTS:
        answer = reviewer.post("/cooperatives/new", data=given(**changes))
        assert answer.status_code == 422, changes
        assert words in answer.text, changes
        assert "三岔村口" in answer.text, changes
    with world.transaction() as session:
        assert session.scalars(select(Organisation.name)).all() == [unit.name]


def test_members_join_from_a_day_leave_and_may_return(world, reviewer, unit):
    household = world.household(HERE, name="欧阳铁柱")
    address = f"/cooperatives/{unit.id}/members"
    page = reviewer.post(
        address, data={"household": "欧阳铁柱", "since": "2024-03-01"}, follow_redirects=True
    ).text
    assert household.household_no in page
    assert "欧阳**" in page
    assert "铁柱" not in page
    assert "1 户" in page
    again = reviewer.post(
        address, data={"household": household.household_no, "since": "2025-03-01"}
    )
    assert again.status_code == 409
    assert "已经是社员" in again.text
    assert 'value="2025-03-01"' in again.text
    with world.transaction() as session:
        member = session.scalars(select(CooperativeMember.id)).one()
    assert reviewer.post(f"{address}/{member}/end", data={"until": "2024-02-01"}).status_code == 422
    assert reviewer.post(f"{address}/{member}/end", data={"until": ""}).status_code == 422
    reviewer.post(f"{address}/{member}/end", data={"until": "2024-12-31"})
    assert reviewer.post(f"{address}/{member}/end", data={"until": "2025-12-31"}).status_code == 409
    overlap = {"household": household.household_no, "since": "2024-12-31"}
    assert reviewer.post(address, data=overlap).status_code == 409
    reviewer.post(address, data=overlap | {"since": "2025-01-01"})
    assert rows(world) == [
        (household.id, date(2024, 3, 1), date(2024, 12, 31)),
        (household.id, date(2025, 1, 1), None),
    ]
    assert _import(world, "members", [["合作社", "户编号", "入社日期"],
        [unit.name, household.household_no, "2024-03-01"]]) == (0, 1, 0)  # fmt: skip
    assert len(rows(world)) == 2
    with world.transaction() as session:
        trail = session.scalars(
            select(AuditRow.action)
            .where(AuditRow.action.startswith("member_"))
            .order_by(AuditRow.id)
        ).all()
    assert trail == ["member_added", "member_ended", "member_added"]


def test_only_what_is_in_reach_can_be_seen_or_joined(world, reviewer, unit):
    far = world.unit("松坪合作社", "cooperative", region_code=ELSEWHERE)
    school = world.unit("第一小学", region_code="990101101000")
    stranger, twin = world.household(ELSEWHERE, name="孙有田"), world.household(HERE, name="孙有田")
    world.household("990101101202", name="孙有田")
    world.member(unit, stranger)
    assert "松坪合作社" not in reviewer.get("/cooperatives").text
    for other in (far, school):
        assert reviewer.get(f"/cooperatives/{other.id}").status_code == 404
        assert reviewer.post(f"/cooperatives/{other.id}/edit", data=given()).status_code == 404
        assert reviewer.post(f"/cooperatives/{other.id}/members", data={}).status_code == 404
    page = reviewer.get(f"/cooperatives/{unit.id}").text
    assert stranger.household_no not in page
    assert "另有 1 条社员记录" in page
    with world.transaction() as session:
        member = session.scalars(select(CooperativeMember.id)).one()
    address = f"/cooperatives/{unit.id}/members"
    assert (
        reviewer.post(f"{address}/{member}/end", data={"until": today().isoformat()}).status_code
        == 404
    )
    day = today().isoformat()
    refused = reviewer.post(address, data={"household": stranger.household_no, "since": day})
    assert "不归您管" in refused.text
    several = reviewer.post(address, data={"household": "孙有田", "since": day})
    assert "不止一户" in several.text
    assert twin.household_no in several.text
    assert stranger.household_no not in several.text


def test_a_manager_sees_the_own_cooperative_and_changes_nothing(world, unit):
    household = world.household(ELSEWHERE)
    world.member(unit, household)
    manager = world.sign_in(world.user("cooperative", unit=unit))
    page = manager.get(f"/cooperatives/{unit.id}").text
    assert household.household_no in page
    assert "加一户社员" not in page
    assert manager.get(f"/cooperatives/{unit.id}/edit").status_code == 403
    other = world.unit("松坪合作社", "cooperative")
    assert manager.get(f"/cooperatives/{other.id}").status_code == 404


def test_the_pages_cost_the_same_for_one_and_for_many(world, statements, unit):
    client = world.sign_in(world.operator())
    world.member(unit, world.household(HERE))
    addresses = ("/cooperatives", f"/cooperatives/{unit.id}")
    few = [statements(lambda a=a: client.get(a)) for a in addresses]
    for _ in range(8):
        world.member(unit, world.household(HERE))
        world.unit(kind="cooperative")
    assert [statements(lambda a=a: client.get(a)) for a in addresses] == few
    assert max(few) <= 8, few
