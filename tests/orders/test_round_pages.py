"""The operator's pages of rounds, listings and places: what is typed stays, what is wrong is said."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from marketplace.core.clock import now
from marketplace.orders.round_models import Commitment, Listing, PickupPoint, Round
from tests.support.pages import sent_by
from tests.support.world import COUNTY

BUDGET = 8


@pytest.fixture
def desk(world):
    return world.sign_in(world.operator())


def _filled(page: str) -> int:
    """How many filled buttons a person sees; those of questions not yet asked do not count."""
    return re.sub(r'<div class="confirm-body">.*?</form>', "", page, flags=re.S).count(
        "btn btn-main"
    )


def _places(world):
    world.pickup_point("县政府东门")
    world.round()  # makes a collection point


def test_a_round_is_made_from_the_page_as_it_is_proposed(world, desk):
    _places(world)
    page = desk.get("/rounds/new").text
    answer = desk.post("/rounds/new", data=sent_by(page))
    assert answer.status_code == 302, answer.text
    with world.transaction() as session:
        made = session.scalars(select(Round).order_by(Round.id.desc())).first()
        assert made.state == "draft"
        assert (made.closes_at.hour, made.closes_at.minute) == (16, 0)  # 24:00 in China
        assert {row.point.name for row in made.pickups} >= {"县政府东门"}
        assert len(made.collections) == 2
    assert "24:00" in desk.get(f"/rounds/{made.id}").text


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("name", "", "请给这一期起个名字"),
        ("opens_at", "昨天", "请填日期和时间"),
        ("opens_at", " ", "请填日期和时间"),
        ("opens_at", "9999-12-31T23:59", "请填日期和时间"),
        ("closes_day", "2020-01-01", "截单时间"),
        ("closes_day", "32.13.", "请填日期"),
        ("closes_time", "25:00", "截单时间"),
        ("delivers_on", "2020-01-02", "配送日要在截单之后"),
        ("audiences", None, "至少选一类买家"),
        ("shortage_rule", "mine_first", "货不够时"),
        ("pickups-0-until_at", "", "请填从几点到几点"),
        ("pickups-0-point_id", "99999999999999999999", "有地点已经没有了"),
        ("collections-0-point_id", "x", "有地点已经没有了"),
        ("collections-0-from_at", "2030-01-01T09:00", "请填从几点到几点"),
        ("collections-0-region_code", "nowhere", "请给集货点选乡镇或村"),
    ],
)
def test_bad_input_is_said_beside_its_field_and_nothing_typed_is_lost(
    world, desk, field, typed, words
):
    _places(world)
    data = sent_by(desk.get("/rounds/new").text) | {"name": ["腊月年货"]}
    data = (
        data | {field: [typed]}
        if typed is not None
        else {k: v for k, v in data.items() if k != field}
    )
    answer = desk.post("/rounds/new", data=data)
    assert answer.status_code == 422
    assert words in answer.text
    if field != "name":
        assert 'value="腊月年货"' in answer.text


def test_an_open_round_goes_through_its_steps_by_buttons(world, desk):
    product = world.product()
    in_round = world.round()
    world.listing(in_round, product, [world.lot(product, 25_000)])
    address = f"/rounds/{in_round.id}"
    page = desk.get(address).text
    assert _filled(page) == 1
    assert "开放订购" in page
    assert desk.post(f"{address}/open").status_code == 302
    assert desk.post(f"{address}/open").status_code == 409
    page = desk.get(address).text
    assert "现在截单" in page
    assert _filled(page) == 0  # nothing to press before the closing time
    assert desk.post(f"{address}/hold").status_code == 302
    assert "暂停中" in desk.get(address).text
    assert desk.post(f"{address}/resume").status_code == 302
    assert desk.post(f"{address}/close").status_code == 302
    page = desk.get(address).text
    assert _filled(page) == 1
    assert "去分配" in page
    assert desk.post(f"{address}/fly").status_code == 404


def test_last_rounds_set_up_is_copied_with_one_press(world, desk):
    in_round, _ = world.shop()
    answer = desk.post(f"/rounds/{in_round.id}/copy", follow_redirects=True)
    assert answer.status_code == 200
    assert "第 2 期" in answer.text
    assert "选货源" in answer.text


def test_the_cancel_page_lists_every_order_with_its_outcome(world, desk):
    in_round, listing = world.shop()
    staff = world.user("staff", unit=world.unit())
    number = world.order(staff, in_round, {listing.id: 2})
    address = f"/rounds/{in_round.id}/cancel"
    page = desk.get(address).text
    assert number in page
    assert "周**" in page
    assert "周小满" not in page
    assert desk.post(address, data={"reason": ""}).status_code == 422
    assert desk.post(address, data={"reason": "大雪"}).status_code == 302
    assert "已取消" in desk.get(f"/rounds/{in_round.id}").text


def test_postponing_shows_what_is_wrong_and_then_moves_the_round(world, desk):
    in_round, _ = world.shop()
    address = f"/rounds/{in_round.id}/postpone"
    data = sent_by(desk.get(address).text)
    refused = desk.post(address, data=data | {"closes_day": ["2020-01-01"]})
    assert refused.status_code == 422
    assert "延期只能往后" in refused.text
    assert desk.post(address, data=data).status_code == 302
    with world.transaction() as session:
        found = session.get_one(Round, in_round.id)
        assert found.state == "postponed"
        assert found.closes_at == in_round.closes_at.replace(second=0, microsecond=0) + timedelta(7)


def test_an_edit_page_sent_unchanged_changes_nothing_but_seconds(world, desk):
    in_round, _ = world.shop()
    address = f"/rounds/{in_round.id}/edit"
    data = sent_by(desk.get(address).text)
    day = now() + timedelta(days=30)
    data |= {"closes_day": [f"{day:%Y-%m-%d}"], "delivers_on": [f"{day + timedelta(2):%Y-%m-%d}"]}
    assert desk.post(address, data=data).status_code == 302
    with world.transaction() as session:
        found = session.get_one(Round, in_round.id)
        assert found.opens_at == in_round.opens_at.replace(second=0, microsecond=0)
        assert len(found.collections) == 2


def _editor(world, desk, **product):
    made = world.product(**product)
    lot = world.lot(made, 20_000)
    dear = world.lot(made, 20_000, asked_fen=made.reference_fen * 2)
    in_round = world.round()
    address = f"/rounds/{in_round.id}/listings/new?product={made.id}&grade=统货"
    return in_round, lot, dear, address


def test_goods_that_are_too_old_by_the_day_of_delivery_need_a_word_from_the_farm(world, desk):
    product, in_round = world.product(), world.round()
    lot = world.lot(product, 20_000, available_until=in_round.delivers_on - timedelta(days=1))
    address = f"/rounds/{in_round.id}/listings/new?product={product.id}&grade=统货"
    page = desk.get(address).text
    assert f'name="lot-{lot.id}" value="y">' in page
    assert "配送前就过了" in page
    data = {"title": "青菜", "pack": "5斤", "farmgate": "99", f"lot-{lot.id}": "y"}
    refused = desk.post(address, data=data)
    assert (refused.status_code, "过了最晚卖到的日子" in refused.text) == (422, True)
    data[f"note-{lot.id}"] = "户主说地里还能放十天"
    assert desk.post(address, data=data).status_code == 302


def test_the_editor_leaves_out_what_is_too_little_for_a_pack(world, desk):
    product = world.product()
    enough, leftover = world.lot(product, 20_000), world.lot(product, 1_000)
    page = desk.get(f"/rounds/{world.round().id}/listings/new?product={product.id}&grade=统货").text
    assert f'name="lot-{enough.id}" value="y" checked' in page
    assert f'name="lot-{leftover.id}" value="y">' in page
    assert "不够一份" not in page


def test_the_editor_says_when_the_usual_pack_is_more_than_the_lots_hold(world, desk):
    product, in_round = world.product(), world.round()
    world.listing(in_round, product, [world.lot(product, 25_000)], pack_base=25_000)
    world.lot(product, 12_500)
    address = f"/rounds/{in_round.id}/listings/new?product={product.id}&grade=统货"
    words = "每批都不够一份 50斤，请改小一份的量。"
    assert words in desk.get(address).text
    data = {"title": "青菜", "pack": "50斤", "farmgate": "99"}
    assert f"请至少勾一批货。{words}" in desk.post(address, data=data).text
    smaller = data | {"pack": "10斤", "pack_name": "", "service": "abc", "preview": "1"}
    page = desk.post(address, data=smaller).text
    assert "不够一份" not in page
    assert "data-pack-name>10 斤装<" in page
    assert "data-price>" not in page


def test_the_editor_proposes_urgent_lots_ticked_and_saves_in_one_go(world, desk):
    in_round, lot, dear, address = _editor(world, desk)
    assert "马蹄" in desk.get(f"/rounds/{in_round.id}/listings/new").text
    page = desk.get(address).text
    assert lot.code in page
    assert "要价每份高" in page
    data = sent_by(page) | {"service": ["2.80"], "freight": ["2"], f"amount-{lot.id}": ["30"]}
    refused = desk.post(address, data=data)
    assert refused.status_code == 422
    assert "请写谁同意的" in refused.text
    assert 'value="2.80"' in refused.text
    data[f"note-{dear.id}"] = ["户主本人，电话"]
    assert desk.post(address, data=data).status_code == 302
    with world.transaction() as session:
        listing = session.scalars(select(Listing)).one()
        assert (listing.pack_name, listing.pack_base, listing.price_fen) == ("5 斤装", 2500, 1230)
        assert listing.capacity_packs == 6 + 8
        notes = {c.lot_id: c.consent_note for c in session.scalars(select(Commitment))}
        assert notes == {lot.id: "", dear.id: "户主本人，电话"}
    assert "户主本人，电话" in desk.get(f"/listings/{listing.id}").text


@pytest.mark.parametrize(
    ("field", "typed", "words"),
    [
        ("pack", "3箱", "不知道一箱是多少斤"),
        ("pack", "约5斤", "要写准"),
        ("pack_name", "10 斤装", "不一样"),
        ("farmgate", "abc", "看不懂"),
        ("farmgate", "-3", "大于零"),
        ("service", "1.234", "比分还小"),
        ("minimum_packs", "0", "要在 1 到"),
        ("minimum_packs", "2.5", "要填整数"),
        ("title", "", "请写品名"),
        ("seller_id", "999", "请重新选由谁卖"),
        ("amount", "100万吨", "太大"),
        ("amount", "41斤", "只剩 40斤"),
        ("lot", None, "请至少勾一批货"),
    ],
)
def test_the_editor_says_what_it_cannot_take(world, desk, field, typed, words):
    _, lot, _, address = _editor(world, desk)
    data = {
        "title": "好马蹄", "pack": "5斤", "farmgate": "7.5", "service": "", "freight": "",
        f"lot-{lot.id}": "y", f"amount-{lot.id}": "40斤",
    }  # fmt: skip
    if typed is None:
        del data[f"lot-{lot.id}"]
    else:
        data[f"amount-{lot.id}" if field == "amount" else field] = typed
    answer = desk.post(address, data=data)
    assert answer.status_code == 422
    assert words in answer.text
    assert field == "title" or 'value="好马蹄"' in answer.text


def test_counting_again_saves_nothing(world, desk):
    _, lot, _, address = _editor(world, desk)
    data = {"title": "马蹄", "pack": "4斤", "farmgate": "8", f"lot-{lot.id}": "y", "preview": "1"}
    answer = desk.post(address, data=data)
    assert answer.status_code == 200
    assert re.search(r"data-capacity>10<", answer.text)
    with world.transaction() as session:
        assert session.scalars(select(Listing)).all() == []


def test_lots_are_added_moved_and_taken_back_on_the_listings_page(world, desk):
    in_round, listing = world.shop(packs=4)
    more = None
    with world.transaction() as session:
        product = session.get_one(Listing, listing.id).product
    more = world.lot(product, 25_000)
    address = f"/listings/{listing.id}"
    answer = desk.post(f"{address}/lots", data={f"lot-{more.id}": "y", f"amount-{more.id}": ""})
    assert answer.status_code == 302
    other = world.listing(in_round, product, [], pack_base=500, farmgate_fen=200)
    assert desk.post(f"{address}/move", data={"target": "x"}).status_code == 422
    assert desk.post(f"{address}/move", data={"target": other.id}).status_code == 302
    assert ">70<" in desk.get(f"/listings/{other.id}").text
    assert desk.post(f"{address}/release").status_code == 409
    assert desk.post(f"/listings/{other.id}/withdraw", data={"lot": more.id}).status_code == 302
    assert desk.post(f"/listings/{other.id}/stop").status_code == 302
    assert "停售" in desk.get(f"/listings/{other.id}").text
    assert desk.post(f"/listings/{other.id}/remove").status_code == 422


def test_an_address_that_is_not_there_is_not_found(world, desk):
    world.round()
    for address in (
        "/rounds/999", "/rounds/999/edit", "/listings/999", "/rounds/1/listings/new?product=9&grade=x",
        "/rounds/1/listings/new?product=99999999999999999999&grade=统货", "/places/moon/new",
        "/places/pickup/999",
    ):  # fmt: skip
        assert desk.get(address).status_code == 404, address


def test_only_who_may_manage_rounds_changes_them(world):
    in_round, listing = world.shop()
    leader = world.sign_in(world.user("leader", region=COUNTY))
    assert leader.get("/rounds").status_code == 200
    page = leader.get(f"/rounds/{in_round.id}")
    assert page.status_code == 200
    assert "现在截单" not in page.text
    assert "加货" not in leader.get(f"/listings/{listing.id}").text
    for address in ("/rounds/new", f"/rounds/{in_round.id}/edit", "/places", "/desk/orders"):
        assert leader.get(address).status_code == 403
    assert leader.post(f"/rounds/{in_round.id}/close").status_code == 403
    assert leader.post(f"/listings/{listing.id}/release").status_code == 403


def test_places_are_made_changed_and_taken_out_of_use(world, desk):
    data = {
        "name": "县医院南门",
        "address": "南街 8 号",
        "region_code": "1",
        "directions": "走侧门",
    }
    assert desk.post("/places/pickup/new", data=data).status_code == 422
    data["region_code"] = "990101101000"
    assert desk.post("/places/pickup/new", data=data).status_code == 302
    again = desk.post("/places/pickup/new", data=data)
    assert again.status_code == 422
    assert "已有同名" in again.text
    assert 'value="南街 8 号"' in again.text
    with world.transaction() as session:
        point = session.scalars(select(PickupPoint)).one()
    assert desk.post(f"/places/pickup/{point.id}/stop").status_code == 302
    assert "县医院南门" not in desk.get("/rounds/new").text
    assert desk.post(f"/places/pickup/{point.id}/use").status_code == 302
    world.round(pickup=point)
    refused = desk.post(f"/places/pickup/{point.id}/stop")
    assert refused.status_code == 409
    assert "还要用这个提货点" in refused.text
    assert desk.post("/places/collection/new", data=data | {"name": ""}).status_code == 422


def test_the_list_of_rounds_asks_as_often_for_many_rounds_as_for_one(world, desk, statements):
    world.shop()
    few = statements(lambda: desk.get("/rounds"))
    for _ in range(12):
        world.round()
    assert statements(lambda: desk.get("/rounds")) == few <= BUDGET


def test_hens_are_listed_by_what_they_weigh(world, desk):
    _, lot, _, address = _editor(world, desk, base_unit="piece", reference_fen=3000)
    typed = {
        "title": "雪毛鸡", "pack_kind": "by_weight", "lightest": "2.6", "heaviest": "3.9斤", "pack": "1只",
        "pack_name": "整只", "farmgate": "10", "service": "1", "freight": "0.5", f"lot-{lot.id}": "y",
    }  # fmt: skip
    for field, wrong, words in (
        ("lightest", "4", "最重的比最轻的还轻"),
        ("heaviest", "", "每份最重多少斤"),
        ("heaviest", "1吨", "请核对单位"),
        ("freight", "0.53", "不是整分"),
        ("pack_kind", "by_heart", "请选怎么算钱"),
    ):
        refused = desk.post(address, data=typed | {field: wrong})
        assert refused.status_code == 422
        assert words in refused.text, field
        assert 'value="整只"' in refused.text
    preview = desk.post(address, data=typed | {"preview": "1"}).text
    assert "44.85" in preview
    assert "最重时" in preview
    assert desk.post(address, data=typed).status_code == 302
    with world.transaction() as session:
        listing = session.scalars(select(Listing)).one()
    assert (listing.pack_base, listing.band_low_base, listing.band_high_base) == (1, 1300, 1950)
    assert (listing.price_fen, listing.farmgate_fen) == (4485, 3900)
    shown = desk.get(f"/listings/{listing.id}").text
    assert '每斤 <b class="num">11.50</b> 元' in shown
    edit = f"/listings/{listing.id}/edit"
    assert 'value="10.00"' in desk.get(edit).text
    assert desk.post(edit, data=typed | {"farmgate": "11"}).status_code == 302
    with world.transaction() as session:
        assert session.get_one(Listing, listing.id).farmgate_fen == 4290
