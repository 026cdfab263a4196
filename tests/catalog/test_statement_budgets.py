"""List pages cost the same few SQL statements for few rows and for many."""

import pytest

BUDGET = 8
TODAY = 13
"""The home asks each feature for its tasks, a statement for each, and how far the goods are: two."""


@pytest.fixture
def many(world, cadre):
    """Adds households with a waiting report and a lot each; called twice in a test."""
    products = [world.product("马蹄"), world.product("天堂姜")]
    verifier = world.user("reviewer", region="990101000000")

    def add(count):
        for number in range(count):
            home = world.household(cadre=cadre)
            world.report(cadre, products[number % 2], 5000, household=home)
            lot_report = world.report(cadre, products[number % 2], 5000, household=home)
            world.verify(verifier, lot_report)

    return add


@pytest.mark.parametrize(
    ("role", "address"),
    [
        ("cadre", "/field/"),
        ("cadre", "/field/households"),
        ("cadre", "/field/households?q=三岔"),
        ("cadre", "/field/lots"),
        ("cadre", "/field/reports/new"),
        ("cadre", "/field/confirm"),
        ("reviewer", "/reports/"),
        ("reviewer", "/reports/?show=flagged"),
        ("reviewer", "/reports/?show=overdue"),
        ("operator", "/lots/"),
        ("operator", "/lots/?show=all&town=990101101000"),
        ("operator", "/products/"),
    ],
)
def test_a_list_page_stays_within_its_budget(
    world, cadre, reviewer, many, statements, role, address
):
    person = {"cadre": cadre, "reviewer": reviewer, "operator": world.operator()}[role]
    browser = world.sign_in(person)

    def look():
        assert browser.get(address).status_code == 200

    many(1)
    look()  # the first look may write when the person was last seen
    few = statements(look)
    assert few <= (TODAY if address == "/field/" else BUDGET)
    many(8)
    assert statements(look) == few
