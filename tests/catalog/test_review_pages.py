"""A township verifies hundreds, sends back with a reason, and sees what is doubtful and why."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from marketplace.catalog.models import Lot, SupplyReport
from marketplace.catalog.review import drawn
from marketplace.core.clock import now
from marketplace.core.county_settings import set_county_setting


@pytest.fixture
def setting(world):
    def put(key, value):
        with world.transaction() as session:
            set_county_setting(session, key, str(value))

    return put


def chosen(page):
    return re.findall(r'name="chosen" value="([^"]+)"', page)


def states(world):
    with world.transaction() as session:
        return dict(session.execute(select(SupplyReport.id, SupplyReport.state)).all())


def test_many_are_verified_in_one_submit_and_a_refused_one_does_not_stop_the_others(
    world, cadre, reviewer, water_chestnut, setting
):
    setting("spot_check_percent", 0)
    made = [
        world.report(cadre, water_chestnut, 5000, household=world.household(cadre=cadre))
        for _ in range(4)
    ]
    desk = world.sign_in(reviewer)
    tokens = chosen(desk.get("/reports/").text)
    assert len(tokens) == 4
    with world.transaction() as session:  # corrected after the page was read
        session.execute(
            update(SupplyReport).where(SupplyReport.id == made[1].id).values(quantity_base=9)
        )
    forged = ["999999.abc", "x", "", f"{made[0].id}"]
    answer = desk.post("/reports/verify", data={"chosen": [*tokens, *forged]})
    assert answer.status_code == 200
    assert "这条登记刚被更正过" in answer.text
    assert [states(world)[report.id] for report in made] == [
        "verified", "submitted", "verified", "verified",
    ]  # fmt: skip
    desk.post("/reports/verify", data={"chosen": tokens})
    with world.transaction() as session:
        assert session.scalar(select(func.count(Lot.id))) == 3


def test_the_drawn_ones_stay_and_need_a_note_from_the_spot(
    world, cadre, reviewer, household, water_chestnut, setting
):
    setting("spot_check_percent", 100)
    report = world.report(cadre, water_chestnut, 5000, household=household)
    desk = world.sign_in(reviewer)
    answer = desk.post("/reports/verify", data={"chosen": chosen(desk.get("/reports/").text)})
    assert "抽中现场看" in answer.text
    assert states(world)[report.id] == "submitted"
    assert chosen(desk.get("/reports/?show=spot").text) == []
    page = desk.get(f"/reports/{report.id}").text
    seen = re.search(r'name="seen"[^>]*value="([^"]+)"', page)[1]
    assert desk.post(f"/reports/{report.id}/verify", data={"seen": seen}).status_code == 422
    long = desk.post(f"/reports/{report.id}/verify", data={"seen": seen, "note": "看" * 181})
    assert (long.status_code, long.text.count("最多写 180 个字")) == (422, 2)
    answer = desk.post(f"/reports/{report.id}/verify", data={"seen": seen, "note": "看到两筐"})
    assert answer.status_code == 302
    assert "现场看过：看到两筐" in desk.get(f"/reports/{report.id}").text


def test_the_draw_is_the_same_each_time_and_takes_about_the_set_part():
    numbers = [f"B261121-{n:06d}" for n in range(4000)]
    taken = [number for number in numbers if drawn(number, 10)]
    assert taken == [number for number in numbers if drawn(number, 10)]
    assert 300 < len(taken) < 500
    assert not any(drawn(number, 0) for number in numbers)
    assert all(drawn(number, 100) for number in numbers)


def test_one_report_takes_two_taps_and_says_what_it_became(
    world, cadre, reviewer, household, water_chestnut
):
    report = world.report(cadre, water_chestnut, 5000, household=household)
    desk = world.sign_in(reviewer)
    assert f'href="/reports/{report.id}"' in desk.get("/reports/").text
    page = desk.get(f"/reports/{report.id}").text
    seen = re.search(r'name="seen"[^>]*value="([^"]+)"', page)[1]
    answer = desk.post(f"/reports/{report.id}/verify", data={"seen": seen}, follow_redirects=True)
    assert "核实好了" in answer.text
    again = desk.post(f"/reports/{report.id}/verify", data={"seen": seen})
    assert again.status_code == 409


def test_a_return_needs_a_reason(world, cadre, reviewer, household, water_chestnut):
    report = world.report(cadre, water_chestnut, 5000, household=household)
    desk = world.sign_in(reviewer)
    for bad in ({}, {"reason": "", "more": ""}, {"reason": "不是这里的原因"}):
        assert desk.post(f"/reports/{report.id}/return", data=bad).status_code == 422
    desk.post(f"/reports/{report.id}/return", data={"more": "<b>再问问</b>"})
    assert states(world)[report.id] == "returned"
    assert "&lt;b&gt;再问问" in desk.get("/reports/?show=returned").text


def test_nobody_verifies_what_he_reported_or_corrected(
    world, cadre, household, water_chestnut, filled
):
    clerk = world.user("reviewer", region="990101101000")
    own = world.report(clerk, water_chestnut, 5000, household=household)
    other = world.report(cadre, water_chestnut, 600_000, household=household)
    desk = world.sign_in(clerk)
    typed = filled(quantity="700斤")
    assert desk.post(f"/field/reports/{other.id}/edit", data=typed).status_code == 302
    assert chosen(desk.get("/reports/").text) == []
    for report in (own, other):
        page = desk.get(f"/reports/{report.id}").text
        assert "情况属实" not in page
        token = {"chosen": [f"{report.id}.{'0' * 12}"]}
        desk.post("/reports/verify", data=token)
    assert set(states(world).values()) == {"submitted"}
    with pytest.raises(Exception, match="自己登记的"):
        world.verify(clerk, own)


def test_a_town_sees_its_own_reports_only(world, cadre, household, water_chestnut):
    report = world.report(cadre, water_chestnut, 5000, household=household)
    foreign = world.sign_in(world.user("reviewer", region="990101102000"))
    page = foreign.get("/reports/").text
    assert chosen(page) == []
    assert "三岔村" not in page
    assert foreign.get(f"/reports/{report.id}").status_code == 404
    assert foreign.post(f"/reports/{report.id}/return", data={"more": "改"}).status_code == 404
    assert foreign.post(f"/reports/{report.id}/verify", data={"seen": "x"}).status_code == 404
    foreign.post("/reports/verify", data={"chosen": [f"{report.id}.x"]})
    assert states(world)[report.id] == "submitted"


def test_filters_find_village_product_doubt_and_delay(
    world, cadre, reviewer, household, water_chestnut
):
    ginger = world.product("天堂姜")
    plain = world.report(cadre, water_chestnut, 5000, household=household)
    dear = world.report(cadre, ginger, 5000, household=household, asked_fen=900)
    far = world.household("990101101202", cadre=cadre)
    late = world.report(cadre, water_chestnut, 5000, household=far)
    with world.transaction() as session:
        session.execute(
            update(SupplyReport)
            .where(SupplyReport.id == late.id)
            .values(submitted_at=now() - timedelta(days=9))
        )
    desk = world.sign_in(reviewer)

    def found(query):
        return {int(token.split(".")[0]) for token in chosen(desk.get(f"/reports/{query}").text)}

    assert found("") == {plain.id, dear.id, late.id}
    assert found("?show=flagged") == {dear.id}
    assert found("?show=overdue") == {late.id}
    assert found("?village=990101101202") == {late.id}
    assert found(f"?product={ginger.id}") == {dear.id}
    assert found("?village='&product=1e9&show=%00&page=-1") == {plain.id, dear.id, late.id}
    assert "价格偏高" in desk.get("/reports/").text
    assert "要价 9.00 元/斤，县参考价 1.50 元/斤，高 500%" in desk.get(f"/reports/{dear.id}").text
