"""Signed papers: filed by the number on them, found by either number, never changed."""

import io
from hashlib import sha256

import pytest
from PIL import Image
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from marketplace.catalog.pictures import evidence_path
from marketplace.fulfilment.delivery_models import Manifest
from marketplace.fulfilment.models import PreparationSheet
from marketplace.fulfilment.original_models import SignedOriginal
from tests.fulfilment.arriving import CANTEEN, Arriving


@pytest.fixture
def arriving(world):
    return Arriving(world)


def picture():
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), "white").save(buffer, "JPEG")
    buffer.seek(0)
    return buffer, "paper.jpg"


def test_a_paper_is_filed_and_found_again_by_either_number(app, arriving):
    clerk = arriving.world.sign_in(arriving.clerk)
    with arriving.world.transaction() as session:
        manifest = session.scalars(select(Manifest.number).order_by(Manifest.id)).first()
        sheet = session.scalars(select(PreparationSheet.code)).first()
    for of in (manifest, arriving.numbers[CANTEEN], sheet.lower(), manifest):  # a double tap
        filed = clerk.post("/originals", data={"of": of, "photo": picture()})
        assert filed.status_code == 303, filed.text
        found = clerk.get(f"/originals?q={of}").text
        assert of.upper() in found
    with arriving.world.transaction() as session:
        rows = session.scalars(select(SignedOriginal).order_by(SignedOriginal.id)).all()
        assert [row.kind for row in rows] == ["manifest", "order", "sheet"]
        assert len({row.number for row in rows}) == 3
        first = rows[0]
    shown = clerk.get(f"/originals/{first.number}/photo")
    assert sha256(shown.data).hexdigest() == first.photo
    folder = app.extensions["settings"].folder
    assert evidence_path(folder, first.photo).exists()
    elsewhere = arriving.world.sign_in(arriving.world.user("clerk", region="990101102000"))
    assert elsewhere.get(f"/originals/{first.number}/photo").status_code == 404
    assert first.number not in elsewhere.get("/originals").text


def test_without_a_picture_or_with_an_unknown_number_nothing_is_filed(arriving):
    clerk = arriving.world.sign_in(arriving.clerk)
    wrong = clerk.post("/originals", data={"of": "M0-000", "photo": picture(), "note": "第一页"})
    assert wrong.status_code == 422
    assert "没有这个单号" in wrong.text
    assert "第一页" in wrong.text
    assert "拍过的照片留着了" in wrong.text
    bare = clerk.post("/originals", data={"of": arriving.numbers[CANTEEN]})
    assert bare.status_code == 422
    assert "请拍下" in bare.text


def test_what_is_filed_stays_as_it_was(arriving):
    clerk = arriving.world.sign_in(arriving.clerk)
    clerk.post("/originals", data={"of": arriving.numbers[CANTEEN], "photo": picture()})
    for forged in ("UPDATE signed_original SET note = 'x'", "DELETE FROM signed_original"):
        with pytest.raises(DatabaseError), arriving.world.transaction() as session:
            session.execute(text(forged))
