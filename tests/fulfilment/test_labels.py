"""Labels: one for each allocated pack, readable, on paper that exists, and nobody's name on them."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from marketplace.core.errors import Conflict
from marketplace.fulfilment import labels as labels_module
from marketplace.fulfilment.label_pdf import FONT, FORMATS, labels_pdf
from marketplace.fulfilment.labels import Label, LabelFilters, labels, piles
from marketplace.identity.permissions import SHEET_VIEW
from marketplace.orders.allocation_models import Allocation
from marketplace.orders.order_models import OrderLine
from tests.fulfilment.collecting import Collecting
from tests.support.pages import pdf_pages

VILLAGES = ("990101101201", "990101102201", "990101101202")
FOLDER = Path(__file__).parents[2] / "marketplace/web/static/vendor"


class Labelled(Collecting):
    """Three households of three villages in two towns; two staff orders and one of a canteen."""

    def __init__(self, world):
        super().__init__(world, ordered=(12, 8, 7), supplies=(9, 11, 10), villages=VILLAGES)
        self.operator = world.operator()

    def labels(self, part=1, by=None, **narrowed):
        scope = self.world.actor(by or self.operator).scope_for(SHEET_VIEW)
        with self.world.transaction() as session:
            filters = LabelFilters(self.round.id, **narrowed)
            return labels(session, scope, filters, self.round.number, part)

    def piles(self, by=None):
        scope = self.world.actor(by or self.operator).scope_for(SHEET_VIEW)
        with self.world.transaction() as session:
            return piles(session, scope, self.round.id)


@pytest.fixture
def made(world):
    return Labelled(world)


def _label(number=1, **changes):
    given = {
        "lot_id": 1, "line_id": 1, "goods": "马蹄（5 斤装）", "place": "青石镇垟硚村", "round_number": 3,
        "drop": "县城南街", "order_number": "", "lot_code": "L261122-7KQ4M2", "trace_code": "ABCDEFGHJKMN",
        "number": number, "of": 12,
    }  # fmt: skip
    return Label(**(given | changes))


def test_labels_add_up_to_the_allocation_per_lot_and_order_line(made):
    found = Counter((label.lot_id, label.line_id) for label in made.labels())
    rows = made.read(select(Allocation))
    assert found == {(row.lot_id, row.order_line_id): row.packs for row in rows}
    numbers = {}
    for label in made.labels():
        numbers.setdefault(label.line_id, []).append((label.number, label.of))
    for line in made.read(select(OrderLine)):
        of = line.allocated_packs
        assert sorted(numbers[line.id]) == [(n, of) for n in range(1, of + 1)]


def test_after_a_shortage_there_are_as_many_as_are_left(made):
    made.less(0, 2)
    found = Counter(label.line_id for label in made.labels())
    assert found == {line.id: line.allocated_packs for line in made.read(select(OrderLine))}


def test_villages_and_points_part_the_whole_and_keep_its_numbers(made):
    whole = made.labels()
    by_village = [label for code in VILLAGES for label in made.labels(village=code)]
    assert sorted(map(repr, by_village)) == sorted(map(repr, whole))
    pile, points, villages = made.piles()
    assert pile.count == len(whole) == sum(one.count for one in villages)
    assert len(points) == 2
    for one in (*points, *villages):
        narrowed = {"village": one.filters.village, "point": one.filters.point}
        assert len(made.labels(**narrowed)) == one.count


def test_files_part_a_long_pile(made, monkeypatch):
    whole = made.labels()
    monkeypatch.setattr(labels_module, "AT_ONCE", 10)
    parts = made.piles()[0].parts
    assert len(parts) == -(-len(whole) // 10)
    assert [label for part in parts for label in made.labels(part=part)] == whole
    assert made.labels(part=parts[-1] + 1) == []


def test_who_reaches_one_town_gets_its_labels_only(world, made):
    clerk = world.user("clerk", region="990101102000")
    lots = {label.lot_id for label in made.labels(by=clerk)}
    assert lots == {made.lots[1].id}
    assert [one.count for one in made.piles(by=clerk)[2]] == [len(made.labels(by=clerk))]


def test_a_canteens_label_names_unit_and_order_a_private_one_only_the_place(world):
    unit = world.unit("清源一中", has_canteen=True)
    buyer = world.user("buyer", unit=unit)
    in_round, listing = world.shop(10)
    number = world.order(
        buyer, in_round, {listing.id: 2}, channel="canteen", organisation_id=unit.id
    )
    staff = world.order(world.user("staff", unit=unit), in_round, {listing.id: 1})
    closed = Collecting.__new__(Collecting)
    closed.world, closed.round = world, in_round
    for step in Collecting.STEPS:
        closed.step(step)
    scope = world.actor(world.operator()).scope_for(SHEET_VIEW)
    with world.transaction() as session:
        found = labels(session, scope, LabelFilters(in_round.id), in_round.number)
    canteen = [label for label in found if label.order_number]
    assert {label.order_number for label in canteen} == {number}
    assert all(label.drop.startswith("清源一中 · ") for label in canteen)
    (private,) = [label for label in found if not label.order_number]
    assert "清源一中" not in private.drop
    assert staff not in str(private)
    assert "周小满" not in str(found)


@pytest.mark.parametrize(("form", "on_page"), [("a4", 21), ("roll", 1)])
def test_the_file_says_on_its_pages_what_the_labels_say(form, on_page):
    some = [_label(n, order_number="D1-AAA") for n in range(1, 24)]
    pages = pdf_pages(
        labels_pdf(some, FORMATS[form], FOLDER / FONT, "https://x.example/t/{}".format)
    )
    assert len(pages) == -(-23 // on_page)
    text = "\n".join(pages)
    for n in range(1, 24):
        assert f"\n{n}/12马蹄" in f"\n{text}"
    for words in (
        "马蹄（5 斤装）",
        "产地 青石镇垟硚村",
        "送到 县城南街",
        "订单 D1-AAA",
        "ABCDEFGHJKMN",
    ):
        assert text.count(words) == 23


def test_the_code_of_a_lot_is_drawn_once_in_a_file():
    two = [_label(n, trace_code=code) for code in ("AAAA", "BBBB") for n in range(1, 60)]
    content = labels_pdf(two, FORMATS["roll"], FOLDER / FONT, str)
    assert content.count(b"/Subtype /Image") == 2


@settings(max_examples=10, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=200))
def test_whatever_a_listing_is_called_its_label_is_drawn(words):
    content = labels_pdf([_label(goods=words, drop=words)], FORMATS["roll"], FOLDER / FONT, str)
    assert "1/12" in pdf_pages(content)[0]


def test_without_the_font_somebody_is_told_what_to_do(tmp_path):
    with pytest.raises(Conflict, match="字体"):
        labels_pdf([_label()], FORMATS["a4"], tmp_path / FONT, str)


def test_the_operator_takes_them_from_the_rounds_sheets(world, made):
    desk = world.sign_in(made.operator)
    here = f"/sheets/round/{made.round.id}/labels"
    assert here in desk.get(f"/sheets/round/{made.round.id}").text
    page = desk.get(here).text
    assert f"整期 {len(made.labels())} 枚" in page
    assert f"{here}/roll.pdf?village={VILLAGES[0]}" in page
    answer = desk.get(f"{here}/roll.pdf?village={VILLAGES[0]}")
    assert answer.mimetype == "application/pdf"
    pages = pdf_pages(answer.data)
    assert len(pages) == len(made.labels(village=VILLAGES[0]))
    assert made.lots[0].trace_code in pages[0]
    for household in made.households:
        assert household.head_name not in "".join(pages)
    assert desk.get(f"{here}/a4.pdf?part=99").status_code == 404
    assert desk.get("/sheets/round/999/labels").status_code == 404


def test_a_round_that_is_not_allocated_has_none_yet(world):
    in_round, _ = world.shop(10)
    desk = world.sign_in(world.operator())
    assert "还没有要贴标签的货" in desk.get(f"/sheets/round/{in_round.id}/labels").text


def test_the_page_costs_as_many_statements_for_many(world, statements):
    desk = world.sign_in(world.operator())
    few, many = Labelled(world), Collecting(world, ordered=(9,) * 6, supplies=(9,) * 6)
    counts = [
        statements(lambda one=one: desk.get(f"/sheets/round/{one.round.id}/labels"))
        for one in (few, many)
    ]
    assert counts[0] == counts[1] <= 8


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_the_blank_for_a_weight_is_printed_however_long_the_name(form):
    name = "云岭高山散养雪毛鸡整只带内脏（整只，每只 2.6 到 3.9 斤）"
    text = pdf_pages(labels_pdf([_label(goods=name, weighed=True)], form, FOLDER / FONT, str))[0]
    assert "______斤" in text
    assert "云岭高山" in text
    plain = pdf_pages(labels_pdf([_label(goods=name)], form, FOLDER / FONT, str))[0]
    assert "______" not in plain
