"""A cadre reports on a phone: once, in people's words, and nothing typed is lost."""

import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from marketplace.catalog.models import Product, ReportRevision, ReportShare, SupplyReport
from marketplace.core.clock import format_when, today
from marketplace.households.models import Household


def reports(world):
    with world.transaction() as session:
        return session.scalars(select(SupplyReport).order_by(SupplyReport.id)).all()


def test_a_report_in_the_words_of_the_field_gets_a_receipt(world, cadre, filled):
    browser = world.sign_in(cadre)
    assert "登记滞销" in browser.get("/field/").text
    assert browser.get("/field/reports/new").status_code == 200
    answer = browser.post(
        "/field/reports/new", data=filled(quantity="上千斤"), follow_redirects=True
    )
    (report,) = reports(world)
    assert answer.status_code == 200
    assert report.receipt_no in answer.text
    assert report.client_uuid in answer.text
    assert (report.quantity_base, report.approximate, report.typed_quantity) == (
        500_000,
        True,
        "上千斤",
    )
    assert (report.asked_fen, report.asked_per_base) == (150, 500)
    assert report.available_until == today() + timedelta(days=20)
    assert report.region_code == "990101101201"


def test_more_than_a_household_can_have_is_asked_about_once_and_never_blocked(world, cadre, filled):
    typed = filled(quantity="99999999斤")
    with world.transaction() as session:
        product = session.get_one(Product, int(typed["product"]))
        product.yield_per_mu_base = 1_000_000
        household = session.get_one(Household, int(typed["supplier"].removeprefix("h:")))
        household.land_mu_hundredths = 150
    browser = world.sign_in(cadre)
    asked = browser.post("/field/reports/new", data=typed)
    assert asked.status_code == 422
    assert "这户 1.5 亩地最多约 3,000 斤" in asked.text
    assert 'name="as_much"' in asked.text
    assert 'value="99999999斤"' in asked.text
    assert reports(world) == []
    answer = browser.post("/field/reports/new", data=typed | {"as_much": "y"})
    assert answer.status_code == 302
    (report,) = reports(world)
    assert report.quantity_base == 99_999_999 * 500
    edit = f"/field/reports/{report.id}/edit"
    assert browser.post(edit, data=typed | {"quantity": "3001斤"}).status_code == 422
    assert browser.post(edit, data=typed | {"quantity": "3000斤"}).status_code == 302


def test_what_a_cadre_reports_most_stands_first(world, cadre, filled):
    usual = world.product("魔芋", category="杂货")
    browser = world.sign_in(cadre)
    browser.post("/field/reports/new", data=filled(product=str(usual.id)))
    first = re.search(r'name="product" value="(\d+)"', browser.get("/field/reports/new").text)
    assert first[1] == str(usual.id)


def test_sending_twice_is_one_report_and_the_same_receipt(world, cadre, filled):
    browser, typed = world.sign_in(cadre), filled()
    first = browser.post("/field/reports/new", data=typed)
    second = browser.post("/field/reports/new", data=typed)
    assert first.headers["Location"] == second.headers["Location"]
    assert len(reports(world)) == 1


def test_the_same_uuid_with_other_words_changes_nothing_and_says_so(world, cadre, filled):
    browser, typed = world.sign_in(cadre), filled()
    browser.post("/field/reports/new", data=typed)
    answer = browser.post(
        "/field/reports/new", data=typed | {"quantity": "5斤"}, follow_redirects=True
    )
    assert "没有再记一次" in answer.text
    assert [report.quantity_base for report in reports(world)] == [600_000]


def test_anothers_uuid_is_refused(world, cadre, filled):
    typed = filled()
    world.sign_in(cadre).post("/field/reports/new", data=typed)
    other = world.user("cadre")
    house = world.household(cadre=other)
    answer = world.sign_in(other).post(
        "/field/reports/new", data=typed | {"supplier": f"h:{house.id}"}
    )
    assert answer.status_code == 409
    assert len(reports(world)) == 1


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        (field, bad)
        for field in ("quantity", "price")
        for bad in ("-1", "0", "1e309", "NaN", "0.001", "", "很多", "９" * 60)
    ]
    + [
        ("client_uuid", "1"),
        ("supplier", "h:999999"),
        ("supplier", "x"),
        ("supplier", ""),
        ("product", "999"),
        ("product", ""),
        ("grade", "特特级"),
        ("price_unit", "斗"),
        ("available_from", "昨天"),
        ("available_until", "2001-01-01"),
        ("cause", "天上掉下来"),
        ("measures", "长" * 300),
        ("price", "151"),  # a hundred times the reference
        ("quantity", "30箱"),
    ],
)
def test_bad_input_is_refused_beside_its_field_and_what_was_typed_stays(
    world, cadre, filled, field, bad
):
    if field in {"quantity"} and bad == "0.001":
        bad = "0.001克"
    typed = filled(measures="去镇上问过两回") | {field: bad}
    answer = world.sign_in(cadre).post("/field/reports/new", data=typed)
    assert answer.status_code == 422
    assert "还差一点" in answer.text
    assert field == "measures" or "去镇上问过两回" in answer.text
    assert reports(world) == []


@pytest.mark.parametrize("product", ["picked", ""])
def test_everything_that_is_wrong_is_said_at_once(world, cadre, filled, product):
    bad = {"quantity": "很多很多", "price": "一点点", "available_until": "2001-01-01"}
    typed = filled(**bad) | ({} if product else {"product": ""})
    page = world.sign_in(cadre).post("/field/reports/new", data=typed).text
    summary = page[page.index("还差一点") :].partition("</ul>")[0]
    assert "“很多很多”里没有数" in summary
    told = re.findall('href="#([a-z_]+)"', summary)
    assert told == (["quantity", "price", "available_until"] if product else ["product", *bad])


def test_extra_fields_change_nothing(world, cadre, filled):
    other = world.user("cadre")
    extra = {"state": "verified", "submitted_by_id": str(other.id), "region_code": "990101102201"}
    world.sign_in(cadre).post("/field/reports/new", data=filled(**extra))
    (report,) = reports(world)
    assert (report.state, report.submitted_by_id, report.region_code) == (
        "submitted",
        cadre.id,
        "990101101201",
    )


def test_a_price_says_its_own_unit_and_counted_goods_have_theirs(world, cadre, filled):
    hen = world.product("雪毛鸡", "piece", piece_mass_g=1500, reference_fen=5400)
    browser = world.sign_in(cadre)
    browser.post("/field/reports/new", data=filled(price="3元/公斤"))
    browser.post(
        "/field/reports/new", data=filled(product=str(hen.id), quantity="1.5万只", price="54")
    )
    browser.post(
        "/field/reports/new",
        data=filled(product=str(hen.id), quantity="20只", price="18", price_unit="斤"),
    )
    said = [(r.quantity_base, r.asked_fen, r.asked_per_base) for r in reports(world)]
    assert said == [(600_000, 300, 1000), (15_000, 5400, 1), (20, 5400, 1)]


def test_what_is_typed_as_markup_comes_back_as_text(world, cadre, reviewer, filled):
    attack = "<script>alert(1)</script>{{7*7}}' OR 1=1 --"
    browser = world.sign_in(cadre)
    browser.post("/field/reports/new", data=filled(measures=attack, cause_note=attack))
    (report,) = reports(world)
    desk = world.sign_in(reviewer)
    for page in (
        browser.get(f"/field/reports/{report.id}"),
        browser.get(f"/field/reports/{report.id}/edit"),
        desk.get(f"/reports/{report.id}"),
        browser.post("/field/reports/new", data=filled(quantity=attack, price=attack)),
    ):
        assert "<script>alert" not in page.text
        assert "&lt;script&gt;alert(1)" in page.text
        assert "{{7*7}}" in page.text


def test_a_returned_report_is_mended_from_home_and_keeps_its_history(
    world, cadre, reviewer, filled
):
    browser, desk = world.sign_in(cadre), world.sign_in(reviewer)
    browser.post("/field/reports/new", data=filled())
    (report,) = reports(world)
    answer = desk.post(f"/reports/{report.id}/return", data={"reason": "照片看不清，请重拍"})
    assert answer.status_code == 302
    home = browser.get("/field/").text
    link = re.search(rf'href="(/field/reports/{report.id}/edit)"', home)
    assert link
    assert "照片看不清" in home
    assert re.search(r"改登记：\w\*\* ", home), "whose it is"
    form = browser.get(link[1]).text
    assert 'value="1,200斤"' in form
    typed = filled(quantity="900斤", available_until=report.available_until.isoformat())
    answer = browser.post(link[1], data=typed, follow_redirects=True)
    assert "重新交给乡镇" in answer.text
    assert "原来：数量 1,200斤" in answer.text
    assert "退回：照片看不清" in answer.text
    assert f"{format_when(report.submitted_at)} 登记" in answer.text
    (report,) = reports(world)
    assert (report.state, report.quantity_base) == ("submitted", 450_000)


def test_a_last_day_that_nobody_typed_follows_the_product(world, cadre, filled):
    rice = world.product("大米", shelf_days=180)
    browser = world.sign_in(cadre)
    browser.post("/field/reports/new", data=filled(product=str(rice.id)))
    (report,) = reports(world)
    address = f"/field/reports/{report.id}/edit"
    last_day = re.compile(r'<input[^>]*name="available_until"[^>]*>')
    assert 'value=""' in last_day.search(browser.get(address).text)[0]
    browser.post(address, data=filled())
    assert reports(world)[0].available_until == today() + timedelta(days=20)
    typed = (today() + timedelta(days=7)).isoformat()
    browser.post(address, data=filled(available_until=typed))
    assert f'value="{typed}"' in last_day.search(browser.get(address).text)[0]


def test_a_verified_report_is_neither_changed_nor_withdrawn(world, cadre, reviewer, filled):
    browser = world.sign_in(cadre)
    browser.post("/field/reports/new", data=filled())
    (report,) = reports(world)
    world.verify(reviewer, report)
    browser.post(f"/field/reports/{report.id}/edit", data=filled(quantity="1斤"))
    assert browser.post(f"/field/reports/{report.id}/withdraw").status_code == 409
    (report,) = reports(world)
    assert (report.state, report.quantity_base) == ("verified", 600_000)


def test_a_waiting_report_is_withdrawn(world, cadre, filled):
    browser = world.sign_in(cadre)
    browser.post("/field/reports/new", data=filled())
    (report,) = reports(world)
    answer = browser.post(f"/field/reports/{report.id}/withdraw", follow_redirects=True)
    assert "已撤回" in answer.text
    assert reports(world)[0].state == "withdrawn"


def test_last_weeks_report_is_repeated_with_new_dates(world, cadre, household, water_chestnut):
    world.report(cadre, water_chestnut, 5000, household=household, typed_quantity="10斤")
    (report,) = reports(world)
    browser = world.sign_in(cadre)
    assert f"again={report.id}" in browser.get(f"/field/households/{household.id}").text
    form = browser.get(f"/field/reports/new?again={report.id}").text
    assert 'value="10斤"' in form
    assert f'value="{today().isoformat()}"' in form
    assert report.client_uuid not in form


def test_anothers_household_report_and_photo_do_not_exist(world, cadre, filled):
    browser = world.sign_in(cadre)
    browser.post("/field/reports/new", data=filled())
    (report,) = reports(world)
    stranger = world.sign_in(world.user("cadre"))
    for method, address in (
        ("get", f"/field/reports/{report.id}"),
        ("get", f"/field/reports/{report.id}/edit"),
        ("post", f"/field/reports/{report.id}/withdraw"),
        ("post", f"/field/reports/{report.id}/photos"),
        ("get", f"/field/reports/new?again={report.id}"),
        ("get", f"/field/reports/new?household={report.household_id}"),
        ("get", f"/field/households/{report.household_id}"),
        ("get", f"/reports/{report.id}"),
    ):
        answer = getattr(stranger, method)(address)
        assert answer.status_code == 404, address
        assert report.receipt_no not in answer.text
    typed = filled()
    assert (
        stranger.post("/field/reports/new", data=typed).status_code == 422
    )  # nobody to report for
    assert len(reports(world)) == 1


def test_names_are_masked_on_every_phone_page(world, cadre, filled):
    house = world.household(cadre=cadre, name="欧阳建国")
    browser = world.sign_in(cadre)
    browser.post("/field/reports/new", data=filled(supplier=f"h:{house.id}"))
    (report,) = reports(world)
    for address in (
        "/field/", "/field/households", f"/field/households/{house.id}", "/field/lots",
        "/field/reports/new", f"/field/reports/{report.id}",
    ):  # fmt: skip
        page = browser.get(address).text
        assert "欧阳建国" not in page, address
        assert "欧阳" in page, address


def test_a_cooperative_reports_with_its_members_shares(world, filled):
    unit = world.unit("青石合作社", "cooperative", region_code="990101101201")
    members = [world.household() for _ in range(2)]
    for member in members:
        world.member(unit, member)
    outsider = world.household()
    browser = world.sign_in(world.user("cooperative", unit=unit))
    assert browser.get("/field/reports/new").text.count('name="share-') == 2
    typed = filled(supplier=f"o:{unit.id}", quantity="1吨")
    shares = {f"share-{members[0].id}": "300斤", f"share-{members[1].id}": " "}
    assert browser.post("/field/reports/new", data=typed | shares).status_code == 302
    with world.transaction() as session:
        rows = session.scalars(select(ReportShare).order_by(ReportShare.quantity_base)).all()
        assert [(row.household_id, row.quantity_base) for row in rows] == [
            (members[0].id, 150_000),
            (None, 850_000),
        ]
    for bad in (
        {f"share-{members[0].id}": "3吨"},
        {f"share-{outsider.id}": "3斤"},
        {f"share-{members[0].id}": "三麻袋"},
    ):
        answer = browser.post(
            "/field/reports/new", data=typed | bad | {"client_uuid": str(uuid.uuid4())}
        )
        assert answer.status_code == 422
        assert next(iter(bad.values())) in answer.text or "不是本社成员" in answer.text
    assert len(reports(world)) == 1


def test_the_reports_form_works_for_a_reviewer_only_after_a_household_is_found(world, reviewer):
    for _ in range(61):
        world.household()
    desk = world.sign_in(reviewer)
    answer = desk.get("/field/reports/new", follow_redirects=True)
    assert "先找到是哪一户" in answer.text
    link = re.search(r'href="/field/households/(\d+)"', answer.text)
    assert desk.get(f"/field/reports/new?household={link[1]}").status_code == 200


def test_a_correction_by_nobody_leaves_no_revision(world, cadre, filled):
    browser = world.sign_in(cadre)
    browser.post("/field/reports/new", data=filled())
    (report,) = reports(world)
    assert (
        browser.post(f"/field/reports/{report.id}/edit", data=filled(quantity="-3")).status_code
        == 422
    )
    with world.transaction() as session:
        assert session.scalar(select(func.count(ReportRevision.id))) == 0


def test_eight_sendings_of_one_report_at_once_are_one_report(app, world, cadre, filled):
    browsers, typed = [world.sign_in(cadre) for _ in range(8)], filled()
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda n: browsers[n % 8].post("/field/reports/new", data=typed), range(8))
        )
    assert {answer.status_code for answer in answers} == {302}
    assert len({answer.headers["Location"] for answer in answers}) == 1
    assert len(reports(world)) == 1


def test_the_receipt_tells_of_an_odd_price_a_repeat_and_a_round_that_comes_too_late(
    world, cadre, filled, water_chestnut
):
    browser = world.sign_in(cadre)
    plain = browser.post("/field/reports/new", data=filled(), follow_redirects=True).text
    assert "写错了就点" not in plain
    assert "赶不上" not in plain
    lot = world.lot(water_chestnut, 50_000)
    late = world.round(delivers_on=today() + timedelta(days=30))
    world.listing(late, water_chestnut, [lot])
    world.open_round(late)
    told = browser.post(
        "/field/reports/new", data=filled(price="0.8", quantity="300斤"), follow_redirects=True
    ).text
    report = reports(world)[-1]
    assert "县参考价 1.50 元/斤，低 47%。写错了就点“更正”。" in told
    assert "同一家同一品种还有登记" in told
    assert f"赶不上第 {late.number} 期" in told
    keeps = filled(available_until=(today() + timedelta(days=31)).isoformat())
    browser.post(f"/field/reports/{report.id}/edit", data=keeps)
    assert "赶不上" not in browser.get(f"/field/reports/{report.id}").text
