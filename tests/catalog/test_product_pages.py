"""The operator keeps the list of products; what was reported in one unit stays in it."""

import threading

import pytest
from sqlalchemy import select

from marketplace.catalog.models import Product

TYPED = {
    "name": "雪毛鸡", "category": "畜禽", "base_unit": "piece", "piece_word": "只", "piece_mass": "3斤",
    "aliases": "土鸡、散养鸡", "shelf_days": "30", "reference": "54", "per_mu": "", "per_bird": "1",
    "drawing": "chicken", "active": "y",
}  # fmt: skip


@pytest.fixture
def desk(world):
    return world.sign_in(world.operator())


def products(world):
    with world.transaction() as session:
        return session.scalars(select(Product).order_by(Product.id)).all()


def test_a_product_is_added_and_changed(world, desk):
    assert "还没有品种" in desk.get("/products/").text
    assert desk.post("/products/new", data=TYPED).status_code == 302
    (hen,) = products(world)
    assert (hen.piece_mass_g, hen.reference_fen, hen.reference_per_base, hen.aliases) == (
        1500, 5400, 1, "土鸡 散养鸡",
    )  # fmt: skip
    assert 'value="1500克"' in desk.get(f"/products/{hen.id}").text
    desk.post(f"/products/{hen.id}", data=TYPED | {"reference": "60", "active": ""})
    (hen,) = products(world)
    assert (hen.reference_fen, hen.active) == (6000, False)
    assert "停用" in desk.get("/products/").text


@pytest.mark.parametrize(
    "bad",
    [
        {"name": ""}, {"name": "长" * 41}, {"reference": "0"}, {"reference": "NaN"},
        {"shelf_days": "0"}, {"shelf_days": "1e3"}, {"piece_mass": "-3斤"}, {"per_mu": "很多"},
        {"base_unit": "吨"}, {"piece_word": ""}, {"drawing": "../../etc/passwd"}, {"category": "x"},
    ],
)  # fmt: skip
def test_bad_input_is_refused(world, desk, bad):
    answer = desk.post("/products/new", data=TYPED | bad)
    assert answer.status_code == 422
    assert "还差一点" in answer.text
    assert products(world) == []


def test_a_name_is_taken_once_and_the_unit_stays_once_reported(world, desk, cadre, household):
    hen = world.product("雪毛鸡", "piece")
    world.report(cadre, hen, 5, household=household)
    assert desk.post("/products/new", data=TYPED).status_code == 422
    answer = desk.post(f"/products/{hen.id}", data=TYPED | {"base_unit": "g"})
    assert "不能改论斤还是论个" in answer.text
    assert desk.get("/products/99").status_code == 404


def test_only_the_operator_keeps_products(world, cadre, reviewer):
    for person in (cadre, reviewer):
        assert world.sign_in(person).get("/products/").status_code == 403


def test_what_somebody_else_saves_in_the_same_moment_is_a_message_and_keeps_what_was_typed(
    world, desk
):
    """No look beforehand can see it: the database's own constraint answers."""
    answers = []
    second = threading.Thread(
        target=lambda: answers.append(desk.post("/products/new", data=TYPED | {"aliases": "山鸡"}))
    )
    like = world.product("苹果")
    columns = {column.name for column in Product.__table__.columns} - {"id", "code", "name"}
    with world.transaction() as session:
        session.add(Product(name="雪毛鸡", code="x1", **{c: getattr(like, c) for c in columns}))
        session.flush()
        second.start()
        second.join(0.3)
    second.join()
    (answer,) = answers
    assert answer.status_code in {409, 422}
    assert "山鸡" in answer.text
    assert [p.name for p in products(world)].count("雪毛鸡") == 1
