"""Photos: shrunk, written anew, without a place; anything else is refused and the text stays."""

import io
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import select

from marketplace.catalog.models import ReportPhoto, SupplyReport
from marketplace.catalog.pictures import MAX_STORED_BYTES, picture_path, read_picture
from marketplace.core.errors import InvalidInput

GPS = 0x8825


def picture(size=(640, 480), kind="JPEG", colour="green", **options):
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, kind, **options)
    return buffer.getvalue()


def from_a_phone():
    exif = Image.Exif()
    exif[0x0110] = "PHONE-OF-SOMEBODY"
    exif[0x0112] = 6  # lies on its side
    exif.get_ifd(GPS)[1] = "N"
    return picture((800, 400), exif=exif)


def noise(side):
    return Image.effect_noise((side, side), 200).convert("RGB")


def test_place_and_device_are_gone_and_the_picture_stands_upright():
    kept = read_picture(from_a_phone())
    with Image.open(io.BytesIO(kept.data)) as image:
        assert image.format == "WEBP"
        assert image.size == (kept.width, kept.height) == (400, 800)
        assert not image.getexif()
    assert b"PHONE-OF-SOMEBODY" not in kept.data


def test_even_noise_fits_into_the_limit():
    buffer = io.BytesIO()
    noise(1600).save(buffer, "JPEG", quality=95)
    assert len(read_picture(buffer.getvalue()).data) <= MAX_STORED_BYTES


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<!doctype html><script>alert(1)</script>",
        SVG,
        picture() + b"<script>alert(1)</script>",
        picture(comment=b"<html><body onload=alert(1)>"),
        picture(kind="GIF"),
        picture(kind="TIFF"),
        picture()[:300],
        b"%PDF-1.7 %%EOF",
        b"GIF89a=1;alert(1)//",
    ],
)
def test_what_is_no_plain_photo_is_refused(raw):
    with pytest.raises(InvalidInput) as refused:
        read_picture(raw)
    assert refused.value.field == "photos"


def test_a_bomb_is_refused_before_it_is_unpacked():
    buffer = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
    with pytest.raises(InvalidInput) as refused:
        read_picture(buffer.getvalue())
    assert refused.value.code == "photo_pixels"


@given(st.binary(max_size=400))
def test_any_bytes_give_a_picture_or_a_refusal(raw):
    with pytest.raises(InvalidInput):
        read_picture(raw)
    with pytest.raises(InvalidInput):
        read_picture(b"\x89PNG\r\n\x1a\n" + raw)


@pytest.fixture
def sent(world, cadre, filled):
    browser = world.sign_in(cadre)

    def send(*raws, **changes):
        files = [(io.BytesIO(raw), f"p{n}.jpg") for n, raw in enumerate(raws)]
        data = filled(**changes) | {"photos": files}
        return browser.post("/field/reports/new", data=data, follow_redirects=True)

    return send


def photos(world):
    with world.transaction() as session:
        return session.scalars(select(ReportPhoto).order_by(ReportPhoto.id)).all()


def test_a_photo_that_fails_keeps_the_text_and_the_good_ones_and_follows_alone(
    world, app, cadre, sent
):
    answer = sent(picture(), SVG)
    assert "文字已经记下，照片没有存全" in answer.text
    assert len(photos(world)) == 1
    with world.transaction() as session:
        report = session.scalars(select(SupplyReport)).one()
    browser = world.sign_in(cadre)
    again = [(io.BytesIO(picture(colour="red")), "p.jpg"), (io.BytesIO(picture()), "q.jpg")]
    browser.post(f"/field/reports/{report.id}/photos", data={"photos": again})
    first, second = photos(world)
    assert picture_path(app.extensions["settings"].folder, second.sha256).exists()
    shown = browser.get(f"/reports/photos/{first.id}")
    assert shown.mimetype == "image/webp"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Cache-Control"] == "no-store"


def test_the_same_report_sent_again_with_its_photo_has_it_once(world, sent):
    key = str(uuid.uuid4())
    for _ in range(2):
        sent(picture(), client_uuid=key)
    assert len(photos(world)) == 1


def test_no_report_has_more_than_three(world, sent):
    colours = ("red", "green", "blue", "white")
    answer = sent(*(picture(colour=colour) for colour in colours))
    assert "最多 3 张" in answer.text
    assert len(photos(world)) == 3


def test_anothers_photo_does_not_exist(world, sent, household):
    sent(picture())
    (photo,) = photos(world)
    address = f"/reports/photos/{photo.id}"
    for stranger in (
        world.user("cadre"),
        world.user("reviewer", region="990101102000"),
        world.user("cooperative", unit=world.unit(kind="cooperative")),
    ):
        browser = world.sign_in(stranger)
        assert browser.get(address).status_code == 404
        if stranger.login_name.startswith(("cadre", "coop")):
            assert browser.post(f"/field/photos/{photo.id}/remove").status_code == 404
    assert world.sign_in(world.user("staff", unit=world.unit())).get(address).status_code == 403
    assert world.app.test_client().get(address).status_code == 302
    assert (
        world.sign_in(world.user("reviewer", region="990101101000")).get(address).status_code == 200
    )


def test_a_bad_photo_is_taken_off_until_the_report_is_verified(world, cadre, reviewer, sent):
    sent(picture(), picture(colour="red"))
    first, second = photos(world)
    browser = world.sign_in(cadre)
    browser.post(f"/field/photos/{first.id}/remove")
    assert [photo.id for photo in photos(world)] == [second.id]
    folder = world.app.extensions["settings"].folder
    assert [path.stem for path in folder.rglob("*.webp")] == [second.sha256]
    with world.transaction() as session:
        report = session.scalars(select(SupplyReport)).one()
    world.verify(reviewer, report)
    assert browser.post(f"/field/photos/{second.id}/remove").status_code == 409
    more = {"photos": (io.BytesIO(picture(colour="blue")), "p.jpg")}
    browser.post(f"/field/reports/{report.id}/photos", data=more)
    assert [photo.id for photo in photos(world)] == [second.id]
