"""The administrator's pages: accounts, roles, slips, units, settings, and what stays closed to him."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.core.clock import now, today, use_clock
from marketplace.core.county_settings import county_settings
from marketplace.core.db import db
from marketplace.core.errors import InvalidInput
from marketplace.identity.accounts import NewGrant, grant_role
from marketplace.identity.actor import SYSTEM
from marketplace.identity.models import Organisation, RoleGrant, User
from tests.security.doors import doors
from tests.support.meanwhile import meanwhile
from tests.support.statements import counted
from tests.support.world import COUNTY, PASSWORD

CODE = re.compile(r"[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}")
GRANT = {"valid_from": "2020-01-01", "valid_until": "", "region_code": "", "organisation_id": ""}


@pytest.fixture
def admin(world):
    return world.sign_in(world.user("administrator", name="admin"))


@pytest.fixture
def scalar(app):
    def ask(statement):
        with app.app_context():
            return db.session.scalar(statement)

    return ask


def test_an_account_is_made_given_a_role_activated_from_its_slip_and_used(world, admin, scalar):
    made = admin.post(
        "/admin/accounts/new",
        data={"login_name": "HeQing", "display_name": "何青", "phone": "000-0000 0009"},
    )
    assert made.status_code == 302
    user = scalar(select(User).where(User.login_name == "heqing"))
    role = {"role": "reviewer", "region_code": COUNTY}
    assert admin.post(f"/admin/accounts/{user.id}", data=GRANT | role).status_code == 302
    slip = admin.post(f"/admin/accounts/{user.id}/slip").text
    code = CODE.search(slip).group()
    assert "heqing" in slip
    assert "<svg" in slip
    browser = world.app.test_client()
    words = "tall grass behind barn"
    answer = browser.post(
        "/activate",
        data={"login_name": "heqing", "code": code.lower(), "password": words, "again": words},
    )
    assert answer.status_code == 302
    assert "乡镇审核" in browser.get("/me").text
    again = world.app.test_client().post(
        "/activate",
        data={"login_name": "heqing", "code": code, "password": words, "again": words},
    )
    assert again.status_code == 422
    assert "已过期" in again.text


def test_slips_are_printed_for_everybody_of_a_unit_who_still_waits(app, world, admin):
    unit, other = world.unit("县医院"), world.unit("一中")
    for number in range(3):
        for where in (unit, other):
            form = {"login_name": f"w{where.id}-{number}", "display_name": "周小满"}
            admin.post("/admin/accounts/new", data=form | {"organisation_id": where.id})
    world.user("staff", unit=unit, name="active-already")
    assert "打印这些激活单" in admin.get(f"/admin/accounts?state=waiting&unit={unit.id}").text
    with counted(app) as seen:
        paper = admin.post(f"/admin/accounts/slips?unit={unit.id}").text
    assert sum("FROM county_setting" in statement for statement in seen) == 1
    assert len(set(CODE.findall(paper))) == paper.count('class="sheet"') == 3
    assert "active-already" not in paper
    assert f"w{other.id}-0" not in paper
    assert admin.post("/admin/accounts/slips?q=nobody").status_code == 302


def test_a_newer_slip_kills_the_older_code_and_a_month_kills_the_newest(world, admin):
    user = world.user("staff", unit=world.unit())
    codes = [CODE.search(admin.post(f"/admin/accounts/{user.id}/slip").text)[0] for _ in "12"]
    words = "tall grass behind barn"

    def activate(code):
        form = {"login_name": user.login_name, "code": code, "password": words, "again": words}
        return world.app.test_client().post("/activate", data=form).status_code

    assert activate(codes[0]) == 422
    later = now() + timedelta(days=31)
    with use_clock(lambda: later):
        assert activate(codes[1]) == 422
    assert activate(codes[1]) == 302


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"login_name": "admin", "display_name": "何青"}, "已经有人用了"),
        ({"login_name": "a b", "display_name": "何青"}, "字母或数字"),
        ({"login_name": "", "display_name": "何青"}, "请填写账号"),
        ({"login_name": "he", "display_name": "何青", "phone": "12"}, "手机号"),
        ({"login_name": "he", "display_name": "何青", "organisation_id": "99"}, "单位"),
    ],
)
def test_a_faulty_account_is_refused_and_what_was_typed_stays(admin, form, said):
    answer = admin.post("/admin/accounts/new", data=form)
    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{form["display_name"]}"' in answer.text


def test_duties_that_must_stay_separate_are_refused_also_through_a_deputy(world, admin):
    auditor = world.user("auditor", region=COUNTY)
    role = {"role": "operator", "region_code": COUNTY}
    refused = admin.post(f"/admin/accounts/{auditor.id}", data=GRANT | role)
    assert refused.status_code == 422
    assert "已是审计" in refused.text
    operator = world.operator()
    boss = world.sign_in(operator)
    grant = re.search(r'<option value="(\d+)">县平台运营', boss.get("/me/deputies").text)
    left = boss.post(
        "/me/deputies",
        data={
            "grant_id": grant[1],
            "deputy": auditor.login_name,
            "valid_from": today(),
            "valid_until": today(),
        },
    )
    assert left.status_code == 422
    assert "已是审计" in left.text


def test_an_ended_role_ends_at_once_and_is_still_shown(world, admin, scalar):
    operator = world.operator()
    browser = world.sign_in(operator)
    grant = scalar(select(RoleGrant).where(RoleGrant.user_id == operator.id))
    assert "县平台运营" in browser.get("/me").text
    admin.post(f"/admin/accounts/{operator.id}/roles/{grant.id}/end")
    assert "还没有角色" in browser.get("/me").text
    assert "已结束" in admin.get(f"/admin/accounts/{operator.id}").text
    twice = admin.post(f"/admin/accounts/{operator.id}/roles/{grant.id}/end")
    assert twice.status_code == 409


def test_a_role_of_somebody_else_cannot_be_ended_through_this_account(world, admin, scalar):
    one, other = world.operator(), world.operator()
    grant = scalar(select(RoleGrant).where(RoleGrant.user_id == other.id))
    assert admin.post(f"/admin/accounts/{one.id}/roles/{grant.id}/end").status_code == 404


def test_an_administrator_does_not_lock_himself_out(world, admin, scalar):
    me = scalar(select(User).where(User.login_name == "admin"))
    grant = scalar(select(RoleGrant).where(RoleGrant.user_id == me.id))
    assert admin.post(f"/admin/accounts/{me.id}/disable").status_code == 409
    assert admin.post(f"/admin/accounts/{me.id}/roles/{grant.id}/end").status_code == 409


def test_accounts_are_found_by_name_role_unit_and_state(world, admin):
    unit = world.unit("县医院")
    world.user("buyer", unit=unit, name="caigou")
    world.operator()
    assert "caigou" in admin.get("/admin/accounts?q=CAIG").text
    assert "caigou" in admin.get("/admin/accounts?role=buyer").text
    assert "caigou" not in admin.get("/admin/accounts?role=operator").text
    assert "caigou" in admin.get(f"/admin/accounts?unit={unit.id}&state=active").text
    assert "没有找到" in admin.get("/admin/accounts?state=disabled").text
    assert "没有找到" in admin.get("/admin/accounts?q=100%25").text


def test_the_list_of_accounts_costs_the_same_for_few_and_for_many(world, admin, statements):
    few = statements(lambda: admin.get("/admin/accounts"))
    unit = world.unit()
    for _ in range(40):
        world.user("buyer", unit=unit)
    assert statements(lambda: admin.get("/admin/accounts")) == few <= 8


def test_a_units_code_is_checked_and_its_approval_limit_is_in_yuan(world, admin, scalar):
    form = {
        "name": "清源一中",
        "kind": "school",
        "region_code": COUNTY,
        "approval_above": "2,000",
        "active": "y",
    }
    bad = admin.post("/admin/organisations/new", data=form | {"uscc": "91350100M000100Y4A"})
    assert bad.status_code == 422
    assert "最后一位" in bad.text
    assert "2,000" in bad.text
    assert admin.post("/admin/organisations/new", data=form).status_code == 302
    unit = scalar(select(Organisation).where(Organisation.name == "清源一中"))
    assert unit.approval_above_fen == 200_000
    assert not unit.has_canteen
    assert "2,000.00" in admin.get(f"/admin/organisations/{unit.id}").text
    assert "已经登记过" in admin.post("/admin/organisations/new", data=form).text


def test_settings_are_saved_together_or_not_at_all(app, admin):
    def kept():
        with app.app_context():
            return county_settings(db.session)

    before = kept()
    form = {key: str(value) for key, value in before.items()}
    bad = admin.post(
        "/admin/county", data=form | {"county_name": "清源县", "verify_working_days": "x"}
    )
    assert bad.status_code == 422
    assert kept() == before
    wrong = admin.post("/admin/county", data=form | {"service_phone": "找老王"})
    assert (wrong.status_code, "服务电话写数字" in wrong.text, "找老王" in wrong.text) == (
        422,
        True,
        True,
    )
    assert admin.post("/admin/county", data=form | {"county_name": "清源县"}).status_code == 302
    assert kept() == before | {"county_name": "清源县"}


def test_the_administrator_has_no_door_to_business_data(app, world):
    world.shop()
    admin = world.user("administrator")
    actor = world.actor(admin)
    assert actor.permissions == {"accounts.manage", "settings.manage"}
    own = {"accounts", "organisations", "county"}
    browser = world.sign_in(admin)
    for door in doors(app):
        if door.access in {"public", "signed_in"} or door.method != "GET":
            continue
        if door.endpoint.partition(".")[0] in own or door.access in actor.permissions:
            continue
        assert browser.get(door.path).status_code == 403, door


PASSWORD_FORM = {"password": "tall grass behind barn", "again": "tall grass behind barn"}


def test_a_changed_password_works_and_signs_the_other_devices_out(world):
    user = world.user("staff", unit=world.unit())
    here, there = world.sign_in(user), world.sign_in(user)
    answer = here.post("/me/security", data=PASSWORD_FORM | {"current": PASSWORD})
    assert answer.status_code == 302
    assert here.get("/me").status_code == 200
    assert there.get("/me").status_code == 302
    new = {"login_name": user.login_name, "password": PASSWORD_FORM["password"]}
    assert world.app.test_client().post("/sign-in", data=new).status_code == 302


def test_a_wrong_current_password_changes_nothing(world):
    user = world.user("staff", unit=world.unit())
    answer = world.sign_in(user).post("/me/security", data=PASSWORD_FORM | {"current": "wrong"})
    assert answer.status_code == 422
    assert "现在的密码不对" in answer.text
    old = {"login_name": user.login_name, "password": PASSWORD}
    assert world.app.test_client().post("/sign-in", data=old).status_code == 302


def test_another_device_is_signed_out_from_the_list(world):
    user = world.user("staff", unit=world.unit())
    here, there = world.sign_in(user), world.sign_in(user)
    number = re.search(r"/me/sessions/(\d+)/end", here.get("/me/security").text)[1]
    assert here.post(f"/me/sessions/{number}/end").status_code == 302
    assert there.get("/me").status_code == 302
    assert here.get("/me").status_code == 200


def test_two_administrators_in_the_same_moment_do_not_unite_what_excludes_itself(world):
    user = world.user("staff", unit=world.unit())

    def grant(role):
        def step(session):
            found = session.get_one(User, user.id)
            grant_role(session, SYSTEM, found, NewGrant(role, region_code=COUNTY))

        return step

    with pytest.raises(InvalidInput, match="不能再当"):
        meanwhile(world, grant("operator"), grant("auditor"))
