"""What is found at the scales besides the weight: the grade, and photos that only the reach sees."""

import io

import pytest
from sqlalchemy import select

from marketplace.core.errors import InvalidInput
from marketplace.fulfilment.weighing_models import WeighIn, WeighPhoto
from marketplace.trace.models import TraceEvent
from tests.catalog.test_photos import from_a_phone, picture
from tests.fulfilment.collecting import PACK, TOWN, Weighing


@pytest.fixture
def scales(world):
    return Weighing(world)


@pytest.fixture
def clerk(world, scales):
    return world.sign_in(scales.clerk)


def _send(browser, number, *raw):
    files = [(io.BytesIO(one), "a.jpg") for one in raw]
    return browser.post(f"/field/weigh/receipts/{number}/photos", data={"photos": files})


def test_the_grade_is_the_sheets_unless_another_is_said(world, scales, clerk):
    row = scales.weigh(0, scales.packs(0) * PACK).row
    assert (row.grade, row.short_reason) == ("统货", "")
    assert "统货" in clerk.get(f"/field/weigh/receipts/{row.number}").text
    (event,) = [e for e in scales.read(select(TraceEvent.text)) if '"kind":"weighed"' in e]
    assert '"grade":"统货"' in event


def test_goods_of_another_grade_are_no_packs_of_this_one(scales, clerk):
    asked, free = scales.packs(0), scales.lot(0).free
    done = scales.weigh(0, asked * PACK, grade="二级")
    assert (done.row.packs, done.row.short_reason, done.short.cut_packs) == (0, "grade", asked)
    assert scales.lot(0).free == free + asked * PACK, "they stay in the lot until somebody agrees"
    assert "二级（备货单上是统货）" in clerk.get(f"/field/weigh/receipts/{done.row.number}").text
    assert scales.balanced()


def test_a_grade_that_nobody_knows_is_refused(scales):
    with pytest.raises(InvalidInput, match="请选等级"):
        scales.weigh(0, PACK, grade="头等")
    assert scales.read(select(WeighIn)) == []


def test_a_photo_is_written_anew_and_shown_only_within_reach(world, scales, clerk):
    row = scales.weigh(0, scales.packs(0) * PACK).row
    assert _send(clerk, row.number, from_a_phone()).status_code == 303
    (photo,) = scales.read(select(WeighPhoto))
    address = f"/field/weigh/photos/{photo.id}"
    shown = clerk.get(address)
    assert shown.content_type == "image/webp"
    assert b"PHONE-OF-SOMEBODY" not in shown.data
    assert address in clerk.get(f"/field/weigh/receipts/{row.number}/photos").text
    assert "照片 1 张" in clerk.get(f"/field/weigh/receipts/{row.number}").text
    assert world.sign_in(scales.cadres[0]).get(address).status_code == 200
    assert world.sign_in(scales.cadres[1]).get(address).status_code == 404
    stranger = world.sign_in(world.user("clerk", region="990101102000"))
    assert stranger.get(address).status_code == 404
    assert _send(stranger, row.number, picture()).status_code == 404
    assert len(scales.read(select(WeighPhoto))) == 1


def test_three_photos_are_enough_and_what_is_none_is_refused(scales, clerk):
    number = scales.weigh(0, scales.packs(0) * PACK).row.number
    assert _send(clerk, number).status_code == 422
    refused = _send(clerk, number, b"<html>")
    assert refused.status_code == 422
    assert "照片" in refused.text
    for colour in ("red", "red", "blue", "white"):
        assert _send(clerk, number, picture(colour=colour)).status_code == 303
    full = _send(clerk, number, picture(colour="black"))
    assert full.status_code == 409
    assert "最多 3 张" in full.text
    assert len(scales.read(select(WeighPhoto))) == 3


def test_the_form_says_another_grade(world, scales, clerk):
    line = scales.lines(0)[0]
    typed = {f"l{line.id}-gross": f"{scales.packs(0) * 5}斤", f"l{line.id}-grade": "二级"}
    address = f"/field/weigh/{scales.sheet(0).id}/{line.id}"
    asked = clerk.post(address, data=typed)
    assert asked.status_code == 422
    assert "订单会少" in asked.text
    sure = {f"l{line.id}-seen_cut": str(scales.packs(0))}
    done = clerk.post(address, data=typed | sure)
    assert done.status_code == 303
    (row,) = scales.read(select(WeighIn))
    assert (row.grade, row.packs) == ("二级", 0)
    stranger = world.sign_in(world.user("clerk", region=TOWN))
    assert stranger.get(f"/field/weigh/receipts/{row.number}").status_code == 200
