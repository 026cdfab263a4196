"""People and goods that the report tests share."""

import uuid

import pytest

from marketplace.core.clock import today


@pytest.fixture
def cadre(world):
    return world.user("cadre")


@pytest.fixture
def reviewer(world):
    return world.user("reviewer", region="990101101000")


@pytest.fixture
def household(world, cadre):
    return world.household(cadre=cadre)


@pytest.fixture
def water_chestnut(world):
    return world.product()


@pytest.fixture
def filled(household, water_chestnut):
    """The form as a cadre fills it in; keywords change single fields."""

    def fill(**changes):
        typed = {
            "client_uuid": str(uuid.uuid4()),
            "supplier": f"h:{household.id}",
            "product": str(water_chestnut.id),
            "grade": "统货",
            "quantity": "1,200斤",
            "price": "1.5",
            "price_unit": "",
            "available_from": today().isoformat(),
            "available_until": "",
            "cause": "没有销路",
        }
        return typed | changes

    return fill
