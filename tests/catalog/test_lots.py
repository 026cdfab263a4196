"""Lots whose last day has passed are closed, unless somebody counts on them."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from marketplace.catalog.lots import commit_free, expire_lots
from marketplace.catalog.models import Lot
from marketplace.core.clock import today
from marketplace.identity.actor import SYSTEM


def test_a_lot_that_is_being_put_into_a_listing_does_not_expire_under_it(world):
    product = world.product()
    left, taken = world.lot(product, 1000), world.lot(product, 1000)

    def sweep():
        with world.transaction() as session:
            return expire_lots(session, SYSTEM, today() + timedelta(days=30))

    with ThreadPoolExecutor(1) as pool:
        with world.transaction() as session:
            commit_free(session, SYSTEM, session.get_one(Lot, taken.id), 400, "listing:1")
            swept = pool.submit(sweep)
            time.sleep(0.3)  # it stands at the lock, or at the door of the database
        assert swept.result() == 1
    with world.transaction() as session:
        states = [session.get_one(Lot, lot.id).state for lot in (left, taken)]
    assert states == ["expired", "open"]
