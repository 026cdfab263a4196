"""Certificates and other papers of a lot: issued, brought, seen by anybody, set aside, and in the stream."""

import io
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import select, update

from marketplace.catalog.lot_papers import Brought, attach_paper, issue_certificate, set_aside
from marketplace.catalog.models import Lot, ReportPhoto
from marketplace.catalog.paper_models import LotPaper
from marketplace.catalog.pictures import evidence_path, picture_path
from marketplace.core.clock import today
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.households.models import Consent, Household
from marketplace.reporting.verify import verify
from marketplace.trace.models import TraceEvent
from tests.fulfilment.collecting import PACK
from tests.fulfilment.test_weighing import Weighing

STRANGE_TOWN = "990101102000"


@pytest.fixture
def scales(world):
    return Weighing(world)


class Papers:
    """Papers of the first lot of `scales`, kept by its cadre."""

    def __init__(self, world, scales):
        self.world, self.scales, self.lot_id = world, scales, scales.lots[0].id
        self.actor = world.actor(scales.cadres[0])

    def issue(self, base=PACK, basis="controlled"):
        with self.world.transaction() as session:
            lot = session.get_one(Lot, self.lot_id)
            return issue_certificate(session, self.actor, lot, base, basis)

    def attach(self, kind="inspection", number="动检 0001", **changes):
        given = Brought(kind, number, changes.pop("issued_on", today()), **changes)
        with self.world.transaction() as session:
            return attach_paper(session, self.actor, session.get_one(Lot, self.lot_id), given)

    def aside(self, paper, why="数量写错"):
        with self.world.transaction() as session:
            set_aside(session, self.actor, session.get_one(LotPaper, paper.id), why)

    def all(self):
        return self.scales.read(select(LotPaper).order_by(LotPaper.id))

    def events(self, kind):
        return [t for t in self.scales.read(select(TraceEvent.text)) if f'"kind":"{kind}"' in t]


@pytest.fixture
def papers(world, scales):
    return Papers(world, scales)


def test_a_certificate_stands_in_the_lots_stream_without_its_number(papers):
    paper = papers.issue(2 * PACK, "self_tested")
    (event,) = papers.events("certified")
    assert '"base":5000' in event
    assert '"basis":"self_tested"' in event
    assert paper.number not in event
    assert paper.code not in event
    assert papers.scales.balanced()


@pytest.mark.parametrize(
    ("base", "basis", "field"),
    [(0, "controlled", "quantity"), (10**9, "controlled", "quantity"), (PACK, "", "basis")],
)
def test_a_certificate_that_cannot_be_is_refused(papers, base, basis, field):
    with pytest.raises(InvalidInput) as refused:
        papers.issue(base, basis)
    assert refused.value.field == field
    assert papers.all() == []


def test_the_same_twice_is_one(papers):
    papers.issue()
    with pytest.raises(Conflict, match="已经有一样的"):
        papers.issue()
    papers.attach()
    with pytest.raises(Conflict, match="动检 0001"):
        papers.attach()
    assert len(papers.all()) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "letter"}, "kind"),
        ({"number": " "}, "number"),
        ({"issued_on": today() + timedelta(days=1)}, "issued_on"),
        ({"issued_on": None}, "issued_on"),
        ({"valid_until": today() - timedelta(days=1)}, "valid_until"),
        ({"basis": "controlled"}, "basis"),
    ],
)
def test_a_paper_that_cannot_be_is_refused(papers, changes, field):
    with pytest.raises(InvalidInput) as refused:
        papers.attach(**changes)
    assert refused.value.field == field


def test_set_aside_stays_with_its_words_and_a_new_one_may_come(papers):
    first = papers.issue()
    with pytest.raises(InvalidInput):
        papers.aside(first, " ")
    papers.aside(first)
    with pytest.raises(Conflict):
        papers.aside(first)
    papers.issue()
    assert [paper.void_why for paper in papers.all()] == ["数量写错", ""]
    assert len(papers.events("paper_set_aside")) == 1
    assert papers.scales.balanced()


@pytest.mark.parametrize("change", [{"basis": "lab_tested"}, {"void_why": "", "void_at": None}])
def test_what_was_changed_behind_the_stream_is_found(world, papers, change):
    papers.aside(papers.issue())
    values = change | ({"void_by_id": None} if "void_at" in change else {})
    with world.transaction() as session:
        session.execute(update(LotPaper).values(**values))
    with world.transaction() as session:
        assert [fault.where for fault in verify(session)] == [
            f"批次 {papers.scales.lots[0].code}：证明和记录不一样"
        ]


def _issue(browser, lot_id, **typed):
    data = {f"c-{name}": value for name, value in typed.items()}
    return browser.post(f"/field/lots/{lot_id}/papers/issue", data=data)


def test_the_clerk_issues_after_weighing_and_anybody_scans(world, scales):
    clerk, lot = world.sign_in(scales.clerk), scales.lots[0]
    scales.weigh(0, scales.packs(0) * PACK + 500)
    page = clerk.get(f"/field/lots/{lot.id}/papers").text
    net = f"{(scales.packs(0) * PACK + 500) / 500:g}"
    assert f'value="{net} 斤"' in page
    assert "请选一个" in _issue(clerk, lot.id, quantity="10斤").text
    assert _issue(clerk, lot.id, quantity="很多", basis="controlled").status_code == 422
    done = _issue(clerk, lot.id, quantity=f"{net} 斤", basis="controlled")
    assert done.status_code == 303
    paper = clerk.get(done.location).text
    household = scales.households[0]
    (kept,) = scales.read(select(LotPaper))
    assert "承诺达标合格证" in paper
    assert f"/c/{kept.code}" in paper or "<svg" in paper
    assert household.head_name not in paper
    assert household.masked_name in paper
    stranger = world.app.test_client()
    seen = stranger.get(f"/c/{kept.code}")
    assert seen.status_code == 200
    for words in ("承诺达标合格证", f"{net} 斤", "质量安全控制符合要求", kept.number):
        assert words in seen.text
    trace = stranger.get(f"/t/{lot.trace_code}").text
    assert f"/c/{kept.code}" in trace
    assert "有了承诺达标合格证" in trace


def test_names_appear_publicly_only_with_consent_and_never_in_full(world, scales, papers):
    paper, household = papers.issue(), scales.households[0]
    with world.transaction() as session:
        found = session.get_one(Household, household.id)
        found.phone = "13900001234"
    stranger = world.app.test_client()
    address = f"/c/{paper.code}"
    assert household.masked_name not in stranger.get(address).text
    with world.transaction() as session:
        session.add(
            Consent(
                household_id=household.id,
                kind="public_name",
                given_at=paper.at,
                recorded_by_id=scales.cadres[0].id,
                how="签字",
            )
        )
    for _ in range(5):
        world.household("990101101201")
    text = stranger.get(address).text
    assert household.masked_name in text
    assert "139****1234" in text
    assert household.head_name not in text
    assert "13900001234" not in text


def test_the_full_name_needs_a_right_and_a_reason(world, scales, papers):
    paper, household = papers.issue(), scales.households[0]
    address = f"/field/papers/{paper.id}/print"
    cadre = world.sign_in(scales.cadres[0])
    assert household.head_name not in cadre.get(address).text
    assert cadre.post(address).status_code == 422
    assert household.head_name in cadre.post(address, data={"reason": "deliver"}).text
    desk = world.sign_in(world.operator())
    assert "印合格证" in desk.get(address).text
    assert household.head_name in desk.post(address, data={"reason": "certificate"}).text
    assert "要交县里打印" in world.sign_in(scales.clerk).get(address).text
    assert world.sign_in(scales.clerk).post(address, data={"reason": "deliver"}).status_code == 403


def test_who_does_not_reach_the_lot_finds_none_of_it(world, scales, papers):
    paper = papers.attach(sha256="0" * 64)
    for stranger in (world.user("clerk", region=STRANGE_TOWN), world.user("cadre")):
        browser = world.sign_in(stranger)
        for path in ("print", "photo"):
            assert browser.get(f"/field/papers/{paper.id}/{path}").status_code == 404
        assert browser.get(f"/field/lots/{papers.lot_id}/papers").status_code == 404
        data = {"why": "看不惯"}
        assert browser.post(f"/field/papers/{paper.id}/aside", data=data).status_code == 404
        assert _issue(browser, papers.lot_id, quantity="5斤", basis="controlled").status_code == 404
    assert papers.all()[0].void_at is None


def test_a_photo_is_kept_for_those_who_reach_the_lot(world, scales, papers):
    raw = io.BytesIO()
    Image.new("RGB", (60, 40), "white").save(raw, "PNG")
    data = {
        "p-kind": "inspection",
        "p-number": "动检 77",
        "p-issuer": "县畜牧站",
        "p-issued_on": today().isoformat(),
        "p-valid_until": (today() + timedelta(days=5)).isoformat(),
        "p-photos": (io.BytesIO(raw.getvalue()), "证.png"),
    }
    clerk = world.sign_in(scales.clerk)
    address = f"/field/lots/{papers.lot_id}/papers/attach"
    refused = clerk.post(address, data={"p-number": "动检 77", "p-kind": ""})
    assert refused.status_code == 422
    assert 'value="动检 77"' in refused.text
    bad = clerk.post(address, data=data | {"p-photos": (io.BytesIO(b"<svg>"), "x.png")})
    assert bad.status_code == 422
    assert clerk.post(address, data=data).status_code == 303
    (paper,) = papers.all()
    assert evidence_path(world.app.extensions["settings"].folder, paper.sha256).exists()
    assert paper.sha256 in papers.events("certified")[0]
    photo = clerk.get(f"/field/papers/{paper.id}/photo")
    assert photo.mimetype == "image/webp"
    assert "photo" not in world.app.test_client().get(f"/c/{paper.code}").text
    aside = clerk.post(f"/field/papers/{paper.id}/aside", data={"why": "章不清楚"})
    assert aside.status_code == 303
    assert "章不清楚" in clerk.get(f"/field/lots/{papers.lot_id}/papers").text
    assert "已经作废" in world.app.test_client().get(f"/c/{paper.code}").text
    assert papers.scales.balanced()


def test_what_has_left_the_lot_is_certified_no_more(scales, papers):
    row = scales.weigh(0, 2 * PACK, grade="二级").row
    scales.regrade(row.number, 2)
    verified = scales.lot(0).verified
    with pytest.raises(InvalidInput) as refused:
        papers.issue(verified)
    assert refused.value.field == "quantity"
    assert papers.issue(verified - 2 * PACK).quantity_base == verified - 2 * PACK


def test_no_page_behind_a_code_names_who_signed_a_certificate(world, scales, papers):
    with world.transaction() as session:
        head = session.get_one(Household, scales.households[0].id).head_name
    for kind, issuer in (
        ("certificate", head),
        ("inspection", f"{head}家"),
        ("inspection", "畜牧站 138 0000 0000"),
        ("licence", "11010519491231002X"),
    ):
        with pytest.raises(InvalidInput) as refused:
            papers.attach(kind, issuer=issuer)
        assert refused.value.field == "issuer"
    code = papers.attach("certificate", "手写 1").code
    assert "证明上没有记" in world.app.test_client().get(f"/c/{code}").text
    code = papers.attach("inspection", issuer="县畜牧站").code
    assert "县畜牧站" in world.app.test_client().get(f"/c/{code}").text


def test_a_paper_keeps_its_photo_when_a_report_drops_the_same_one(world, scales, papers):
    cadre = world.sign_in(scales.cadres[0])
    household = scales.households[0]
    report = world.report(scales.cadres[0], scales.product, 5 * PACK, household=household)

    def sent():
        raw = io.BytesIO()
        Image.new("RGB", (60, 40), "white").save(raw, "PNG")
        return io.BytesIO(raw.getvalue()), "证.png"

    cadre.post(f"/field/reports/{report.id}/photos", data={"photos": sent()})
    data = {"p-kind": "inspection", "p-number": "动检 78", "p-issued_on": today().isoformat()}
    cadre.post(f"/field/lots/{papers.lot_id}/papers/attach", data=data | {"p-photos": sent()})
    (paper,) = papers.all()
    (photo,) = scales.read(select(ReportPhoto))
    assert paper.sha256 == photo.sha256
    cadre.post(f"/field/photos/{photo.id}/remove")
    assert cadre.get(f"/field/papers/{paper.id}/photo").status_code == 200
    folder = world.app.extensions["settings"].folder
    kept = evidence_path(folder, paper.sha256)
    older = picture_path(folder, paper.sha256)  # as they were kept before
    older.parent.mkdir(parents=True, exist_ok=True)
    kept.rename(older)
    assert cadre.get(f"/field/papers/{paper.id}/photo").status_code == 200


def test_a_cadre_issues_beforehand_from_the_lots_page(world, scales, papers):
    cadre = world.sign_in(scales.cadres[0])
    here = f"/field/lots/{papers.lot_id}/papers"
    assert here in cadre.get(f"/field/lots/{papers.lot_id}").text
    assert _issue(cadre, papers.lot_id, quantity="5斤", basis="controlled").status_code == 303
    desk = world.sign_in(world.operator()).get(f"/lots/{papers.lot_id}").text
    assert papers.all()[0].number in desk


def test_a_code_nobody_gave_out_is_nothing(world):
    assert world.app.test_client().get("/c/ABCDEFGHJKMN").status_code == 404
