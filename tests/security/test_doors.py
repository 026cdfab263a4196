"""S1, S2, S8, S14, S15, S24: who comes in where, what reading may change, what browsers may keep."""

import uuid
from collections import Counter

import pytest
from sqlalchemy import func, select

from marketplace.core.clock import today
from marketplace.core.db import db
from marketplace.identity.audit import AuditRow
from marketplace.tables import metadata
from tests.security.doors import doors, filled, one_of_each_role
from tests.support.world import COUNTY

JSON = {"Accept": "application/json"}  # the same refusal, without drawing a page for each
PUBLIC = {
    "alipay_notice.hear",
    "driver.corrected",
    "driver.handed",
    "driver.loaded",
    "driver.photo",
    "driver.trip",
    "group_form.correct",
    "group_form.entry",
    "group_form.new",
    "group_form.send",
    "group_form.withdraw",
    "health.healthz",
    "home.index",
    "identity.activate",
    "identity.sign_in",
    "papers.show",
    "pay.code",
    "pay.go",
    "pay.look",
    "pay.show",
    "readiness.readyz",
    "shop.add",
    "shop.basket",
    "shop.change_basket",
    "shop.goods",
    "shop.index",
    "shop.product",
    "trace.find",
    "trace.proof",
    "trace.show",
    "trust.checker",
    "trust.index",
    "trust.seal",
}
"""The pages that strangers may open. A new one is added here on purpose, or the test says no."""


def test_only_the_declared_pages_are_open_to_strangers(app):
    assert {door.endpoint for door in doors(app) if door.public} == PUBLIC


def test_every_other_page_sends_strangers_to_the_sign_in(app, world):
    samples = filled(world)
    stranger = app.test_client()
    wrong = []
    for door in doors(app, samples):
        answer = stranger.open(door.path, method=door.method)
        sent_away = answer.status_code == 302 and answer.location.startswith("/sign-in?next=")
        if door.public:
            fits = answer.status_code not in {401, 500} and not sent_away
        elif door.method == "GET":
            fits = sent_away
        else:
            fits = answer.status_code == 401
        if not fits:
            wrong.append(f"{door}: {answer.status_code}")
    assert wrong == []


def test_every_role_opens_the_doors_declared_for_it_and_no_other(app, world, thin):
    """Refused doors answer 403 and leave one audit row each; open ones answer anything but a fault."""
    app.config["PROPAGATE_UNKNOWN"] = False
    samples = filled(world)
    every = thin(doors(app, samples))
    wrong = []
    for role, user in one_of_each_role(world):
        browser = world.sign_in(user)
        closed = [door for door in every if not door.opens_to(role)]
        for door in closed:
            status = browser.open(door.path, method=door.method, headers=JSON).status_code
            if status != 403:
                wrong.append(f"{role} {door}: {status} instead of 403")
        if _refusals(app, user.id) != Counter(door.endpoint for door in closed):
            wrong.append(f"{role}: refusals and audit rows differ")
        for door in sorted(set(every) - set(closed), key=lambda door: door.method):
            answer = browser.open(door.path, method=door.method)
            sent_away = answer.status_code == 302 and answer.location.startswith("/sign-in?")
            if answer.status_code in {401, 500} or sent_away:
                wrong.append(f"{role} {door}: {answer.status_code}")
            if door.endpoint == "identity.sign_out":
                browser = world.sign_in(user)
    assert wrong == []


def _refusals(app, user_id):
    with app.app_context():
        return Counter(
            db.session.scalars(
                select(AuditRow.subject_id).where(
                    AuditRow.actor_id == user_id, AuditRow.action == "refused", AuditRow.refused
                )
            )
        )


def test_reading_every_page_changes_nothing_and_leaves_nothing_in_caches(app, world, thin):
    samples = filled(world)
    readers = [(role, world.sign_in(user)) for role, user in one_of_each_role(world)]
    before = _contents(app)
    wrong = []
    for role, browser in readers:
        mine = [
            door for door in doors(app, samples) if door.method == "GET" and door.opens_to(role)
        ]
        for door in thin(mine):
            answer = browser.get(door.path)
            if "no-store" not in answer.headers["Cache-Control"]:
                wrong.append(f"{role} {door}: {answer.headers['Cache-Control']}")
            wrong += [f"{door}: {fault}" for fault in _header_faults(answer.headers)]
    after = _contents(app)
    assert [table for table in before if before[table] != after[table]] == []
    assert wrong == []


def _contents(app):
    """Every table as rows, but the trail of what happened."""
    with app.app_context():
        return {
            table.name: sorted(map(repr, db.session.execute(select(table))))
            for table in metadata.sorted_tables
            if table.name != "audit_row"
        }


def _header_faults(headers):
    policy = headers["Content-Security-Policy"]
    if "unsafe" in policy or "frame-ancestors 'none'" not in policy or "*" in policy:
        yield policy
    if headers["X-Content-Type-Options"] != "nosniff":
        yield "may be sniffed"


@pytest.mark.parametrize("sample", ["0", "-1", "999999999999999999999", "x", "%00", "1%27--"])
def test_nonsense_in_an_address_is_not_found_and_never_a_fault(app, world, sample):
    app.config["PROPAGATE_UNKNOWN"] = False
    names = {name for rule in app.url_map.iter_rules() for name in rule.arguments}
    reader = {role: world.sign_in(user) for role, user in one_of_each_role(world)}
    wrong = []
    for door in doors(app, dict.fromkeys(names, 7_777_777)):
        role = next((role for role in reader if door.opens_to(role)), None)
        if "7777777" not in door.path or role is None:
            continue
        path = door.path.replace("7777777", sample)
        status = reader[role].open(path, method=door.method).status_code
        if status >= 500 or status == 200:
            wrong.append(f"{door.method} {path}: {status}")
    assert wrong == []


def test_a_slash_too_many_leads_to_the_page(world):
    browser = world.sign_in(world.user("auditor", region=COUNTY))
    assert browser.get("/ledger/?page=2").location == "/ledger?page=2"
    assert browser.post("/ledger/").status_code == 404
    assert browser.get("/no-such-page/").status_code == 404


def test_the_trail_counts_a_refusal_once(app, world):
    user = world.user("staff", unit=world.unit())
    browser = world.sign_in(user)
    assert browser.get("/admin/accounts").status_code == 403
    with app.app_context():
        rows = db.session.scalar(
            select(func.count()).where(AuditRow.actor_id == user.id, AuditRow.refused)
        )
    assert rows == 1


@pytest.mark.parametrize("number", ["9" * 19, "9" * 30, "²"])
def test_a_number_that_no_row_has_is_no_fault_in_a_query_or_a_form(app, world, number):
    app.config["PROPAGATE_UNKNOWN"] = False
    cadre, unit = world.user("cadre"), world.unit(kind="cooperative")
    world.household(cadre=cadre)
    product = world.product()
    asked = world.sign_in(cadre)
    line = {"text": "陈大山 三岔村 马蹄 300斤 1.5元/斤"}
    shares = {
        "client_uuid": str(uuid.uuid4()), "supplier": f"o:{unit.id}", "product": str(product.id),
        "grade": "统货", "quantity": "100斤", "price": "1.5", "available_from": f"{today()}",
        f"share-{number}": "100斤",
    }  # fmt: skip
    pooled = world.sign_in(world.user("cooperative", unit=unit))
    office = world.sign_in(world.operator())
    told = {"chosen": number, "how": "call"}
    answers = (
        (asked.get(f"/field/reports/new?again={number}"), 404),
        (asked.get(f"/field/reports/new?household={number}"), 404),
        (asked.post(f"/imports/paste/pasted?mends={number}", data=line), 404),
        (pooled.post("/field/reports/new", data=shares), 422),
        (office.post(f"/sheets/round/{world.round().id}/told", data=told), 404),
        (world.sign_in(world.user("administrator")).get(f"/admin/accounts?unit={number}"), 200),
    )
    assert [answer.status_code for answer, _ in answers] == [status for _, status in answers]
