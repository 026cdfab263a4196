"""Group registration: colleagues enter without an account, the organiser submits once."""

import re
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.core.clock import format_deadline, format_span, now, shanghai_time, use_clock
from marketplace.core.db import transaction
from marketplace.core.errors import Conflict
from marketplace.identity.actor import SYSTEM
from marketplace.identity.audit import AuditRow
from marketplace.identity.permissions import ORDER_GROUP
from marketplace.orders import group_registrations
from marketplace.orders.group_registrations import (
    get_group,
)
from marketplace.orders.group_submission import SubmitInput, submit_group
from marketplace.orders.order_models import GroupEntry, GroupRegistration, Order, OrderLine
from marketplace.orders.rounds import close_round, get_round
from tests.orders.grouping import PHONE, Group, text_of
from tests.support.pages import form_on


@pytest.fixture
def group(world):
    return Group(world)


def test_an_organiser_starts_a_registration_that_closes_no_later_than_the_round(world, group):
    page = text_of(group.browser.get("/groups/new"))
    assert "团购" in page
    closes = group.round.closes_at + timedelta(days=1)
    data = {
        "round_id": str(group.round.id),
        "title": "工会团购",
        "closes_on": closes.date().isoformat(),
        "closes_time": "12:00",
    }
    late = group.browser.post("/groups/new", data=data)
    assert (late.status_code, "不能晚于" in text_of(late)) == (422, True)
    assert 'value="工会团购"' in text_of(late)
    soon = (now() + timedelta(days=1)).date().isoformat()
    fine = group.browser.post("/groups/new", data=data | {"closes_on": soon})
    assert fine.status_code == 303
    page = text_of(group.browser.get(fine.location))
    made = group.all(GroupRegistration)[-1]
    assert f"/g/{made.token}" in page
    assert "<svg" in page


def test_name_and_closing_follow_the_chosen_round_unless_the_person_typed(world, group):
    later = world.round(closes_in=timedelta(days=9))
    product = world.product("土豆")
    world.listing(later, product, [world.lot(product, 25_000)])
    world.open_round(later)
    page = text_of(group.browser.get("/groups/new"))
    shown = form_on(page, f"/groups/new?unit={group.unit.id}")
    shown["closes_time"] = re.search(r'data-time="([^"]+)"', page)[1]
    assert shown["title"] == f"第一小学第 {group.round.number} 期团购"
    assert f'data-title="第一小学第 {later.number} 期团购"' in page

    def made(**typed):
        data = shown | {"round_id": str(later.id)} | typed
        assert group.browser.post("/groups/new", data=data).status_code == 303
        found = group.all(GroupRegistration)[-1]
        return found.round_id, found.title, found.closes_at

    before = later.closes_at - timedelta(hours=3)
    evening = shanghai_time(before).replace(hour=18, minute=0, second=0, microsecond=0)
    evening -= timedelta(days=evening > before)  # time to check before the round closes
    suggested = (later.id, f"第一小学第 {later.number} 期团购", evening)
    assert made() == suggested
    assert made(title="", closes_on="") == suggested
    own = group.round.closes_at - timedelta(days=1)
    typed = made(title="工会团购", closes_on=own.date().isoformat(), closes_time="12:00")
    assert typed[1] == "工会团购"
    assert typed[2] < group.round.closes_at


@pytest.mark.parametrize("typed", ["9:99", "25:00", "x"])
def test_a_time_that_no_clock_shows_is_refused_in_words(group, typed):
    data = {
        "round_id": str(group.round.id),
        "title": "工会团购",
        "closes_on": now().date().isoformat(),
        "closes_time": typed,
    }
    assert group.browser.post("/groups/new", data=data).status_code == 422


def test_a_colleague_registers_without_an_account_and_corrects_by_an_own_link(group):
    assert "第一小学团购" in text_of(group.guest.get(f"/g/{group.token}"))
    answer = group.enter(packs={group.first.id: 2, group.second.id: "0"})
    assert answer.status_code == 303
    own = answer.location
    page = text_of(group.guest.get(own))
    assert "张小明" in page
    assert "00012345678" not in page
    for shown in (page, text_of(group.guest.get(f"/g/{group.token}"))):
        assert "县城南街" in shown
        assert "从侧门进" in shown
        assert format_span(group.slot.from_at, group.slot.until_at) in shown
    changed = group.guest.post(own, data=group.fields(packs={group.second.id: 3}, phone=""))
    assert changed.status_code == 303
    (entry,) = group.all(GroupEntry)
    assert entry.phone == "00012345678"
    page = text_of(group.guest.get(own))
    assert "冬瓜" in page
    assert group.guest.post(f"{own}/withdraw").status_code == 303
    assert group.all(GroupEntry)[0].removed_at is not None
    assert "登记已撤回" in text_of(group.guest.get(own))
    assert group.reserved() == 0


def test_a_colleague_reads_that_more_is_registered_than_is_left(group):
    first = group.enter(packs={group.first.id: 12}).location
    assert "只剩" not in text_of(group.guest.get(first)).split("改登记")[0]
    other = group.enter(packs={group.first.id: 9}, key="entry-key-2")
    assert other.status_code == 303
    for own in (first, other.location):
        said = text_of(group.guest.get(own))
        assert "现在只剩 20 份，大家登记的比这多" in said
    group.guest.post(f"{other.location}/withdraw")
    assert "大家登记的" not in text_of(group.guest.get(first))


def test_sending_twice_is_one_entry(group):
    first, second = group.enter(), group.enter()
    assert first.location == second.location
    assert len(group.all(GroupEntry)) == 1


def test_nobody_sees_who_else_registered(group):
    group.enter(name="李保密")
    own = group.enter(name="张小明", key="entry-key-2").location
    for path in (f"/g/{group.token}", own):
        assert "李保密" not in text_of(group.guest.get(path))
    assert group.guest.get(f"/g/{group.token}/ABCDEFGHJKMNPQRS").status_code == 404


def test_an_unknown_link_is_not_found(group):
    assert group.guest.get("/g/unknown").status_code == 404
    assert group.guest.post("/g/unknown", data=group.fields()).status_code == 404
    code = group.enter().location.rsplit("/", 1)[1]
    assert group.guest.get(f"/g/unknown/{code}").status_code == 404
    assert group.guest.post(f"/g/unknown/{code}/withdraw").status_code == 404


def test_after_the_deadline_a_sentence_says_so_and_nothing_is_entered(group):
    own = group.enter().location
    later = now() + timedelta(days=2, seconds=1)
    with use_clock(lambda: later):
        assert "登记已经截止" in text_of(group.guest.get(f"/g/{group.token}"))
        assert group.enter(key="entry-key-2").status_code == 409
        assert group.guest.post(own, data=group.fields()).status_code == 409
        assert group.guest.post(f"{own}/withdraw").status_code == 409
        by_hand = group.world.sign_in(group.organiser).post(
            f"/groups/{group.id}/entries/new", data=group.fields(key="entry-key-3")
        )
        assert by_hand.status_code == 303, "the organiser still may"
    assert len(group.all(GroupEntry)) == 2


@pytest.mark.parametrize(
    "bad",
    [
        {"name": ""},
        {"phone": ""},
        {"phone": "12"},
        {"pickup_point_id": "999999"},
        {"pickup_point_id": "x"},
        {"key": "x"},
        {"name": "名" * 31},
    ],
)
def test_a_bad_entry_is_refused_and_what_was_typed_stays(group, bad):
    answer = group.enter(**({"department": "后勤处"} | bad))
    assert answer.status_code == 422
    assert "后勤处" in text_of(answer)
    assert group.all(GroupEntry) == []


@pytest.mark.parametrize("typed", ["-1", "1e309", "NaN", "0.001", "201", "9" * 30])
def test_no_nonsense_quantity_is_entered(group, typed):
    assert group.enter(packs={group.first.id: typed}).status_code == 422
    assert group.enter(packs={999999: 1}).status_code == 422
    assert group.enter(packs={}).status_code == 422
    assert group.all(GroupEntry) == []


def test_script_in_every_field_comes_back_as_text(group):
    evil = "<script>x</script>"
    own = group.enter(name=evil, department=evil).location
    for page in (
        text_of(group.guest.get(own)),
        text_of(group.browser.get(f"/groups/{group.id}")),
        text_of(group.browser.get(f"/groups/{group.id}/lists")),
        text_of(group.enter(name=evil, phone=evil, key="entry-key-2")),
    ):
        assert evil not in page
        assert "&lt;script&gt;" in page


def test_a_registration_takes_only_so_many_entries(group, monkeypatch):
    monkeypatch.setattr(group_registrations, "MOST_ENTRIES", 2)
    answers = [group.enter(key=f"entry-key-{number}").status_code for number in range(3)]
    assert answers == [303, 303, 409]
    assert group.enter(key="entry-key-0", packs={group.first.id: 5}).status_code == 303


def test_other_organisers_do_not_see_a_registration(world, group):
    group.enter(name="李保密")
    entry = group.all(GroupEntry)[0]
    here = f"/groups/{group.id}"
    stranger = world.sign_in(world.user("organiser", unit=group.unit))
    for path in (
        "",
        "/lists",
        "/export.xlsx",
        "/template.xlsx",
        "/import",
        "/entries/new",
        f"/entries/{entry.id}",
    ):
        assert stranger.get(here + path).status_code == 404, path
    for path in (
        "/cancel",
        "/import/take",
        "/entries/new",
        f"/entries/{entry.id}",
        f"/entries/{entry.id}/remove",
    ):
        answer = stranger.post(here + path, data=group.fields())
        assert answer.status_code in {404, 422}, path
        assert "李保密" not in text_of(answer)
    assert (
        stranger.post(
            f"{here}/submit",
            data={"contact_name": "x", "contact_phone": PHONE, "fund_source": "own"},
        ).status_code
        == 404
    )
    assert "第一小学团购" not in text_of(stranger.get("/groups/"))
    assert group.all(GroupRegistration)[0].state == "open"
    assert group.all(GroupEntry)[0].removed_at is None


def test_the_organiser_corrects_and_removes_and_the_trail_says_who(world, group):
    group.enter()
    entry = group.all(GroupEntry)[0]
    here = f"/groups/{group.id}/entries/{entry.id}"
    page = text_of(group.browser.get(here))
    assert "00012345678" not in page
    changed = group.browser.post(here, data=group.fields(name="张晓明", phone="", place=1))
    assert changed.status_code == 303
    assert group.all(GroupEntry)[0].name == "张晓明"
    assert group.browser.post(f"{here}/remove").status_code == 303
    assert "另有 1 条" in text_of(group.browser.get(f"/groups/{group.id}"))
    with world.transaction() as session:
        row = session.scalars(
            select(AuditRow).where(AuditRow.action == "group_entry_removed")
        ).one()
        assert row.actor_id == group.organiser.id
        trail = " ".join(session.scalars(select(AuditRow.detail)))
    assert "张" not in trail
    assert "1234" not in trail


def test_submitting_makes_one_order_for_each_pickup_point_once(world, group):
    group.enter(name="甲", key="entry-key-1", packs={group.first.id: 2, group.second.id: 1})
    group.enter(name="乙", key="entry-key-2", packs={group.first.id: 3})
    group.enter(name="丙", key="entry-key-3", place=1, packs={group.second.id: 4})
    gone = group.enter(name="丁", key="entry-key-4", packs={group.first.id: 9}).location
    group.guest.post(f"{gone}/withdraw")
    assert "截单前要交单" in text_of(group.browser.get(f"/groups/{group.id}"))
    assert group.submit(fund_source="union").status_code == 303
    orders = group.all(Order)
    page = text_of(group.browser.get(f"/groups/{group.id}"))
    assert "截单前要交单" not in page
    for order in orders:
        assert f'href="/shop/orders/{order.number}"' in page
        assert group.browser.get(f"/shop/orders/{order.number}").status_code == 200
    assert page.count("还没付") == 2
    assert [(order.channel, order.pickup_point_id) for order in orders] == [
        ("group", place) for place in sorted(group.places)
    ]
    with world.transaction() as session:
        lines = {
            (line.order_id, line.listing_id): (line.packs, line.fund_source)
            for line in session.scalars(select(OrderLine))
        }
    at_first = next(o.id for o in orders if o.pickup_point_id == group.places[0])
    at_second = next(o.id for o in orders if o.pickup_point_id == group.places[1])
    assert lines == {
        (at_first, group.first.id): (5, "union"),
        (at_first, group.second.id): (1, "union"),
        (at_second, group.second.id): (4, "union"),
    }
    assert [entry.order_id for entry in group.all(GroupEntry)] == [
        at_first,
        at_first,
        at_second,
        None,
    ]
    again = group.submit()
    assert (again.status_code, "已经交过" in text_of(again)) == (409, True)
    assert len(group.all(Order)) == 2
    assert group.enter(key="entry-key-5").status_code == 409
    assert orders[0].number in text_of(group.browser.get(f"/groups/{group.id}"))


def test_too_much_of_one_product_over_all_places_is_named_and_nothing_is_half_done(group):
    for number, place in enumerate((0, 1)):
        group.enter(
            key=f"entry-key-{number}", place=place, packs={group.first.id: 12, group.second.id: 1}
        )
    answer = group.submit()
    page = text_of(answer)
    assert answer.status_code == 409
    assert "只剩 20 份，您要 24 份" in page
    assert "差 4 份" in page
    assert group.all(Order) == []
    assert group.reserved() == 0
    assert group.all(GroupRegistration)[0].state == "open"
    entry = group.all(GroupEntry)[0]
    group.browser.post(
        f"/groups/{group.id}/entries/{entry.id}",
        data=group.fields(packs={group.first.id: 8}, phone=""),
    )
    assert group.submit().status_code == 303


def test_closing_a_round_first_names_the_people_whose_list_is_not_handed_in(world, group):
    desk = world.sign_in(world.operator())
    address = f"/rounds/{group.round.id}"
    assert "没交单" not in text_of(desk.get(address))
    gone = group.enter().location
    group.enter(name="李小红", key="entry-key-2")
    group.enter(name="王小兰", key="entry-key-3")
    group.guest.post(f"{gone}/withdraw")
    assert "1 份团购登记（2 人）还没交单" in text_of(desk.get(address))
    group.submit()
    assert "没交单" not in text_of(desk.get(address))


def test_a_list_that_missed_its_round_says_when_the_round_really_closed(world, group):
    group.enter()
    moment = now() + timedelta(hours=1)
    with use_clock(lambda: moment), world.transaction() as session:
        close_round(session, SYSTEM, get_round(session, group.round.id))
    page = text_of(group.browser.get(f"/groups/{group.id}"))
    assert f"{format_deadline(moment)} 已截单" in page
    assert format_deadline(group.round.closes_at) not in page


def test_after_closing_nothing_is_submitted_and_an_empty_list_neither(world, group):
    assert group.submit().status_code == 409
    group.enter()
    with world.transaction() as session:
        close_round(session, SYSTEM, get_round(session, group.round.id))
    answer = group.submit()
    assert (answer.status_code, "已经截单" in text_of(answer)) == (409, True)
    assert group.all(Order) == []


def test_two_submissions_at_once_make_one_set_of_orders(world, group):
    for number in range(3):
        group.enter(key=f"entry-key-{number}", place=number % 2)
    actor = world.actor(group.organiser)
    outcomes = []
    together = threading.Barrier(2)

    def submit():
        together.wait()
        try:
            with world.app.app_context(), transaction() as session:
                found = get_group(session, actor.scope_for(ORDER_GROUP), group.id)
                outcomes.append(len(submit_group(session, actor, found, SubmitInput("王", PHONE))))
        except Conflict as refused:
            outcomes.append(refused.code)

    threads = [threading.Thread(target=submit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["2", "wrong_state"]
    assert len(group.all(Order)) == 2
    assert group.reserved() == 6


def test_a_group_order_is_not_changed_line_by_line(group):
    group.enter()
    group.submit()
    number = group.all(Order)[0].number
    answer = group.browser.post(
        f"/shop/orders/{number}/change", data={f"packs-{group.first.id}": "1", "version": "1"}
    )
    assert (answer.status_code, "跟着登记表走" in text_of(answer)) == (409, True)
