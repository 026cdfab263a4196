"""Roles left to somebody else: from their first day to their last, and never further."""

import re
from datetime import timedelta

import pytest

from marketplace.core.clock import now, today, use_clock
from marketplace.core.errors import Conflict
from marketplace.identity.accounts import NewGrant, grant_role
from marketplace.identity.actor import SYSTEM
from marketplace.identity.models import User
from marketplace.identity.permissions import REPORT_VERIFY
from tests.support.world import COUNTY, TOWNS


@pytest.fixture
def reviewer(world):
    return world.user("reviewer", region=next(iter(TOWNS)), name="heqing")


@pytest.fixture
def cadre(world):
    return world.user("cadre", name="linzhiyuan")


def leave(world, principal, person, start=0, days=3, **changes):
    browser = world.sign_in(principal)
    grant = re.search(r'<option[^>]*value="(\d+)"', browser.get("/me/deputies").text)[1]
    form = {
        "grant_id": grant,
        "deputy": person.login_name,
        "valid_from": today() + timedelta(days=start),
        "valid_until": today() + timedelta(days=start + days),
    }
    return browser.post("/me/deputies", data=form | changes, follow_redirects=True)


def test_a_deputy_may_do_it_from_the_first_day_to_the_last(world, reviewer, cadre):
    assert leave(world, reviewer, cadre, start=1, days=1).status_code == 200
    for day, may in ((0, False), (1, True), (2, True), (3, False)):
        moment = now() + timedelta(days=day)
        with use_clock(lambda at=moment: at):
            assert world.actor(cadre).may(REPORT_VERIFY) is may, day


def test_a_deputy_acts_in_the_principals_reach_and_both_are_known(world, reviewer, cadre):
    leave(world, reviewer, cadre)
    actor = world.actor(cadre)
    assert actor.principals == {cadre.id, reviewer.id}
    scope = actor.scope_for(REPORT_VERIFY)
    assert scope.covers_region("990101101201")
    assert not scope.covers_region("990101102201")
    assert "乡镇审核（代理）" in world.sign_in(cadre).get("/me").text + actor.role_words


def test_what_was_left_is_shown_to_both_and_taken_back_at_once(world, reviewer, cadre):
    page = leave(world, reviewer, cadre).text
    assert "linzhiyuan" in page
    assert "heqing" in world.sign_in(cadre).get("/me/deputies").text
    back = re.search(r"/me/deputies/\d+/revoke", page)[0]
    assert world.sign_in(cadre).post(back).status_code == 404
    assert world.sign_in(reviewer).post(back).status_code == 302
    assert not world.actor(cadre).may(REPORT_VERIFY)


def test_a_deputy_does_not_hand_it_on(world, reviewer, cadre):
    leave(world, reviewer, cadre)
    other = world.user("cadre")
    handed = re.search(r"代理人|乡镇审核", world.sign_in(cadre).get("/me/deputies").text)
    assert handed
    principal = world.sign_in(reviewer).get("/me/deputies").text
    grant = re.search(r'<option[^>]*value="(\d+)"', principal)[1]
    form = {"deputy": other.login_name, "valid_from": today(), "valid_until": today()}
    refused = world.sign_in(cadre).post("/me/deputies", data=form | {"grant_id": grant})
    assert refused.status_code == 422
    assert not world.actor(other).may(REPORT_VERIFY)


def test_what_a_deputy_reported_is_not_verified_by_the_principal(world):
    """Somebody who looks after households and verifies for the town lets a colleague report."""
    principal = world.user("cadre")
    household = world.household(cadre=principal)
    with world.transaction() as session:
        user = session.get_one(User, principal.id)
        grant_role(session, SYSTEM, user, NewGrant("reviewer", region_code=next(iter(TOWNS))))
    deputy = world.user("cadre")
    leave(world, principal, deputy)
    report = world.report(deputy, world.product(), 5000, household=household)
    with pytest.raises(Conflict, match="请别人核实"):
        world.verify(principal, report)
    other = world.user("reviewer", region=next(iter(TOWNS)))
    assert world.verify(other, report).free == 5000


def test_a_disabled_principal_lends_nothing(world, reviewer, cadre):
    leave(world, reviewer, cadre)
    world.sign_in(world.user("administrator")).post(f"/admin/accounts/{reviewer.id}/disable")
    assert not world.actor(cadre).may(REPORT_VERIFY)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"deputy": "nobody"}, "没有这个账号"),
        ({"deputy": "heqing"}, "不能是本人"),
        ({"valid_until": "2001-01-01"}, "结束日期"),
        ({"valid_from": ""}, "请选开始日期"),
        ({"valid_until": "tomorrow"}, "到哪天止"),
        ({"grant_id": "99"}, "托付哪个角色"),
    ],
)
def test_a_faulty_deputy_is_refused_with_a_cure(world, reviewer, cadre, changes, said):
    answer = leave(world, reviewer, cadre, **changes)
    assert answer.status_code == 422
    assert said in answer.text
    assert not world.actor(cadre).may(REPORT_VERIFY)


def test_the_administrator_does_it_for_somebody_in_hospital(world, reviewer, cadre):
    admin = world.sign_in(world.user("administrator"))
    address = f"/admin/accounts/{reviewer.id}/deputies"
    grant = re.search(r'<option[^>]*value="(\d+)"', admin.get(address).text)[1]
    form = {
        "grant_id": grant,
        "deputy": "linzhiyuan",
        "valid_from": today(),
        "valid_until": today(),
    }
    assert admin.post(address, data=form).status_code == 302
    assert world.actor(cadre).may(REPORT_VERIFY)
    page = admin.get(f"/admin/accounts/{reviewer.id}").text
    assert "linzhiyuan" in page
    back = re.search(rf"/admin/accounts/{reviewer.id}/deputies/\d+/revoke", page)[0]
    assert admin.post(back).status_code == 302
    assert not world.actor(cadre).may(REPORT_VERIFY)


def test_an_operator_is_no_auditor_by_way_of_a_deputy(world, cadre):
    auditor = world.user("auditor", region=COUNTY)
    operator = world.operator()
    refused = leave(world, auditor, operator)
    assert refused.status_code == 422
    assert "已是县平台运营" in refused.text
