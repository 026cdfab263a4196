"""R1: many buyers at once, through several processes, over lots that two pack sizes share."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import select, text

from marketplace.identity.accounts import NewGrant, create_user, grant_role
from marketplace.identity.actor import SYSTEM
from marketplace.orders.round_models import Listing
from marketplace.reporting.verify import verify
from tests.support.app import DATA_KEY

PROCESSES = 4
BUYERS = 200
ROOT = Path(__file__).parents[2]


@pytest.fixture
def market(world):
    """20 listings: two pack sizes of each of 10 lots; together far fewer packs than wanted."""
    lots = []
    for number in range(10):
        product = world.product(f"蔬菜{number}")
        lots.append((product, world.lot(product, 60 * 2500)))
    in_round = world.round()
    listings = []
    for product, lot in lots:
        listings.append(world.listing(in_round, product, {lot: 30 * 2500}, pack_base=2500))
        listings.append(
            world.listing(
                in_round,
                product,
                {lot: 30 * 2500},
                pack_base=5000,
                title="大份",
                pack_name="10 斤装",
            )
        )
    world.open_round(in_round)
    unit = world.unit()
    with world.transaction() as session:
        users = []
        for number in range(BUYERS):
            user = create_user(
                session,
                SYSTEM,
                login_name=f"buyer{number}",
                display_name="买家",
                organisation_id=unit.id,
            )
            grant_role(session, SYSTEM, user, NewGrant("staff", organisation_id=unit.id))
            users.append(user.id)
    return in_round, [listing.id for listing in listings], users


def rush(url, folder, market, processes, *, guarded):
    """All processes at once; the outcomes, and what the careless control handed out by listing."""
    in_round, listings, users = market
    running = []
    for number in range(processes):
        arguments = {
            "seed": number,
            "users": users[number::processes],
            "listings": listings,
            "lines": 10,
            "most": 3,
            "round": in_round.id,
            "guarded": guarded,
        }
        command = [
            sys.executable,
            "-m",
            "tests.races.buyers",
            url,
            str(folder),
            json.dumps(arguments),
        ]
        environment = os.environ | {"TEST_DATA_KEY": DATA_KEY, "PYTHONPATH": str(ROOT)}
        running.append(
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        )
    outcomes, sold = [], Counter()
    for process in running:
        printed, _ = process.communicate(timeout=300)
        assert process.returncode == 0
        answer = json.loads(printed.splitlines()[-1])
        outcomes += answer["outcomes"]
        sold.update({int(listing): packs for listing, packs in answer["sold"].items()})
    return Counter(outcomes), sold


def test_two_hundred_buyers_oversell_nothing_and_nobody_is_locked_out(
    world, database_url, tmp_path, market
):
    outcomes, _ = rush(database_url, tmp_path, market, PROCESSES, guarded=True)
    assert set(outcomes) == {"placed", "sold_out"}, outcomes
    assert outcomes.total() == BUYERS
    with world.transaction() as session:
        assert verify(session) == []
        listings = session.scalars(select(Listing)).all()
        assert all(listing.reserved_packs <= listing.capacity_packs for listing in listings)
        assert sum(listing.reserved_packs for listing in listings) > 150


def test_a_smaller_rush_without_the_guard_oversells(world, database_url, tmp_path, market):
    """The control: two processes and a third of the buyers are enough where nobody is careful."""
    in_round, listings, users = market
    few = (in_round, listings, users[: BUYERS // 3])
    with world.transaction() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("ALTER TABLE listing DROP CONSTRAINT ck_listing_not_oversold"))
    _, sold = rush(database_url, tmp_path, few, 2, guarded=False)
    with world.transaction() as session:
        capacity = {
            listing.id: listing.capacity_packs for listing in session.scalars(select(Listing))
        }
    assert any(sold[listing] > capacity[listing] for listing in sold)
