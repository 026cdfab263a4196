"""Where a person lands: at the work, or where the way was cut short for want of an account."""

from urllib.parse import unquote

import pytest

from tests.support.world import PASSWORD


@pytest.mark.parametrize(
    ("wanted", "to"),
    [
        ("/shop/", "/"),
        ("/shop/goods?q=马蹄", "/"),
        ("/no/such/page", "/"),
        ("/shop/basket", "/shop/basket"),
        ("/shop/checkout?round=1", "/shop/checkout?round=1"),
        ("/field/lots?page=2", "/field/lots?page=2"),
    ],
)
def test_signing_in_leads_back_only_to_what_the_person_was_on_the_way_to(world, client, wanted, to):
    cadre = world.user("cadre")
    form = {"login_name": cadre.login_name, "password": PASSWORD}
    answer = client.post("/sign-in", query_string={"next": wanted}, data=form)
    assert unquote(answer.location) == to


def test_in_the_shop_a_cadre_sees_the_way_to_the_work_and_a_buyer_no_such_link(world):
    world.shop()
    for role, seen in (("cadre", True), ("staff", False)):
        client = world.sign_in(world.user(role, unit=None if role == "cadre" else world.unit()))
        for path in ("/shop/", "/shop/goods", "/shop/basket"):
            assert ("回工作" in client.get(path).text) is seen, (role, path)
