"""The trail as those who control read it."""

import ast
import re
from pathlib import Path

import pytest

from marketplace.core.clock import today
from marketplace.identity import audit
from marketplace.identity.audit_words import ACTIONS, SUBJECTS, action_words, detail_words
from marketplace.identity.permissions import ROLES
from tests.support.world import COUNTY, TOWNS

SOURCES = Path(__file__).parents[2] / "marketplace"


@pytest.fixture
def auditor(world):
    return world.sign_in(world.user("auditor", region=COUNTY, name="yanming"))


def reveal(world, user, number, reason="电话通知交货"):
    actor = world.actor(user)
    with world.transaction() as session:
        audit.record(session, actor, "personal_revealed", "household", number, reason=reason)


def test_who_looked_at_personal_data_is_two_taps_from_home(world, auditor):
    cadre = world.user("cadre", name="linzhiyuan")
    reveal(world, cadre, 12)
    home = auditor.get("/", follow_redirects=True).text
    first = re.search(r'href="([^"]+)"[^>]*><span>审计记录', home)[1]
    second = re.search(r'href="([^"]+)"[^>]*>看过个人信息', auditor.get(first).text)[1]
    page = auditor.get(second).text
    assert "linzhiyuan" in page
    assert "农户 12" in page
    assert "理由：电话通知交货" in page
    assert "登录" not in re.findall(r'data-label="做了什么">([^<]*)', page)


def test_the_trail_is_narrowed_by_person_act_thing_and_day(world, auditor):
    one, other = world.user("cadre", name="lin"), world.user("cadre", name="luo")
    reveal(world, one, 12)
    reveal(world, other, 13)

    def shown(**filters):
        page = auditor.get("/audit", query_string={"view": "personal", **filters}).text
        return set(re.findall(r"农户 (\d+)", page))

    assert shown() == {"12", "13"}
    assert shown(person="lin") == {"12"}
    assert shown(subject="household", subject_id="13") == {"13"}
    assert shown(action="sign_in") == set()
    assert shown(first=today(), last=today()) == {"12", "13"}
    assert shown(last="2001-01-01") == set()
    assert shown(first="nonsense", page="-1") == {"12", "13"}


def test_an_auditor_of_a_town_sees_what_that_towns_people_did(world):
    here, there = TOWNS
    mine, foreign = world.user("reviewer", region=here), world.user("reviewer", region=there)
    reveal(world, mine, 12)
    reveal(world, foreign, 13)
    browser = world.sign_in(world.user("auditor", region=here))
    page = browser.get("/audit?view=personal").text
    assert "农户 12" in page
    assert "农户 13" not in page
    assert "农户 13" not in browser.get("/audit?subject_id=13").text


def test_a_page_of_the_trail_costs_the_same_for_few_and_for_many(world, auditor, statements):
    few = statements(lambda: auditor.get("/audit"))
    cadre = world.user("cadre")
    for number in range(60):
        reveal(world, cadre, number)
    assert statements(lambda: auditor.get("/audit")) == few <= 8


def _recorded() -> list[ast.Call]:
    """Every place where the program writes a row of the trail."""
    found = []
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if ast.unparse(node.func) == "audit.record":
                found.append(node)
    return found


def _constants(calls, position):
    return {c.args[position].value for c in calls if isinstance(c.args[position], ast.Constant)}


def test_every_act_thing_and_detail_has_a_chinese_name():
    calls = _recorded()
    acts = _constants(calls, 2)
    assert "personal_revealed" in acts
    assert acts - set(ACTIONS) == set()
    assert _constants(calls, 3) - set(SUBJECTS) == set()
    details = {word.arg for call in calls for word in call.keywords} - {"refused"}
    assert [key for key in details if detail_words(f'{{"{key}": 1}}', {}).startswith(key)] == []


def test_every_permission_has_a_chinese_name():
    held = frozenset().union(*(permissions for _, permissions in ROLES.values()))
    assert [code for code in held if code in detail_words(f'{{"need": "{code}"}}', {})] == []


def test_a_refused_page_and_an_account_are_told_in_words(world, auditor):
    cadre = world.user("cadre", name="linzhiyuan")
    browser = world.sign_in(cadre)
    assert browser.get("/admin/accounts").status_code == 403
    page = auditor.get("/audit").text
    assert "需要权限：管账号" in page
    assert "accounts." not in page
    assert f"账号 {cadre.id} linzhiyuan" in page


def test_an_act_without_a_name_is_shown_as_it_stands():
    assert action_words("something_new") == "something_new"
    assert detail_words('{"odd": 1, "reason": "赶集"}', {}) == "odd：1；理由：赶集"
    told = '{"consent": false, "role": "operator", "what": "name,phone", "why": null, "cadre": 7}'
    said = detail_words(told, {7: "林致远"})
    assert (
        said
        == "农户同意低价：否；角色：县平台运营；内容项：姓名、电话号码；原因：没有；联系人：林致远"
    )
