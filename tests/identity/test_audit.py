"""The trail as those who control read it."""

import ast
import dataclasses
import json
import re
from pathlib import Path

import pytest

from marketplace.catalog.paper_models import PAPER_KINDS
from marketplace.catalog.products import ProductInput
from marketplace.core.clock import today
from marketplace.fulfilment.models import TOLD_HOW
from marketplace.fulfilment.recalling import REASONS as RECALL_REASONS
from marketplace.fulfilment.recalling import recall
from marketplace.households.models import SUPPORT_KINDS, Household
from marketplace.identity import audit
from marketplace.identity.audit_details import detail_words
from marketplace.identity.audit_words import ACTIONS, SUBJECTS, action_words
from marketplace.identity.permissions import ROLES
from marketplace.imports.importer import IMPORTERS
from marketplace.orders.collecting import UNDO_REASONS
from marketplace.orders.group_file_views import REASONS as FILE_REASONS
from marketplace.orders.hold_models import CAUSES
from marketplace.orders.hold_models import KINDS as HOLD_KINDS
from marketplace.orders.lowering import WITHDRAW_REASONS
from marketplace.orders.order_models import COLLECTED_WAYS
from marketplace.orders.return_models import FAULT_WORDS
from marketplace.orders.round_figures import STATES
from marketplace.payments.placing import WRONG_PLACING
from marketplace.settlement.payee_models import HOLD_REASONS
from tests.fulfilment.collecting import Collecting
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


def _codes():
    """Detail → the codes it can hold, with the words of the feature that writes them."""
    yield "cause", CAUSES
    yield "how", COLLECTED_WAYS | TOLD_HOW
    yield "kind", HOLD_KINDS | PAPER_KINDS | SUPPORT_KINDS
    yield "kind", {importer.code: importer.title for importer in IMPORTERS.values()}
    yield "reason", WITHDRAW_REASONS | RECALL_REASONS | FILE_REASONS
    yield "state", {state: words for state, (words, _) in STATES.items()}
    yield "why", UNDO_REASONS | WRONG_PLACING | HOLD_REASONS | FAULT_WORDS


def test_a_code_is_told_in_the_words_of_its_feature(world):
    for key, words in _codes():
        for code, said in words.items():
            label, _, told = detail_words(json.dumps({key: code}), {}).partition("：")
            assert (label != key, told) == (True, said), code
    for end in ("accepted", "partly_accepted", "refused", "not_collected"):
        assert end not in detail_words(json.dumps({"end": end}), {})
    fields = {field.name for field in dataclasses.fields(ProductInput)}
    columns = fields | {c.key for c in Household.__table__.columns if "_hash" not in c.key}
    for column in columns - {"id", "created_at"}:
        assert column not in detail_words(json.dumps({"columns": column}), {})


def test_money_is_told_in_yuan_and_a_hash_in_short():
    told = detail_words(json.dumps({"fen": 8027, "price": 150000, "sha256": "ab" * 32}), {})
    assert told == f"金额：80.27 元；单价：1,500.00 元；照片校验码：{'ab' * 6}…"
    assert detail_words('{"not_taken": 2}', {}) == "没有收下的行数：2"


def test_things_are_told_by_the_name_that_people_know(world, auditor):
    household = world.household()
    lot = world.lot(world.product(), 25_000, household=household)
    in_round = world.round()
    actor = world.actor(world.operator())
    with world.transaction() as session:
        at = {"lot": lot.id, "round": in_round.id, "household": household.id}
        audit.record(session, actor, "lot_committed", "lot", lot.id, **at)
        audit.record(session, actor, "lot_regraded", "lot", lot.id, to=lot.id)
        audit.record(session, actor, "pin_set", claimant=f"h:{household.id}", packs=3)
    page = auditor.get("/audit").text
    for words in (
        f"批次 {lot.code}",
        f"批次：{lot.code}",
        f"期次：第 {in_round.number} 期",
        f"农户：{household.household_no}",
        f"到：{lot.code}",
        f"供货的：{household.household_no}",
    ):
        assert words in page, words
    found = auditor.get("/audit", query_string={"subject_id": lot.code}).text
    assert "批次上架占用" in re.findall(r'data-label="做了什么">([^<]*)', found)
    assert f"批次 {lot.code}" in found
    assert "没有这样的记录" in auditor.get("/audit", query_string={"subject_id": "L1-NONE"}).text


def test_a_recall_says_what_it_took_from_whom(world, auditor):
    made = Collecting(world, ordered=(12, 8), supplies=(10, 10), ready=(1,))
    actor = world.actor(world.operator())
    with world.transaction() as session:
        done = recall(session, actor, made.lots[0].id, "food_safety", "")
    assert done.cut_packs == 10
    page = auditor.get("/audit?action=lot_recalled").text
    for words in ("减少份数：10", "买家退回的份数：0", "理由：食品安全有问题", "几批：1"):
        assert words in page


def test_an_act_without_a_name_is_shown_as_it_stands():
    assert action_words("something_new") == "something_new"
    assert detail_words('{"odd": 1, "reason": "赶集"}', {}) == "odd：1；理由：赶集"
    told = '{"consent": false, "role": "operator", "what": "name,phone", "why": null, "cadre": 7}'
    said = detail_words(told, {("account", "7"): "林致远"})
    assert (
        said
        == "农户同意低价：否；角色：县平台运营；内容项：姓名、电话号码；原因：没有；联系人：林致远"
    )
