"""Households: masked, scoped, revealed only with a reason, handed over with their history."""

from sqlalchemy import select

from marketplace.core.secret_text import keyring
from marketplace.households.models import CadreAssignment, Household
from marketplace.identity.accounts import end_role
from marketplace.identity.actor import SYSTEM
from marketplace.identity.audit import AuditRow
from marketplace.identity.models import RoleGrant

PHONE = "00011112222"


def _with_phone(world, household):
    with world.transaction() as session:
        found = session.get_one(Household, household.id)
        found.phone, found.phone_hash = PHONE, keyring.lookup(PHONE)


def test_the_list_shows_masks_and_finds_by_number_name_phone_and_village(world):
    household = world.household(name="欧阳铁柱")
    other = world.household("990101102201", name="陈大山")
    _with_phone(world, household)
    client = world.sign_in(world.operator())
    page = client.get("/households").text
    assert "欧阳**" in page
    assert "铁柱" not in page
    for words in (household.household_no, "欧阳铁柱", PHONE):
        found = client.get("/households", query_string={"q": words}).text
        assert household.household_no in found
        assert other.household_no not in found
    part = {"q": "铁", "village": household.region_code}
    assert household.household_no in client.get("/households", query_string=part).text
    assert "没有找到" in client.get("/households", query_string={"q": "铁"}).text


def test_names_and_numbers_appear_only_by_post_with_a_reason_and_leave_one_row(world):
    household = world.household(name="欧阳铁柱")
    _with_phone(world, household)
    client = world.sign_in(world.operator())
    address = f"/households/{household.id}"
    assert "铁柱" not in client.get(address).text
    assert client.get(f"{address}/reveal").location == address
    refused = client.post(f"{address}/reveal", data={"reason": " "})
    assert refused.status_code == 422
    assert PHONE not in refused.text
    shown = client.post(f"{address}/reveal", data={"reason": "通知备货"}).text
    assert "欧阳铁柱" in shown
    assert PHONE in shown
    with world.transaction() as session:
        (row,) = session.scalars(
            select(AuditRow).where(AuditRow.action == "personal_revealed")
        ).all()
    assert "通知备货" in row.detail
    assert PHONE not in row.detail


def test_without_the_right_there_is_nothing_to_reveal(world):
    household = world.household()
    auditor = world.sign_in(world.user("auditor", region="990101000000"))
    assert auditor.get(f"/households/{household.id}").status_code == 200
    assert (
        auditor.post(f"/households/{household.id}/reveal", data={"reason": "看看"}).status_code
        == 403
    )


def test_another_town_does_not_see_the_household(world):
    household = world.household("990101101201")
    other = world.sign_in(world.user("reviewer", region="990101102000"))
    assert household.household_no not in other.get("/households").text
    assert other.get(f"/households/{household.id}").status_code == 404
    assert (
        other.post(f"/households/{household.id}/reveal", data={"reason": "看看"}).status_code == 404
    )
    assert (
        other.post(f"/households/{household.id}/consent", data={"how": "签字"}).status_code == 404
    )


def test_a_successor_takes_over_and_the_history_stays(world):
    first, second = world.user("cadre"), world.user("cadre")
    household = world.household(cadre=first)
    client = world.sign_in(world.operator())
    former = world.user("cadre")
    with world.transaction() as session:
        grant = session.scalars(select(RoleGrant).where(RoleGrant.user_id == former.id)).one()
        end_role(session, SYSTEM, former.id, grant.id)
    address = f"/households/{household.id}/hand-over"
    for nobody in ("nobody", former.login_name):
        assert client.post(address, data={"cadre": nobody}).status_code == 422
    client.post(address, data={"cadre": second.login_name})
    with world.transaction() as session:
        rows = session.scalars(select(CadreAssignment).order_by(CadreAssignment.id)).all()
    assert [(row.user_id, row.valid_until is None) for row in rows] == [
        (first.id, False),
        (second.id, True),
    ]
    assert world.sign_in(second).get(f"/households/{household.id}").status_code == 200
    assert world.sign_in(first).get(f"/households/{household.id}").status_code == 404


def test_the_list_costs_the_same_for_one_and_for_many(world, statements):
    client = world.sign_in(world.operator())
    world.household(cadre=world.user("cadre"))
    client.get("/households")
    one = statements(lambda: client.get("/households"))
    for _ in range(12):
        world.household(cadre=world.user("cadre"))
    assert statements(lambda: client.get("/households")) <= one <= 8
