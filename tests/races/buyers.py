"""One process full of buyers: `python -m tests.races.buyers URL FOLDER ARGUMENTS-AS-JSON`.

Each buyer is a thread's turn: an order of many lines in an order of its own, through the product's
one door, or, as the control, through a door without its guard. Prints one JSON list of outcomes.
"""

import json
import random
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sqlalchemy import select, text, update

from marketplace.app import create_app
from marketplace.core.db import db, transaction
from marketplace.core.errors import Conflict
from marketplace.identity.models import User
from marketplace.identity.sessions import actor_of
from marketplace.orders.ordering import OrderInput, place_order
from marketplace.orders.round_models import Listing, RoundPickup
from tests.support.app import settings_for


def order(app, user_id, packs, round_id, guarded):
    """'placed', 'sold_out', or the name of whatever else happened."""
    try:
        with app.app_context():
            return _guarded(user_id, packs, round_id) if guarded else _careless(packs)
    except Conflict as refused:
        return refused.code
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]


def _guarded(user_id, packs, round_id):
    with transaction() as session:
        actor = actor_of(session, session.get_one(User, user_id))
        point = session.scalar(
            select(RoundPickup.pickup_point_id).where(RoundPickup.round_id == round_id)
        )
        assert point is not None
        given = OrderInput(
            round_id=round_id,
            packs=packs,
            pickup_point_id=point,
            contact_name="买家",
            contact_phone="000-0000 0003",
            idempotency_key=str(uuid.uuid4()),
        )
        place_order(session, actor, given)
    return "placed"


def _careless(packs):
    """Look, then write: the way shops oversell."""
    seen = {row.id: row for row in db.session.scalars(select(Listing).where(Listing.id.in_(packs)))}
    if any(seen[i].reserved_packs + n > seen[i].capacity_packs for i, n in packs.items()):
        return "sold_out"
    taken = {i: seen[i].reserved_packs + n for i, n in packs.items()}
    with transaction() as session:
        if session.get_bind().dialect.name == "sqlite":
            session.execute(text("PRAGMA ignore_check_constraints=ON"))
        for listing_id in sorted(taken):
            session.execute(
                update(Listing)
                .where(Listing.id == listing_id)
                .values(reserved_packs=taken[listing_id])
            )
            SOLD[listing_id] = SOLD.get(listing_id, 0) + packs[listing_id]
    return "placed"


SOLD: dict[int, int] = {}


def main():
    url, folder, arguments = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
    chance = random.Random(arguments["seed"])
    app = create_app(settings_for(url, folder))
    wishes = []
    for user_id in arguments["users"]:
        chosen = chance.sample(arguments["listings"], arguments["lines"])
        wishes.append((user_id, {i: chance.randint(1, arguments["most"]) for i in chosen}))
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(
            pool.map(
                lambda wish: order(app, *wish, arguments["round"], arguments["guarded"]), wishes
            )
        )
    sys.stdout.write(json.dumps({"outcomes": outcomes, "sold": SOLD}) + "\n")


if __name__ == "__main__":
    main()
